# SPDX-License-Identifier: Apache-2.0
"""Descriptions of models in JSON: ours read by Keras, those of Keras 3 and Keras 2 read here."""

import json
import pickle

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, models
from keras_oracle import keras_or_skip
from test_keras_layers import CASES
from tolerances import RELATIVE, relative_error

N, T, F = 4, 5, 3

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


def randomised(model):
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.1, 0.7, w.shape) for w in model.get_weights()])
    return model


def leaves(outputs):
    if isinstance(outputs, dict):
        return [leaf for key in sorted(outputs) for leaf in leaves(outputs[key])]
    if isinstance(outputs, list | tuple):
        return [leaf for part in outputs for leaf in leaves(part)]
    return [outputs]


def assert_same_model(a, b, data):
    b.set_weights(a.get_weights())
    want, got = (leaves(m.predict(data, verbose=0)) for m in (a, b))
    for x, y in zip(got, want, strict=True):
        assert x.dtype == y.dtype
        assert relative_error(x, y) < RELATIVE["float32"]


def there_and_back(keras, build, data):
    """A program in both: ours is read by Keras and here, Keras' here, and what is read again."""
    ours, theirs = randomised(build(fastrnn)), randomised(build(keras))
    text, their_text = ours.to_json(), theirs.to_json()
    for a, b in ((ours, keras.models.model_from_json(text)),
                 (ours, models.model_from_json(text)),
                 (theirs, models.model_from_json(their_text))):
        assert_same_model(a, b, data)
    again = models.model_from_json(their_text)
    names = [layer.name for layer in theirs.layers]     # operators are layers here
    assert [layer.name for layer in again.layers if layer.name in names] == names
    assert_same_model(theirs, keras.models.model_from_json(again.to_json()), data)


@pytest.mark.parametrize("case", CASES)
def test_every_layer_travels_both_ways(case, rng):
    keras = keras_or_skip()
    make, shapes, _, options = CASES[case]
    options = {name: value for name, value in options.items() if name != "training"}

    def build(k):
        inputs = [k.layers.Input(shape[1:]) for shape in shapes]
        layer = make(k.layers)
        return k.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0], **options))

    data = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    there_and_back(keras, build, data if len(data) > 1 else data[0])


def encoder_decoder(k):
    x, start = k.layers.Input((T, F), name="x"), k.layers.Input((F,), name="start")
    outputs, h, c = k.layers.LSTM(4, return_sequences=True, return_state=True)(x)
    decoded = k.layers.LSTM(4, return_sequences=True)(x, initial_state=[h, c])
    attended = k.layers.Attention()([decoded, outputs])
    joined = k.layers.Concatenate()([attended, decoded])
    other = k.layers.Bidirectional(k.layers.GRU(2))(
        joined, initial_state=[k.layers.Dense(2)(start)] * 2)
    return k.Model({"b": x, "a": start}, {"y": k.layers.Dense(2)(other), "c": [h, c]})


def with_operators(k):
    x = k.layers.Input((T, F))
    h = k.layers.SimpleRNN(3, return_sequences=True, activation="tanh")(x)
    y = (1 - h[:, -1] ** 2) / (abs(h[:, 0]) + 0.5) + np.arange(3, dtype="f")
    z = k.layers.Dense(2)(y * (y > 0) - x[:, 1:, ::2][:, 0, :1])
    return k.Model(x, [z, h @ np.ones((3, 2), "f"), (h < 0.2) & ~(h < -0.2), h[..., None, 1]])


def shared(k):
    a, b = k.layers.Input((T, F)), k.layers.Input((T, F))
    inner = k.Sequential([k.layers.Input((T, F)), k.layers.GRU(4), k.layers.Dense(3, "relu")])
    dense = k.layers.Dense(3, activation="tanh")
    return k.Model([a, b], k.layers.Add()([dense(inner(a)), dense(inner(b)),
                                           dense(dense(inner(a)))]))


def deep(k):
    return k.Sequential([
        k.layers.Input((T, F)), k.layers.Masking(0.5),
        k.layers.Bidirectional(k.layers.LSTM(4, return_sequences=True, dropout=0.1,
                                             recurrent_regularizer="l2"), merge_mode="sum"),
        k.layers.TimeDistributed(k.layers.Dense(4, activation="elu", kernel_constraint="max_norm",
                                                kernel_initializer="he_normal")),
        k.layers.Dropout(0.3), k.layers.GRU(3, reset_after=False, activity_regularizer="l1"),
        k.layers.LeakyReLU(negative_slope=0.1), k.layers.Dense(2, activation="softmax")])


def with_constants(k):
    x = k.layers.Input((T, F))
    states = [np.full((1, 4), 0.3, "f"), np.full((1, 4), -0.2, "f")]
    return k.Model(x, k.layers.LSTM(4)(x, initial_state=states))


@pytest.mark.parametrize("build", [encoder_decoder, with_operators, shared, deep, with_constants])
def test_models_travel_both_ways(build, rng):
    x = rng.standard_normal((N, T, F)).astype(np.float32)
    data = {encoder_decoder: {"b": x, "a": x[:, 0]}, shared: [x, x[::-1].copy()]}.get(build, x)
    there_and_back(keras_or_skip(), build, data)


# -- older files ---------------------------------------------------------------------------------

OLD_LSTM = {
    "name": "lstm_1", "trainable": True, "dtype": "float32", "batch_input_shape": [None, T, F],
    "return_sequences": True, "return_state": False, "go_backwards": False, "stateful": False,
    "unroll": False, "time_major": False, "units": 4, "activation": "tanh",
    "recurrent_activation": "sigmoid", "use_bias": True,
    "kernel_initializer": {"class_name": "VarianceScaling", "config": {
        "scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}},
    "recurrent_initializer": {"class_name": "Orthogonal", "config": {
        "gain": 1.0, "seed": None, "dtype": "float32"}},
    "bias_initializer": {"class_name": "Zeros", "config": {}}, "unit_forget_bias": True,
    "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}},
    "recurrent_regularizer": None, "bias_regularizer": None, "activity_regularizer": None,
    "kernel_constraint": None, "recurrent_constraint": None, "bias_constraint": None,
    "dropout": 0.1, "recurrent_dropout": 0.0, "implementation": 2}
OLD_DENSE = {"name": "dense_1", "trainable": True, "units": 2, "activation": "softmax",
             "use_bias": True, "kernel_initializer": {"class_name": "GlorotUniform", "config": {}},
             "bias_initializer": {"class_name": "Zeros", "config": {}},
             "kernel_regularizer": None, "bias_regularizer": None, "activity_regularizer": None,
             "kernel_constraint": None, "bias_constraint": None}
INPUT = {"class_name": "InputLayer", "name": "x", "inbound_nodes": [], "config": {
    "batch_input_shape": [None, T, F], "dtype": "float32", "sparse": False, "ragged": False,
    "name": "x"}}


def entry(class_name, config, inbound=None, **changed):
    made = {"class_name": class_name, "config": {**config, **changed}}
    if inbound is not None:
        made |= {"name": changed.get("name", config.get("name")), "inbound_nodes": inbound}
    return made


def old_file(name, config, **others):
    return json.dumps({"class_name": name, "config": config, "keras_version": "2.2.4-tf",
                       "backend": "tensorflow", **others})


@pytest.mark.parametrize("as_list", [True, False])
def test_sequential_models_of_keras_2(as_list, rng):
    entries = [entry("LSTM", OLD_LSTM), entry("Dropout", {
        "name": "drop", "trainable": True, "rate": 0.2, "noise_shape": None, "seed": None}),
        entry("TimeDistributed", {"name": "td", "trainable": True,
                                  "layer": entry("Dense", OLD_DENSE)})]
    text = old_file("Sequential", entries if as_list else {"name": "seq", "layers": entries})
    model = models.model_from_json(text)
    assert [layer.name for layer in model.layers] == ["lstm_1", "drop", "td"]
    assert model.output_shape == (None, T, 2)
    assert model.layers[0].kernel_regularizer.get_config() == pytest.approx({"l1": 0, "l2": 0.01})
    again = models.Sequential([layers.Input((T, F)), layers.LSTM(4, return_sequences=True),
                               layers.TimeDistributed(layers.Dense(2, "softmax"))])
    assert_same_model(randomised(again), model, rng.standard_normal((N, T, F), np.float32))


def test_functional_models_of_keras_2(rng):
    config = {**OLD_LSTM, "return_state": True}
    del config["batch_input_shape"]
    text = old_file("Model", {
        "name": "m", "layers": [
            INPUT,
            # Out of order, as a walk from the outputs gives them.
            entry("LSTM", {**config, "return_state": False, "return_sequences": False},
                  [[["x", 0, 0, {}], ["lstm_1", 0, 1, {}], ["lstm_1", 0, 2, {}]]], name="second"),
            entry("LSTM", config, [[["x", 0, 0, {}]]]),
            entry("LSTM", {**config, "return_state": False, "return_sequences": False},
                  [[["x", 0, 0, {"initial_state": [["lstm_1", 0, 1], ["lstm_1", 0, 2]]}]]],
                  name="third"),
            entry("Dense", OLD_DENSE, [[["second", 0, 0, {}]], [["third", 0, 0, {}]]]),
            entry("TFOpLambda", {"name": "tf.math.multiply", "trainable": True, "dtype": "float32",
                                 "function": "math.multiply"},
                  [["dense_1", 0, 0, {"y": 2.0, "name": None}]]),
            entry("Concatenate", {"name": "joined", "axis": -1, "trainable": True},
                  [[["tf.math.multiply", 0, 0, {}], ["dense_1", 1, 0, {}]]])],
        "input_layers": [["x", 0, 0]], "output_layers": [["joined", 0, 0]]})
    model = models.model_from_json(text)
    x = layers.Input((T, F))
    first = layers.LSTM(4, return_sequences=True, return_state=True)
    second, third, dense = layers.LSTM(4), layers.LSTM(4), layers.Dense(2, activation="softmax")
    _, h, c = first(x)
    a, b = dense(second(x, initial_state=[h, c])), dense(third(x, initial_state=[h, c]))
    again = randomised(models.Model(x, layers.Concatenate()([a * 2.0, b])))
    made = {"lstm_1": first, "second": second, "third": third, "dense_1": dense}
    assert len(model.weights) == len(again.weights)
    for name, layer in made.items():
        model.get_layer(name).set_weights([w / (1 + len(name)) for w in layer.get_weights()])
        layer.set_weights(model.get_layer(name).get_weights())
    data = rng.standard_normal((N, T, F), np.float32)
    assert relative_error(model.predict(data), again.predict(data)) < RELATIVE["float32"]


def test_defaults_of_keras_2_are_kept():
    gru = {**OLD_LSTM, "name": "gru"}
    for name in ("unit_forget_bias", "time_major"):
        del gru[name]
    assert not models.model_from_json(
        old_file("Sequential", [entry("GRU", gru)])).layers[0].reset_after
    assert models.model_from_json(
        old_file("Sequential", [entry("GRU", gru, reset_after=True)])).layers[0].reset_after
    with pytest.warns(UserWarning, match="hard_sigmoid of Keras 2"):
        models.model_from_json(old_file("Sequential", [
            entry("LSTM", OLD_LSTM, recurrent_activation="hard_sigmoid")]))


def test_descriptions_of_our_own_files_are_read():
    model = encoder_decoder(fastrnn)
    text = json.dumps(layers.serialize(model))
    again = models.model_from_json(text)
    x = np.random.default_rng(0).standard_normal((N, T, F)).astype(np.float32)
    assert_same_model(randomised(model), again, {"b": x, "a": x[:, 0]})


# -- one's own -----------------------------------------------------------------------------------


class Twice(layers.Layer):
    """y = factor x."""

    arguments = ("factor",)

    def __init__(self, factor=2, **options):
        super().__init__(**options)
        self.factor = factor

    def forward(self, inputs, mask, training, keep):
        return inputs * self.factor, mask, None

    def backward(self, kept, doutputs):
        return doutputs * self.factor


def test_classes_of_ones_own_are_given_by_name():
    model = models.Sequential([layers.Input((3,)), Twice(3), layers.Dense(2)])
    text = model.to_json()
    again = models.model_from_json(text, custom_objects={"Twice": Twice})
    assert again.layers[0].factor == 3
    with pytest.raises(ValueError, match=r"no layer is named 'Twice'.*custom_objects"):
        models.model_from_json(text)


def test_missing_values_are_ours_and_clear():
    keras = keras_or_skip()
    model = models.Sequential([layers.Input((T, F)), layers.Masking(nan=True), layers.GRU(2)])
    assert models.model_from_json(model.to_json()).layers[0].nan
    with pytest.raises((ValueError, TypeError), match="nan"):
        keras.models.model_from_json(model.to_json())


# -- what is no model ----------------------------------------------------------------------------


class Harmful:
    def __reduce__(self):
        return exec, ("raise SystemExit",)


def graph(*entries, inputs=("x", 0, 0), outputs=("dense_1", 0, 0)):
    return {"class_name": "Functional", "config": {
        "name": "m", "layers": list(entries), "input_layers": [list(inputs)],
        "output_layers": [list(outputs)]}}


LAMBDA = {"name": "l", "function": ["4wEAAAAAAAAA", None, None], "function_type": "lambda"}


@pytest.mark.parametrize(("description", "words"), [
    ("[1, 2]", "must be|is described by a dict"), ("{}", "is described by"), ("3", "described"),
    ("{", "Expecting"), ("[" * 100000, "too deeply"),
    ({"class_name": "Sequential", "config": 3}, "does not describe a model"),
    ({"class_name": "Sequential", "config": {"layers": [3]}}, "a layer is described by a dict"),
    ({"class_name": "os.system", "config": {}}, "no layer is named 'os.system'"),
    ({"class_name": "import_module", "config": {}}, "no layer is named"),
    ({"class_name": "Conv1D", "config": {"filters": 3}}, "no layer is named 'Conv1D'"),
    (entry("Sequential", {}, layers=[entry("Lambda", LAMBDA)]), "not run"),
    (entry("Lambda", {"function": {"class_name": "__lambda__", "config": {"code": "4wE"}}}),
     "not run"),
    (entry("LSTM", OLD_LSTM, peephole=True), "LSTM has no argument 'peephole'"),
    (entry("LSTM", OLD_LSTM, units=-1), "units must be"),
    (entry("LSTM", OLD_LSTM, units="4"), "units"),
    (entry("LSTM", OLD_LSTM, activation="evil"), "got 'evil'"),
    (entry("LSTM", OLD_LSTM, kernel_initializer={"class_name": "Evil", "config": {}}), "Evil"),
    (entry("LSTM", OLD_LSTM, time_major=True), "time_major"),
    (entry("Dense", OLD_DENSE, dtype={"class_name": "DTypePolicy", "config": {
        "name": "mixed_float16"}}), "mixed_float16"),
    (graph(INPUT, entry("Dense", OLD_DENSE, [[["y", 0, 0, {}]]])), "reads the layer 'y'"),
    (graph(INPUT, entry("Dense", OLD_DENSE, [[["dense_1", 0, 0, {}]]])),
     "read each other.*dense_1"),
    (graph(INPUT, entry("Dense", OLD_DENSE, [[["x", 0, 5, {}]]])), "x has 1 outputs; output 5"),
    (graph(INPUT, INPUT), "more than one layer is named x"),
    (graph(INPUT, entry("Dense", OLD_DENSE, [])), "nothing calls 'dense_1'"),
    (graph(INPUT, entry("Dense", OLD_DENSE, [7])), "a call is described by"),
    (graph(INPUT, entry("TFOpLambda", {"name": "dense_1", "function": "io.write_file"},
                        [["x", 0, 0, {}]])), "'io.write_file' is not there"),
    (graph(INPUT, {**entry("Eval", {"name": "dense_1"}, []), "module": "keras.src.ops.numpy"}),
     "the operation 'Eval' is not there"),
], ids=lambda value: None)
def test_descriptions_that_are_no_models_are_refused(description, words):
    text = description if isinstance(description, str) else json.dumps(description)
    with pytest.raises(ValueError, match=words):
        models.model_from_json(text)


def test_bytes_that_hold_code_are_not_read():
    with pytest.raises((ValueError, TypeError)):
        models.model_from_json(pickle.dumps(Harmful()))


@pytest.mark.parametrize("case", ["layer-norm", "leaky-relu", "batch-norm", "attention"])
def test_configurations_of_keras_make_layers(case):
    keras = keras_or_skip()
    theirs = CASES[case][0](keras.layers)
    ours = getattr(layers, type(theirs).__name__).from_config(theirs.get_config())
    assert ours.name == theirs.name
    again = layers.deserialize(json.loads(json.dumps(keras.layers.serialize(theirs))))
    assert again.get_config() == ours.get_config()
    back = type(theirs).from_config(ours.get_config())
    assert back.name == theirs.name


def test_the_configuration_of_a_bidirectional_layer_of_keras_makes_one():
    keras = keras_or_skip()
    theirs = keras.layers.Bidirectional(keras.layers.GRU(3, dropout=0.2), merge_mode="ave")
    ours = layers.Bidirectional.from_config(theirs.get_config())
    assert (ours.merge_mode, ours.forward_layer.units, ours.backward_layer.dropout) == (
        "ave", 3, 0.2)
