# SPDX-License-Identifier: Apache-2.0
"""Memory of a call beyond its input and output, and what a training forward keeps.

    python bench/marks/memory.py [--threads 1]

Every figure is of a new process, from the pages that it has in memory (Linux with glibc only): what
was allocated and never touched does not count, neither for fastrnn nor for torch. Marks: inference
takes no more for 1000 steps than for 100; training keeps at most what torch keeps. Exit status: 0,
1 when a mark is missed, 2 for wrong arguments, another system, or no torch.
"""

import ctypes
import os
import platform
import re
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # what all of bench/ share

import arguments
import contenders
import fresh
import results

INFERENCE = (
    "rnn-{T}x32x128x128",
    "lstm-{T}x32x128x128",
    "gru-{T}x32x128x128",
    "lstm-{T}x1x128x128",
    "lstm-{T}x32x128x128-valid55",
    "lstm-{T}x32x128x128-2layers",
    "gru-{T}x32x128x128-2layers-bi",
)
SHORT, LONG = 100, 1000
TRAINING = tuple(
    f"train-{cell}-{sizes}"
    for sizes in ("100x32x256x256", "1000x4x64x64", "100x32x64x128-2layers-bi")
    for cell in ("rnn", "lstm", "gru")
)
RESET_PEAK = Path("/proc/self/clear_refs")
PAGES = Path("/proc/self/smaps_rollup")
PEAK = Path("/proc/self/status")
# The peak is of a count that the system keeps in batches, some 100 KiB on a few CPUs.
BLUR = 2**19

# Arrays get pages of their own, of the usual size, and give them back when they are freed.
EXACT = {"MALLOC_MMAP_THRESHOLD_": "65536", "NUMPY_MADVISE_HUGEPAGE": "0"}


def why_not():
    """Why nothing can be measured here, "" when it can."""
    if os.access(RESET_PEAK, os.W_OK) and platform.libc_ver()[0] == "glibc":
        return ""
    return f"system: got {platform.platform()}, wanted Linux with glibc and {RESET_PEAK}"


def extra(name, threads):
    """Bytes that an inference call takes at most at a time, beyond x and y, in this process."""
    import problems
    from cases import Case
    from contenders import fastrnn_

    for steps in (2, None):  # a short call first, which packs the weights
        case = Case.parse(name if steps is None else re.sub(r"\d+x", f"{steps}x", name, count=1))
        run = fastrnn_.prepare(case, problems.make(case), threads).run
        _return_freed_memory()
        RESET_PEAK.write_text("5")
        before = _size(PEAK, "VmHWM")
        y = run()
    return _size(PEAK, "VmHWM") - before - y.nbytes


def kept(contender, name, threads):
    """Bytes that a training forward leaves for backward, beyond x and y, in this process.

    A step before it has brought in all that is kept from step to step: packed weights, caches.
    """
    import problems
    from cases import Case

    case = Case.parse(name)
    passes = contenders.load(contender)[0].passes(case, problems.make(case), threads)
    passes.job().run()
    passes.clear()
    _return_freed_memory()
    before = _size(PAGES, "Rss")
    y = passes.forward()
    return _size(PAGES, "Rss") - before - y.nbytes


def _return_freed_memory():
    """What was freed before would be used again by the call measured, and not show."""
    ctypes.CDLL(None).malloc_trim(0)


def _size(path, field):
    """A size of this process in bytes."""
    return int(re.search(rf"^{field}:\s*(\d+) kB", path.read_text(), re.MULTILINE)[1]) << 10


def inference(threads):
    """(text, whether the mark is met) of each kind of inference."""
    for name in INFERENCE:
        short, long = (
            fresh.call("marks.memory", "extra", name.format(T=steps), threads, **EXACT)
            for steps in (SHORT, LONG)
        )
        figures = f"{_mib(short)} for {SHORT} steps, {_mib(long)} for {LONG}"
        yield f"{name.format(T='T')}: {figures}", long <= short + BLUR


def training(threads):
    """(text, whether the mark is met) of each kind of training."""
    for name in TRAINING:
        ours, theirs = (
            fresh.call("marks.memory", "kept", contender, name, threads, **EXACT)
            for contender in (contenders.OURS, "torch")
        )
        share = f"{ours / theirs:.2f} of what torch keeps"
        yield f"{name}: {_mib(ours)} kept, torch {_mib(theirs)}: {share}", ours <= theirs


def _mib(size):
    return f"{size / 2**20:.1f} MiB"


def main(argv=None):
    parser = arguments.parser(__doc__.splitlines()[0])
    args = parser.parse_args(argv)
    if reason := why_not():
        parser.error(reason)
    arguments.pin(args.threads)
    if reason := contenders.load("torch")[1]:
        parser.error(f"torch is missing ({reason}): training is compared with it")
    missed = 0
    for title, measured in (("inference, beyond x and y", inference), ("training", training)):
        print(title)
        for text, met in measured(args.threads):
            print(results.mark(text, met), flush=True)
            missed += not met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
