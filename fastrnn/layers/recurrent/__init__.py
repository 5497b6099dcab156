# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers, in Keras' words, on the engine's loop."""

from ..._common import oldnames


def __getattr__(name):
    return oldnames.find(__name__, name)
