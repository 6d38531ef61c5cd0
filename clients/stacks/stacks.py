"""python3 stacks.py STACK URL: posts $BODY and prints the answer, as programs do that know nothing of portraitd."""

import asyncio
import os
import sys
from urllib.parse import urlsplit

stack, url = sys.argv[1:]
body = os.environ["BODY"]


def with_requests():
    import requests

    return requests.post(url, data=body, timeout=10).text


def with_http_client():
    import http.client

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, timeout=10)
    connection.request("POST", f"{parts.path}?{parts.query}", body)
    return connection.getresponse().read().decode()


def with_aiohttp():
    import aiohttp

    async def post():
        async with aiohttp.ClientSession() as session, session.post(url, data=body) as answer:
            return await answer.text()

    return asyncio.run(post())


def with_httpx():
    import httpx

    return httpx.post(url, content=body, timeout=10).text


print({"requests": with_requests, "http.client": with_http_client, "aiohttp": with_aiohttp, "httpx": with_httpx}[stack]())
