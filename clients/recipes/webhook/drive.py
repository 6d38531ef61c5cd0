"""Runs a receiver against real deliveries of `portraitd dev` and against forged ones: drive.py COMMAND…

PORTRAITD names the binary.
"""

import hashlib
import hmac
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

PORTRAITD = os.environ["PORTRAITD"]
TOKEN = "the-token-of-this-test"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def post(url, body, headers=None):
    """Posts a body, and gives status and answer."""
    request = urllib.request.Request(url, body, headers or {}, method="POST")
    try:
        with OPENER.open(request, timeout=15) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def lines_of(process):
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line.strip()) for line in process.stdout], daemon=True).start()
    return lines


def expect(lines, wanted):
    got = lines.get(timeout=20)
    assert got == wanted, f"{got!r} instead of {wanted!r}"


def set_nick(dev, user, nick):
    query = f"sdkappid={dev['sdkappid']}&identifier={dev['admin']}&usersig={dev['usersig']}&random=7&contenttype=json"
    body = {"From_Account": user, "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": nick}]}
    status, answer = post(f"{dev['url']}/v4/profile/portrait_set?{query}", json.dumps(body).encode())
    assert (status, answer["ErrorCode"]) == (200, 0), answer


def call(url, lines, wanted, *, at=None, token=TOKEN, sign=None, body=b'{"From_Account":"mallory"}', signed=None, stamp=None):
    """Calls the receiver as portraitd would, but for what is given."""
    at = int(time.time()) if at is None else at
    stamp = str(at if stamp is None else stamp)
    sign = hashlib.sha256(f"{token}{at}".encode()).hexdigest() if sign is None else sign
    mac = hmac.new(token.encode(), stamp.encode() + b"." + (body if signed is None else signed), hashlib.sha256).hexdigest()
    headers = {"x-portraitd-event-id": "00ff", "x-portraitd-timestamp": stamp, "x-portraitd-signature": f"v1={mac}"}
    status, answer = post(f"{url}?CallbackCommand=Profile.CallbackPortraitSet&Sign={sign}&RequestTime={at}", body, headers)
    expect(lines, wanted)
    is_refused = wanted.startswith("refused")
    assert (status, answer["ErrorCode"]) == ((403, 1) if is_refused else (200, 0)), (status, answer)


def forgeries(url, lines):
    now = int(time.time())
    call(url, lines, "accepted mallory")
    call(url, lines, "repeated mallory")
    call(url, lines, "refused: Sign is wrong", token="another-token")
    call(url, lines, "refused: Sign is wrong", token="")
    call(url, lines, "refused: Sign is wrong", sign="")
    call(url, lines, "refused: Sign is wrong", sign="%C3%A9")
    call(url, lines, "refused: RequestTime is too far away", at=now - 3600)
    call(url, lines, "refused: RequestTime is too far away", at=now + 3600)
    call(url, lines, "refused: RequestTime is too far away", at="never")
    call(url, lines, "refused: x-portraitd-signature is wrong", signed=b'{"From_Account":"alice"}')
    call(url, lines, "refused: x-portraitd-timestamp is not RequestTime", stamp=now - 3600)


def deliveries(dev, url, lines):
    def set_token(token):
        admin = ["--admin-url", dev["admin_url"], "--admin-token", dev["admin_token"]]
        command = [PORTRAITD, "webhook", "set", str(dev["sdkappid"]), url, "--token", token, *admin]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    set_nick(dev, "alice", "A")
    expect(lines, "accepted alice")
    set_token("another-token")
    set_nick(dev, "bob", "B")
    expect(lines, "refused: Sign is wrong")
    # A new setting tries at once what was refused: nothing was lost.
    set_token(TOKEN)
    expect(lines, "accepted bob")


def main(command):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    url = f"http://127.0.0.1:{port}/im"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "WEBHOOK_TOKEN": TOKEN, "PORT": port, "TMPDIR": folder}
        command = [part.replace("PORT", port) for part in command]
        receiver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        arguments = ["dev", "--json", "--listen", "127.0.0.1:0", "--webhook", url, "--webhook-token", TOKEN]
        emulator = subprocess.Popen([PORTRAITD, *arguments], stdout=subprocess.PIPE, text=True)
        try:
            lines, dev = lines_of(receiver), json.loads(emulator.stdout.readline())
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                        break
                time.sleep(0.1)
            deliveries(dev, url, lines)
            forgeries(url, lines)
        finally:
            for process in (emulator, receiver):
                process.terminate()
                process.wait()
    print("14 calls, 3 of them deliveries: 3 accepted, 1 repeated, 10 refused")


main(sys.argv[1:])
