"""Receives Profile.CallbackPortraitSet, and refuses what was not signed with the token.

WEBHOOK_TOKEN holds the token, PORT the port.
"""

import hashlib
import hmac
import json
import os
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = os.environ["WEBHOOK_TOKEN"]
AGE_SECONDS_MAX = 300
BODY_BYTES_MAX = 1 << 20
seen = set()  # a real back end keeps event ids where its data is, in the transaction that uses the event


def same(given, expected):
    return hmac.compare_digest(given.encode(), expected.encode())


def refusal(query, headers, body):
    """Says why a call is not genuine; None when it is."""
    times = query.get("RequestTime", [""])[0]
    if not same(query.get("Sign", [""])[0], hashlib.sha256((TOKEN + times).encode()).hexdigest()):
        return "Sign is wrong"
    if not times.isascii() or not times.isdigit() or abs(time.time() - int(times)) > AGE_SECONDS_MAX:
        return "RequestTime is too far away"
    # Sign does not cover the body; this does. The cloud does not send it: leave this check out where the cloud calls.
    stamp = headers.get("x-portraitd-timestamp", "")
    signed = hmac.new(TOKEN.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not same(headers.get("x-portraitd-signature", ""), "v1=" + signed):
        return "x-portraitd-signature is wrong"
    if stamp != times:
        return "x-portraitd-timestamp is not RequestTime"
    return None


class Receiver(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if not 0 <= length <= BODY_BYTES_MAX:
            return self.answer(413, 1, "the body is too long")
        body = self.rfile.read(length)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        why = refusal(query, self.headers, body)
        if why:
            print(f"refused: {why}", flush=True)
            return self.answer(403, 1, why)
        event_id = self.headers.get("x-portraitd-event-id")
        event = json.loads(body)
        print("repeated" if event_id in seen else "accepted", event["From_Account"], flush=True)
        seen.add(event_id)
        self.answer(200, 0, "")

    def answer(self, status, code, info):
        body = json.dumps({"ActionStatus": "FAIL" if code else "OK", "ErrorCode": code, "ErrorInfo": info}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass  # the query holds Sign


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 9000))), Receiver).serve_forever()
