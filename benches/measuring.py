"""What the scripts here share: their options, a server on data of its own, accounts in it, and portraitd-bench's command."""
import argparse, json, pathlib, subprocess

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


def sets(arguments, address, key, *more):
    """The command that measures sets."""
    command = [arguments.bench, "run", address, "--app", f"{APP}:{key}", "--users", str(arguments.users), "--workload", "set", "--json"]
    return [*command, *map(str, more)]


class Emulator:
    """`portraitd dev` on a data directory, from start to end."""

    KEY = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"

    def __init__(self, arguments, data, *more):
        command = [arguments.portraitd, "dev", "--data", data, "--listen", "127.0.0.1:0", "--json", "--key", self.KEY, *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.ready = json.loads(self.process.stdout.readline())
        self.address = self.ready["url"].removeprefix("http://")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
