# SPDX-License-Identifier: Apache-2.0
"""Whether fit, evaluate and predict show a bar."""

from typing import Any


def verbosity(verbose: int | str, data: Any) -> int:
    """Return the `verbose` of evaluate and predict; by default a bar for more than one batch."""
    if verbose != "auto":
        return checked(verbose)
    return int(data.count() != 1)


def checked(verbose: int | str) -> int:
    """Return 0, 1 or 2; anything else is refused."""
    if verbose not in (0, 1, 2):
        raise ValueError(f'verbose must be "auto", 0, 1 or 2, got {verbose!r}')
    return int(verbose)
