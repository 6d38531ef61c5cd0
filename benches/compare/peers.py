"""The servers that compare.py measures: what each needs, its accounts, its start and its slots."""
import glob, importlib, importlib.util, json, os, pathlib, re, secrets, shutil, socket, subprocess, sys, time, urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
WARM_UP = 0.5
PORTS = {"nginx": 18941, "portraitd": 18942, "redis": 18943, "webdis": 18944, "service": 18945, "postgres": 18946, "sqlx": 18947, "fjall": 18948}
NGINX = """worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port}; default_type application/json;
    location / {{ return 200 '{{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":"","ABCD":"EFG"}}'; }} }} }}"""


def initdb():
    """The newest PostgreSQL's initdb; Debian keeps it off the PATH."""
    return next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))[::-1]), None)


def module(name):
    importlib.invalidate_caches()
    return importlib.util.find_spec(name)


# For each peer: what must be there, how to find it, how it is installed.
APT, PIP = ["apt-get", "install", "-y", "-q"], [sys.executable, "-m", "pip", "install", "-q"]
NEEDS = {
    "nginx": [("Debian package nginx-light", lambda: shutil.which("nginx"), [*APT, "nginx-light"])],
    "redis": [("Debian package redis-server", lambda: shutil.which("redis-server"), [*APT, "redis-server"]),
              ("Debian package webdis", lambda: shutil.which("webdis"), [*APT, "webdis"])],
    "service": [("PyPI package starlette", lambda: module("starlette"), [*PIP, "starlette"]),
                ("PyPI package uvicorn[standard]", lambda: module("uvicorn") and module("uvloop"), [*PIP, "uvicorn[standard]"])],
    "postgres": [("Debian package postgresql", initdb, [*APT, "postgresql"])],
    "sqlx": [("cargo (https://rustup.rs)", lambda: shutil.which("cargo"), None)],
    "fjall": [("cargo (https://rustup.rs)", lambda: shutil.which("cargo"), None)],
}


def missing(peer):
    """Installs what a peer needs; returns what is missing after that."""
    absent = []
    for name, find, command in NEEDS.get(peer, []):
        if not find() and command:
            print(f"{peer}: installing {name}", file=sys.stderr)
            # Without a service manager's start of what was installed: the script starts its own, on its own port.
            subprocess.run(command, stdout=sys.stderr, env={**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"})
        if not find():
            absent.append(name)
    return absent


def profile(user):
    return {"Tag_Profile_IM_Nick": f"Nickname {user:09}", "Tag_Profile_IM_Gender": "Gender_Type_Female",
            "Tag_Profile_IM_SelfSignature": "I sign " + "x" * 181, "Tag_Profile_IM_Image": f"https://images.example.com/avatars/large/{user:09}.png"}


class Servers:
    """What was started, in one directory. A method for each peer fills it once and starts it."""

    def __init__(self, directory, args):
        self.directory, self.args, self.running = directory, args, []

    def slots(self):
        """Each slot's name and measurement, in the order of a round, by peer."""
        def http(peer, workloads, port=None):
            return {f"{peer} {name}": (lambda workload=workload: self.bench(PORTS[port or peer], workload)) for name, workload in workloads.items()}
        both = {"set": "set", "get": "get"}
        return {"nginx": http("nginx", {"fixed": "fixed"}),
                "portraitd": http("portraitd", {**both, "get100": "get100"}),
                "redis": http("redis", {"set": "webdis-set", "get": "webdis-get"}, "webdis"),
                "postgres": {f"postgres {name}": (lambda name=name: self.pgbench(name)) for name in both},
                "service": http("service", both), "sqlx": http("sqlx", both), "fjall": http("fjall", both)}

    def bench(self, port, workload):
        command = [self.args.bench, "run", f"127.0.0.1:{port}", "--app", self.app, "--users", str(self.args.users), "--workload", workload,
                   "--seconds", str(self.args.seconds), "--warm-up", str(WARM_UP), "--json"]
        done = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        return {**done, "all_calls": done["calls"] + done["rate"] * WARM_UP}

    def pgbench(self, name):
        command = [*self.pg, "pgbench", "-n", "-M", "prepared", "-c", "64", "-j", "1", "-T", str(max(1, round(self.args.seconds))), "-f", str(self.directory / f"{name}.sql")]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        # A run that ends before its first transaction has no line with a rate.
        rate = re.search(r"tps = ([\d.]+)", output)
        return {"rate": float(rate[1]) if rate else 0.0, "all_calls": int(re.search(r"actually processed: (\d+)", output)[1])}

    def start(self, peer, command, port=None, **options):
        log = self.directory / f"{peer}.log"
        with open(log, "a") as file:
            process = subprocess.Popen(command, stdout=options.pop("stdout", file), stderr=file, **options)
        self.running.append(process)
        while port:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit(f"{peer} ended with status {process.returncode}: see {log}")
                time.sleep(0.05)
        return process

    def account_lines(self):
        """The file with the accounts, one a line."""
        path = self.directory / "accounts.jsonl"
        if not path.exists():
            with open(path, "w") as file:
                subprocess.run([self.args.bench, "accounts", "--users", str(self.args.users)], stdout=file, check=True)
        return path

    def nginx(self):
        config = self.directory / "nginx.conf"
        config.write_text(NGINX.format(dir=self.directory, port=PORTS["nginx"]))
        self.start("nginx", ["nginx", "-p", str(self.directory), "-c", str(config)], PORTS["nginx"])

    @property
    def app(self):
        """The app and its key: a new one for each directory, since `serve` refuses keys that are printed in documents."""
        path = self.directory / "key"
        if not path.exists():
            path.write_text(secrets.token_hex(32))
        return f"1400000000:{path.read_text()}"

    def portraitd(self):
        """`serve`, as in production, but without limits: one app makes all calls. The emulator records its calls, which costs more."""
        data = self.directory / "portraitd"
        if not data.exists():
            data.mkdir()
            key = self.app.split(":")[1]
            with self.directory.joinpath("portraitd.log").open("w") as log:
                made = subprocess.Popen([self.args.portraitd, "dev", "--data", str(data), "--listen", "127.0.0.1:0", "--json", "--key", key], stdout=subprocess.PIPE, stderr=log)
                made.stdout.readline()
                subprocess.run([self.args.portraitd, "import", "1400000000", str(self.account_lines()), "--data", str(data)], check=True, stdout=sys.stderr)
                made.terminate()
                made.wait()
        limits = {**os.environ, "PORTRAITD_LIMITS_ENABLED": "false"}
        server = self.start("portraitd", [self.args.portraitd, "serve", "--data", str(data), "--listen", f"127.0.0.1:{PORTS['portraitd']}", "--admin-listen", "127.0.0.1:0", "--json"], stdout=subprocess.PIPE, env=limits)
        self.ready = json.loads(server.stdout.readline())
        self.ready["admin_token"] = (data / "admin.token").read_text().strip()

    def store(self):
        """portraitd's counts of changes and of commits."""
        request = urllib.request.Request(self.ready["admin_url"] + "/admin/v1/store")
        request.add_header("Authorization", "Bearer " + self.ready["admin_token"])
        return json.load(urllib.request.urlopen(request))

    def redis(self):
        data = self.directory / "redis"
        fresh = not data.exists()
        data.mkdir(exist_ok=True)
        self.start("redis", ["redis-server", "--port", str(PORTS["redis"]), "--bind", "127.0.0.1", "--dir", str(data), "--save", "", "--appendonly", "yes", "--appendfsync", "always"], PORTS["redis"])
        cli = ["redis-cli", "-p", str(PORTS["redis"])]
        while subprocess.run([*cli, "ping"], capture_output=True, text=True).stdout.strip() != "PONG":
            time.sleep(0.2)
        if fresh:
            pipe = subprocess.Popen([*cli, "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            for user in range(self.args.users):
                words = ["HSET", f"user{user}"] + [word for item in profile(user).items() for word in item]
                pipe.stdin.write((f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)).encode())
            pipe.stdin.close()
            pipe.wait()
        config = self.directory / "webdis.json"
        config.write_text(json.dumps({"redis_host": "127.0.0.1", "redis_port": PORTS["redis"], "http_host": "127.0.0.1", "http_port": PORTS["webdis"],
                                      "threads": 2, "pool_size": 20, "daemonize": False, "verbosity": 0, "logfile": str(self.directory / "webdis.out")}))
        self.start("webdis", ["webdis", str(config)], PORTS["webdis"])

    def service(self):
        import sqlite3
        path = self.directory / "service.db"
        if not path.exists():
            connection = sqlite3.connect(path)
            connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE profiles (user TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID;")
            connection.executemany("INSERT INTO profiles VALUES (?, ?)", ((f"user{user}", json.dumps(profile(user))) for user in range(self.args.users)))
            connection.commit()
            connection.close()
        self.start("service", [sys.executable, "-m", "uvicorn", "service:app", "--port", str(PORTS["service"]), "--workers", "2", "--no-access-log", "--log-level", "warning"],
                   PORTS["service"], cwd=HERE, env={**os.environ, "COMPARE_DATABASE": str(path)})

    def postgres(self):
        tools = pathlib.Path(initdb()).parent
        data = self.directory / "postgres"
        fresh = not data.exists()
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if fresh:
            data.mkdir()
            if user:
                shutil.chown(data, "postgres", "postgres")
            subprocess.run([*user, tools / "initdb", "-D", data, "-A", "trust"], check=True, stdout=subprocess.DEVNULL)
        self.start("postgres", [*user, str(tools / "postgres"), "-D", str(data), "-p", str(PORTS["postgres"]), "-c", "listen_addresses=127.0.0.1", "-k", "/tmp",
                                "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"], PORTS["postgres"])
        self.pg = [*user, "env", f"PGPORT={PORTS['postgres']}", "PGHOST=127.0.0.1", "PGUSER=postgres"]
        while subprocess.run([*self.pg, "pg_isready"], capture_output=True).returncode:
            time.sleep(0.2)
        if fresh:
            sql = f"""CREATE TABLE profiles (name text PRIMARY KEY, nick text, gender text, image text, signature text);
                INSERT INTO profiles SELECT 'user' || n, 'Nickname ' || n, 'Gender_Type_Female', 'https://images.example.com/avatars/large/' || n || '.png',
                'I sign ' || repeat('x', 181) FROM generate_series(0, {self.args.users - 1}) n; VACUUM ANALYZE profiles; CHECKPOINT;"""
            subprocess.run([*self.pg, "psql", "-q"], input=sql, text=True, check=True)
        random = f"\\set n random(0, {self.args.users - 1})\n\\set v random(0, 1000000000)\n"
        for name, sql in {"set": "INSERT INTO profiles (name, nick) VALUES ('user' || :n, 'Nickname ' || :v) ON CONFLICT (name) DO UPDATE SET nick = excluded.nick;",
                          "get": "SELECT nick, gender, image FROM profiles WHERE name = 'user' || :n;"}.items():
            (self.directory / f"{name}.sql").write_text(random + sql + "\n")

    def rust(self, kind, peer):
        """The program in rust/, over the store of this kind. Its target directory is the repository's."""
        target = ROOT / "target/compare-peer"
        subprocess.run(["cargo", "build", "--release", "--locked", "--target-dir", str(target)], cwd=HERE / "rust", stdout=sys.stderr, check=True)
        program, path = str(target / "release/compare-peer"), self.directory / peer
        if not path.exists():
            with open(self.account_lines()) as lines:
                subprocess.run([program, kind, str(path), "load"], stdin=lines, check=True)
        self.start(peer, [program, kind, str(path), str(PORTS[peer])], PORTS[peer])

    def sqlx(self):
        self.rust("sqlite", "sqlx")

    def fjall(self):
        self.rust("fjall", "fjall")

    def stop(self):
        for process in self.running[::-1]:
            process.terminate()
        for process in self.running:
            process.wait()
