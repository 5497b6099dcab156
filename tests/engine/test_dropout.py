# SPDX-License-Identifier: Apache-2.0
"""Dropout: between layers, in training, anew for each element and step; and its gradients."""

import numpy as np
import pytest

import fastrnn
from configs import Config, assert_agree, parts, run
from fastrnn import reference

OPTIONS = {"num_layers": 3, "dropout": 0.4}


@pytest.mark.parametrize("options", [
    OPTIONS, {**OPTIONS, "bidirectional": True}, {**OPTIONS, "batch_first": True},
], ids=["plain", "both directions", "batch first"])
@pytest.mark.parametrize("lengths", [None, (5, 2, 0)])
def test_agrees_with_the_reference(cell, dtype, options, lengths):
    config = Config(cell.__name__, dtype=dtype, state=True, lengths=lengths, options=options)
    model = config.model()
    masks = []
    draw = model._dropout_mask
    vars(model)["_dropout_mask"] = lambda shape: masks.append(draw(shape)) or masks[-1].copy()
    got = run(model, config)
    oracle = config.model(reference, "float64")
    oracle.load_state_dict(model.state_dict())
    oracle.dropout_masks = [mask.astype(np.float64) for mask in masks]
    assert len(masks) == 2
    assert_agree(got, run(oracle, config), dtype)


def test_masks(cell, dtype):
    model = cell(5, 7, num_layers=2, dropout=0.3, dtype=dtype, seed=1)
    shape = 40, 25, 30
    mask = model._dropout_mask(shape)
    assert mask.dtype == dtype
    assert mask.shape == shape
    kept = mask > 0
    assert set(np.unique(mask)) == {0, np.dtype(dtype).type(1 / 0.7)}
    # 30,000 draws: six standard deviations are 0.016
    assert abs(kept.mean() - 0.7) < 0.016
    # along each axis too: nothing is shared by steps, rows or units
    for axis in range(3):
        assert (kept != np.roll(kept, 1, axis)).mean() > 0.35
    assert (kept != (model._dropout_mask(shape) > 0)).mean() > 0.35


def test_evaluation_drops_nothing(cell, rng):
    x = rng.standard_normal((6, 4, 5), dtype=np.float32)
    plain = cell(5, 7, num_layers=3, seed=1)
    model = cell(5, 7, num_layers=3, dropout=0.5, seed=1)
    assert model(x)[0].tobytes() == plain(x)[0].tobytes()
    trained, _ = model.train()(x)
    assert not (trained == plain(x)[0]).all()
    assert not (model(x)[0] == trained).all()


def test_the_first_layers_state_is_not_dropped(cell, rng):
    x = rng.standard_normal((6, 4, 5), dtype=np.float32)
    plain = cell(5, 7, num_layers=2, seed=1)
    model = cell(5, 7, num_layers=2, dropout=0.5, seed=1).train()
    for got, want in zip(parts(model(x)[1]), parts(plain(x)[1]), strict=True):
        assert got[0].tobytes() == want[0].tobytes()
        assert not (got[1] == want[1]).all()


def test_seed_draws_the_same_masks(cell, rng):
    x = rng.standard_normal((6, 4, 5), dtype=np.float32)
    one, other = (cell(5, 7, num_layers=2, dropout=0.5, seed=8).train() for _ in range(2))
    first, second = one(x)[0], one(x)[0]
    assert not (first == second).all()
    assert other(x)[0].tobytes() == first.tobytes()
    assert other(x)[0].tobytes() == second.tobytes()


def test_dropping_everything(cell, rng):
    x = rng.standard_normal((6, 4, 5), dtype=np.float32)
    model = cell(5, 7, num_layers=2, dropout=1.0, seed=1).train()
    y, _ = model(x)
    upper = cell(7, 7)
    upper.load_state_dict({
        name.replace("l1", "l0"): value for name, value in model.state_dict().items()
        if name.endswith("l1")
    })
    assert_agree({"y": y}, {"y": upper(np.zeros((6, 4, 7), np.float32))[0]}, "float32")
    dx, _ = model.backward(np.ones_like(y))
    assert not dx.any()
    assert not model.grads["weight_ih_l1"].any()


def test_dropout_of_zero_draws_no_numbers():
    model = fastrnn.GRU(5, 7, num_layers=2, seed=1).train()
    before = model._rng.bit_generator.state
    model(np.zeros((2, 3, 5), np.float32))
    assert model._rng.bit_generator.state == before
