# SPDX-License-Identifier: Apache-2.0
"""From the data that callers hand in to batches as a model and its losses want them.

Arrays are checked as a whole before the first batch, so that errors name them as they were given;
what a generator or a file gives is checked batch by batch.
"""

from functools import partial
from typing import Any

import numpy as np

from .._common.quiet import quiet
from ..graph.structure import convert
from .arrays import as_dtype, read
from .data import ArrayBatches, IterableBatches, RememberedBatches, batches


def feed(model: Any, x: Any, y: Any = None, weight: Any = None, size: int | None = None,
         steps: int | None = None, shuffle: bool = False,
         class_weight: dict[Any, Any] | list[Any] | None = None,
         remembered: bool = False) -> "ArrayBatches | IterableBatches | _Ready":
    """Return what iterates over batches (x, y, sample_weight) that are ready for `model`.

    Parameters
    ----------
    model : Model
    x, y, weight, size, steps, shuffle, class_weight
        As `Model.fit` takes them.
    remembered : bool
        Whether a generator gives the same batches in every pass.

    Raises
    ------
    TypeError, ValueError
        If the data do not fit the model, or each other.
    """
    made = batches(x, y, weight, batch_size=size, steps=steps, shuffle=shuffle,
                   class_weight=class_weight, lists=model.input_count == 1)
    if not isinstance(made, ArrayBatches):
        drawn_once = remembered and hasattr(x, "__next__")
        return _Ready(RememberedBatches(made) if drawn_once else made, model)
    ready: ArrayBatches | _Ready = made
    if made.stored:
        ready = _Ready(made, model)
    else:
        made.parts = _fitted(model, *made.parts)
        _check_targets(model, made)
    return ready if steps in (None, len(made)) else IterableBatches(ready, steps)


def one_batch(model: Any, x: Any, y: Any = None, weight: Any = None) -> tuple[Any, ...]:
    """Return a batch that is ready for `model`; see `feed`."""
    return tuple([read(part) for part in _fitted(model, read(x), read(y), read(weight))])


class _Ready:
    """Batches that are made ready one by one."""

    def __init__(self, source: ArrayBatches | IterableBatches | RememberedBatches,
                 model: Any) -> None:
        self._source, self._model = source, model

    @property
    def ended(self) -> bool:
        return self._source.ended

    def count(self) -> int | None:
        return self._source.count()

    def restart(self) -> None:
        self._source.restart()

    def rows_given(self) -> slice | np.ndarray | None:
        return self._source.rows_given()

    def __iter__(self):
        for x, y, weight in self._source:
            yield one_batch(self._model, *_by_names(self._model, x, y), weight)


@quiet
def _fitted(model, x, y, weight):
    """Inputs and targets as the model and the losses want them, to be cast by rows."""
    x = model.ordered_inputs(x)
    model.check_missing(x)
    if y is None and weight is None:
        return x, None, None
    as_floats = partial(_as_floats, dtype=np.dtype(model.output_dtype(model.dtype.name)))
    return x, convert(as_floats, y), convert(as_floats, weight)


def _as_floats(array, dtype):
    """Floats in the outputs' dtype, and bools, which no arithmetic takes; labels stay integers."""
    return as_dtype(array, dtype) if array.dtype.kind in "fb" else array


def _by_names(model, x, y):
    """Inputs and targets of a dict that has both, by the names of inputs and outputs."""
    if y is not None or not isinstance(x, dict) or model.output_names is None:
        return x, y
    targets = {name: x[name] for name in model.output_names
               if name in x and name not in model.input_names}
    return x, targets or None


def _check_targets(model, data):
    """Refuse targets that fit no output before anything is computed: the error then names the
    arrays as they were given, not a batch of them."""
    y = data.parts[1]
    if model.graph is not None and model.loss is not None and y is not None:
        shapes = [(data.rows, *tensor.shape[1:]) for tensor in model.graph.outputs]
        model.check_target_shapes(y, shapes)
