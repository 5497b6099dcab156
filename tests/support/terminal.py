# SPDX-License-Identifier: Apache-2.0
"""What a person at a terminal would see of a program: a pseudo-terminal, and its screen."""

import os
import re
import subprocess
import sys
from pathlib import Path

_PIECES = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\r\n])|([^\x1b\r\n])")


def screen(written, columns):
    """The lines on a terminal of so many columns and any number of rows, without those below the
    last text. It knows what a bar uses: carriage return, new line, up, erase to the end.

    Raises
    ------
    ValueError
        If another control sequence is written.
    """
    rows, row, column = [[]], 0, 0
    at = 0
    while at < len(written):
        found = _PIECES.match(written, at)
        if found is None:
            raise ValueError(f"unknown control sequence: {written[at:at + 10]!r}")
        at = found.end()
        count, control, move, letter = found.groups()
        if control == "A":
            row = max(0, row - int(count or 1))
        elif control == "J" and not count:
            del rows[row + 1:]
            del rows[row][column:]
        elif control:
            raise ValueError(f"unknown control sequence: {found[0]!r}")
        elif move == "\r":
            column = 0
        else:
            if move == "\n" or column == columns:
                row, column = row + 1, 0
                rows += [[] for _ in range(row + 1 - len(rows))]
            if letter:
                line = rows[row]
                line += " " * (column + 1 - len(line))
                line[column] = letter
                column += 1
    lines = ["".join(line).rstrip() for line in rows]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def run_on_terminal(code, columns, rows=24, **environment):
    """Run code in a new interpreter on a pseudo-terminal; return what it wrote, as text."""
    import fcntl
    import pty
    import struct
    import termios

    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=inner,
        stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path, "TERM": "xterm"}
        | environment)
    os.close(inner)
    written = b""
    try:
        while part := os.read(outer, 4096):
            written += part
    except OSError:     # Linux says so when the other side has gone
        pass
    os.close(outer)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    assert errors == b""
    # A terminal writes a new line as a carriage return and a new line.
    return written.decode().replace("\r\n", "\n")
