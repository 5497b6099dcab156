# SPDX-License-Identifier: Apache-2.0
"""The one table of tolerances, and the one measure of error, that all tests use."""

import numpy as np

# Largest relative error of an output or a gradient against the oracle or torch, by dtype.
RELATIVE = {"float32": 5e-5, "float64": 1e-9}

# Between two instruction sets in float32: they differ in the order of sums only.
ACROSS_ISAS = 2e-5

# Central differences in float64 with step 1e-5: about 1e-10 of truncation (the step squared) and
# 1e-11 of rounding (the machine's epsilon over the step), times the curvature of the loss.
FINITE_DIFFERENCES = 1e-7
STEP = 1e-5

# Below this an array counts as zero: what is left of sums that cancel has no digits to compare.
FLOOR = 1e-6


def relative_error(got, want):
    """Largest error of an array as a share of its largest element.

    max |got - want| / max(FLOOR, max |want|), in float64. The scale is the array's and not the
    element's: an element small by cancellation carries the rounding of its large terms. A NaN or
    an infinity on either side gives NaN or infinity, which no `< tolerance` lets pass.

    Raises
    ------
    ValueError
        If the shapes differ: broadcasting would hide it.
    """
    got, want = (np.asarray(value, np.float64) for value in (got, want))
    if got.shape != want.shape:
        raise ValueError(f"got has shape {got.shape}, want has {want.shape}")
    if want.size == 0:
        return 0.0
    with np.errstate(invalid="ignore"):
        return float(np.max(np.abs(got - want)) / max(FLOOR, np.max(np.abs(want))))
