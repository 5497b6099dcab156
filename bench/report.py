# SPDX-License-Identifier: Apache-2.0
"""Write the table of a result file into README.md, between its two markers.

python bench/report.py result.json [--readme README.md] [--print]
"""

import argparse
import sys
from pathlib import Path

import results
from cases import Case
from contenders import FLOOR, OURS

START, END = "<!-- bench:start -->", "<!-- bench:end -->"
README = Path(__file__).resolve().parents[1] / "README.md"
TITLES = {OURS: "fastrnn"}


def main(argv=None):
    parser = argparse.ArgumentParser(description="Write a result file's table into README.md.")
    parser.add_argument("result", type=Path)
    parser.add_argument("--readme", type=Path, default=README)
    parser.add_argument("--print", action="store_true", help="show the table, write nothing")
    args = parser.parse_args(argv)
    try:
        text = table(results.read(args.result))
    except ValueError as error:
        parser.error(str(error))
    if args.print:
        print(text)
        return 0
    try:
        args.readme.write_text(replaced(args.readme.read_text(), text))
    except ValueError as error:
        parser.error(f"{args.readme}: {error}")
    return 0


def replaced(page, text):
    """The page with the text between the markers; ValueError unless it has each once, in order."""
    counts = page.count(START), page.count(END)
    if counts != (1, 1) or page.index(START) > page.index(END):
        raise ValueError(f"got {counts[0]} {START} and {counts[1]} {END}, wanted one pair in order")
    before, rest = page.split(START)
    return f"{before}{START}\n{text}\n{END}{rest.split(END)[1]}"


def table(record):
    """Markdown: what was measured, then a row for each case, grouped by regime."""
    timed = {Case.parse(name): c["seconds"] for name, c in record["cases"].items() if c["seconds"]}
    contenders = {name for seconds in timed.values() for name in seconds} - {FLOOR}
    shown = [name for name in record["versions"] if name in contenders]
    titles = [TITLES.get(name, name) for name in shown]
    head = ["case (T x N x I x H)", *titles, "GFLOP/s", "best rival / fastrnn"]
    lines = [_caption(record, shown), "", _row(head), _row(["---"] + ["--:"] * (len(head) - 1))]
    for regime in dict.fromkeys(case.regime for case in timed):
        lines.append(_row([f"**{regime}**"] + [""] * (len(head) - 1)))
        lines += [_row(_cells(c, s, shown)) for c, s in timed.items() if c.regime == regime]
    return "\n".join([*lines, "", f"{results.summary(record['cases'])}."])


def _caption(record, shown):
    machine, threads = record["machine"], results.threads(record["threads"])
    versions = ", ".join(f"{TITLES.get(n, n)} {record['versions'][n].split('-')[0]}" for n in shown)
    return (
        f"{machine['cpu']}, {record['isa']}, {threads}; {versions}; {machine['date'][:10]}. Time "
        f"of one run, median of {record['rounds']} interleaved rounds; GFLOP/s is fastrnn's. A "
        "ratio above 1 means fastrnn is faster than the best rival."
    )


def _cells(case, seconds, shown):
    return [
        case.name,
        *(results.duration(seconds.get(name)) for name in shown),
        results.number(results.gflops(case, seconds), 1),
        results.number(results.ratio_to_best(seconds), 2),
    ]


def _row(cells):
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
