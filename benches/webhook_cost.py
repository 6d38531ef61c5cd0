#!/usr/bin/env python3
"""What a webhook costs: durable portrait_set without one, with a receiver that answers at once, and with one that is down.

The three take turns, five times each, on this machine; the receiver is nginx, beside everything else on the same cores.
Needs wrk and nginx (Debian: apt-get install wrk nginx-light) and a release build:
    cargo build --release && benches/webhook_cost.py
"""
import json, pathlib, re, statistics, subprocess, sys, tempfile, time, urllib.request

ROUNDS, SECONDS, CONNECTIONS, USERS = 5, 5, 64, 20_000
ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/portraitd")
KEY = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
NGINX_PORT, CLOSED_PORT = 18931, 18932

NGINX = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{ access_log off; keepalive_requests 1000000000;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port}; default_type application/json;
    location / {{ return 200 '{{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}}'; }} }} }}
"""

LUA = """
math.randomseed(os.time())
local n = 0
request = function()
  n = n + 1
  local body = '{"From_Account":"user' .. math.random(0, %d) .. '","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"nick ' .. n .. '"}]}'
  return wrk.format("POST", "/v4/profile/portrait_set?%s", {["Content-Type"] = "application/json"}, body)
end
"""


def call(url, body):
    request = urllib.request.Request(url, data=json.dumps(body).encode())
    return json.load(urllib.request.urlopen(request))


def admin(ready, method, path):
    request = urllib.request.Request(ready["admin_url"] + "/admin/v1" + path, method=method)
    request.add_header("Authorization", "Bearer " + ready["admin_token"])
    return json.load(urllib.request.urlopen(request))


def run(directory, webhook):
    """One server from start to end; gives sets a second, the 99th percentile and what became of the events."""
    data = tempfile.mkdtemp(dir=directory)
    command = [BINARY, "dev", "--data", data, "--listen", "127.0.0.1:0", "--json", "--key", KEY]
    server = subprocess.Popen(command + (["--webhook", webhook] if webhook else []), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        ready = json.loads(server.stdout.readline())
        query = f"sdkappid={ready['sdkappid']}&identifier={ready['admin']}&usersig={ready['usersig']}&random=1&contenttype=json"
        for start in range(0, USERS, 100):
            names = [f"user{n}" for n in range(start, start + 100)]
            answer = call(f"{ready['url']}/v4/im_open_login_svc/multiaccount_import?{query}", {"Accounts": names})
            assert answer["ErrorCode"] == 0, answer
        script = pathlib.Path(data) / "set.lua"
        script.write_text(LUA % (USERS - 1, query))
        before = admin(ready, "GET", "/store")["changes"]
        output = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "-s", script, "--latency", ready["url"]], capture_output=True, text=True, check=True).stdout
        events = admin(ready, "GET", f"/apps/{ready['sdkappid']}/webhook")
        rate = float(re.search(r"Requests/sec: +([\d.]+)", output)[1])
        # Every answer was an OK: as many changes were stored as wrk counted.
        assert events["delivered"] or not webhook or str(CLOSED_PORT) in webhook, events
        assert admin(ready, "GET", "/store")["changes"] - before >= rate * SECONDS * 0.98, output
        return rate, re.search(r"99% +(\S+)", output)[1], events
    finally:
        server.terminate()
        server.wait()


with tempfile.TemporaryDirectory(dir=ROOT / "target") as directory:
    config = pathlib.Path(directory) / "nginx.conf"
    config.write_text(NGINX.format(dir=directory, port=NGINX_PORT))
    nginx = subprocess.Popen(["nginx", "-p", directory, "-c", str(config)])
    time.sleep(0.5)
    kinds = {"no webhook": None, "receiver answers": f"http://127.0.0.1:{NGINX_PORT}/", "receiver is down": f"http://127.0.0.1:{CLOSED_PORT}/"}
    results = {name: [] for name in kinds}
    try:
        for number in range(ROUNDS):
            for name, url in kinds.items():
                results[name].append(run(directory, url))
                rate, p99, events = results[name][-1]
                print(f"{number + 1}/{ROUNDS} {name}: {rate:.0f}/s, {events['delivered']} delivered", file=sys.stderr)
    finally:
        nginx.terminate()
        nginx.wait()
    base = statistics.median(rate for rate, _, _ in results["no webhook"])
    print("| | durable portrait_set | p99 | of that without | delivered meanwhile | waiting at the end |\n| --- | --- | --- | --- | --- | --- |")
    for name, runs in results.items():
        rate = statistics.median(rate for rate, _, _ in runs)
        _, p99, events = sorted(runs, key=lambda run: run[0])[len(runs) // 2]
        print(f"| {name} | {rate:,.0f}/s | {p99} | {rate / base:.2f} | {events['delivered'] / SECONDS:,.0f}/s | {events['waiting']['events']:,} |")
