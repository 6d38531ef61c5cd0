#!/usr/bin/env python3
"""From exec to the first answered request: `portraitd dev` on an empty store, as a client that keeps trying meets it.

    cargo build --release && benches/start_time.py [RUNS]
"""
import http.client, json, pathlib, socket, statistics, subprocess, sys, time

BINARY = pathlib.Path(__file__).parent.parent / "target/release/portraitd"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def once():
    port = free_port()
    started = time.perf_counter()
    command = [BINARY, "dev", "--json", "--key", "a key for measuring", "--listen", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        while True:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                client.request("POST", "/v4/profile/portrait_get?sdkappid=1400000000&identifier=a&usersig=b", "{}")
                answer = json.loads(client.getresponse().read())
                break
            except ConnectionRefusedError:
                time.sleep(0.0002)
        took = (time.perf_counter() - started) * 1000
        assert answer["ErrorCode"] == 70003, answer
        return took
    finally:
        server.terminate()
        server.wait()


runs = sorted(once() for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
print(f"{len(runs)} starts: median {statistics.median(runs):.1f} ms, fastest {runs[0]:.1f}, slowest {runs[-1]:.1f}")
