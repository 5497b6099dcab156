# SPDX-License-Identifier: Apache-2.0
"""The oracle has the engine's signatures and its draws."""

import inspect

import numpy as np
import pytest

from fastrnn import reference
from reference_cases import H, I


def signature(function, but=()):
    """Name, kind and default of each parameter of a function, `but` for some defaults."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, "any" if p.name in but else p.default) for p in parameters]


engine_classes = pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])


@engine_classes
def test_engine_and_oracle_have_equal_signatures(name):
    import fastrnn

    engine, oracle = getattr(fastrnn, name), getattr(reference, name)
    # The oracle works in float64 unless told otherwise; nothing else may differ.
    assert signature(engine, but=["dtype"]) == signature(oracle, but=["dtype"])
    for method in ("__call__", "backward", "train", "eval", "zero_grad", "state_dict",
                   "load_state_dict", "parameters", "stream"):
        assert signature(getattr(engine, method)) == signature(getattr(oracle, method)), method


def test_engine_and_oracle_streams_have_equal_signatures():
    import fastrnn

    for method in ("step", "reset"):
        engine = getattr(fastrnn.Stream, method)
        assert signature(engine) == signature(getattr(reference.Stream, method)), method


@engine_classes
def test_engine_and_oracle_draw_the_same_from_a_seed(name):
    import fastrnn

    options = {"num_layers": 2, "bidirectional": True, "dtype": "float32", "seed": 5}
    engine, oracle = (getattr(m, name)(I, H, **options) for m in (fastrnn, reference))
    want = oracle.state_dict()
    assert engine.state_dict().keys() == want.keys()
    for key, value in engine.state_dict().items():
        np.testing.assert_array_equal(value, want[key])
