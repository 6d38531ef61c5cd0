#!/usr/bin/env python3
"""Sets at half the rate that the machine can do, for half an hour: latency, memory and files over time, as a plot.

    cargo build --release && cargo build --release -p portraitd-bench && benches/soak.py

Measures the highest rate first, then sends half of it in an open loop. Halfway a backup is taken. What was measured goes
to FILE.csv, the plot to FILE.svg. Nothing else may run on the machine meanwhile, or the plot shows that.
"""
import json, math, pathlib, statistics, subprocess, tempfile, threading, time
from measuring import ROOT, Server, fill, memory, options, sets

parser = options(__doc__, users=1_000_000)
parser.add_argument("--minutes", type=float, default=30)
parser.add_argument("--rate", type=float, help="calls a second; half of the highest unless given")
parser.add_argument("--output", default=str(ROOT / time.strftime("docs/measurements/%Y-%m-%d-soak")), metavar="FILE")
args = parser.parse_args()
STEP, WARM_UP = 5, 5


def bench(*more, stderr):
    command = sets(args, server.address, Server.KEY, *more)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)


def burst():
    return json.loads(bench("--seconds", "3", stderr=subprocess.DEVNULL).communicate()[0])["rate"]


def standing():
    """MiB of memory, journal and log, and database."""
    journal, log, database = server.mebibytes("portraitd_store_journal_bytes", "portraitd_store_log_bytes", "portraitd_store_database_bytes")
    return memory(server.process), journal + log, database


def plot(rows, title):
    """Two panels over one axis of time, as SVG: latencies (logarithmic), and MiB."""
    width, left, panel, gap = 960, 70, 260, 50
    end = rows[-1]["second"] + STEP
    across = lambda second: f"{left + (width - 10 - left) * second / end:.1f}"

    def lines(top, low, high, series, scale, marks, unit):
        height = lambda value: top + panel * (1 - (scale(max(value, low)) - scale(low)) / (scale(high) - scale(low)))
        out = []
        for mark in marks:
            y = height(mark)
            out.append(f'<path d="M{left} {y:.1f}H{width - 10}" stroke="#ddd"/><text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{mark:g} {unit}</text>')
        for index, (name, label, color) in enumerate(series):
            points = " ".join(f"{across(row['second'])},{height(row[name]):.1f}" for row in rows if row[name])
            out.append(f'<polyline points="{points}" fill="none" stroke="{color}"/><text x="{left + 10 + index * 110}" y="{top - 8}" fill="{color}">{label}</text>')
        return "".join(out)

    most = max(max(row["rss"], row["log"], row["database"]) for row in rows) * 1.1
    latencies = [("p50", "p50", "#2a7"), ("p99", "p99", "#27c"), ("p999", "p99.9", "#c72"), ("max", "slowest", "#b33")]
    sizes = [("rss", "memory", "#27c"), ("log", "journal and log", "#c72"), ("database", "database", "#2a7")]
    second = 60 + panel + gap
    top = max(row["max"] for row in rows)
    body = lines(60, 0.1, max(top, 10), latencies, math.log10, [mark for mark in (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000) if mark <= max(top, 10)], "ms")
    body += lines(second, 0, most, sizes, float, range(0, int(most), 200), "MiB")
    for minute in range(0, int(end / 60) + 1, 5 if end > 600 else 1):
        body += f'<text x="{across(minute * 60)}" y="{second + panel + 20}" text-anchor="middle">{minute} min</text>'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{second + panel + 40}" font-family="sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="white"/><text x="{left}" y="24" font-size="15">{title}</text>{body}</svg>\n')


with tempfile.TemporaryDirectory(dir=args.directory) as directory:
    directory = pathlib.Path(directory)
    data = str(directory / "data")
    with Server(args, data) as server:
        fill(args, data)
        highest = statistics.median(burst() for _ in range(5))
        rate = args.rate or highest / 2
        print(f"highest rate {highest:,.0f}/s; {rate:,.0f}/s for {args.minutes:g} minutes", flush=True)
        run = bench("--rate", rate, "--seconds", args.minutes * 60, "--warm-up", WARM_UP, "--timeline", stderr=subprocess.PIPE)
        stands, seconds = {}, []
        began = time.monotonic()

        def watch():
            backup = args.minutes * 30
            while run.poll() is None:
                now = time.monotonic() - began - WARM_UP
                stands[int(now // STEP) * STEP] = standing()
                if backup and now > backup:
                    backup = None
                    subprocess.run([args.portraitd, "backup", str(directory / "backup"), "--data", data], check=True, capture_output=True)
                    print(f"a backup was taken, {time.monotonic() - began - WARM_UP - now:.1f} s, from second {now:.0f} on", flush=True)
                time.sleep(STEP - (time.monotonic() - began) % STEP)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for line in run.stderr:
            fields = line.strip().split(",")
            if len(fields) == 6 and fields[0].isdigit():
                # The first ones are of the warm-up.
                second, *measured = map(float, fields)
                if second > WARM_UP:
                    seconds.append([second - WARM_UP - 1, *measured])
        outcome = json.loads(run.stdout.read())
        run.wait()
        watcher.join()

rows = []
for start in range(0, int(args.minutes * 60), STEP):
    some = [line for line in seconds if start <= line[0] < start + STEP]
    known = [stand for at, stand in stands.items() if at <= start]
    if some and known:
        middle = lambda column: statistics.median(line[column] for line in some) / 1000
        rss, log, database = known[-1]
        rows.append({"second": start, "p50": middle(2), "p99": middle(3), "p999": middle(4), "max": max(line[5] for line in some) / 1000, "rss": rss, "log": log, "database": database})
output = pathlib.Path(args.output)
output.with_suffix(".csv").write_text("second,p50_ms,p99_ms,p999_ms,max_ms,memory_mib,log_mib,database_mib\n" + "".join(",".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in row.values()) + "\n" for row in rows))
output.with_suffix(".svg").write_text(plot(rows, f"{rate:,.0f} durable sets/s, open loop, {args.users:,} accounts (half of {highest:,.0f}/s)"))
print(json.dumps(outcome))
by = sorted(line[3] for line in seconds)
print(f"seconds whose p99 is at most 2 ms: {sum(value <= 2000 for value in by)} of {len(by)}; p99 of the median second {by[len(by) // 2] / 1000:.2f} ms")
worst = sorted(seconds, key=lambda line: -line[5])[:5]
print("slowest calls: " + ", ".join(f"{line[5] / 1000:.0f} ms in second {line[0]:.0f}" for line in worst))
