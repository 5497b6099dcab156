# SPDX-License-Identifier: Apache-2.0
"""Configurations of a model, and one random forward and backward of it, for comparisons."""

from dataclasses import dataclass, field

import numpy as np

import fastrnn
from fastrnn import reference
from tolerances import RELATIVE, relative_error


@dataclass(frozen=True)
class Config:
    """A model, the sizes of its input, and which optional arguments a call gets."""

    cell: str = "LSTM"
    steps: int = 5
    rows: int = 3
    input_size: int = 4
    hidden_size: int = 6
    dtype: str = "float32"
    batched: bool = True
    lengths: tuple | None = None
    state: bool = False
    seed: int = 0
    options: dict = field(default_factory=dict)

    def model(self, family=fastrnn, dtype=None):
        """The model of `family`: fastrnn, fastrnn.reference or torch.nn's signature."""
        cls = getattr(family, self.cell)
        return cls(self.input_size, self.hidden_size, dtype=dtype or self.dtype, seed=self.seed,
                   **self.options)

    @property
    def directions(self):
        return 2 if self.options.get("bidirectional") else 1

    @property
    def output_size(self):
        return self.options.get("proj_size") or self.hidden_size

    def shaped(self, width):
        """The shape of a sequence of this width."""
        if not self.batched:
            return (self.steps, width)
        if self.options.get("batch_first"):
            return (self.rows, self.steps, width)
        return (self.steps, self.rows, width)

    def random(self, rng, shape):
        return rng.standard_normal(shape).astype(self.dtype)

    def random_state(self, rng):
        slots = self.options.get("num_layers", 1) * self.directions
        rows = (self.rows,) if self.batched else ()
        h = self.random(rng, (slots, *rows, self.output_size))
        if self.cell != "LSTM":
            return h
        return h, self.random(rng, (slots, *rows, self.hidden_size))

    def arguments(self):
        """Random (x, state, dy, dstate)."""
        rng = np.random.default_rng(self.seed + 1)
        x = self.random(rng, self.shaped(self.input_size))
        dy = self.random(rng, self.shaped(self.directions * self.output_size))
        state = self.random_state(rng) if self.state else None
        return x, state, dy, self.random_state(rng)


def parts(state):
    """A state as a list of arrays."""
    return list(state) if isinstance(state, tuple | list) else [state]


def run(model, config):
    """Forward and backward; return every result by name."""
    x, state, dy, dstate = config.arguments()
    model.train()
    y, final = model(x, state, config.lengths)
    dx, dinitial = model.backward(dy, dstate)
    results = {"y": y, "dx": dx}
    results |= {f"final[{i}]": part for i, part in enumerate(parts(final))}
    results |= {f"dinitial[{i}]": part for i, part in enumerate(parts(dinitial))}
    return results | {f"d{name}": model.grads[name] for name in model.state_dict()}


def reference_results(config, state_dict):
    """The results of the float64 oracle with these parameters."""
    oracle = config.model(reference, "float64")
    oracle.load_state_dict(state_dict)
    return run(oracle, config)


def assert_agree(got, want, dtype, tolerance=None):
    """Every result within the tolerance of its dtype."""
    assert got.keys() == want.keys()
    tolerance = tolerance or RELATIVE[dtype]
    errors = {name: relative_error(got[name], want[name]) for name in want}
    assert all(error < tolerance for error in errors.values()), errors


def assert_same_bits(got, want):
    """Equal in every bit, NaN included."""
    assert got.keys() == want.keys()
    for name in want:
        assert got[name].shape == want[name].shape, name
        assert got[name].tobytes() == want[name].tobytes(), name
