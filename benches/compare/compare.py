#!/usr/bin/env python3
"""portraitd beside the limits of the machine and what one would use instead: one run, one generator, one table.

    cargo build --release && cargo build --release -p portraitd-bench && benches/compare/compare.py

Slots of a few seconds in turn, five rounds, medians; 64 connections, uniform over all accounts. The generator shares the
machine. Needs Debian (nginx, redis, webdis, postgresql: installed if missing), Python with pip, and some GB of disk.
What is not portraitd checks no UserSig, no field and no word.
"""
import argparse, glob, json, os, pathlib, re, shutil, statistics, subprocess, sys, tempfile, time, urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
parser = argparse.ArgumentParser()
parser.add_argument("--portraitd", default=str(ROOT / "target/release/portraitd"))
parser.add_argument("--bench", default=str(ROOT / "target/release/portraitd-bench"))
parser.add_argument("--users", type=int, default=1_000_000)
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--directory", default=str(ROOT / "target"))
parser.add_argument("--only", help="names of slots, by comma")
parser.add_argument("--prepare", action="store_true", help="only load the data, into --directory/compare, for a later run with --prepared")
parser.add_argument("--prepared", action="store_true")
args = parser.parse_args()
KEY = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
APP = f"1400000000:{KEY}"
PORTS = {"nginx": 18941, "portraitd": 18942, "redis": 18943, "webdis": 18944, "service": 18945, "postgres": 18946}
NGINX = """worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port}; default_type application/json;
    location / {{ return 200 '{{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":"","ABCD":"EFG"}}'; }} }} }}"""


def install():
    wanted = {"nginx": "nginx-light", "redis-server": "redis-server", "webdis": "webdis"}
    missing = [package for command, package in wanted.items() if not shutil.which(command)]
    if not glob.glob("/usr/lib/postgresql/*/bin/initdb"):
        missing.append("postgresql")
    if missing:
        subprocess.run(["apt-get", "install", "-y", "-q", *missing], check=True, env={**os.environ, "RUNLEVEL": "1"})
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "starlette", "uvicorn[standard]"], check=True)


def profile(user):
    return {"Tag_Profile_IM_Nick": f"Nickname {user:09}", "Tag_Profile_IM_Gender": "Gender_Type_Female",
            "Tag_Profile_IM_SelfSignature": "I sign " + "x" * 181, "Tag_Profile_IM_Image": f"https://images.example.com/avatars/large/{user:09}.png"}


class Servers:
    def __init__(self, directory):
        self.directory, self.running = directory, []

    def start(self, command, **options):
        log = open(self.directory / f"{pathlib.Path(command[0]).name}.log", "a")
        self.running.append(subprocess.Popen(command, stdout=options.pop("stdout", log), stderr=log, **options))
        return self.running[-1]

    def nginx(self):
        config = self.directory / "nginx.conf"
        config.write_text(NGINX.format(dir=self.directory, port=PORTS["nginx"]))
        self.start(["nginx", "-p", str(self.directory), "-c", str(config)])

    def portraitd(self):
        data = self.directory / "portraitd"
        fresh = not data.exists()
        data.mkdir(exist_ok=True)
        server = self.start([args.portraitd, "dev", "--data", str(data), "--listen", f"127.0.0.1:{PORTS['portraitd']}", "--json", "--key", KEY], stdout=subprocess.PIPE)
        self.ready = json.loads(server.stdout.readline())
        if fresh:
            accounts = self.directory / "accounts.jsonl"
            with open(accounts, "w") as file:
                subprocess.run([args.bench, "accounts", "--users", str(args.users)], stdout=file, check=True)
            subprocess.run([args.portraitd, "import", "1400000000", str(accounts), "--data", str(data)], check=True, stdout=sys.stderr)
            accounts.unlink()

    def admin(self, path):
        request = urllib.request.Request(self.ready["admin_url"] + "/admin/v1" + path)
        request.add_header("Authorization", "Bearer " + self.ready["admin_token"])
        return json.load(urllib.request.urlopen(request))

    def redis(self):
        data = self.directory / "redis"
        fresh = not data.exists()
        data.mkdir(exist_ok=True)
        self.start(["redis-server", "--port", str(PORTS["redis"]), "--bind", "127.0.0.1", "--dir", str(data), "--save", "", "--appendonly", "yes", "--appendfsync", "always"])
        cli = ["redis-cli", "-p", str(PORTS["redis"])]
        while subprocess.run([*cli, "ping"], capture_output=True, text=True).stdout.strip() != "PONG":
            time.sleep(0.2)
        if fresh:
            pipe = subprocess.Popen([*cli, "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            for user in range(args.users):
                words = ["HSET", f"user{user}"] + [word for item in profile(user).items() for word in item]
                pipe.stdin.write((f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)).encode())
            pipe.stdin.close()
            pipe.wait()
        config = self.directory / "webdis.json"
        config.write_text(json.dumps({"redis_host": "127.0.0.1", "redis_port": PORTS["redis"], "http_host": "127.0.0.1", "http_port": PORTS["webdis"],
                                      "threads": 2, "pool_size": 20, "daemonize": False, "verbosity": 0, "logfile": str(self.directory / "webdis.out")}))
        self.start(["webdis", str(config)])

    def service(self):
        import sqlite3
        path = self.directory / "service.db"
        if not path.exists():
            connection = sqlite3.connect(path)
            connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE profiles (user TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID;")
            connection.executemany("INSERT INTO profiles VALUES (?, ?)", ((f"user{user}", json.dumps(profile(user))) for user in range(args.users)))
            connection.commit()
            connection.close()
        self.start([sys.executable, "-m", "uvicorn", "service:app", "--port", str(PORTS["service"]), "--workers", "2", "--no-access-log", "--log-level", "warning"],
                   cwd=HERE, env={**os.environ, "COMPARE_DATABASE": str(path)})

    def postgres(self):
        tools = pathlib.Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])
        data = self.directory / "postgres"
        fresh = not data.exists()
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if fresh:
            data.mkdir()
            shutil.chown(data, "postgres", "postgres") if user else None
            subprocess.run([*user, tools / "initdb", "-D", data, "-A", "trust"], check=True, stdout=subprocess.DEVNULL)
        self.start([*user, str(tools / "postgres"), "-D", str(data), "-p", str(PORTS["postgres"]), "-c", "listen_addresses=127.0.0.1", "-k", "/tmp",
                    "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"])
        self.pg = [*user, "env", f"PGPORT={PORTS['postgres']}", "PGHOST=127.0.0.1", "PGUSER=postgres"]
        while subprocess.run([*self.pg, "pg_isready"], capture_output=True).returncode:
            time.sleep(0.2)
        if fresh:
            sql = f"""CREATE TABLE profiles (name text PRIMARY KEY, nick text, gender text, image text, signature text);
                INSERT INTO profiles SELECT 'user' || n, 'Nickname ' || n, 'Gender_Type_Female', 'https://images.example.com/avatars/large/' || n || '.png',
                'I sign ' || repeat('x', 181) FROM generate_series(0, {args.users - 1}) n; VACUUM ANALYZE profiles; CHECKPOINT;"""
            subprocess.run([*self.pg, "psql", "-q"], input=sql, text=True, check=True)
        random = f"\\set n random(0, {args.users - 1})\n\\set v random(0, 1000000000)\n"
        self.scripts = {}
        for name, sql in {"set": "INSERT INTO profiles (name, nick) VALUES ('user' || :n, 'Nickname ' || :v) ON CONFLICT (name) DO UPDATE SET nick = excluded.nick;",
                          "get": "SELECT nick, gender, image FROM profiles WHERE name = 'user' || :n;"}.items():
            self.scripts[name] = pathlib.Path(tempfile.mkstemp(suffix=".sql")[1])
            self.scripts[name].write_text(random + sql + "\n")
            self.scripts[name].chmod(0o644)

    def stop(self):
        for process in self.running[::-1]:
            process.terminate()
        for process in self.running:
            process.wait()


def bench(port, workload):
    command = [args.bench, "run", f"127.0.0.1:{port}", "--app", APP, "--users", str(args.users), "--workload", workload, "--seconds", str(args.seconds), "--warm-up", "0.5", "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def pgbench(servers, name):
    command = [*servers.pg, "pgbench", "-n", "-M", "prepared", "-c", "64", "-j", "1", "-T", str(round(args.seconds)), "-f", str(servers.scripts[name])]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"rate": float(re.search(r"tps = ([\d.]+)", output)[1])}


def bare(directory, batch):
    """Append and fdatasync, so many records of 300 bytes at a time: to a growing file, and over what is there."""
    def rate(overwrite):
        records, path = b"r" * 300 * batch, directory / "bare"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        if overwrite:
            os.write(file, bytes(256 << 20))
            os.fsync(file)
            os.lseek(file, 0, os.SEEK_SET)
        started, written = time.monotonic(), 0
        while time.monotonic() - started < 1:
            os.write(file, records)
            os.fdatasync(file)
            written += batch
        os.close(file)
        path.unlink()
        return {"rate": written / (time.monotonic() - started)}
    return rate(False), rate(True)


def main():
    install()
    directory = pathlib.Path(args.directory).resolve() / "compare"
    if not args.prepared:
        shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(exist_ok=True, parents=True)
    servers = Servers(directory)
    results, batches = {}, []
    try:
        for start in (servers.nginx, servers.portraitd, servers.redis, servers.service, servers.postgres):
            started = time.monotonic()
            start()
            print(f"{start.__name__} ready in {time.monotonic() - started:.0f} s", file=sys.stderr)
        if args.prepare:
            return
        time.sleep(2)
        slots = {"nginx fixed": lambda: bench(PORTS["nginx"], "fixed"), "portraitd set": lambda: bench(PORTS["portraitd"], "set"),
                 "portraitd get": lambda: bench(PORTS["portraitd"], "get"), "portraitd get100": lambda: bench(PORTS["portraitd"], "get100"),
                 "redis set": lambda: bench(PORTS["webdis"], "webdis-set"), "redis get": lambda: bench(PORTS["webdis"], "webdis-get"),
                 "service set": lambda: bench(PORTS["service"], "set"), "service get": lambda: bench(PORTS["service"], "get"),
                 "postgres set": lambda: pgbench(servers, "set"), "postgres get": lambda: pgbench(servers, "get")}
        slots = {name: slot for name, slot in slots.items() if not args.only or name in args.only.split(",")}
        # What is read often is in memory in every one of them.
        for workload in ("get100", "set"):
            bench(PORTS["portraitd"], workload)
        for number in range(args.rounds):
            for name, slot in slots.items():
                before = servers.admin("/store")
                results.setdefault(name, []).append(slot())
                after = servers.admin("/store")
                if name == "portraitd set":
                    batches.append((after["changes"] - before["changes"]) / max(1, after["commits"] - before["commits"]))
                print(f"{number + 1}/{args.rounds} {name}: {results[name][-1]['rate']:,.0f}/s", file=sys.stderr)
            growing, over = bare(directory, round(batches[-1]) if batches else 32)
            results.setdefault("append + fdatasync", []).append(growing)
            results.setdefault("overwrite + fdatasync", []).append(over)
    finally:
        servers.stop()
    medians = {name: statistics.median(run["rate"] for run in runs) for name, runs in results.items()}
    nginx = medians.get("nginx fixed", float("nan"))
    print(f"batch seen: {statistics.median(batches or [0]):.1f} changes to a sync\n\n| | a second | of nginx | p50 | p99 | p99.9 |\n| --- | --- | --- | --- | --- | --- |")
    for name, rate in medians.items():
        run = sorted(results[name], key=lambda run: run["rate"])[len(results[name]) // 2]
        times = [f"{run[key] / 1000:.2f} ms" if key in run else "" for key in ("p50_us", "p99_us", "p999_us")]
        print(f"| {name} | {rate:,.0f} | {rate / nginx:.2f} | {' | '.join(times)} |")


main()
