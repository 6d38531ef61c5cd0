#!/usr/bin/env python3
"""What a webhook costs: durable portrait_set without one, with a receiver that answers at once, and with one that is down.

The three take turns, beside everything else on this machine. The receiver is portrait-bench itself, on the thread that asks, so that
it takes as little as can be from the cores that it shares with what is measured. Needs release builds:
    cargo build --release -p portrait-server -p portrait-bench && benches/webhook_cost.py
"""
import argparse, json, pathlib, shutil, statistics, subprocess, sys, tempfile, urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
APP, KEY = "1400000000", "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
RECEIVER_PORT, CLOSED_PORT = 18931, 18932
KINDS = {"no webhook": None, "receiver answers": RECEIVER_PORT, "receiver is down": CLOSED_PORT}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--portraitd", default=ROOT / "target/release/portraitd")
parser.add_argument("--bench", default=ROOT / "target/release/portrait-bench")
parser.add_argument("--rounds", type=int, default=8)
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("--users", type=int, default=20_000)
parser.add_argument("--directory", default=ROOT / "target", help="for the data; on a real disk")
arguments = parser.parse_args()


class Server:
    """A server on a data directory, from start to end."""

    def __init__(self, data, webhook=None):
        command = [arguments.portraitd, "dev", "--data", data, "--listen", "127.0.0.1:0", "--json", "--key", KEY]
        hook = ["--webhook", f"http://127.0.0.1:{webhook}/"] if webhook else []
        self.process = subprocess.Popen(command + hook, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.ready = json.loads(self.process.stdout.readline())

    def admin(self, path):
        request = urllib.request.Request(self.ready["admin_url"] + "/admin/v1" + path)
        request.add_header("Authorization", "Bearer " + self.ready["admin_token"])
        return json.load(urllib.request.urlopen(request))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def prepare(directory):
    """A data directory with accounts of some 300 bytes each."""
    data, accounts = pathlib.Path(directory) / "template", pathlib.Path(directory) / "accounts.jsonl"
    with Server(data):
        pass
    with accounts.open("w") as file:
        subprocess.run([arguments.bench, "accounts", "--users", str(arguments.users)], stdout=file, check=True)
    subprocess.run([arguments.portraitd, "import", APP, accounts, "--data", data], check=True, capture_output=True)
    return data


def run(template, webhook):
    """Gives what portrait-bench measured, and what became of the events."""
    data = pathlib.Path(tempfile.mkdtemp(dir=template.parent)) / "data"
    shutil.copytree(template, data)
    with Server(data, webhook) as server:
        address = server.ready["url"].removeprefix("http://")
        command = [arguments.bench, "run", address, "--app", f"{APP}:{KEY}", "--users", str(arguments.users), "--json"]
        command += ["--workload", "set", "--seconds", str(arguments.seconds), "--warm-up", "0.5"]
        command += ["--receiver", str(webhook)] if webhook == RECEIVER_PORT else []
        measured = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        events = server.admin(f"/apps/{APP}/webhook")
    assert (events["delivered"] > 0) == (webhook == RECEIVER_PORT), events
    assert (events["waiting"]["events"] > 0) or webhook != CLOSED_PORT, events
    shutil.rmtree(data.parent)
    return measured, events


with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
    template = prepare(directory)
    results = {name: [] for name in KINDS}
    for number in range(arguments.rounds):
        for name, webhook in KINDS.items():
            results[name].append(run(template, webhook))
            measured, events = results[name][-1]
            print(f"{number + 1}/{arguments.rounds} {name}: {measured['rate']:.0f}/s, {events['delivered']} delivered", file=sys.stderr)
rates = {name: [measured["rate"] for measured, _ in runs] for name, runs in results.items()}
print("| | durable portrait_set, median | p99, median | of that without | in each round | delivered meanwhile | waiting at the end |\n| --- | --- | --- | --- | --- | --- | --- |")
for name, runs in results.items():
    middle = statistics.median(rates[name])
    p99 = statistics.median(measured["p99_us"] for measured, _ in runs) / 1000
    each = [rate / base for rate, base in zip(rates[name], rates["no webhook"])]
    delivered = statistics.median(events["delivered"] for _, events in runs)
    waiting = statistics.median(events["waiting"]["events"] for _, events in runs)
    print(f"| {name} | {middle:,.0f}/s | {p99:.1f} ms | {middle / statistics.median(rates['no webhook']):.2f} | {min(each):.2f} to {max(each):.2f} | {delivered:,.0f} | {waiting:,.0f} |")
