"""What the scripts here share: their options, a server on data of its own, accounts in it, and portraitd-bench's command."""
import argparse, json, os, pathlib, re, secrets, subprocess, urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
APP = "1400000000"


def options(doc, users):
    """A parser for what every script is told."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraitd", default=str(ROOT / "target/release/portraitd"))
    parser.add_argument("--bench", default=str(ROOT / "target/release/portraitd-bench"))
    parser.add_argument("--users", type=int, default=users)
    parser.add_argument("--directory", default=str(ROOT / "target"), help="for the data; on a real disk")
    return parser


def fill(arguments, data):
    """Imports accounts of some 300 bytes each, into a directory whose server may run or not."""
    accounts = pathlib.Path(data).with_name("accounts.jsonl")
    with accounts.open("w") as file:
        subprocess.run([arguments.bench, "accounts", "--users", str(arguments.users)], stdout=file, check=True)
    subprocess.run([arguments.portraitd, "import", APP, accounts, "--data", data], check=True, capture_output=True)


def calls(workload, arguments, address, key, *more):
    """The command that measures calls of one kind."""
    command = [arguments.bench, "run", address, "--app", f"{APP}:{key}", "--users", str(arguments.users), "--workload", workload, "--json"]
    return [*command, *map(str, more)]


def sets(*arguments):
    """The command that measures sets."""
    return calls("set", *arguments)


def memory(process, field="VmRSS"):
    """MiB of a process: resident, or the most that it was (VmHWM)."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024


class Process:
    """A process of portraitd, from the line that says where it listens to its end."""

    def __init__(self, command, environment={}):
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **environment})
        self.ready = json.loads(self.process.stdout.readline())
        self.address = self.ready["url"].removeprefix("http://")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Emulator(Process):
    """`portraitd dev` on a data directory. It records its calls, which costs more than a call of `serve`."""

    def __init__(self, arguments, data, key):
        super().__init__([arguments.portraitd, "dev", "--data", data, "--listen", "127.0.0.1:0", "--json", "--key", key])


class Server(Process):
    """`portraitd serve` on a data directory with one app, as in production but without limits: one app makes all calls."""

    KEY = secrets.token_hex(32)

    def __init__(self, arguments, data):
        if not pathlib.Path(data).exists():
            subprocess.run([arguments.portraitd, "app", "create", APP, "--data", data], check=True, capture_output=True, env={**os.environ, "PORTRAITD_KEY": self.KEY})
        command = [arguments.portraitd, "serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--json"]
        super().__init__(command, {"PORTRAITD_LIMITS_ENABLED": "false", "PORTRAITD_WEBHOOK_ALLOW_NETWORKS": '["127.0.0.0/8"]'})
        self.token = (pathlib.Path(data) / "admin.token").read_text().strip()

    def admin(self, path, body=None):
        """Calls the admin API: GET, or PUT with a body."""
        request = urllib.request.Request(f"{self.ready['admin_url']}{path}", json.dumps(body).encode() if body else None, method="PUT" if body else "GET")
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        return urllib.request.urlopen(request).read().decode()

    def mebibytes(self, *names):
        """The sizes that metrics tell, in MiB."""
        page = self.admin("/metrics")
        return [float(re.search(rf"^{name} ([\d.e+]+)$", page, re.M)[1]) / 2**20 for name in names]
