# SPDX-License-Identifier: Apache-2.0
"""Running a model of layers one step at a time, the states of its recurrent layers carried."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._common import checks
from .._common.quiet import call_back, is_own, quiet
from ..graph.tape import Tensor, calling
from ..layers.embedding import Embedding
from ..layers.recurrent.base import Recurrent
from ..layers.time_distributed import TimeDistributed
from ..models import Model, Sequential

_LOGITS = ("linear", "log_softmax")


class Stepper:
    """The ``start`` and ``step`` that `generate` describes, of a Sequential or functional model.

    Parameters
    ----------
    model : Sequential, or functional Model of one input and one output
    encode : callable, optional
        From ids (N, T) to inputs (N, T, I).

    Raises
    ------
    TypeError
        If `model` is no such model.
    ValueError
        If it is not built, or naming what cannot be run step by step.
    """

    def __init__(self, model: Any, encode: Callable[[np.ndarray], Any] | None = None) -> None:
        graph = _graph(model)
        self._calls: list[_Call] = []
        self._output = self._plan(graph, [0])[0]
        recurrent = [k for k, call in enumerate(self._calls) if call.recurrent]
        self._last_recurrent = max(recurrent, default=-1)
        last = self._calls[self._output - 1] if self._output else None
        self._to_log_probabilities = _last_activation(last) == "softmax"
        self._encode, self._symbols = _encoding(graph, self._calls, encode)

    def _plan(self, graph, inputs):
        """Append the calls of a graph, and of the models inside it, in the order of running.

        `inputs` and what is returned are the numbers of values: 0 is the model's input, k what
        call k - 1 gives.
        """
        numbers = dict(zip(map(id, graph.inputs), inputs, strict=True))
        for node in graph.nodes:
            given = [numbers[id(tensor)] for tensor in node.parents()]
            if getattr(node.layer, "graph", None) is not None:
                made = self._plan(node.layer.graph, given)
            elif _says(node.layer, "is_identity_in_evaluation"):
                made = given
            else:
                self._calls.append(_call(node, given))
                made = [len(self._calls)]
            numbers.update(zip(map(id, node.outputs), made, strict=True))
        return [numbers[id(tensor)] for tensor in graph.outputs]

    def start(self, prompt: np.ndarray) -> tuple[np.ndarray, Any]:
        """Read ids (N, T); return the scores (N, V) of the next token, and the state."""
        scores, state = self._run(prompt, None)
        if self._symbols is not None and scores.shape[-1] > self._symbols:
            raise ValueError(f"the model gives {scores.shape[-1]} tokens but reads only "
                             f"{self._symbols}: it cannot read what it writes, unless encode is "
                             "given")
        return scores, state

    def step(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """Read one token of each row, (N,); return scores and state as `start` does."""
        return self._run(ids[:, None], state)

    @quiet
    def _run(self, ids, state):
        values = [Tensor(self._encode(ids))]
        finals = []
        # What follows the recurrent layers need not see the whole prompt.
        cut_after = self._last_recurrent if state is None else None
        with calling(None, False):
            if cut_after == -1:
                values = _last_steps(values)
            for number, call in enumerate(self._calls):
                inputs = [values[k] for k in call.inputs]
                if call.recurrent:
                    initial = () if state is None else state.arrays[len(finals)]
                    made, final = call.read(inputs[0], initial)
                    finals.append(final)
                else:
                    made = call.layer(inputs if call.several else inputs[0], **call.options)
                values.append(made)
                if number == cut_after:
                    values = _last_steps(values)
        scores = values[self._output].array.reshape(len(ids), -1)
        if self._to_log_probabilities:
            scores = np.log(scores)
        return scores, State(finals)


class State:
    """The states of the recurrent layers: a list of arrays (N, H) for each call of one."""

    def __init__(self, arrays: list[list[np.ndarray]]) -> None:
        self.arrays = arrays

    def take(self, rows: int) -> State:
        """Return the state of the rows of the given indices."""
        return State([[array[rows] for array in arrays] for arrays in self.arrays])


class _Call(NamedTuple):
    """One call of a layer."""

    layer: Any          # an operation, or a twin of a recurrent layer
    source: Any         # the model's own layer
    inputs: list        # numbers of values
    several: bool       # whether the layer takes a list
    options: dict
    recurrent: bool

    def read(self, inputs: Any, states: Any) -> Any:
        """Return the output of a recurrent layer, and its final states as arrays."""
        layer = self.layer
        layer.version = self.source.version
        if not states:
            made, *final = layer(inputs)
            return made, [tensor.array for tensor in final]
        made, *final = layer([inputs, *map(Tensor, states)])
        final = [tensor.array for tensor in final]
        if inputs.mask is not None and not layer.zero_output_for_mask:
            # A step that does not count repeats the last output, which an earlier call gave: h.
            output = final[0]
            made = Tensor(output[:, None] if layer.return_sequences else output, made.mask)
        return made, final


def _call(node, inputs):
    layer = node.layer
    recurrent = isinstance(layer, Recurrent)
    _check_stepwise(node, recurrent)
    return _Call(_with_states(layer) if recurrent else layer, layer, inputs, node.takes_list,
                 node.options, recurrent)


def _with_states(layer):
    """Return a layer of the same weights that gives its states too."""
    twin = copy.copy(layer)
    twin.return_state = True
    twin.stateful = False
    return twin


def _says(layer, what):
    """Whether a class of ours says something of its layers; a caller's subclass may do more."""
    return is_own(type(layer)) and getattr(layer, what)


def _check_stepwise(node, recurrent):
    layer = node.layer
    kind = type(layer).__name__
    where = f"generate cannot run {layer.name} ({kind}) step by step: "
    if recurrent:
        if layer.go_backwards:
            raise ValueError(where + "it reads from the end")
        if layer.return_state or node.takes_list:
            raise ValueError(where + "it gives its state to other layers, or gets it from them")
    elif not _says(layer, "is_stepwise"):
        raise ValueError(where + "its output at a step depends on other steps")
    elif not _acts_on_last_axis(layer, node.outputs[0].ndim):
        raise ValueError(f"{where}it must act on the last axis, got axis {layer.axis}")
    if len({tensor.ndim for tensor in node.parents()}) > 1:
        raise ValueError(where + "it joins steps with whole sequences")


def _acts_on_last_axis(layer, ndim):
    axis = getattr(layer, "axis", -1)
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    return axis in (-1, ndim - 1)


def _graph(model):
    if not isinstance(model, Model):
        raise TypeError("model must be a Sequential or functional model, or have the methods start "
                        f"and step; got {type(model).__name__}")
    if model.graph is None:
        if isinstance(model, Sequential):
            raise ValueError(f"{model.name} is not built yet: call it on data, or give its input "
                             "shape")
        raise TypeError(f"{model.name} is a model with a call of its own, which generate cannot "
                        "run step by step: give an object with the methods start and step")
    for name, tensors in ("inputs", model.graph.inputs), ("outputs", model.graph.outputs):
        if len(tensors) != 1:
            raise ValueError(f"{model.name} must have one of {name}, got {len(tensors)}")
    return model.graph


def _last_activation(call):
    """Return the activation of the call that makes the outputs, None where nothing does."""
    layer = call and call.layer
    while isinstance(layer, TimeDistributed):
        layer = layer.layer
    name = getattr(getattr(layer, "activation", None), "name", None)
    if layer is None or call.recurrent or name not in ("softmax", *_LOGITS):
        found = "an input" if layer is None else f"{layer.name} ({type(layer).__name__}, {name})"
        raise ValueError("the model must end in a softmax or in logits, a layer without "
                         f"activation; got {found}")
    return name


def _encoding(graph, calls, encode):
    """Return what turns ids into inputs, and how many different ids there are, if known."""
    readers = [call.layer for call in calls if 0 in call.inputs]
    shape = graph.inputs[0].shape
    embeds = all(isinstance(layer, Embedding) for layer in readers)
    if len(shape) != (2 if embeds else 3):
        raise ValueError("the model must read ids (batch, steps) in an Embedding, or vectors "
                         f"(batch, steps, features); got inputs of shape {shape}")
    if encode is not None:
        return _checked(encode), None
    if embeds:
        return _as_they_are, min(layer.input_dim for layer in readers)
    return _one_hot(shape[-1], readers[0].dtype), shape[-1]


def _checked(encode):
    """Return `encode` with a check of what it gives."""
    if not callable(encode):
        raise TypeError(f"encode must be callable, got {type(encode).__name__}")

    def checked(ids):
        inputs = checks.as_ndarray("what encode returns", call_back(encode, ids))
        if inputs.shape[:2] != ids.shape or inputs.dtype.kind not in "fiub":
            raise ValueError("encode must return numbers (N, T, ...) for ids (N, T) = "
                             f"{ids.shape}, got {inputs.dtype} of shape {inputs.shape}")
        return inputs

    return checked


def _as_they_are(ids):
    return ids


def _one_hot(symbols, dtype):
    def encode(ids):
        if ids.min() < 0 or ids.max() >= symbols:
            wrong = ids[(ids < 0) | (ids >= symbols)][0]
            raise ValueError(f"ids must be in [0, {symbols}), the size of the model's one-hot "
                             f"inputs; got {wrong}")
        vectors = np.zeros((*ids.shape, symbols), dtype)
        np.put_along_axis(vectors, ids[..., None], 1, axis=-1)
        return vectors

    return encode


def _last_steps(values):
    """Cut the sequences among the values to their last step; the first is the model's input."""
    return [_last_step(value) if number == 0 or value.ndim > 2 else value
            for number, value in enumerate(values)]


def _last_step(tensor):
    mask = tensor.mask
    return Tensor(tensor.array[:, -1:], None if mask is None else mask[:, -1:])
