# SPDX-License-Identifier: Apache-2.0
"""The grid of workloads: data only, no imports beyond the standard library.

A case is named by its content, ``[train-|stream-]CELL-TxNxIxH[-2layers][-bi][-valid55][-f64]``, and
`Case.parse` reads such a name back, so sizes that the grid does not list can be measured as well.
"""

import random
import re
from dataclasses import dataclass

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
PREFIX = {"inference": "", "training": "train-", "stream": "stream-"}
NAME = re.compile(
    r"(?P<mode>train-|stream-)?(?P<cell>rnn|lstm|gru)-(?P<sizes>\d+x\d+x\d+x\d+)"
    r"(-(?P<layers>\d+)layers)?(?P<bi>-bi)?(-valid(?P<valid>\d+))?(?P<f64>-f64)?"
)


@dataclass(frozen=True)
class Case:
    """One workload: T steps of N rows, I inputs, H hidden units.

    ``valid`` is the share of valid steps in percent when the rows have different lengths, None when
    all are full. Mode "stream" is one step a call (T = 1) with the state carried along.
    """

    cell: str
    T: int
    N: int
    I: int
    H: int
    mode: str = "inference"
    layers: int = 1
    directions: int = 1
    valid: int | None = None
    dtype: str = "float32"

    @property
    def name(self):
        """The name `parse` reads; unique for each case."""
        suffix = f"-{self.layers}layers" if self.layers > 1 else ""
        suffix += "-bi" if self.directions == 2 else ""
        suffix += f"-valid{self.valid}" if self.valid else ""
        suffix += "-f64" if self.dtype == "float64" else ""
        return f"{PREFIX[self.mode]}{self.cell}-{self.T}x{self.N}x{self.I}x{self.H}{suffix}"

    @classmethod
    def parse(cls, name):
        """The case of a name; ValueError when the text is not one."""
        m = NAME.fullmatch(name)
        if not m:
            raise ValueError(f"case name: got {name!r}, wanted e.g. 'train-lstm-50x16x256x256-bi'")
        case = cls(
            m["cell"],
            *map(int, m["sizes"].split("x")),
            mode=next(mode for mode, prefix in PREFIX.items() if prefix == (m["mode"] or "")),
            layers=int(m["layers"] or 1),
            directions=2 if m["bi"] else 1,
            valid=int(m["valid"]) if m["valid"] else None,
            dtype="float64" if m["f64"] else "float32",
        )
        case._check(name)
        return case

    def _check(self, name):
        if min(self.T, self.N, self.I, self.H, self.layers) < 1:
            raise ValueError(f"case name: got {name!r}, wanted sizes of at least 1")
        if self.valid is not None and not 50 <= self.valid <= 99:
            raise ValueError(f"case name: got valid{self.valid} in {name!r}, wanted 50 to 99")
        if self.mode == "stream" and (self.T, self.directions, self.valid) != (1, 1, None):
            raise ValueError(f"case name: got {name!r}, wanted T = 1, one direction, no lengths")

    @property
    def regime(self):
        """The group a case is judged with."""
        if self.mode != "inference":
            return self.mode
        if self.valid:
            return "variable length"
        return "batch 1" if self.N == 1 else "batch 2-8" if self.N <= 8 else "batch 9 and more"

    def lengths(self):
        """Valid steps of each row, in mixed order, mean ``valid`` % of T; None when all full."""
        if not self.valid:
            return None
        share = self.valid / 100
        first, last = (2 * share - 1, 1.0) if self.N > 1 else (share, share)
        spread = [first + (last - first) * k / max(self.N - 1, 1) for k in range(self.N)]
        rows = [max(1, round(s * self.T)) for s in spread]
        random.Random(self.N).shuffle(rows)
        return rows

    def flops(self):
        """Floating-point operations of the products of one run, 2 for a multiply-add.

        A layer does W x (I wide) and R h (H wide) for G gates in each valid step; layers after the
        first read the outputs of all directions. Training is three forwards: forward, the gradients
        of the activations, the gradients of the weights.
        """
        steps = sum(self.lengths() or [self.T * self.N])
        widths = [self.I] + [self.directions * self.H] * (self.layers - 1)
        macs = steps * self.directions * GATES[self.cell] * self.H * sum(w + self.H for w in widths)
        return 2 * macs * (3 if self.mode == "training" else 1)

    def recurrent_bytes(self):
        """Bytes of R of one layer and direction."""
        return GATES[self.cell] * self.H**2 * (8 if self.dtype == "float64" else 4)


def _cases(text):
    return tuple(Case.parse(name) for name in text.split())


def _unique(*groups):
    return tuple({case.name: case for group in groups for case in group}.values())


SMOKE = _cases("""
    lstm-10x3x20x24  gru-8x2x12x16-2layers  rnn-8x4x10x20-bi  lstm-12x5x8x16-bi-valid55
    train-gru-8x4x12x16  stream-lstm-1x1x8x16  gru-8x3x12x16-f64
""")

MAIN = _cases("""
    lstm-100x1x32x32  lstm-63x1x24x32  lstm-100x1x64x128  lstm-50x1x256x256  lstm-25x1x512x512
    lstm-25x1x1024x1024  lstm-50x16x256x256  lstm-50x32x128x128  lstm-25x64x512x512
    lstm-25x16x1024x1024  lstm-50x4x256x256
    gru-100x1x64x128  gru-25x1x512x512  gru-50x32x256x256
    rnn-100x1x64x128  rnn-50x32x256x256
    train-lstm-50x16x256x256  train-lstm-50x32x128x128  train-lstm-25x16x1024x1024
    train-lstm-50x1x256x256  train-gru-50x32x256x256  train-rnn-50x32x256x256
    lstm-100x32x64x128-valid55  train-lstm-100x32x64x128-valid55
    stream-lstm-1x1x32x32  stream-lstm-1x1x256x256  stream-gru-1x1x32x32
""")

# The rest of the measured tables of inference, training, variable length.
TABLES = _cases("""
    lstm-25x128x1024x1024  gru-25x64x512x512  rnn-50x16x1760x1760
    train-lstm-25x64x512x512  train-lstm-25x128x1024x1024  train-lstm-100x1x64x128
    train-gru-25x64x512x512  train-rnn-50x16x1760x1760
    lstm-100x32x256x256-valid55  train-lstm-100x32x256x256-valid55
    lstm-100x32x64x128  train-lstm-100x32x64x128  lstm-100x32x256x256  train-lstm-100x32x256x256
    gru-100x32x64x128-valid55  train-gru-100x32x64x128-valid55
    gru-100x32x64x128  train-gru-100x32x64x128
    rnn-100x32x64x128-valid55  lstm-100x32x64x128-2layers-bi-valid55
""")

STREAM = _cases("""
    stream-lstm-1x1x16x16  stream-lstm-1x1x64x64  stream-lstm-1x1x128x128  stream-lstm-1x8x32x32
    stream-gru-1x1x16x16  stream-gru-1x1x64x64  stream-gru-1x1x128x128  stream-gru-1x1x256x256
    stream-rnn-1x1x32x32
    stream-lstm-1x1x1x8-2layers  stream-lstm-1x1x1x16  stream-lstm-1x1x128x128-4layers
    stream-gru-1x1x512x16  stream-gru-1x1x128x384  stream-lstm-1x1x320x320
""")

# Batch 1 over all widths (24 to 1024), every cell.
BATCH1 = _cases("""
    lstm-100x1x24x24  lstm-100x1x64x64  lstm-100x1x128x128
    gru-100x1x32x32  gru-100x1x64x64  gru-50x1x256x256  gru-25x1x1024x1024
    rnn-100x1x32x32  rnn-100x1x64x64  rnn-50x1x256x256  rnn-25x1x512x512  rnn-25x1x1024x1024
""")

# One row more at a time: time per row must not rise.
ROWS = tuple(
    Case(cell, 50, N, H, H)
    for cell, H in (("lstm", 128), ("lstm", 256), ("gru", 128), ("rnn", 128))
    for N in range(1, 9)
)

# Sizes that fill no vector, batches that fill no block, inputs of yet another width.
ODD = (
    *(
        Case(cell, 50 if H <= 200 else 25, N, H, H)
        for cell in GATES
        for H in (50, 96, 200, 300, 650)
        for N in (1, 3, 7, 20, 48)
    ),
    *_cases("""
        lstm-50x7x13x50  lstm-50x1x31x96  lstm-50x20x7x200  gru-50x3x1x50  gru-25x48x77x300
        rnn-50x7x33x96  rnn-25x1x129x650  stream-lstm-1x1x50x50  stream-gru-1x3x13x96
        train-lstm-50x7x50x50  train-lstm-50x3x96x96  train-lstm-50x20x200x200
        train-lstm-25x48x300x300  train-lstm-25x20x650x650
        train-gru-50x20x50x50  train-gru-50x3x96x96  train-gru-50x7x200x200
        train-gru-25x48x300x300  train-gru-25x1x650x650
        train-rnn-50x48x50x50  train-rnn-50x7x96x96  train-rnn-50x20x200x200
        train-rnn-25x3x300x300  train-rnn-25x7x650x650
        train-lstm-50x20x13x50-2layers-bi  lstm-50x7x50x50-valid55  gru-50x20x96x96-valid55
    """),
)

# DeepBench and oneDNN shapes; the longest sequences are cut to 10-25 steps, which leaves the time a
# step as it is.
SUITES = _cases("""
    lstm-150x1x256x256  lstm-150x16x256x256  lstm-150x64x256x256  lstm-50x8x1536x1536
    lstm-25x2x512x512  lstm-25x4x1024x1024  lstm-25x1x2048x2048  lstm-10x16x2048x2048
    gru-10x32x1536x1536  gru-10x32x2560x2560  gru-1x32x512x512  gru-25x32x1024x1024
    gru-10x1x2816x2816  gru-25x4x1024x1024  rnn-25x32x2048x2048  rnn-10x128x2560x2560
    rnn-672x1x32x32  rnn-96x1x64x64
    train-lstm-150x32x256x256  train-lstm-25x32x512x512  train-gru-10x32x2048x2048
    lstm-10x1x256x256-bi  lstm-50x64x256x256-bi  lstm-101x1x512x512  lstm-25x128x512x512
    rnn-50x1x1760x1760  gru-50x1x1760x1760  lstm-50x1x240x1024  lstm-50x1x2048x1024
    lstm-50x16x1536x1536  lstm-50x1x1536x1536  lstm-5x32x4096x4096  train-lstm-10x16x2048x2048
    gru-10x32x2048x2048  gru-10x32x2816x2816  gru-10x1x1536x1536  gru-10x2x2048x2048
    gru-10x4x2560x2560  gru-1x1x512x512  rnn-10x64x1760x1760  train-rnn-10x32x2560x2560
    lstm-10x64x256x256-bi  lstm-101x1x256x256-bi  lstm-25x64x256x256-2layers-bi
    train-lstm-25x64x256x256-bi  train-lstm-25x64x512x512-2layers  lstm-50x1x320x320
""")

# Batch 1 in both directions, in two layers, and in both (oneDNN issue 837 first).
BATCH1_STACKS = _cases("""
    lstm-63x1x24x32-bi  lstm-31x1x48x32-bi  lstm-15x1x96x32-bi
    lstm-63x1x24x32-2layers  lstm-63x1x24x32-2layers-bi  lstm-100x1x64x128-bi
    lstm-100x1x64x128-2layers  lstm-50x1x256x256-2layers  lstm-50x1x256x256-2layers-bi
    lstm-25x1x512x512-2layers  lstm-25x1x512x512-bi
    gru-63x1x24x32-bi  gru-63x1x24x32-2layers  gru-100x1x64x128-2layers-bi
    gru-25x1x512x512-2layers  gru-50x1x256x256-2layers-bi
    rnn-63x1x24x32-bi  rnn-63x1x24x32-2layers  rnn-100x1x64x128-2layers-bi
    train-lstm-63x1x24x32-2layers-bi  train-gru-100x1x64x128-2layers
""")

# Small whole models and stacks.
MODELS = _cases("""
    train-lstm-10x32x1x50-3layers  lstm-10x1x1x50-3layers  lstm-100x1x257x128-2layers
    train-rnn-100x32x32x128-2layers  train-lstm-100x32x32x128-2layers
    train-gru-100x32x32x128-2layers  lstm-100x1x1x16  lstm-100x1x1x8-2layers
    train-lstm-50x16x128x128-bi
""")

FLOAT64 = _cases("""
    lstm-50x16x256x256-f64  gru-50x1x128x128-f64  train-lstm-50x16x128x128-f64
    lstm-50x1x256x256-f64  lstm-25x4x512x512-f64  gru-50x32x128x128-f64  rnn-50x32x256x256-f64
    train-gru-50x32x128x128-f64  train-rnn-50x16x256x256-f64
    lstm-100x32x64x128-valid55-f64  stream-lstm-1x1x64x64-f64
""")

SETS = {
    "smoke": SMOKE,
    "main": MAIN,
    "odd": ODD,
    "full": _unique(
        *(MAIN, TABLES, STREAM, BATCH1, BATCH1_STACKS, ROWS, ODD, SUITES, MODELS, FLOAT64)
    ),
}
