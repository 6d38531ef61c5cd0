#!/usr/bin/env python3
"""`kill -9` under full load, and the time from the new start to the first answer; memory and rates on the way.

    cargo build --release && cargo build --release -p portraitd-bench && benches/restart.py --users 10000000

Gets and sets at full speed over all accounts, until the journal has two segments with changes that the tables lack, as far as they
fill; then the kill, and a start on what it left. The median of several rounds.
"""
import json, pathlib, statistics, subprocess, tempfile, time
from measuring import Server, calls, fill, memory, options, sets

parser = options(__doc__, users=1_000_000)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=float, default=20, help="of sets before each kill")
arguments = parser.parse_args()


def rate(server, workload, seconds):
    command = calls(workload, arguments, server.address, Server.KEY, "--seconds", seconds, "--warm-up", 0)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def journal(server):
    """MiB in the journal that the tables lack."""
    return server.mebibytes("portraitd_store_journal_bytes")[0]


def rate_of(run):
    return json.loads(run.communicate()[0])["rate"]


def killed(data):
    """One round on a directory; returns what was in the journal, and the seconds to the first answer."""
    with Server(arguments, data) as server:
        gets = rate_of(rate(server, "get", arguments.seconds))
        run, most = rate(server, "set", arguments.seconds + 5), 0
        began = time.monotonic()
        while time.monotonic() - began < arguments.seconds or journal(server) < most * 0.9:
            most = max(most, journal(server))
            time.sleep(0.1)
            if run.poll() is not None:
                break
        left, resident, peak = journal(server), memory(server.process), memory(server.process, "VmHWM")
        server.process.kill()
        server.process.wait()
        run.communicate()
    began = time.monotonic()
    with Server(arguments, data) as server:
        ready = time.monotonic() - began
        subprocess.run(sets(arguments, server.address, Server.KEY, "--seconds", 0.2, "--warm-up", 0, "--connections", 1), stdout=subprocess.DEVNULL, check=True)
        first = time.monotonic() - began - 0.2
        began = time.monotonic()
        while journal(server) > 1:
            time.sleep(0.2)
        applied = time.monotonic() - began
    print(f"killed with {left:.0f} MiB in the journal: listens after {ready:.2f} s, has answered after {first:.2f} s, applied {applied:.1f} s later; "
          f"gets {gets:,.0f}/s, memory before {resident:.0f} MiB, at most {peak:.0f} MiB", flush=True)
    return first, peak


with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
    data = pathlib.Path(directory) / "data"
    with Server(arguments, data):
        began = time.monotonic()
        fill(arguments, data)
        print(f"{arguments.users:,} accounts loaded in {time.monotonic() - began:.0f} s, writing their file included", flush=True)
    rounds = [killed(data) for _ in range(arguments.rounds)]
    size = sum(file.stat().st_size for file in data.iterdir()) / 2**20
    print(f"median: {statistics.median(first for first, _ in rounds):.2f} s to the first answer; memory at most {max(peak for _, peak in rounds):.0f} MiB; files {size:,.0f} MiB")
