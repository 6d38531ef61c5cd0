#!/usr/bin/env python3
"""What a webhook costs: durable portrait_set without one, with a receiver that answers at once, and with one that is down.

The three take turns, beside everything else on this machine. The receiver is portraitd-bench itself, on the thread that asks, so that
it takes as little as can be from the cores that it shares with what is measured. Needs release builds:
    cargo build --release -p portraitd -p portraitd-bench && benches/webhook_cost.py
"""
import json, pathlib, shutil, statistics, subprocess, sys, tempfile
from measuring import APP, Server, fill, options, sets

RECEIVER_PORT, CLOSED_PORT = 18931, 18932
NO_EVENTS = {"delivered": 0, "waiting": {"events": 0}}
KINDS = {"no webhook": None, "receiver answers": RECEIVER_PORT, "receiver is down": CLOSED_PORT}

parser = options(__doc__, users=20_000)
parser.add_argument("--rounds", type=int, default=8)
parser.add_argument("--seconds", type=float, default=3)
arguments = parser.parse_args()


def prepare(directory):
    """A data directory with accounts, to be copied."""
    data = pathlib.Path(directory) / "template"
    with Server(arguments, data):
        fill(arguments, data)
    return data


def run(template, webhook):
    """Gives what portraitd-bench measured, and what became of the events."""
    data = pathlib.Path(tempfile.mkdtemp(dir=template.parent)) / "data"
    shutil.copytree(template, data)
    path = f"/admin/v1/apps/{APP}/webhook"
    with Server(arguments, data) as server:
        if webhook:
            server.admin(path, {"url": f"http://127.0.0.1:{webhook}/"})
        command = sets(arguments, server.address, Server.KEY, "--seconds", arguments.seconds, "--warm-up", 0.5)
        command += ["--receiver", str(webhook)] if webhook == RECEIVER_PORT else []
        measured = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        events = json.loads(server.admin(path)) if webhook else NO_EVENTS
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
