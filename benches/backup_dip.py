#!/usr/bin/env python3
"""What a backup costs those who write meanwhile: sets at full speed, with backups one after the other in every second stretch of time.

    cargo build --release -p portraitd -p portraitd-bench && benches/backup_dip.py
"""
import json, pathlib, statistics, subprocess, tempfile
from measuring import Server, fill, options, sets

parser = options(__doc__, users=200_000)
parser.add_argument("--rounds", type=int, default=6)
parser.add_argument("--seconds", type=float, default=4)
arguments = parser.parse_args()


def stretch(address, backup):
    """Sets a second; with `backup`, how many backups were taken meanwhile too."""
    bench = subprocess.Popen(sets(arguments, address, Server.KEY, "--seconds", arguments.seconds, "--warm-up", 0), stdout=subprocess.PIPE)
    taken = 0
    while backup and bench.poll() is None:
        with tempfile.TemporaryDirectory(dir=directory) as to:
            subprocess.run([arguments.portraitd, "backup", pathlib.Path(to) / "copy", "--data", data], check=True, capture_output=True)
        taken += 1
    measured = json.loads(bench.communicate()[0])
    return measured["rate"], measured["p99_us"] / 1000, taken


with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
    data = pathlib.Path(directory) / "data"
    with Server(arguments, data) as server:
        fill(arguments, data)
        stretch(server.address, False)
        rounds = [(stretch(server.address, False), stretch(server.address, True)) for _ in range(arguments.rounds)]
alone, beside = ([side[which] for side in rounds] for which in (0, 1))
middle = lambda runs, field: statistics.median(run[field] for run in runs)
print(f"alone {middle(alone, 0):,.0f} sets/s, p99 {middle(alone, 1):.1f} ms; beside backups {middle(beside, 0):,.0f} sets/s, p99 {middle(beside, 1):.1f} ms: "
      f"{middle(beside, 0) / middle(alone, 0):.2f}; {sum(run[2] for run in beside)} backups of {arguments.users:,} accounts")
