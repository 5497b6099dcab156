# SPDX-License-Identifier: Apache-2.0
"""The arrays of a case: one set of random weights and inputs, the same for every contender."""

import zlib
from dataclasses import dataclass

import numpy as np

from cases import GATES

CHECKED_STEPS = 16  # steps compared before a stream is timed


@dataclass(frozen=True)
class Problem:
    """Inputs of a case; contenders must not write into them.

    weights: mapping with torch's keys, shapes, gate order; x (T, N, I), for a stream
    (CHECKED_STEPS, N, I); dy (T, N, D*H) for training, zero past a row's end, else None;
    lengths int64 (N,) or None.
    """

    weights: dict
    x: np.ndarray
    dy: np.ndarray | None
    lengths: np.ndarray | None


def make(case):
    """The problem of a case; the same on every call and every machine."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    steps = CHECKED_STEPS if case.mode == "stream" else case.T
    lengths = case.lengths()
    lengths = None if lengths is None else np.array(lengths, np.int64)
    return Problem(
        weights=_weights(case, rng),
        x=rng.standard_normal((steps, case.N, case.I), case.dtype),
        dy=_dy(case, lengths, rng) if case.mode == "training" else None,
        lengths=lengths,
    )


def keys(case):
    """(layer, torch's key suffix) of every layer and direction, in torch's order."""
    suffixes = ("", "_reverse")[: case.directions]
    return [(k, f"_l{k}{suffix}") for k in range(case.layers) for suffix in suffixes]


def _weights(case, rng):
    """U(-1/sqrt(H), 1/sqrt(H)) for every weight and bias, torch's initialisation."""
    rows = GATES[case.cell] * case.H
    weights = {}
    for k, suffix in keys(case):
        width = case.I if k == 0 else case.directions * case.H
        shapes = (rows, width), (rows, case.H), (rows,), (rows,)
        names = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
        for key, shape in zip(names, shapes, strict=True):
            uniform = rng.random(shape, case.dtype) * 2 - 1
            weights[key + suffix] = uniform / np.sqrt(case.H, dtype=case.dtype)
    return weights


def _dy(case, lengths, rng):
    dy = rng.standard_normal((case.T, case.N, case.directions * case.H), case.dtype)
    if lengths is not None:
        dy *= (np.arange(case.T)[:, None] < lengths)[:, :, None]
    return dy
