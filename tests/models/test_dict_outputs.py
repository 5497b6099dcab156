# SPDX-License-Identifier: Apache-2.0
"""Models that give dicts, nested or not: losses, weights, metrics and targets by name."""

import numpy as np
import pytest

import fastrnn
from keras_oracle import keras_or_skip

N, T, F, C = 8, 5, 3, 4
CROSS = "sparse_categorical_crossentropy"
RELATIVE, ABSOLUTE = 3e-4, 1e-6     # those of test_keras_parity's histories


def subclassed(k, form):
    """A model of the module `k` whose call gives `form(regressions, classes, states)`."""

    class Named(k.Model):
        def __init__(self):
            super().__init__()
            self.rnn = k.layers.GRU(C, return_sequences=True)
            self.value = k.layers.Dense(1)
            self.kind = k.layers.Dense(C, activation="softmax")

        def call(self, x):
            h = self.rnn(x)
            return form(self.value(h[:, -1]), self.kind(h), h)

    return Named()


def functional(k, form):
    x = k.layers.Input((T, F))
    h = k.layers.GRU(C, return_sequences=True)(x)
    value, kind = k.layers.Dense(1), k.layers.Dense(C, activation="softmax")
    return k.Model(x, form(value(h[:, -1]), kind(h), h))


FORMS = {
    "flat": lambda p, q, h: {"q": q, "p": p},
    "one": lambda p, q, h: {"p": p},
    "state": lambda p, q, h: {"z": p, "s": h},
    "nested": lambda p, q, h: {"b": [p, p * 2], "a": {"q": q}},
    "tuple": lambda p, q, h: (p, q),
}


def arrays():
    rng = np.random.default_rng(3)
    return {"x": rng.standard_normal((N, T, F)).astype(np.float32),
            "p": rng.standard_normal((N, 1)), "q": rng.integers(0, C, (N, T)),
            "v": rng.uniform(0.5, 2, N), "w": rng.uniform(0.5, 2, (N, T))}


def of_flat(a):
    return {"p": a["p"], "q": a["q"]}


# name: (form, arguments of compile, targets, sample weights)
CASES = {
    "losses": ("flat", {"loss": {"p": "mse", "q": CROSS}}, of_flat, None),
    "all": ("flat", {"loss": {"p": "mse", "q": CROSS}, "loss_weights": {"p": 2.0, "q": 0.3},
                     "metrics": {"q": "accuracy", "p": ["mae", "mse"]},
                     "weighted_metrics": {"q": ["accuracy"], "p": ["mae"]}}, of_flat, None),
    "weights": ("flat", {"loss": {"p": "mse", "q": CROSS}, "metrics": {"p": ["mae"]},
                         "weighted_metrics": {"p": ["mae"], "q": ["accuracy"]}}, of_flat,
                lambda a: {"p": a["v"], "q": a["w"]}),
    "lists": ("flat", {"loss": ["mse", CROSS], "loss_weights": [2.0, 0.3],
                       "metrics": [["mae"], ["accuracy"]]}, of_flat, None),
    "targets_in_a_list": ("flat", {"loss": {"q": CROSS, "p": "mse"}},
                          lambda a: [a["p"], a["q"]], None),
    "one_for_all": ("one", {"loss": "mse", "metrics": ["mae"]}, lambda a: {"p": a["p"]}, None),
    "one_alone": ("one", {"loss": {"p": "mse"}, "metrics": {"p": ["mae"]}},
                  lambda a: a["p"], None),
    "untrained": ("state", {"loss": {"z": "mse", "s": None}, "metrics": {"z": ["mae"]}},
                  lambda a: {"z": a["p"], "s": np.zeros((N, T, C))}, None),
    "nested": ("nested", {"loss": {"a": {"q": CROSS}, "b": ["mse", "mae"]},
                          "metrics": {"a": {"q": ["accuracy"]}, "b": [["mae"], ["mse"]]}},
               lambda a: {"a": {"q": a["q"]}, "b": [a["p"], a["p"] + 1]}, None),
    "tuple": ("tuple", {"loss": ("mse", CROSS), "loss_weights": [0.5, 2.0],
                        "metrics": [["mae"], ["accuracy"]]}, lambda a: (a["p"], a["q"]), None),
}


def figures(k, make, case):
    """Histories and predictions of a case as plain values."""
    form, compiled, targets, weights = CASES[case]
    a = arrays()
    model = make(k, FORMS[form])
    model.predict(a["x"], verbose=0)
    rng = np.random.default_rng(5)
    model.set_weights([rng.standard_normal(w.shape) * 0.4 for w in model.get_weights()])
    model.compile(optimizer=k.optimizers.SGD(0.1), **compiled)
    y = targets(a)
    weight = None if weights is None else weights(a)
    validation = (a["x"], y) if weight is None else (a["x"], y, weight)
    history = model.fit(a["x"], y, sample_weight=weight, batch_size=N, epochs=2, verbose=0,
                        shuffle=False, validation_data=validation).history
    judged = model.evaluate(a["x"], y, sample_weight=weight, verbose=0, return_dict=True)
    batch = model.train_on_batch(a["x"], y, sample_weight=weight, return_dict=True)
    return history, judged, batch, model.predict(a["x"], verbose=0)


def assert_same(got, want):
    if isinstance(want, dict):
        assert sorted(got) == sorted(want)
        for key, value in want.items():
            assert_same(got[key], value)
    elif isinstance(want, list | tuple):
        assert type(got) is type(want)
        for a, b in zip(got, want, strict=True):
            assert_same(a, b)
    else:
        np.testing.assert_allclose(np.asarray(got, float), np.asarray(want, float), RELATIVE,
                                   2e-5 if np.ndim(want) else ABSOLUTE)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(("make", "case"), [
    # Keras names the other outputs of a functional model by its layers.
    (make, case) for make in (subclassed, functional) for case in CASES
    if make is subclassed or case not in ("tuple", "nested")])
def test_training_by_names_is_that_of_keras(make, case):
    want = figures(keras_or_skip(), make, case)
    assert_same(figures(fastrnn, make, case), want)


def nested_model():
    model = functional(fastrnn, FORMS["nested"])
    model.compile("sgd", {"a": {"q": CROSS}, "b": ["mse", "mae"]})
    return model


def test_a_functional_model_of_nested_outputs_is_trained_saved_and_read(tmp_path):
    a = arrays()
    model = nested_model()
    y = {"a": {"q": a["q"]}, "b": [a["p"], a["p"] + 1]}
    first = model.evaluate(a["x"], y, return_dict=True)
    assert set(first) == {"loss", "a/q_loss", "b/mse_loss", "b/mae_loss"}
    assert model.fit(a["x"], y, epochs=20, verbose=0).history["loss"][-1] < first["loss"]
    want = model.predict(a["x"])
    model.save(tmp_path / "nested")
    again = fastrnn.models.load_model(tmp_path / "nested")
    assert_same(again.predict(a["x"]), want)
    assert again.evaluate(a["x"], y, return_dict=True) == model.evaluate(a["x"], y,
                                                                         return_dict=True)


def test_a_dict_in_any_order_of_keys_comes_back_from_a_file(tmp_path):
    a = arrays()
    model = functional(fastrnn, FORMS["flat"])
    want = model.predict(a["x"])
    model.save(tmp_path / "model")
    got = fastrnn.models.load_model(tmp_path / "model").predict(a["x"])
    assert got["p"].shape == (N, 1)
    assert_same(got, want)


def test_weights_of_a_subclass_that_gives_a_dict_are_saved(tmp_path):
    a = arrays()
    model, again = (subclassed(fastrnn, FORMS["flat"]) for _ in range(2))
    want = model.predict(a["x"])
    again.predict(a["x"])
    model.save_weights(tmp_path / "weights")
    again.load_weights(tmp_path / "weights")
    assert_same(again.predict(a["x"]), want)


@pytest.mark.parametrize("make", [subclassed, functional])
@pytest.mark.parametrize(("changed", "y", "words"), [
    ({}, {"p": "p"}, "targets for q are missing; got p"),
    ({}, {"p": "p", "q": "q", "z": "p"}, r"targets names z; the outputs are p, q"),
    ({"loss": {"p": "mse", "z": "mse"}}, {"p": "p"}, "loss names z; the outputs are p, q"),
    ({"metrics": {"z": "mae"}}, {"p": "p", "q": "q"}, "metrics names z"),
    ({"weighted_metrics": {"z": "mae"}}, {"p": "p", "q": "q"}, "weighted_metrics names z"),
    ({"loss_weights": {"z": 1.0}}, {"p": "p", "q": "q"}, "loss_weights names z"),
    ({"metrics": ["mae"]}, {"p": "p", "q": "q"}, "one entry for each of the 2 outputs"),
])
def test_names_that_do_not_fit_are_named(make, changed, y, words):
    a = arrays()
    model = make(fastrnn, FORMS["flat"])
    model.compile("sgd", **{"loss": {"p": "mse", "q": CROSS}, **changed})
    with pytest.raises(ValueError, match=words):
        model.fit(a["x"], {name: a[key] for name, key in y.items()}, verbose=0)


def test_nested_arguments_that_do_not_fit_are_named():
    a = arrays()
    model = nested_model()
    for y, words in (({"a": a["q"]}, r"targets\['a'\] must be a dict .* q; got ndarray"),
                     ({"a": {"q": a["q"]}, "b": [a["p"]]}, r"targets\['b'\] must be a list of 2"),
                     ({"a": {"r": a["q"]}}, r"targets\['a'\] names r")):
        with pytest.raises(ValueError, match=words):
            model.fit(a["x"], y, verbose=0)


def test_an_output_without_a_loss_needs_no_target():
    a = arrays()
    model = subclassed(fastrnn, FORMS["state"])
    model.compile("sgd", {"z": "mse"}, metrics={"z": ["mae"]})
    logs = model.fit(a["x"], {"z": a["p"]}, verbose=0).history
    assert set(logs) == {"loss", "z_mae"}


def test_sample_weights_of_unknown_names_are_named():
    a = arrays()
    model = subclassed(fastrnn, FORMS["flat"])
    model.compile("sgd", {"p": "mse", "q": CROSS})
    with pytest.raises(ValueError, match="sample_weight names z"):
        model.fit(a["x"], of_flat(a), sample_weight={"z": a["v"]}, verbose=0)


@pytest.mark.parametrize("make", [subclassed, functional])
@pytest.mark.parametrize("form", [lambda p, q, h: {"q": q, "p": p},
                                  lambda p, q, h: {"p": p, "q": q}], ids=["qp", "pq"])
@pytest.mark.parametrize("loss", ["mse", {"p": "mse", "q": "mae"}, {"q": "mae", "p": "mse"}],
                         ids=["one", "pq", "qp"])
def test_values_are_listed_in_keras_order(make, form, loss):
    """That of the dict of losses; for one loss, that of the dict that a call makes."""
    keras = keras_or_skip()
    a = arrays()
    y = {"p": a["p"], "q": np.eye(C)[a["q"]]}
    orders = []
    for k in (keras, fastrnn):
        model = make(k, form)
        model.compile("sgd", loss, metrics={"q": ["mae"]})
        model.fit(a["x"], y, verbose=0)
        named = model.evaluate(a["x"], y, verbose=0, return_dict=True)
        listed = model.evaluate(a["x"], y, verbose=0)
        names = [(float(value), name) for name, value in named.items() if not name.endswith("mae")]
        orders.append([
            next((name for other, name in names if abs(float(value) - other) < 1e-5), "a metric")
            for value in listed])
    assert orders[1] == orders[0]
