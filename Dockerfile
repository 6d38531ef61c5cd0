# portraitd in a container: docker build -t portraitd . && docker run -p 8080:8080 -v portraitd:/data portraitd
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked -p portraitd

FROM debian:bookworm-slim
# The system's trusted roots, for webhooks.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin portraitd \
    && install -d -o portraitd -g portraitd -m 0700 /data
COPY --from=build /source/target/release/portraitd /usr/bin/portraitd
USER 10001
VOLUME /data
EXPOSE 8080
ENV PORTRAITD_SERVER_DATA=/data
ENV PORTRAITD_SERVER_LISTEN=0.0.0.0:8080
# Not ready means that it can't write; it asks the admin API, which stays inside the container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["portraitd", "healthcheck", "--data", "/data"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["portraitd"]
CMD ["serve"]
