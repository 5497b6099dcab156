# SPDX-License-Identifier: Apache-2.0
"""Start values whose variance follows from the number of connections of a unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .base import RandomInitializer
from .distributions import cut_normal, moved, normal, uniform

# The standard deviation of a standard normal variable that is cut off at -2 and 2.
_CUT_NORMAL_STD = 0.87962566103423978


class VarianceScaling(RandomInitializer):
    """Mean 0 and variance scale / fan, where fan counts the connections of a unit.

    Parameters
    ----------
    scale : float
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}
        Which connections: those into a unit, out of it, or the mean of both.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        "normal" is "truncated_normal".
    seed : int or random.SeedGenerator, optional
    input_axes, output_axes : sequence of int, optional
        The axes whose sizes are multiplied to the fans; both, or by default the last two, and
        the ones before them in both fans.

    Raises
    ------
    ValueError
        If an argument is none of these.
    """

    fields: tuple[str, ...] = ("scale", "mode", "distribution", "seed", "input_axes", "output_axes")

    def __init__(self, scale: float = 1.0, mode: str = "fan_in",
                 distribution: str = "truncated_normal", seed: Any = None,
                 input_axes: Sequence[int] | None = None,
                 output_axes: Sequence[int] | None = None) -> None:
        if not checks.number("scale", scale) > 0:
            raise ValueError(f"scale must be above 0, got {scale}")
        distribution = str(distribution).lower()
        self.scale = scale
        self.mode = checks.choice("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        self.distribution = checks.choice(
            "distribution", "truncated_normal" if distribution == "normal" else distribution,
            ("uniform", "truncated_normal", "untruncated_normal"))
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, fan))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * stddev
            return uniform(self._source(), shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return moved(normal(self._source(), shape, dtype), stddev)
        return moved(cut_normal(self._source(), shape, dtype), stddev / _CUT_NORMAL_STD)


class _FanScaling(VarianceScaling):
    """A `VarianceScaling` whose scale, mode and distribution are the class's."""

    _law: tuple[float, str, str]

    fields = ("seed", "input_axes", "output_axes")

    def __init__(self, seed: Any = None, input_axes: Sequence[int] | None = None,
                 output_axes: Sequence[int] | None = None) -> None:
        scale, mode, distribution = self._law
        super().__init__(scale, mode, distribution, seed, input_axes, output_axes)


class GlorotUniform(_FanScaling):
    """U(-a, a) with a = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""

    _law = (1.0, "fan_avg", "uniform")


class GlorotNormal(_FanScaling):
    """A cut normal of variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""

    _law = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_FanScaling):
    """U(-a, a) with a = sqrt(6 / fan_in) (He et al., 2015)."""

    _law = (2.0, "fan_in", "uniform")


class HeNormal(_FanScaling):
    """A cut normal of variance 2 / fan_in (He et al., 2015)."""

    _law = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_FanScaling):
    """U(-a, a) with a = sqrt(3 / fan_in) (LeCun et al., 1998)."""

    _law = (1.0, "fan_in", "uniform")


class LecunNormal(_FanScaling):
    """A cut normal of variance 1 / fan_in (LeCun et al., 1998)."""

    _law = (1.0, "fan_in", "truncated_normal")


def compute_fans(shape: Sequence[int], input_axes: Sequence[int] | None = None,
                 output_axes: Sequence[int] | None = None) -> tuple[int, int]:
    """Return how many connections lead into a unit and out of it, of a weight of `shape`.

    The last two axes are inputs and units; the axes before them stand in both numbers.
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return (math.prod(shape[axis] for axis in input_axes),
                math.prod(shape[axis] for axis in output_axes))
    if len(shape) < 2:
        return (math.prod(shape),) * 2
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]
