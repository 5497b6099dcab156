# SPDX-License-Identifier: Apache-2.0
"""What the command lines of this directory have in common."""

import argparse
import os

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def parser(description, threads=True, rounds=None):
    """A parser with --threads, and with --rounds where `rounds` is its default."""
    made = argparse.ArgumentParser(description=description)
    if threads:
        made.add_argument("--threads", type=positive, default=1)
    if rounds:
        made.add_argument("--rounds", type=positive, default=rounds)
    return made


def positive(text):
    """An integer of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"got {value}, wanted at least 1")
    return value


def pin(threads):
    """Hold the pools of all libraries to so many threads.

    They are sized when they are loaded: call this before NumPy or any framework is imported.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
