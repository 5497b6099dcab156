# SPDX-License-Identifier: Apache-2.0
"""Generation with models of layers: a step at a time is the whole text at once."""

import itertools

import numpy as np
import pytest

from fastrnn import layers, random
from fastrnn.generation import generate
from fastrnn.generation.stepper import Stepper
from fastrnn.models import Input, Model, Sequential
from scores import softmax

V = 9


def embedded(*rest, **options):
    return Sequential([Input((None,), dtype="int32"), layers.Embedding(V, 6, **options), *rest])


def softmax_of(units=V):
    return layers.Dense(units, activation="softmax")


def classic():
    return embedded(layers.LSTM(8, return_sequences=True), layers.Dropout(0.5),
                    layers.LSTM(7), layers.Dropout(0.5), softmax_of())


def all_steps():
    return embedded(layers.GRU(8, return_sequences=True, dropout=0.5),
                    layers.TimeDistributed(softmax_of()))


def logits():
    return embedded(layers.SimpleRNN(8), layers.LayerNormalization(), layers.Dense(V))


def activation_last():
    return embedded(layers.LSTM(8), layers.Dense(V), layers.Activation("softmax"))


def one_hot():
    return Sequential([Input((None, V)), layers.GRU(8, reset_after=False, activation="relu"),
                       softmax_of()])


def masked():
    return embedded(layers.LSTM(8, return_sequences=True), layers.GRU(8), softmax_of(),
                    mask_zero=True)


def stateful():
    return Sequential([Input(batch_shape=(3, None), dtype="int32"), layers.Embedding(V, 6),
                       layers.LSTM(8, stateful=True), softmax_of()])


def nested():
    inner = Sequential([Input((None, 6)), layers.GRU(6, return_sequences=True),
                        layers.Dense(6, activation="tanh")])
    return embedded(inner, layers.LSTM(8), softmax_of())


def residual():
    ids = Input((None,), dtype="int32")
    x = layers.Embedding(V, 6)(ids)
    shared = layers.GRU(6, return_sequences=True)
    y = layers.Add()([x, shared(shared(x))])
    y = layers.Concatenate()([layers.LSTM(5)(y), layers.SimpleRNN(4)(2 * y)])
    return Model(ids, softmax_of()(y))


def read_again_at_the_end():
    ids = Input((None,), dtype="int32")
    y = layers.GRU(6, return_sequences=True)(layers.Embedding(V, 6)(ids))
    return Model(ids, softmax_of()(layers.Concatenate()([y, layers.Embedding(V, 5)(ids)])))


def no_recurrent_layer():
    return embedded(layers.Dense(5, activation="relu"), softmax_of())


MODELS = [classic, all_steps, logits, activation_last, one_hot, masked, stateful, nested,
          residual, read_again_at_the_end, no_recurrent_layer]


def made(build):
    """Return a model with weights large enough to make its choices depend on what it read."""
    random.set_seed(3)
    model = build()
    model.set_weights([3 * weight for weight in model.get_weights()])
    return model


def next_scores(model, text):
    """Return log p of the next token from reading the whole text (N, T) at once."""
    text = np.asarray(text)
    x = text if len(model.input_shape) == 2 else np.eye(V, dtype=np.float32)[text]
    model.reset_states()
    y = np.asarray(model(x), np.float64)
    model.reset_states()
    y = y if y.ndim == 2 else y[:, -1]
    return np.log(softmax(y) if (y < 0).any() else y / y.sum(axis=-1, keepdims=True))


PROMPTS = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [2, 2, 8, 1]])


@pytest.mark.parametrize("build", MODELS)
def test_a_step_at_a_time_is_the_whole_text_at_once(build):
    model = made(build)
    stepper = Stepper(model)
    rng = np.random.default_rng(0)
    text = PROMPTS
    scores, state = stepper.start(text)
    for _ in range(6):
        got = np.log(softmax(scores.astype(np.float64)))
        assert np.abs(got - next_scores(model, text)).max() < 2e-5
        tokens = rng.integers(0, V, len(text))
        text = np.column_stack([text, tokens])
        scores, state = stepper.step(tokens, state)
    order = [2, 0, 1]
    swapped, _ = stepper.step(tokens[order], state.take(order))
    straight, _ = stepper.step(tokens, state)
    assert np.allclose(swapped, straight[order], rtol=1e-5, atol=1e-6)
    assert np.ptp(got, axis=0).max() > 0.01  # rows differ: the scores tell what was read


def test_padding_of_a_prompt_is_not_read():
    model = made(masked)
    padded = np.pad(PROMPTS, ((0, 0), (3, 0)))
    got = generate(model, padded, 8, temperature=0)
    assert np.array_equal(got, generate(model, PROMPTS, 8, temperature=0))


def test_generation_leaves_a_stateful_model_where_it_was():
    model = made(stateful)
    tokens = generate(model, PROMPTS, 5, temperature=0)
    first = np.asarray(model(PROMPTS))
    model.reset_states()
    np.asarray(model(PROMPTS[:, :2]))
    assert np.array_equal(generate(model, PROMPTS, 5, temperature=0), tokens)
    assert np.array_equal(np.asarray(model(PROMPTS[:, 2:])), first)


@pytest.mark.parametrize("build", [classic, logits, one_hot])
def test_the_likeliest_continuations_of_a_model(build):
    model = made(build)
    greedy = generate(model, PROMPTS, 6, temperature=0)
    text = PROMPTS
    for k in range(6):
        assert np.array_equal(greedy[:, k], next_scores(model, text).argmax(axis=-1))
        text = np.column_stack([text, greedy[:, k]])
    best = generate(model, PROMPTS[0], 2, beams=V)
    pairs = np.array(list(itertools.product(range(V), repeat=2)))
    first = next_scores(model, PROMPTS[:1])[0, pairs[:, 0]]
    texts = np.column_stack([np.tile(PROMPTS[0], (len(pairs), 1)), pairs[:, 0]])
    second = next_scores(model, texts)[np.arange(len(pairs)), pairs[:, 1]]
    assert best.tolist() == pairs[(first + second).argmax()].tolist()


def test_what_is_read_can_be_encoded():
    model = made(lambda: Sequential([Input((None, 1)), layers.LSTM(8), softmax_of()]))

    def encode(ids):
        return ids[..., None] / V

    got = generate(model, PROMPTS, 4, temperature=0, encode=encode)
    text = PROMPTS
    for token in got.T:
        assert np.array_equal(token, np.asarray(model(encode(text))).argmax(axis=-1))
        text = np.column_stack([text, token])
    with pytest.raises(ValueError, match="gives 9 tokens but reads only 1"):
        generate(model, np.zeros((1, 3), int))
    with pytest.raises(TypeError, match="encode must be callable, got dict"):
        generate(model, PROMPTS, encode={})
    with pytest.raises(ValueError, match=r"\(3, 4\), got float64 of shape \(12, 1\)"):
        generate(model, PROMPTS, encode=lambda ids: ids.reshape(-1, 1) / V)


def test_new_weights_are_used():
    model = made(classic)
    stepper = Stepper(model)
    _, state = stepper.start(PROMPTS)
    tokens = PROMPTS[:, 0]
    before, _ = stepper.step(tokens, state)
    model.set_weights([-weight for weight in model.get_weights()])
    after, _ = stepper.step(tokens, state)
    again, _ = Stepper(model).step(tokens, state)
    assert not np.allclose(before, after)
    assert np.array_equal(after, again)


class Own(Model):
    def __init__(self):
        super().__init__()
        self.dense = softmax_of()

    def call(self, inputs):
        return self.dense(inputs)


def with_two_inputs():
    a, b = Input((None, 3)), Input((None, 3))
    return Model([a, b], softmax_of()(layers.Add()([a, b])))


def with_mixed_ranks():
    x = Input((None, V))
    whole = layers.LSTM(4, return_sequences=True)(x)
    return Model(x, softmax_of()(layers.Add()([whole, layers.LSTM(4)(x)])))


def with_states_passed_on():
    x = Input((None, V))
    _, *states = layers.LSTM(4, return_state=True)(x)
    return Model(x, softmax_of()(layers.LSTM(4)(x, initial_state=states)))


BAD_MODELS = [
    (lambda: 5, TypeError, "must be a Sequential or functional model.*got int"),
    (lambda: Sequential([layers.LSTM(3), softmax_of()]), ValueError, "is not built yet"),
    (Own, TypeError, "a call of its own"),
    (with_two_inputs, ValueError, "one of inputs, got 2"),
    (with_mixed_ranks, ValueError, "joins steps with whole sequences"),
    (with_states_passed_on, ValueError, "gives its state to other layers"),
    (lambda: embedded(layers.Bidirectional(layers.LSTM(3)), softmax_of()), ValueError,
     r"\(Bidirectional\) step by step: its output at a step depends on other steps"),
    (lambda: embedded(layers.LSTM(3, go_backwards=True), softmax_of()), ValueError,
     "reads from the end"),
    (lambda: embedded(layers.LSTM(3, return_sequences=True), layers.GlobalAveragePooling1D(),
                      softmax_of()), ValueError, "GlobalAveragePooling1D"),
    (lambda: embedded(layers.LSTM(3, return_sequences=True), layers.Softmax(axis=1)), ValueError,
     "must act on the last axis, got axis 1"),
    (lambda: Sequential([Input((V,)), softmax_of()]), ValueError,
     r"got inputs of shape \(None, 9\)"),
    (lambda: embedded(layers.LSTM(V)), ValueError, r"must end in a softmax .*\(LSTM, tanh\)"),
    (lambda: embedded(layers.LSTM(3), layers.Dense(1, activation="sigmoid")), ValueError,
     r"must end in a softmax .*\(Dense, sigmoid\)"),
    (lambda: embedded(layers.LSTM(3), softmax_of(V + 1)), ValueError,
     "gives 10 tokens but reads only 9"),
]


@pytest.mark.parametrize(("build", "error", "message"), BAD_MODELS)
def test_models_that_cannot_go_step_by_step(build, error, message):
    with pytest.raises(error, match=message):
        generate(build(), [1, 2], 3)


@pytest.mark.parametrize("build", [classic, one_hot])
@pytest.mark.parametrize("token", [-1, V])
def test_tokens_that_a_model_does_not_know(build, token):
    with pytest.raises(ValueError, match=rf"ids must be in \[0, {V}\).*got {token}"):
        generate(build(), [1, token, 2], 3)
