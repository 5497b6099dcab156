# SPDX-License-Identifier: Apache-2.0
"""Where a run is shown: lines of text, a bar on a terminal, a bar of a notebook.

All goes to standard output, looked up whenever something is written, so that it may be captured,
led elsewhere, or missing altogether.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

# Cells of a bar; where fewer are left, the values go to lines of their own.
_NARROWEST, _WIDEST = 10, 30
_DEFAULT_SIZE = (80, 24)
_BETWEEN, _INDENT = " - ", "  "
# The bar that stands on the terminal, if one does.
_standing = None


def say(text: str) -> None:
    """Write a line, above the bar that is shown at the time."""
    if _standing is not None:
        _standing.erase()
    write(f"{text}\n")


def write(text: str) -> None:
    """Write to standard output at once; nothing where there is none or it was closed."""
    stream = sys.stdout
    if stream is None or getattr(stream, "closed", False):
        return
    try:
        stream.write(text)
    except UnicodeEncodeError:      # of names that this output has no letters for
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))
    flush = getattr(stream, "flush", None)
    if flush is not None:
        flush()


def bar_for_output(steps: int, title: str) -> Any:
    """Return a bar for the present standard output; None where lines serve better.

    Parameters
    ----------
    steps : int or None
        In all, where that is known.
    title : str
    """
    if _standing is not None:       # of a run that was broken off
        _standing.leave()
    stream = sys.stdout
    if type(stream).__module__.partition(".")[0] == "ipykernel":
        return _notebook_bar(steps, title)
    return TerminalBar(steps, title) if _moves_cursor(stream) else None


def _moves_cursor(stream):
    """Whether `stream` is a terminal that knows how to go up a line."""
    try:
        terminal = stream.isatty()
    except (AttributeError, ValueError):
        return False
    if os.name == "nt" and "WT_SESSION" not in os.environ:
        return False
    return bool(terminal) and os.environ.get("TERM") != "dumb"


class TerminalBar:
    """A bar and the values so far, in as many lines as that takes, drawn over what was before."""

    def __init__(self, steps: int, title: str) -> None:
        self._steps, self._title = steps, title
        self._shown: list[str] = []

    def draw(self, seen: int, times: Sequence[str], values: Sequence[str]) -> None:
        """Draw `seen` steps done, with texts about the time and about each value."""
        global _standing
        columns, rows = _size()
        lines = self._lines(seen, times, values, columns - 1)
        # What has scrolled off the top could not be drawn over.
        lines = lines[:max(1, rows - 1)]
        write(self._back(columns) + "\n".join(lines))
        self._shown, _standing = lines, self

    def close(self, seen: int, times: Sequence[str], values: Sequence[str]) -> None:
        """Draw for the last time, and leave it there."""
        columns, _ = _size()
        self._steps = seen
        lines = self._lines(seen, times, values, columns - 1)
        write(self._back(columns) + "\n".join(lines))
        self.leave()

    def leave(self) -> None:
        """Go to the line below."""
        global _standing
        self._shown, _standing = [], None
        write("\n")

    def erase(self) -> None:
        """Take away what is shown; a later `draw` begins where the cursor is then."""
        global _standing
        write(self._back(_size()[0]))
        self._shown, _standing = [], None

    def _back(self, columns):
        """What goes back to the beginning of what is shown, and erases it."""
        # A terminal made narrower has broken the lines that were drawn for the width before.
        up = sum(max(1, -(-_width(line) // columns)) for line in self._shown) - 1
        return (f"\x1b[{up}A" if up > 0 else "") + "\r\x1b[J"

    def _lines(self, seen, times, values, columns):
        counts = f"{seen}/{self._steps}" if self._steps else f"step {seen}"
        head = " ".join(filter(None, (self._title, counts)))
        tail = _BETWEEN.join(times)
        share = min(1.0, seen / self._steps) if self._steps else None
        for rest in ([_BETWEEN.join([tail, *values])] if values else []) + [tail]:
            around = _width(f"{head} [] {rest}")
            fewest = 0 if share is None else _NARROWEST if rest != tail else 2
            if around + fewest <= columns:
                line = head + _bar(share, columns - around) + rest
                return [line] if rest != tail or not values else [line, *wrapped(values, columns)]
        first, *others = wrapped([head, *times, *values], columns)
        return [first.lstrip(), *others]


def _bar(share, room):
    if share is None:
        return _BETWEEN
    cells = min(room, _WIDEST)
    done = int(share * cells)
    head = ">" if 0 < done < cells else ""
    return f" [{'=' * (done - len(head))}{head}{'.' * (cells - done)}] "


def wrapped(parts: Iterable[str], columns: int) -> list[str]:
    """Return parts of text in lines of at most `columns`, a part only broken if it is longer."""
    columns = max(1, columns)
    indent = _INDENT if columns > 4 * len(_INDENT) else ""
    lines, line = [], ""
    for part in parts:
        joined = line + _BETWEEN + part if line else indent + part
        if _width(joined) <= columns:
            line = joined
            continue
        lines += [line] if line else []
        line = indent + part
        while _width(line) > columns:
            at = _fitting(line, columns)
            space = line.rfind(" ", len(indent) + 1, at + 1)
            at = at if space < 0 else space
            lines.append(line[:at])
            line = indent + line[at:].lstrip()
    return [*lines, line]


def _fitting(text, columns):
    """How many characters of `text` go into so many columns, at least one past the indent."""
    count = 0
    while _width(text[:count + 1]) <= columns:
        count += 1
    return max(count, len(_INDENT) + 1 if text.startswith(_INDENT) else 1)


def _width(text):
    """Columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # tables that few titles need

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _size():
    """Columns and rows of the terminal, which may change at any time."""
    try:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
    except (AttributeError, ValueError, OSError):
        columns = rows = 0
    return columns or _DEFAULT_SIZE[0], rows or _DEFAULT_SIZE[1]


class _NotebookBar:
    """A bar of tqdm's: with widgets, or of text where there are none."""

    def __init__(self, tqdm: Any, steps: int, title: str, **options: Any) -> None:
        self._bar = tqdm(total=steps, desc=title or None, unit="step", mininterval=0, miniters=1,
                         **options)

    def draw(self, seen: int, times: Sequence[str], values: Sequence[str]) -> None:
        self._bar.set_postfix_str(_BETWEEN.join(values), refresh=False)
        self._bar.update(seen - self._bar.n)

    def close(self, seen: int, times: Sequence[str], values: Sequence[str]) -> None:
        self._bar.total = self._bar.total or seen
        self.draw(seen, times, values)
        self._bar.close()


def _notebook_bar(steps, title):
    try:
        # Both are optional, and slow to load.
        import ipywidgets  # noqa: F401
        from tqdm.notebook import tqdm

        return _NotebookBar(tqdm, steps, title)
    except ImportError:
        pass
    try:
        from tqdm import tqdm  # optional
    except ImportError:
        return None
    # With a delay it is not drawn before the first update.
    return _NotebookBar(tqdm, steps, title, file=sys.stdout, delay=1e-9)
