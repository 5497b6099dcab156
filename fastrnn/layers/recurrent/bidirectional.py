# SPDX-License-Identifier: Apache-2.0
"""A recurrent layer in both directions."""

from typing import Any, NamedTuple

import numpy as np

from ..._common.classes import own_config
from ...engine.recurrence import Array
from ...graph.operation import plain
from ...graph.tape import FOR_INPUTS
from ..base import Layer, activity_penalties
from ..described import copy, deserialize
from . import pair
from .base import Recurrent
from .pair import Joined
from .sequences import options_for_states
from .states import listed_states, set_states

_MERGES = ("concat", "sum", "mul", "ave", None)


class _Apart(NamedTuple):
    """What the forwards of two layers, one after the other, leave for their backward."""

    kept: list[Any]                         # of each layer
    penalties: list[list[Array | None]]     # gradients of its activity regulariser, by output


class _Kept(NamedTuple):
    """What a forward leaves for its backward."""

    part: pair.Kept | _Apart | None
    y: Array                # outputs of both layers
    y_rev: Array
    with_states: bool       # whether the inputs were a list of the sequence and states
    keep: int


class Bidirectional(Layer):
    """Two recurrent layers, one of which reads from the end (Schuster and Paliwal, 1997).

    Parameters
    ----------
    layer : SimpleRNN, LSTM or GRU
        A template: the forward layer is a new one of its configuration.
    merge_mode : {"concat", "sum", "mul", "ave", None}
        What becomes of the two outputs; None gives both.
    backward_layer : layer, optional
        What reads from the end, by default a layer of the template's configuration.

    Notes
    -----
    Outputs of masked steps are zeros. With return_state the states of the forward layer follow
    the output, then those of the backward layer.

    Raises
    ------
    TypeError, ValueError
        If a layer is none of these, the merge mode is unknown, or the layers do not fit each
        other.
    """

    arguments = ("merge_mode",)
    supports_masking = True
    takes_list = True
    takes_constants = True

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **options):
        for value in (layer, backward_layer):
            if value is not None and not isinstance(value, Recurrent):
                raise TypeError("Bidirectional needs a SimpleRNN, an LSTM or a GRU, "
                                f"got {type(value).__name__}")
        if merge_mode not in _MERGES:
            raise ValueError(f"merge_mode must be one of {_MERGES}, got {merge_mode!r}")
        options.setdefault("batch_shape", layer.given_shape)
        super().__init__(**options)
        self.merge_mode = merge_mode
        self.forward_layer = _copy(layer, "forward_", {})
        self._own_backward = backward_layer is not None
        self.backward_layer = backward_layer or _copy(layer, "backward_", {"go_backwards": True})
        _check_pair(self.forward_layer, self.backward_layer)
        for each in self.sublayers():
            each.zero_output_for_mask = each.return_sequences
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.stateful = layer.stateful
        self._first_weights = weights
        self._joined = Joined()

    def sublayers(self):
        return self.forward_layer, self.backward_layer

    @property
    def states(self):
        """The states of both where they are stateful, the forward layer's first; else None."""
        if not (self.stateful and self.forward_layer.states):
            return None
        return [*self.forward_layer.states, *self.backward_layer.states]

    def reset_states(self, states=None):
        """Forget the states of both, or set them; see `LSTM.reset_states`."""
        if states is None:
            self.reset_state()
        else:
            set_states(self, self.states, states)

    def build(self, input_shape):
        for layer, shape in zip(self.sublayers(), _halves(input_shape), strict=True):
            layer.ensure_built(shape)
        if self._first_weights is not None:
            self.set_weights(self._first_weights)

    def compute_output_shape(self, input_shape, uses_mask=True):
        shape, states = self.forward_layer.compute_output_shape(input_shape), []
        if self.return_state:
            shape, *states = shape
        if self.merge_mode == "concat":
            shape = (*shape[:-1], shape[-1] + self.backward_layer.units)
        shapes = [shape, shape] if self.merge_mode is None else [shape]
        shapes += states * 2
        return shapes if len(shapes) > 1 else shape

    def __call__(self, inputs, initial_state=None, mask=None, training=None, **options):
        """Run both over sequences; see `LSTM`.

        `initial_state` has the states of the forward layer, then those of the other.
        """
        if initial_state is not None:
            sequence = inputs[0] if isinstance(inputs, list | tuple) else inputs
            states = listed_states(self, initial_state, 2 * self.forward_layer._states)
            inputs = [sequence, *states]
            options = options_for_states(mask, len(states))
            return super().__call__(inputs, training=training, **options)
        return super().__call__(inputs, mask, training, **options)

    def forward(self, inputs, mask, training, keep, uses_mask=True):
        layers = self.sublayers()
        recurrence = self._joined.of(layers)
        run = self._one_after_the_other if recurrence is None else self._at_once
        outputs, merged, part = run(recurrence, inputs, mask, training, keep, uses_mask)
        y, y_rev = outputs[0][0], outputs[1][0]
        merged = _merge(self.merge_mode, y, y_rev) if merged is None else [merged]
        results = [*merged, *outputs[0][1:], *outputs[1][1:]]
        out_mask = _as_list(mask)[0] if self.return_sequences else None
        masks = [out_mask] * len(merged) + [None] * (len(results) - len(merged))
        kept = _Kept(part, y, y_rev, type(inputs) is list, keep)
        if len(results) == 1:
            return results[0], out_mask, kept
        return results, masks, kept

    def _at_once(self, recurrence, inputs, mask, training, keep, uses_mask):
        x, given = inputs, (None, None)
        if type(inputs) is list:
            x, given = inputs[0], [half[1:] for half in _halves(inputs)]
            mask = mask[0]
        return pair.forward(
            recurrence, self.sublayers(), x, given, mask if uses_mask else None, training, keep,
            self.merge_mode == "concat" and self.return_sequences)

    def _one_after_the_other(self, recurrence, inputs, mask, training, keep, uses_mask):
        halves = zip(self.sublayers(), _halves(inputs), _halves(mask), strict=True)
        made = [layer.forward(x, m, training, keep, uses_mask) for layer, x, m in halves]
        outputs = [_as_list(out) for out, _, _ in made]
        penalties = [activity_penalties(layer, outs)
                     for layer, outs in zip(self.sublayers(), outputs, strict=True)]
        if self.return_sequences:
            outputs[1] = [outputs[1][0][:, ::-1], *outputs[1][1:]]
        return outputs, None, _Apart([kept for _, _, kept in made], penalties)

    def backward(self, kept, doutputs):
        doutputs = _as_list(doutputs)
        merged = 2 if self.merge_mode is None else 1
        dys = _split(self.merge_mode, doutputs[:merged], kept.y, kept.y_rev)
        states = doutputs[merged:]
        half = len(states) // 2
        douts = [[dys[0], *states[:half]], [dys[1], *states[half:]]]
        if isinstance(kept.part, _Apart):
            dinputs = self._backward_apart(kept.part, douts)
        else:
            dinputs = pair.backward(kept.part, self.sublayers(), douts)
        if not kept.with_states:
            dxs = [None if d is None else d[0] for d in dinputs]
            return _sum(dxs) if kept.keep == FOR_INPUTS else None
        lists = [d if d is not None else [None] * (1 + layer._states)
                 for d, layer in zip(dinputs, self.sublayers(), strict=True)]
        return [_sum([lists[0][0], lists[1][0]]), *lists[0][1:], *lists[1][1:]]

    def _backward_apart(self, part, douts):
        if self.return_sequences and douts[1][0] is not None:
            douts[1][0] = douts[1][0][:, ::-1]
        dinputs = []
        for layer, kept, given, own in zip(
                self.sublayers(), part.kept, douts, part.penalties, strict=True):
            given = [_sum([d, penalty]) for d, penalty in zip(given, own, strict=True)]
            if all(d is None for d in given):
                dinputs.append(None)
                continue
            dinputs.append(_as_list(layer.backward(kept, given if self.return_state else given[0])))
        return dinputs

    def get_config(self):
        config = super().get_config()
        config["layer"] = plain(self.forward_layer)
        if self._own_backward:
            config["backward_layer"] = plain(self.backward_layer)
        return config

    @classmethod
    def from_config(cls, config):
        config = own_config(cls, config)
        layers = {name: deserialize(config[name])
                  for name in ("layer", "backward_layer") if name in config}
        return cls(**{**config, **layers})


def _copy(layer, prefix, changes):
    return copy(layer, **changes, name=prefix + layer.name.removeprefix(prefix))


def _check_pair(forward, backward):
    if forward.go_backwards == backward.go_backwards:
        raise ValueError("layer and backward_layer must read in opposite directions, got "
                         f"go_backwards={forward.go_backwards} for both")
    for name in ("stateful", "return_sequences", "return_state"):
        a, b = getattr(forward, name), getattr(backward, name)
        if a != b:
            raise ValueError(f"layer and backward_layer must have the same {name}, "
                             f"got {a} and {b}")


def _as_list(value):
    return value if type(value) is list else [value]


def _halves(inputs):
    """What each direction gets of [sequence, states of one, states of the other]."""
    if type(inputs) is not list:
        return inputs, inputs
    half = (len(inputs) + 1) // 2
    return [inputs[0], *inputs[1:half]], [inputs[0], *inputs[half:]]


def _merge(mode, y, y_rev):
    if mode == "concat":
        return [np.concatenate([y, y_rev], axis=-1)]
    if mode == "sum":
        return [y + y_rev]
    if mode == "ave":
        return [(y + y_rev) / 2]
    if mode == "mul":
        return [y * y_rev]
    return [y, y_rev]


def _split(mode, doutputs, y, y_rev):
    """The gradients of the two outputs for those of the merged one(s)."""
    if mode is None or doutputs[0] is None:
        return list(doutputs) if mode is None else [None, None]
    dy = doutputs[0]
    if mode == "concat":
        width = y.shape[-1]
        return [dy[..., :width], dy[..., width:]]
    if mode == "mul":
        return [dy * y_rev, dy * y]
    return [dy / 2, dy / 2] if mode == "ave" else [dy, dy]


def _sum(arrays):
    arrays = [array for array in arrays if array is not None]
    if not arrays:
        return None
    return arrays[0] if len(arrays) == 1 else arrays[0] + arrays[1]
