#!/usr/bin/env python3
"""portraitd beside the limits of the machine and what one would use instead: one run, one generator, one table.

    cargo build --release && cargo build --release -p portraitd-bench && benches/compare/compare.py

Slots of a few seconds in turn, five rounds after one that is not counted, medians; 64 connections, uniform over all
accounts. The generator shares the machine. README.md says what is measured, what is needed and how long it takes.
"""
import argparse, os, pathlib, shutil, statistics, sys, time
from figures import summarized, table, text
from peers import ROOT, Servers, missing

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--portraitd", default=str(ROOT / "target/release/portraitd"))
parser.add_argument("--bench", default=str(ROOT / "target/release/portraitd-bench"))
parser.add_argument("--users", type=int, default=1_000_000)
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--directory", default=str(ROOT / "target"), help="for the data; on a real disk")
parser.add_argument("--only", help="names of slots, by comma; servers that none of them needs are not started")
parser.add_argument("--prepare", action="store_true", help="only load the data, into --directory/compare, for a later run with --prepared")
parser.add_argument("--prepared", action="store_true")
parser.add_argument("--figures", metavar="FILE", help="write the figures there too: docs/measurements/YYYY-MM-DD-compared.tsv, for docs/pictures/plot-performance")
args = parser.parse_args()


def disk_written(directory):
    """Bytes that the disk under a directory was given so far, by whatever program; None where no disk is under it.

    /proc/PID/io is no substitute: it counts a page cache folio whole that was changed in part.
    """
    os.sync()
    device = os.stat(directory).st_dev
    for line in pathlib.Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == (os.major(device), os.minor(device)):
            return int(fields[9]) * 512
    return None


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


def measured(slot, directory):
    """A slot's result, with the KB that the disk was given for a call, from a sync before it to a sync after it."""
    before = disk_written(directory)
    result = slot()
    if before is not None:
        result["kb"] = (disk_written(directory) - before) / 1000 / max(1, result["all_calls"])
    return result


def run(servers, slots, directory):
    """The results of every slot, round by round, and the changes that shared a sync in portraitd's sets."""
    results, batches = {}, []
    for number in range(args.rounds + 1):
        for name, slot in slots.items():
            before = servers.store() if name == "portraitd set" else None
            result = measured(slot, directory)
            # The first round brings into memory what is read often, in every one of them.
            if number == 0:
                continue
            results.setdefault(name, []).append(result)
            if before:
                after = servers.store()
                batches.append((after["changes"] - before["changes"]) / max(1, after["commits"] - before["commits"]))
            print(f"{number}/{args.rounds} {name}: {result['rate']:,.0f}/s", file=sys.stderr)
        growing, over = bare(directory, max(1, round(batches[-1])) if batches else 32)
        if number:
            results.setdefault("append + fdatasync", []).append(growing)
            results.setdefault("overwrite + fdatasync", []).append(over)
    return results, batches


def report(results, batches):
    """Prints the table, and writes the figures that it is made of where --figures says."""
    conditions = {"accounts": args.users, "rounds": args.rounds, "seconds": args.seconds, "changes_to_a_sync": round(statistics.median(batches or [0]), 1)}
    figures = summarized(results)
    print(table(conditions, figures), end="")
    if args.figures:
        pathlib.Path(args.figures).write_text(text(conditions, figures))


def main():
    directory = pathlib.Path(args.directory).resolve() / "compare"
    servers = Servers(directory, args)
    known = [name for slots in servers.slots().values() for name in slots]
    wanted = args.only.split(",") if args.only else known
    if unknown := [name for name in wanted if name not in known]:
        parser.error(f"--only: no slot is named {', '.join(unknown)}; there are: {', '.join(known)}")
    peers = {peer: {name: slot for name, slot in slots.items() if name in wanted} for peer, slots in servers.slots().items()}
    peers = {peer: slots for peer, slots in peers.items() if slots}
    if not args.prepared:
        shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(exist_ok=True, parents=True)
    lacking = {peer: absent for peer in peers if (absent := missing(peer))}
    try:
        for peer in [peer for peer in peers if peer not in lacking]:
            started = time.monotonic()
            getattr(servers, peer)()
            print(f"{peer} ready in {time.monotonic() - started:.0f} s", file=sys.stderr)
        if not args.prepare:
            if disk_written(directory) is None:
                print(f"no disk in /proc/diskstats is under {directory}: KB to the disk are not measured", file=sys.stderr)
            slots = {name: slot for peer, slots in peers.items() if peer not in lacking for name, slot in slots.items()}
            report(*run(servers, slots, directory))
    finally:
        servers.stop()
    for peer, absent in lacking.items():
        print(f"\n!!! NOT MEASURED: {peer}. Missing, and could not be installed: {', '.join(absent)}.", file=sys.stderr)
    sys.exit(1 if lacking else 0)


main()
