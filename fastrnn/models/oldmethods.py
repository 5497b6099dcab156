# SPDX-License-Identifier: Apache-2.0
"""Methods of old programs for Keras: each says once what to call, and calls it."""

import math
from collections.abc import Callable, Collection, Iterable
from itertools import chain
from typing import Any

import numpy as np

from .._common import oldnames
from ..callbacks import History
from ..callbacks.base import Callbacks
from ..graph.structure import flatten

# What told Keras how to run a generator beside the training.
WORKERS = ("max_queue_size", "workers", "use_multiprocessing", "max_q_size", "nb_worker",
           "pickle_safe")


class OldTrainer:
    """The methods for generators that `fit`, `evaluate` and `predict` took the place of."""

    fit: Callable[..., Any]
    evaluate: Callable[..., Any]
    predict: Callable[..., Any]

    def fit_generator(self, generator: Iterable[Any], steps_per_epoch: int | None = None,
                      epochs: int = 1, verbose: int | str = 1, callbacks: Callbacks = None,
                      validation_data: Any = None, validation_steps: int | None = None,
                      validation_freq: int | Collection[int] = 1,
                      class_weight: dict[Any, Any] | None = None, max_queue_size: int = 10,
                      workers: int = 1, use_multiprocessing: bool = False, shuffle: bool = True,
                      initial_epoch: int = 0, samples_per_epoch: int | None = None,
                      nb_epoch: int | None = None, nb_val_samples: int | None = None,
                      **options: Any) -> History:
        """Train on a generator's batches, as `fit` does.

        Parameters
        ----------
        generator, steps_per_epoch, epochs, ...
            As of `fit`.
        samples_per_epoch, nb_val_samples : int, optional
            Of Keras 1: rows of an epoch and of a validation, in batches like the first.
        nb_epoch : int, optional
            Of Keras 1: epochs.
        max_queue_size, workers, use_multiprocessing
            Accepted; they change nothing here.
        """
        _tell("fit_generator", "fit")
        _check(options)
        generator, steps_per_epoch = _steps(generator, steps_per_epoch, samples_per_epoch)
        validation_data, validation_steps = _steps(validation_data, validation_steps,
                                                   nb_val_samples)
        return self.fit(
            generator, steps_per_epoch=steps_per_epoch,
            epochs=epochs if nb_epoch is None else nb_epoch, verbose=verbose,
            callbacks=callbacks, validation_data=validation_data,
            validation_steps=validation_steps, validation_freq=validation_freq,
            class_weight=class_weight, shuffle=shuffle, initial_epoch=initial_epoch,
        )

    def evaluate_generator(self, generator: Iterable[Any], steps: int | None = None,
                           callbacks: Callbacks = None, max_queue_size: int = 10, workers: int = 1,
                           use_multiprocessing: bool = False, verbose: int | str = 0,
                           val_samples: int | None = None, **options: Any) -> Any:
        """Return the loss and metrics of a generator's batches, as `evaluate` does."""
        _tell("evaluate_generator", "evaluate")
        _check(options)
        generator, steps = _steps(generator, steps, val_samples)
        return self.evaluate(generator, steps=steps, callbacks=callbacks, verbose=verbose)

    def predict_generator(self, generator: Iterable[Any], steps: int | None = None,
                          callbacks: Callbacks = None, max_queue_size: int = 10, workers: int = 1,
                          use_multiprocessing: bool = False, verbose: int | str = 0,
                          val_samples: int | None = None, **options: Any) -> Any:
        """Return the outputs for a generator's batches, as `predict` does."""
        _tell("predict_generator", "predict")
        _check(options)
        generator, steps = _steps(generator, steps, val_samples)
        return self.predict(generator, steps=steps, callbacks=callbacks, verbose=verbose)


class OldSequential:
    """What a Sequential had for classifiers."""

    predict: Callable[..., Any]

    def predict_classes(self, x: Any, batch_size: int | None = None,
                        verbose: int | str = 0) -> np.ndarray:
        """Return the number of the likeliest class of each row, int64; of an output of one
        number whether it is above 0.5, int32."""
        oldnames.tell("predict_classes is an old name: use model.predict(x).argmax(-1), or for an "
                      "output of one number (model.predict(x) > 0.5).astype('int32')")
        y = self.predict(x, batch_size=batch_size, verbose=verbose)
        return y.argmax(-1) if y.shape[-1] > 1 else (y > 0.5).astype("int32")

    def predict_proba(self, x: Any, batch_size: int | None = None,
                      verbose: int | str = 0) -> np.ndarray:
        """Return the outputs, as `predict` does."""
        _tell("predict_proba", "predict")
        return self.predict(x, batch_size=batch_size, verbose=verbose)


def _tell(old, new):
    oldnames.tell(f"{old} is an old name: use model.{new}")


def _check(options):
    unknown = sorted(set(options) - set(WORKERS))
    if unknown:
        raise TypeError(f"argument(s) not known: {', '.join(unknown)}")


def _steps(generator, steps, samples):
    """The generator, and its batches where their rows are given: counted by the first one."""
    if samples is None or steps is not None or isinstance(generator, tuple):
        return generator, steps
    if not hasattr(generator, "__next__"):
        first = next(iter(generator))
    else:
        first = next(generator)
        generator = chain([first], generator)
    x = first[0] if isinstance(first, tuple) else first
    return generator, math.ceil(samples / len(flatten(x)[0]))
