# SPDX-License-Identifier: Apache-2.0
"""The package's source of randomness: start weights, dropout masks, the order of batches.

What is random and was given no seed of its own draws from one generator. It starts from the
operating system's entropy; after ``set_seed(n)`` a program repeats bit for bit.
"""

from typing import Any

from ._common import checks

_MAX_SEED = 2**63 - 1

_generator = None


def generator() -> Any:
    """Return the `numpy.random.Generator` that all of the package draws from."""
    global _generator
    if _generator is None:
        _generator = checks.random_source(None)
    return _generator


def set_seed(seed: int) -> None:
    """Start the package's generator anew.

    Parameters
    ----------
    seed : int
        At least 0.

    Raises
    ------
    TypeError, ValueError
        If `seed` is not such a number; the generator goes on as it was.
    """
    global _generator
    _generator = checks.random_source(checked_seed(seed))


def draw_seed() -> int:
    """Return a seed for a generator of its own, drawn from the package's generator."""
    return int(generator().integers(1, 2**31))


def checked_seed(seed: int) -> int:
    """Return `seed` as an int that a generator can start from."""
    return checks.count("seed", seed, minimum=0, maximum=_MAX_SEED)


class SeedGenerator:
    """A row of seeds: what holds one, an initialiser say, gets other numbers at every use.

    Parameters
    ----------
    seed : int, optional
        Where the row starts; drawn from the package's generator when it is None.
    name : str, optional
        Kept, for the reader.
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self._source = checks.random_source(draw_seed() if seed is None else checked_seed(seed))
        self.initial_seed = seed
        self.name = name or "seed_generator"

    def next(self) -> int:
        """Return the next seed, an int."""
        return int(self._source.integers(1, 2**31))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a row from its start."""
        return {"seed": self.initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the row that `get_config` described."""
        return cls(**config)
