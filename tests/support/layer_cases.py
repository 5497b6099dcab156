# SPDX-License-Identifier: Apache-2.0
"""One layer in one direction with random weights, run by the core and by the oracle."""

from dataclasses import dataclass

import numpy as np

from fastrnn import reference
from fastrnn._core.backward import backward
from fastrnn._core.forward import forward
from fastrnn._core.pack import PackedLayer
from tolerances import RELATIVE, relative_error

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
ROLES = ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")


@dataclass(frozen=True)
class LayerCase:
    """What a layer is like and what it is run on.

    `dropout` is the rate of recurrent dropout; `biases` how many bias vectors there are.
    """

    cell: str = "lstm"
    activations: str | tuple | None = None
    steps: int = 6
    rows: int = 5
    input_size: int = 4
    hidden_size: int = 19
    proj_size: int = 0
    dtype: str = "float32"
    lengths: tuple | None = None
    reverse: bool = False
    reset_after: bool = True
    biases: int = 2
    state: bool = True
    dropout: float = 0.0
    seed: int = 0

    @property
    def output_size(self):
        return self.proj_size or self.hidden_size

    def random(self, rng, *shape):
        return rng.standard_normal(shape).astype(self.dtype)

    def weights(self):
        """Random weights by role; None for those that the layer lacks."""
        rng = np.random.default_rng(self.seed)
        gate_rows, P = GATES[self.cell] * self.hidden_size, self.output_size
        # The exponential makes numbers without bound from larger ones.
        shrink = 8 if "exponential" in (self.activations or ()) else 1
        scale = np.asarray(1 / np.sqrt(self.hidden_size) / shrink, self.dtype)
        return {
            "w_ih": self.random(rng, gate_rows, self.input_size) * scale,
            "w_hh": self.random(rng, gate_rows, P) * scale,
            "b_ih": self.random(rng, gate_rows) * scale if self.biases > 0 else None,
            "b_hh": self.random(rng, gate_rows) * scale if self.biases > 1 else None,
            "w_hr": self.random(rng, P, self.hidden_size) * scale if self.proj_size else None,
        }

    def arguments(self):
        """Random x, (h0, c0), dy, (dh_n, dc_n) and masks, by name."""
        rng = np.random.default_rng(self.seed + 1)
        T, N, H, P = self.steps, self.rows, self.hidden_size, self.output_size
        kept = rng.random((GATES[self.cell], N, P)) >= self.dropout
        masks = (kept / (1 - self.dropout)).astype(self.dtype) if self.dropout else None
        states = [
            (self.random(rng, N, P), self.random(rng, N, H) if self.cell == "lstm" else None)
            for _ in range(2)
        ]
        return {
            "x": self.random(rng, T, N, self.input_size),
            "initial": states[0] if self.state else (None, None),
            "dy": self.random(rng, T, N, P),
            "dfinal": states[1],
            "masks": masks,
            "lengths": None if self.lengths is None else np.array(self.lengths),
        }


def named(y, state, dx, dstate, grads):
    """Results by name, those that are None left out."""
    results = {"y": y, "dx": dx, **grads}
    results |= dict(zip(("h_n", "c_n", "dh0", "dc0"), (*state, *dstate), strict=True))
    return {name: value for name, value in results.items() if value is not None}


def packed(case, weights, training=False):
    return PackedLayer(case.cell, case.activations, *[weights[role] for role in ROLES],
                       reset_after=case.reset_after, training=training)


def core_forward(case, layer, given, keep):
    """(y, (h_n, c_n), tape) of the core."""
    y = np.full((case.steps, case.rows, case.output_size), np.nan, case.dtype)
    final = (
        np.empty((case.rows, case.output_size), case.dtype),
        np.empty((case.rows, case.hidden_size), case.dtype) if case.cell == "lstm" else None,
    )
    tape = forward(layer, given["x"], y, given["initial"], final, given["lengths"], case.reverse,
                   keep, dropout=given["masks"])
    return y, final, tape


def run_core(case, **changed):
    """Results of the core, forward and backward, by name; `changed`: other arguments."""
    weights, given = case.weights(), case.arguments() | changed
    y, final, tape = core_forward(case, packed(case, weights), given, True)
    grads = {role: None if w is None else np.zeros_like(w) for role, w in weights.items()}
    dx = np.full_like(given["x"], np.nan)
    dinitial = tuple(None if part is None else np.empty_like(part) for part in final)
    backward(tape, given["dy"], *given["dfinal"], dx, *dinitial, grads, False)
    return named(y, final, dx, dinitial, grads)


def wide(value):
    """A copy in float64, of None None."""
    return None if value is None else value.astype(np.float64)


def run_reference(case):
    """Results of the oracle in float64, by name."""
    given = case.arguments()
    weights = {role: wide(w) for role, w in case.weights().items()}
    layer = reference.Layer(case.cell, case.activations, **weights, reset_after=case.reset_after)
    y, *final, tape = reference.forward(layer, wide(given["x"]), *map(wide, given["initial"]),
                                        given["lengths"], case.reverse, wide(given["masks"]))
    dx, *dinitial, grads = reference.backward(tape, wide(given["dy"]), *map(wide, given["dfinal"]))
    return named(y, final, dx, dinitial, grads)


def disagreements(cases):
    """What of the core is beyond the tolerance: [case, result, relative error] each."""
    found = []
    for case in cases:
        got, want = run_core(case), run_reference(case)
        assert got.keys() == want.keys(), case
        errors = {name: relative_error(got[name], want[name]) for name in want}
        found += [[repr(case), name, error] for name, error in errors.items()
                  if not error < RELATIVE[case.dtype]]
    return found
