"""Terminals as one SVG: text in a grid of cells, light or dark as the reader's screen, and lines that appear one after another.

A viewer without CSS animations, or whose reader wants no motion, shows everything at once; so does every other one at the end.
"""
import re, unicodedata
from html import escape

COLUMNS, CELL, LINE, MARGIN, BAR = 104, 7.9, 18, 16, 30
GAP = 18  # between two terminals
# Seconds between a command and its answer, and between an answer and the next command.
ANSWER_AFTER, NEXT_AFTER = 0.7, 1.6
STYLE = """
svg{--page:#fff;--bar:#e9edf2;--edge:#c9d1da;--ink:#1d2430;--dim:#5b6472;--good:#1a6b3c;--bad:#b3261e;--say:#0b5cad}
@media(prefers-color-scheme:dark){svg{--page:#0f141b;--bar:#1c232d;--edge:#38424f;--ink:#dde4ec;--dim:#94a1b0;--good:#7fd8a0;--bad:#ff9d94;--say:#8cc2ff}}
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono CJK SC','Microsoft YaHei',monospace;fill:var(--ink);}
.window{fill:var(--page);stroke:var(--edge)}.bar{fill:var(--bar)}.title{fill:var(--dim)}.command{fill:var(--say)}.good{fill:var(--good)}.bad{fill:var(--bad)}
g{animation:appear .2s both}@keyframes appear{from{opacity:0}}@media(prefers-reduced-motion:reduce){g{animation:none}}
"""


def cells(character):
    """How many cells of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width(text):
    return sum(map(cells, text))


def wrapped(line):
    """A line in rows of at most so many cells, as a terminal breaks it."""
    rows, row, used = [], "", 0
    for character in line:
        if used + cells(character) > COLUMNS:
            rows.append(row)
            row, used = "", 0
        row += character
        used += cells(character)
    return [*rows, row]


def kind(line):
    """The colour of a line of output."""
    if '"ErrorCode":0' in line:
        return "good"
    if re.search(r'"ActionStatus":"FAIL"|^\d\d:\d\d:\d\d\.\d{3}  ', line):
        return "bad"
    return ""


class Story:
    """Terminals, and the second at which something happens in one of them."""

    def __init__(self, titles):
        self.terminals, self.now = [Terminal(title) for title in titles], 0.4

    def command(self, terminal, text):
        """Somebody pastes a command; what follows is its answer."""
        # A shell shows the lines of a pasted command as they are.
        first, *rest = text.split("\n")
        self.add(terminal, [("command", line) for line in ["$ " + first, *rest]])
        self.now += ANSWER_AFTER

    def output(self, terminal, text):
        """A command prints something. An answer without a line's end gets one."""
        if "\x1b" in text:
            raise ValueError(f"colours and cursor movements are not drawn: {text!r}")
        self.add(terminal, [(kind(line), line) for line in text.removesuffix("\n").split("\n")])

    def pause(self):
        """The reader reads."""
        self.now += NEXT_AFTER

    def add(self, terminal, lines):
        rows = [(colour, row) for colour, line in lines for row in wrapped(line)]
        self.terminals[terminal].blocks.append((self.now, rows))


class Terminal:
    """What one terminal shows in the end: blocks of rows with their colours, and the second at which each appears."""

    def __init__(self, title):
        self.title, self.blocks = title, []

    def height(self):
        return BAR + 2 * MARGIN + LINE * sum(len(rows) for _, rows in self.blocks)


def drawn_row(y, colour, row):
    """A row of text. Each column of it begins at its cell and has the width of its cells, whatever the viewer's font."""
    svg, attribute = "", f' class="{colour}"' if colour else ""
    for column in re.finditer(r"\S+(?: \S+)*", row):
        x, length = MARGIN + width(row[:column.start()]) * CELL, width(column[0]) * CELL
        size = f'textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"'
        svg += f'<text x="{x:.1f}" y="{y}"{attribute} {size}>{escape(column[0], quote=False)}</text>\n'
    return svg


def drawn(terminal, top):
    across = 2 * MARGIN + COLUMNS * CELL
    svg = (f'<rect class="window" x=".5" y="{top + .5}" width="{across - 1:.1f}" height="{terminal.height() - 1}" rx="8"/>'
           f'<path class="bar" d="M1 {top + BAR}V{top + 8.5}a7.5 7.5 0 0 1 7.5-7.5H{across - 8.5:.1f}a7.5 7.5 0 0 1 7.5 7.5V{top + BAR}z"/>'
           f'<text class="title" x="{across / 2:.1f}" y="{top + 20}" text-anchor="middle">{escape(terminal.title)}</text>\n')
    y = top + BAR + MARGIN + 13
    for second, rows in terminal.blocks:
        svg += f'<g style="animation-delay:{second:.1f}s">\n'
        for colour, row in rows:
            svg += drawn_row(y, colour, row)
            y += LINE
        svg += "</g>\n"
    return svg


def picture(story, about):
    """All terminals, one below the other."""
    across = 2 * MARGIN + COLUMNS * CELL
    svg, top = "", 0
    for terminal in story.terminals:
        svg += drawn(terminal, top)
        top += terminal.height() + GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across:.0f} {top - GAP}" role="img" aria-label="{escape(about)}">'
            f"<title>{escape(about)}</title><style>{STYLE}</style>\n{svg}</svg>\n")
