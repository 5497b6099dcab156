# SPDX-License-Identifier: Apache-2.0
"""Keras, the oracle of the layers and models, on its torch back end."""

import os

import pytest


def keras_or_skip():
    """Return the module keras; skip what asked for it where it is not installed."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("torch")
    return pytest.importorskip("keras")
