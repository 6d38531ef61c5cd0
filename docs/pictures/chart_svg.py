"""Charts with one row for each thing that is compared, as SVG: bars, or the dots of percentiles on a logarithmic axis."""
import math
from html import escape

WIDTH, LEFT, RIGHT, ROW = 800, 190, 70, 26
STYLE = """
svg{--page:#fff;--ink:#1d2430;--dim:#5b6472;--grid:#dfe4ea;--first:#1f63b5;--second:#c05a12}
@media(prefers-color-scheme:dark){svg{--page:#0f141b;--ink:#dde4ec;--dim:#94a1b0;--grid:#2a323d;--first:#6fb0ff;--second:#f0a163}}
text{font:13px system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif;fill:var(--ink)}.page{fill:var(--page)}.title{font-size:15px;font-weight:600}
.dim{fill:var(--dim)}.ours{font-weight:600}.grid{stroke:var(--grid)}.mark{stroke:var(--ink);stroke-dasharray:4 3}
.first{fill:var(--first);stroke:var(--first)}.second{fill:var(--second);stroke:var(--second)}.line{stroke-width:2;opacity:.55}
"""
CLASSES = ("first", "second")


class Chart:
    """A chart that is filled from its top: title, legend, then rows over an axis."""

    def __init__(self, title, subtitle):
        self.title, self.body, self.y = title, "", 28
        self.text(16, title, "title")
        self.y += 20
        self.text(16, subtitle, "dim")
        self.y += 12

    def text(self, x, text, style="", anchor="start", y=None):
        style = f' class="{style}"' if style else ""
        self.body += f'<text x="{x:.1f}" y="{self.y if y is None else y:.1f}"{style} text-anchor="{anchor}">{escape(text, quote=False)}</text>\n'

    def legend(self, names):
        """The names of the series, each behind its colour."""
        self.y += 20
        for number, name in enumerate(names):
            x = LEFT + number * 150
            self.body += f'<rect class="{CLASSES[number]}" x="{x}" y="{self.y - 10}" width="11" height="11" rx="2"/>\n'
            self.text(x + 18, name)
        self.y += 10

    def axis(self, marks, across, rows_height):
        """Lines behind the rows with what they stand for below; `across` gives the place of a value."""
        for value, name in marks:
            x = across(value)
            self.body += f'<path class="grid" d="M{x:.1f} {self.y + 4}V{self.y + rows_height + 4}"/>\n'
            self.text(x, name, "dim", "middle", self.y + rows_height + 22)

    def row(self, name, is_ours, middle):
        self.text(LEFT - 10, name, "ours" if is_ours else "", "end", middle + 4.5)

    def svg(self):
        height = math.ceil(self.y)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(self.title)}">'
                f'<title>{escape(self.title)}</title><style>{STYLE}</style>\n<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>\n{self.body}</svg>\n')


def steps(most):
    """Round numbers from 0 up, five to eight of them, that reach no further than the largest value."""
    size = 10 ** math.floor(math.log10(most / 4))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if most / (size * factor) <= 8)
    return [number * step for number in range(int(most / step) + 1)]


def bars(title, subtitle, rows, series, shown, mark=None):
    """`rows`: name, whether it is ours, a value for each series (None: not measured). `shown` writes a value, `mark` is a line with its text."""
    chart = Chart(title, subtitle)
    if len(series) > 1:
        chart.legend(series)
    values = [value for _, _, values in rows for value in values if value is not None]
    most = max([*values, mark[0] if mark else 0])
    across = lambda value: LEFT + (WIDTH - LEFT - RIGHT) * value / most
    thickness = 13 if len(series) > 1 else 16
    row_height = thickness * len(series) + 11
    if mark:
        chart.y += 18
        chart.text(across(mark[0]) + 8, mark[1], "dim", "end")
    height = row_height * len(rows)
    chart.axis([(value, shown(value)) for value in steps(most)], across, height)
    if mark:
        chart.body += f'<path class="mark" d="M{across(mark[0]):.1f} {chart.y + 4}V{chart.y + height + 4}"/>\n'
    for name, is_ours, values in rows:
        top = chart.y + 9
        chart.row(name, is_ours, top + thickness * len(series) / 2)
        for number, value in enumerate(values):
            if value is not None:
                y = top + number * thickness
                chart.body += f'<rect class="{CLASSES[number]}" stroke="none" x="{LEFT}" y="{y}" width="{across(value) - LEFT:.1f}" height="{thickness - 2}"/>\n'
                chart.text(across(value) + 6, shown(value), "ours" if is_ours else "", y=y + thickness - 3.5)
        chart.y += row_height
    chart.y += 36
    return chart.svg()


def percentiles(title, subtitle, groups, names, unit):
    """`groups`: heading and rows of name, whether it is ours, and its percentiles; `names` says what these are, from the lowest."""
    chart = Chart(title, subtitle)
    values = [value for _, rows in groups for _, _, found in rows for value in found]
    low, high = 10 ** math.floor(math.log10(min(values))), max(values) * 1.15
    across = lambda value: LEFT + (WIDTH - LEFT - RIGHT) * math.log(value / low) / math.log(high / low)
    marks = [factor * 10 ** power for power in range(-3, 6) for factor in (1, 3) if low <= factor * 10 ** power <= high]
    chart.y += 22
    for number, name in enumerate(names):
        x = LEFT + number * 90
        chart.body += f'<circle class="first" cx="{x}" cy="{chart.y - 4.5}" r="{5 - number * 1.25:g}"/>\n'
        chart.text(x + 12, name)
    chart.y += 8
    height = sum(ROW * (len(rows) + 1) for _, rows in groups)
    chart.axis([(mark, f"{mark:g} {unit}") for mark in marks], across, height)
    for number, (heading, rows) in enumerate(groups):
        chart.text(LEFT - 10, heading, "dim", "end", chart.y + 18)
        chart.y += ROW
        for name, is_ours, found in rows:
            middle = chart.y + ROW / 2
            chart.row(name, is_ours, middle)
            places = [across(value) for value in found]
            chart.body += f'<path class="{CLASSES[number]} line" d="M{places[0]:.1f} {middle}H{places[-1]:.1f}"/>\n'
            for index, x in enumerate(places):
                chart.body += f'<circle class="{CLASSES[number]}" cx="{x:.1f}" cy="{middle}" r="{5 - index * 1.25:g}"/>\n'
            chart.text(places[-1] + 9, f"{found[-1]:g}", "ours" if is_ours else "dim", y=middle + 4.5)
            chart.y += ROW
    chart.y += 32
    return chart.svg()
