# SPDX-License-Identifier: Apache-2.0
"""What every example asks of its caller and does with its figure."""

import argparse


def parse(argv, description, **options):
    """Return the arguments of an example; `options` adds its own as name=default."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a small run of a few seconds")
    parser.add_argument("--figure", metavar="PATH", help="save the figure there; else show it")
    parser.add_argument("--seed", type=int, default=0, help="of everything drawn at random")
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=type(default), default=default,
                            help="default: %(default)s")
    return parser.parse_args(argv)


def finish(figure, path):
    """Save a figure to `path`; without one show it, where there is a screen."""
    from matplotlib import pyplot

    if path:
        figure.savefig(path, dpi=120)
    elif pyplot.get_backend().lower() != "agg":
        pyplot.show()
    pyplot.close(figure)


def panels(rows=1, columns=1, height=3.2, **options):
    """Return a figure and its axes; matplotlib itself takes Agg where there is no screen."""
    from matplotlib import pyplot

    return pyplot.subplots(rows, columns, figsize=(4.6 * columns, height * rows),
                           layout="constrained", **options)
