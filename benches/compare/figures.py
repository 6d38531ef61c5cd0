"""The figures of one comparison as a file of tab-separated values: compare.py writes it, docs/pictures/plot-performance draws it and
writes the table of a page of docs/measurements from it, so that no figure is copied by hand.

The first line says how it was measured. Then one row a slot; a cell is empty where nothing was measured.
"""
import statistics

CONDITIONS = ("accounts", "rounds", "seconds", "changes_to_a_sync")
COLUMNS = ("a_second", "p50_ms", "p99_ms", "p999_ms", "kb_a_set")
# For each peer, as slots begin with it, its name for people: English, Chinese.
PEERS = {
    "nginx": ("nginx, fixed 80 bytes", "nginx（固定 80 字节）"),
    "portraitd": ("portraitd", "portraitd"),
    "redis": ("Redis behind webdis", "Redis（经 webdis）"),
    "fjall": ("axum, fjall", "axum + fjall"),
    "sqlx": ("axum, sqlx, SQLite", "axum + sqlx + SQLite"),
    "service": ("Python, SQLite", "Python + SQLite"),
    "postgres": ("PostgreSQL, no HTTP", "PostgreSQL（无 HTTP）"),
}
# The slots whose names are not a peer and `set` or `get`.
OTHERS = {
    "nginx fixed": PEERS["nginx"][0],
    "portraitd get100": "portraitd: get, 100 accounts",
    "append + fdatasync": "bare: so many records of 300 bytes as share a sync, and one fdatasync, a file that grows",
    "overwrite + fdatasync": "bare: the same over what is there",
}


def summarized(results):
    """Of each slot's rounds: the median rate, the latencies of the round in the middle, the median KB to the disk."""
    figures = {}
    for slot, rounds in results.items():
        middle = sorted(rounds, key=lambda one: one["rate"])[len(rounds) // 2]
        row = {"a_second": statistics.median(one["rate"] for one in rounds)}
        row |= {f"{name}_ms": middle[f"{name}_us"] / 1000 for name in ("p50", "p99", "p999") if f"{name}_us" in middle}
        if written := [one["kb"] for one in rounds if "kb" in one and slot.endswith(" set")]:
            row["kb_a_set"] = statistics.median(written)
        figures[slot] = row
    return figures


def text(conditions, figures):
    """The file."""
    def cell(row, column):
        return "" if column not in row else f"{row[column]:.{0 if column == 'a_second' else 2}f}"
    lines = ["# " + " ".join(f"{name}={conditions[name]:g}" for name in CONDITIONS), "\t".join(("slot", *COLUMNS))]
    lines += ["\t".join([slot, *(cell(row, column) for column in COLUMNS)]) for slot, row in figures.items()]
    return "\n".join(lines) + "\n"


def read(path):
    """How it was measured, and each slot's figures."""
    first, header, *lines = path.read_text().splitlines()
    expected = "\t".join(("slot", *COLUMNS))
    if header != expected:
        raise ValueError(f"{path}: line 2 is not `{expected}`")
    conditions = {name: float(value) for name, value in (word.split("=") for word in first.removeprefix("# ").split(" "))}
    figures = {}
    for line in lines:
        slot, *cells = line.split("\t")
        figures[slot] = {column: float(cell) for column, cell in zip(COLUMNS, cells, strict=True) if cell}
        if slot not in OTHERS and slot.split(" ")[0] not in PEERS:
            raise ValueError(f"{path}: `{slot}` has no name for people in {__file__}")
    return conditions, figures


def table(conditions, figures):
    """The table for people, in Markdown."""
    fixed = figures.get("nginx fixed", {}).get("a_second")

    def row(slot, found):
        peer, _, call = slot.partition(" ")
        name = OTHERS.get(slot) or f"{PEERS[peer][0]}: {call}"
        rate = found["a_second"]
        times = [f"{found[column]:.2f} ms" if column in found else "" for column in ("p50_ms", "p99_ms", "p999_ms")]
        written = f"{found['kb_a_set']:.1f}" if "kb_a_set" in found else ""
        bold = "**" if peer == "portraitd" else ""
        cells = [f"{bold}{rate:,.0f}{bold}", f"{bold}{rate / fixed:.2f}{bold}" if fixed else "", *times, written]
        return f"| {bold}{name}{bold} | {' | '.join(cells)} |\n"

    head = (f"{conditions['accounts']:,.0f} accounts, {conditions['rounds']:g} rounds of {conditions['seconds']:g} s, "
            f"{conditions['changes_to_a_sync']:g} changes to a sync.\n\n")
    head += "| | a second | of nginx | p50 | p99 | p99.9 | KB to the disk a set |\n| --- | --- | --- | --- | --- | --- | --- |\n"
    return head + "".join(row(slot, found) for slot, found in figures.items())
