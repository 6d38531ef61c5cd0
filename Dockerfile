# portraitd in a container: docker build -t portraitd . && docker run -p 8080:8080 -v portraitd:/data portraitd
# An image of one binary: it has no shell. The command line: docker exec CONTAINER portraitd app create 1400000001
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked -p portraitd \
    && packaging/image/layout target/release/portraitd /image

FROM scratch
COPY --from=build /image /
USER 10001:10001
VOLUME /data
EXPOSE 8080
ENV PORTRAITD_SERVER_DATA=/data
ENV PORTRAITD_SERVER_LISTEN=0.0.0.0:8080
# Not ready means that it can't write; it asks the admin API, which stays inside the container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["portraitd", "healthcheck", "--data", "/data"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["portraitd"]
CMD ["serve"]
