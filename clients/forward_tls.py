"""Ends TLS in front of portraitd, for clients that speak HTTPS only: `forward_tls.py HOST:PORT` makes a certificate for
127.0.0.1, prints its own address, and forwards until its standard input ends."""

import asyncio
import os
import ssl
import subprocess
import sys
import tempfile


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def main(target):
    host, port = target.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        context.load_cert_chain(certificate, key)

    async def forward(reader, writer):
        to_reader, to_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))

    server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
    print("%s:%d" % server.sockets[0].getsockname()[:2], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main(sys.argv[1]))
