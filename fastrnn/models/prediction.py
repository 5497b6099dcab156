# SPDX-License-Identifier: Apache-2.0
"""predict: the outputs of a model for inputs."""

from typing import Any

import numpy as np

from .. import callbacks as callback_kinds
from .._common.quiet import quiet
from ..callbacks.base import Callbacks
from .arrays import as_arrays, row_count
from .feeding import feed, one_batch
from .outputs import Gathered, unshared
from .verbosity import verbosity
from .whole import PartOfModel


class Predicting(PartOfModel):
    """The part of a model that gives its outputs."""

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = "auto",
                steps: int | None = None, callbacks: Callbacks = None) -> Any:
        """Return the outputs for inputs, as `fit` takes them.

        Returns
        -------
        ndarray, or the structure of the model's outputs

        Raises
        ------
        ValueError
            If the inputs do not fit the model.
        """
        size = 32 if batch_size is None else batch_size
        if (type(x) is np.ndarray and callbacks is None and x.ndim and 0 < len(x) <= size
                and steps is None):
            return self.predict_on_batch(x)
        data = feed(self, x, size=batch_size, steps=steps)
        hooks = callback_kinds.CallbackList(
            callbacks, model=self, verbose=verbosity(verbose, data), epochs=1, steps=data.count(),
        )
        hooks.on_predict_begin()
        made, call = Gathered(getattr(data, "rows", None)), None
        for index, (x, _, _) in enumerate(data):
            hooks.on_predict_batch_begin(index)
            call = self.run(x, False, keep=False)
            made.add(call.outputs, x)
            hooks.on_predict_batch_end(index, lambda call=call: {"outputs": call.structure()})
        hooks.on_predict_end()
        if call is None:
            raise ValueError("x must have at least one row, got none")
        return call.packed(made.arrays())

    @quiet
    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch."""
        x = as_arrays("x", x)
        if row_count((x, None, None)) == 0:
            raise ValueError("x must have at least one row, got none")
        x, _, _ = one_batch(self, x)
        call = self.run(x, False, keep=False)
        return call.packed(unshared(call.outputs, x))
