#!/usr/bin/env python3
"""Instructions that one call costs in portraitd, by thread, counted by callgrind: the same on a busy machine as on a quiet one.

    cargo build --release && cargo build --release -p portraitd-bench && benches/instructions.py   (Debian: apt-get install valgrind)

`portraitd serve` runs twice for each kind of call: with 2 and with 42 rounds of one call on each of 64 connections. The
difference, divided by the calls, is one call without start and end. The kernel's part is not in it. Callgrind's files, one for
each thread, stay in --output for `callgrind_annotate`; functions are named in builds with CARGO_PROFILE_RELEASE_STRIP=none.
"""
import json, os, pathlib, re, secrets, shutil, socket, subprocess, tempfile
from measuring import APP, Emulator, fill, options

parser = options(__doc__, users=1000)
parser.add_argument("--kinds", default="set,get,get100", help="of set, get and get100, by comma")
parser.add_argument("--output", default=None, help="a directory for callgrind's files")
arguments = parser.parse_args()
CONNECTIONS, FEW, MANY = 64, 2, 42
TAGS = ["Tag_Profile_IM_Nick", "Tag_Profile_IM_Gender", "Tag_Profile_IM_Image"]
OK = b'"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}'


def call(kind, number):
    """The command and the body of one call; `warm` reads every account once into memory."""
    user = lambda n: f"user{n % arguments.users}"
    if kind == "set":
        return "portrait_set", {"From_Account": user(number * 7919), "ProfileItem": [{"Tag": TAGS[0], "Value": f"Nickname {number:06}"}]}
    count, first = {"warm": (10, number * 10), "get": (1, number * 7919), "get100": (100, number * 7919)}[kind]
    return "portrait_get", {"To_Account": [user(first + n) for n in range(count)], "TagList": TAGS}


def answer(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head, body = data.split(b"\r\n\r\n", 1)
    while len(body) < int(re.search(rb"content-length: (\d+)", head)[1]):
        body += received(connection)
    assert body.endswith(OK) and b"Fail_Account" not in body, body


def received(connection):
    data = connection.recv(1 << 16)
    assert data, "the connection was closed"
    return data


def by_thread(output):
    """Callgrind's totals: of the worker (with the listener's calls), of the store's writer, and of all others."""
    totals = {"worker": 0, "writer": 0, "others": 0}
    for path in output.glob("callgrind*"):
        text = path.read_text()
        total = re.search(r"^totals: (\d+)", text, re.M)
        name = "writer" if "WriterThread" in text else "worker" if "portraitd_api::gateway" in text else "others"
        totals[name] += int(total[1]) if total else 0
    return totals


def count(data, query, kind, rounds, output):
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    command = [arguments.portraitd, "serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--json"]
    callgrind = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={output}/callgrind"]
    server = subprocess.Popen([*callgrind, *command], stdout=subprocess.PIPE, stderr=(output / "log").open("w"), env={**os.environ, "PORTRAITD_LIMITS_ENABLED": "false"})
    host = json.loads(server.stdout.readline())["url"].removeprefix("http://")
    name, port = host.split(":")
    connections = [socket.create_connection((name, int(port))) for _ in range(CONNECTIONS)]
    number = 0
    warming = -(-arguments.users // (10 * CONNECTIONS))
    for kind_now, rounds_now in (("warm", warming), (kind, rounds)):
        for _ in range(rounds_now):
            for connection in connections:
                path, body = call(kind_now, number)
                body = json.dumps(body, separators=(",", ":"))
                head = f"POST /v4/profile/{path}?{query} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall((head + body).encode())
                number += 1
            for connection in connections:
                answer(connection)
    for connection in connections:
        connection.close()
    server.terminate()
    server.wait()
    return by_thread(output)


with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
    data = f"{directory}/data"
    # `serve` refuses keys that are printed in documents.
    with Emulator(arguments, data, secrets.token_hex(32)) as emulator:
        ready = emulator.ready
    fill(arguments, data)
    query = f"sdkappid={APP}&identifier={ready['admin']}&usersig={ready['usersig']}&random=99999999&contenttype=json"
    output = pathlib.Path(arguments.output or directory)
    print("| call | worker | writer | others |\n| --- | --- | --- | --- |")
    for kind in arguments.kinds.split(","):
        few, many = (count(data, query, kind, rounds, output / f"{kind}-{rounds}") for rounds in (FEW, MANY))
        calls = (MANY - FEW) * CONNECTIONS
        print(f"| {kind} | " + " | ".join(f"{(many[name] - few[name]) / calls:,.0f}" for name in many) + " |", flush=True)
