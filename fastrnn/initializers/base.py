# SPDX-License-Identifier: Apache-2.0
"""Bases of the initialisers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import random
from .._common import checks
from .._common.registry import Configured


class Initializer(Configured):
    """Base of the initialisers; one of your own gives `__call__`."""

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        """Return the start values of a weight.

        Parameters
        ----------
        shape : tuple of int
        dtype : dtype, optional
            float32 or float64; None is float32.

        Returns
        -------
        w : ndarray
        """
        raise NotImplementedError

    def clone(self) -> Self:
        """Return an initialiser from the same arguments."""
        return self.from_config(self.get_config())


class RandomInitializer(Initializer):
    """Base of the random initialisers.

    Parameters
    ----------
    seed : int or random.SeedGenerator, optional
        Drawn from the package's generator when it is None.
    """

    fields: tuple[str, ...] = ("seed",)

    def __init__(self, seed: int | random.SeedGenerator | dict[str, Any] | None = None) -> None:
        self._given_seed = seed
        if isinstance(seed, dict):
            self.seed = random.SeedGenerator.from_config(seed.get("config", seed))
        elif isinstance(seed, random.SeedGenerator):
            self.seed = seed
        else:
            self.seed = random.draw_seed() if seed is None else random.checked_seed(seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such an initialiser; a seed that was None stays None."""
        seed = self._given_seed
        if isinstance(seed, random.SeedGenerator):
            seed = {"class_name": "SeedGenerator", "config": seed.get_config()}
        return {**super().get_config(), "seed": seed}

    def _source(self):
        seed = self.seed
        return checks.random_source(seed if isinstance(seed, int) else seed.next())


def dtype_of(value: npt.DTypeLike | None) -> np.dtype[Any]:
    """Return the dtype of start values; None is float32."""
    return checks.float_dtype("float32" if value is None else value)
