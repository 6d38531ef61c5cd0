#!/usr/bin/env python3
"""What a backup costs those who write meanwhile: sets at full speed, with backups one after the other in every second stretch of time.

    cargo build --release -p portrait-server -p portrait-bench && benches/backup_dip.py
"""
import argparse, json, pathlib, statistics, subprocess, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
APP, KEY = "1400000000", "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--portraitd", default=ROOT / "target/release/portraitd")
parser.add_argument("--bench", default=ROOT / "target/release/portrait-bench")
parser.add_argument("--rounds", type=int, default=6)
parser.add_argument("--seconds", type=float, default=4)
parser.add_argument("--users", type=int, default=200_000)
parser.add_argument("--directory", default=ROOT / "target", help="for the data; on a real disk")
arguments = parser.parse_args()


def portraitd(*command):
    subprocess.run([arguments.portraitd, *command], check=True, capture_output=True)


def stretch(address, backup):
    """Sets a second; with `backup`, how many backups were taken meanwhile too."""
    command = [arguments.bench, "run", address, "--app", f"{APP}:{KEY}", "--users", str(arguments.users), "--json"]
    bench = subprocess.Popen(command + ["--workload", "set", "--seconds", str(arguments.seconds), "--warm-up", "0"], stdout=subprocess.PIPE)
    taken = 0
    while backup and bench.poll() is None:
        with tempfile.TemporaryDirectory(dir=directory) as to:
            portraitd("backup", pathlib.Path(to) / "copy", "--data", data)
        taken += 1
    measured = json.loads(bench.communicate()[0])
    return measured["rate"], measured["p99_us"] / 1000, taken


with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
    data, accounts = pathlib.Path(directory) / "data", pathlib.Path(directory) / "accounts.jsonl"
    command = [arguments.portraitd, "dev", "--data", data, "--listen", "127.0.0.1:0", "--json", "--key", KEY]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        address = json.loads(server.stdout.readline())["url"].removeprefix("http://")
        with accounts.open("w") as file:
            subprocess.run([arguments.bench, "accounts", "--users", str(arguments.users)], stdout=file, check=True)
        portraitd("import", APP, accounts, "--data", data)
        stretch(address, False)
        rounds = [(stretch(address, False), stretch(address, True)) for _ in range(arguments.rounds)]
    finally:
        server.terminate()
        server.wait()
alone, beside = ([side[which] for side in rounds] for which in (0, 1))
middle = lambda runs, field: statistics.median(run[field] for run in runs)
print(f"alone {middle(alone, 0):,.0f} sets/s, p99 {middle(alone, 1):.1f} ms; beside backups {middle(beside, 0):,.0f} sets/s, p99 {middle(beside, 1):.1f} ms: "
      f"{middle(beside, 0) / middle(alone, 0):.2f}; {sum(run[2] for run in beside)} backups of {arguments.users:,} accounts")
