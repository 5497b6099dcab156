# SPDX-License-Identifier: Apache-2.0
"""Callbacks: what is done besides training, in Keras' words."""

from .base import Callback, LambdaCallback
from .checkpoint import ModelCheckpoint
from .dispatch import CallbackList
from .progress import ProgressBar
from .rates import LearningRateScheduler, ReduceLROnPlateau
from .records import CSVLogger, History
from .stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
