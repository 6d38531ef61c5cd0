#!/usr/bin/env python3
"""Three portraitd over a Galera cluster of three, against one: a store copied into the database, sets and gets through nginx, memory.

    cargo build --release && cargo build --release -p portraitd-bench && benches/nodes.py --users 10000000

Everything runs on this machine, the database nodes included, so that three nodes have no more processors than one: what is
shown is what sharing costs. Needs what testing/galera/galera needs (root), nginx, and some 2.5 KB of disk for each account.
"""
import json, os, pathlib, secrets, shutil, statistics, subprocess, sys, tempfile, time
from measuring import APP, ROOT, Process, calls, memory, options

parser = options(__doc__, users=1_000_000)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("--pool-mb", type=int, default=1024, help="InnoDB's memory, for each database node")
arguments = parser.parse_args()
KEY, GALERA, NODES = secrets.token_hex(32), ROOT / "testing/galera/galera", 3
NGINX_PORTS = {1: 18971, NODES: 18972}
NGINX = """worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  {servers} }}"""
SERVER = """upstream nodes{nodes} {{ {addresses} keepalive 64; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://nodes{nodes}; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}"""


def timed(*command, **more):
    """Runs a command to its end; returns the seconds that it took."""
    started = time.monotonic()
    subprocess.run(list(map(str, command)), check=True, stdout=sys.stderr, **more)
    return time.monotonic() - started


def fill(directory, config):
    """Accounts into a data directory, and from there into the database."""
    source, lines = directory / "source", directory / "accounts.jsonl"
    with lines.open("w") as file:
        subprocess.run([arguments.bench, "accounts", "--users", str(arguments.users)], stdout=file, check=True)
    timed(arguments.portraitd, "app", "create", APP, "--data", source, env={**os.environ, "PORTRAITD_KEY": KEY})
    seconds = timed(arguments.portraitd, "import", APP, lines, "--data", source)
    print(f"import into a directory: {seconds:.0f} s, {arguments.users / seconds:,.0f} accounts/s")
    lines.unlink()
    timed(arguments.portraitd, "store", "migrate", "--config", config)
    seconds = timed(arguments.portraitd, "store", "copy", "--from", source, "--to", "store.url", "--config", config)
    print(f"store copy into Galera, compared: {seconds:.0f} s, {arguments.users / seconds:,.0f} accounts/s", flush=True)
    shutil.rmtree(source)


def start(directory, config):
    """The nodes, and nginx before one of them and before all."""
    nodes = []
    for number in range(NODES):
        command = [arguments.portraitd, "serve", "--config", config, "--data", directory / f"node{number}"]
        command += ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--json"]
        nodes.append(Process(command))
    servers = [SERVER.format(nodes=count, port=port, addresses=" ".join(f"server {node.address};" for node in nodes[:count]))
               for count, port in NGINX_PORTS.items()]
    file = directory / "nginx.conf"
    file.write_text(NGINX.format(dir=directory, servers="\n  ".join(servers)))
    nginx = subprocess.Popen(["nginx", "-p", str(directory), "-c", str(file)], stderr=subprocess.DEVNULL)
    time.sleep(2)
    return [node.process for node in nodes], nginx


def bench(count, workload, *more):
    command = calls(workload, arguments, f"127.0.0.1:{NGINX_PORTS[count]}", KEY, "--seconds", arguments.seconds, "--warm-up", 0.5, *more)
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def measure(nodes):
    print(f"memory of a node at its start: {statistics.median(map(memory, nodes)):.0f} MiB")
    print("| | one node a second | three nodes a second | three of one |\n| --- | --- | --- | --- |")
    for workload in ("set", "get"):
        rates = {count: [] for count in NGINX_PORTS}
        for _ in range(arguments.rounds + 1):
            for count in NGINX_PORTS:
                rates[count].append(bench(count, workload)["rate"])
        one, three = (rates[count][1:] for count in NGINX_PORTS)
        ratio = statistics.median(b / a for a, b in zip(one, three))
        print(f"| {workload} | {statistics.median(one):,.0f} | {statistics.median(three):,.0f} | {ratio:.2f} |", flush=True)
    for workload in ("set", "get"):
        alone = bench(1, workload, "--connections", 1)
        print(f"one connection, {workload}: p50 {alone['p50_us'] / 1000:.2f} ms, p99 {alone['p99_us'] / 1000:.2f} ms")
    print(f"memory of a node after the load: {max(map(memory, nodes)):.0f} MiB, at most {max(memory(node, 'VmHWM') for node in nodes):.0f} MiB")


def main():
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory, tempfile.TemporaryDirectory() as galera:
        directory, running = pathlib.Path(directory), []
        environment = {**os.environ, "GALERA_DIR": f"{galera}/cluster", "GALERA_POOL_MB": str(arguments.pool_mb)}
        os.chmod(galera, 0o755)
        try:
            timed(GALERA, "up", env=environment)
            url = json.loads(pathlib.Path(f"{galera}/cluster/cluster.json").read_text())["url"]
            config = directory / "portraitd.toml"
            config.touch(0o600)
            config.write_text(f'[limits]\nenabled = false\n[store]\nurl = "{url}portraitd_bench"\n')
            client = ["mariadb", "--socket", json.loads(pathlib.Path(f"{galera}/cluster/cluster.json").read_text())["nodes"][0]["socket"]]
            timed(*client, "-e", "CREATE DATABASE portraitd_bench")
            fill(directory, config)
            nodes, nginx = start(directory, config)
            running = [nginx, *nodes]
            measure(nodes)
        finally:
            for process in running:
                process.terminate()
                process.wait()
            timed(GALERA, "down", env=environment)


main()
