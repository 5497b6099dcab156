# SPDX-License-Identifier: Apache-2.0
"""Bidirectional in one call of the loops: the bits of one layer after the other."""

import copy
import itertools
import pickle

import numpy as np
import pytest

from configs import assert_same_bits
from fastrnn import layers
from fastrnn.graph.tape import FOR_INPUTS
from fastrnn.layers.recurrent.pair import Joined

N, T, I, H = 4, 6, 3, 5
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}
OPTIONS = {
    "plain": {},
    "states": {"return_state": True},
    "dropout": {"dropout": 0.3, "recurrent_dropout": 0.4, "seed": 5},
    "stateful": {"stateful": True},
    "reversed": {"go_backwards": True},
    "activations": {"activation": "relu"},
}
MASKS = {"none": None, "behind": np.arange(T) < np.array([[6], [2], [0], [4]]),
         "holes": np.random.default_rng(1).random((N, T)) < 0.6}
cells = pytest.mark.parametrize("cell", STATES)


def built(cell, merge, rng, **options):
    layer = getattr(layers, cell)(H, **options)
    other = None
    if layer.go_backwards:
        other = getattr(layers, cell)(H, **options | {"go_backwards": False})
    layer = layers.Bidirectional(layer, merge_mode=merge, backward_layer=other,
                                 dtype=options.get("dtype"))
    layer.ensure_built((N, T, I))
    layer.set_weights([rng.standard_normal(w.shape) * 0.5 for w in layer.get_weights()])
    return layer


def run(layer, x, mask, rng, gradients=(True, True)):
    """What two calls and their backward make, by name."""
    made = {}
    for call in range(2):
        rng = np.random.default_rng(call)
        given = [mask] + [None] * (len(x) - 1) if type(x) is list else mask
        outputs, _, kept = layer.forward(x, given, True, FOR_INPUTS)
        outputs = outputs if type(outputs) is list else [outputs]
        douts = [rng.standard_normal(y.shape).astype(y.dtype) for y in outputs]
        made |= {f"y{call}{k}": y for k, y in enumerate(outputs)}
        if layer.merge_mode is None:
            douts[:2] = [d if wanted else None
                         for d, wanted in zip(douts, gradients, strict=False)]
        dx = layer.backward(kept, douts if len(douts) > 1 else douts[0])
        dx = dx if type(dx) is list else [dx]
        made |= {f"dx{call}{k}": d for k, d in enumerate(dx) if d is not None}
    made |= {v.path + str(k): v.gradient for k, v in enumerate(layer.weights)}
    if layer.stateful:
        made |= {f"state{k}": state.array for k, state in enumerate(layer.states)}
    # How arrays lie decides the order of sums over them.
    return made, {name: array.strides for name, array in made.items()}


def both_ways(monkeypatch, layer, *arguments, **options):
    apart = copy.deepcopy(layer)
    assert layer._joined.of(layer.sublayers()) is not None
    got = run(layer, *arguments, **options)
    with monkeypatch.context() as patch:
        patch.setattr(Joined, "of", lambda joined, *_: None)
        want = run(apart, *arguments, **options)
    assert_same_bits(got[0], want[0])
    assert got[1] == want[1]


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("sequences", [False, True], ids=["last", "sequences"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@cells
def test_same_bits_as_one_after_the_other(cell, options, sequences, merge, dtype, rng,
                                          monkeypatch):
    for mask in MASKS.values():
        layer = built(cell, merge, rng, return_sequences=sequences, dtype=dtype, **options)
        x = rng.standard_normal((N, T, I)).astype(dtype)
        both_ways(monkeypatch, layer, x, mask, rng)


@cells
def test_given_states(cell, rng, monkeypatch):
    for rows, mask in itertools.product((N, 1), MASKS.values()):
        layer = built(cell, "concat", rng, return_sequences=True, return_state=True)
        x = [rng.standard_normal((N, T, I)).astype(np.float32),
             *[rng.standard_normal((rows, H)).astype(np.float32)
               for _ in range(2 * STATES[cell])]]
        both_ways(monkeypatch, layer, x, mask, rng)


@pytest.mark.parametrize("gradients", [(True, False), (False, True)], ids=str)
@cells
def test_gradients_of_one_direction(cell, gradients, rng, monkeypatch):
    layer = built(cell, None, rng, return_sequences=True)
    x = rng.standard_normal((N, T, I)).astype(np.float32)
    both_ways(monkeypatch, layer, x, None, rng, gradients=gradients)


def test_what_runs_one_after_the_other(rng):
    class Own(layers.GRU):
        def forward(self, *arguments, **options):
            return super().forward(*arguments, **options)

    template = layers.LSTM(H)
    for pair in (
        layers.Bidirectional(template, backward_layer=layers.GRU(H, go_backwards=True)),
        layers.Bidirectional(template, backward_layer=layers.LSTM(H + 1, go_backwards=True)),
        layers.Bidirectional(layers.LSTM(H, activity_regularizer="l2")),
        layers.Bidirectional(layers.GRU(H, activation="gelu")),
        layers.Bidirectional(Own(H)),
    ):
        pair.ensure_built((N, T, I))
        assert pair._joined.of(pair.sublayers()) is None
        assert pair(rng.standard_normal((N, T, I))).array.shape[0] == N


def test_weights_of_either_layer_are_seen(rng):
    layer = built("GRU", "concat", rng, return_sequences=True)
    x = rng.standard_normal((N, T, I)).astype(np.float32)
    for part in layer.sublayers():
        before = layer(x).array
        part.set_weights([w + 1 for w in part.get_weights()])
        assert (layer(x).array != before).any()


def test_copies_join_anew(rng):
    layer = built("GRU", "sum", rng)
    x = rng.standard_normal((N, T, I)).astype(np.float32)
    want = layer(x).array
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert (copied(x).array == want).all()
        assert copied._joined.of(copied.sublayers()) is not layer._joined.of(layer.sublayers())
