# SPDX-License-Identifier: Apache-2.0
"""Numerical gradients, for tests."""

import numpy as np

from tolerances import STEP


def central_differences(loss, array):
    """Return d loss() / d array by central differences; `array` is changed and put back."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        before = array[index]
        array[index] = before + STEP
        above = loss()
        array[index] = before - STEP
        below = loss()
        array[index] = before
        gradient[index] = (above - below) / (2 * STEP)
    return gradient
