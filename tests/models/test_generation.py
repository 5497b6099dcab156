# SPDX-License-Identifier: Apache-2.0
"""Choosing tokens, beam search and generation, against brute force on small chains."""

import itertools

import numpy as np
import pytest

from fastrnn import layers, random
from fastrnn.generation import beam_search, chooser, draw, filter_top_k, filter_top_p, generate
from fastrnn.generation.stepper import Stepper
from fastrnn.models import Input, Model, Sequential

# -- choosing ------------------------------------------------------------------------------------


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def random_scores(*shape, seed=0):
    return 2 * np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("k", [1, 2, 5, 7, 9])
def test_top_k_keeps_the_k_largest(k):
    scores = random_scores(20, 7)
    kept = filter_top_k(scores, k)
    for row, scores_row in zip(kept, scores, strict=True):
        largest = sorted(scores_row, reverse=True)[:k]
        assert sorted(row[row > -np.inf], reverse=True) == largest
        assert set(row) <= {*scores_row, -np.inf}
        assert all(a in (b, -np.inf) for a, b in zip(row, scores_row, strict=True))


def test_top_k_keeps_all_that_are_equal_at_the_border():
    kept = filter_top_k(np.array([[3.0, 1.0, 2.0, 1.0, 0.0]]), 3)
    assert kept.tolist() == [[3, 1, 2, 1, -np.inf]]


@pytest.mark.parametrize("p", [1e-9, 0.3, 0.7, 0.95, 1.0])
def test_top_p_keeps_the_smallest_set_of_at_least_p(p):
    scores = random_scores(30, 6, seed=1)
    kept = filter_top_p(scores, p) > -np.inf
    for row, chances in zip(kept, softmax(scores), strict=True):
        sums = {s: sum(chances[list(s)]) for n in range(1, 7)
                for s in itertools.combinations(range(6), n)}
        enough = [s for s in sums if sums[s] >= min(p, 1 - 1e-12)]
        smallest = min(map(len, enough))
        best = max((s for s in enough if len(s) == smallest), key=sums.get)
        assert set(np.flatnonzero(row)) == set(best)


def test_top_p_takes_equal_scores_by_index():
    assert (filter_top_p(np.zeros((1, 4)), 0.5) > -np.inf).tolist() == [[True, True, False, False]]


def frequencies(choose, scores, count=40_000):
    rows = np.tile(scores, (count, 1))
    return np.bincount(choose(rows), minlength=len(scores)) / count


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_draws_have_the_softmax_frequencies(temperature):
    scores = random_scores(5, seed=2)
    rng = np.random.default_rng(0)
    got = frequencies(lambda rows: draw(rows, temperature, rng), scores)
    assert np.abs(got - softmax(scores / temperature)).max() < 0.01  # four standard deviations


def test_each_row_is_drawn_from_its_own_scores():
    scores = np.where(np.eye(6) > 0, 0.0, -1e4)[[3, 1, 5, 0]]
    assert draw(scores, 1.0, np.random.default_rng(0)).tolist() == [3, 1, 5, 0]
    assert draw(scores, 0, None).tolist() == [3, 1, 5, 0]


class Extreme:
    """A source whose numbers are as near to 1 as they can be, or 0."""

    def __init__(self, value):
        self.value = value

    def random(self, size):
        return np.full(size, self.value)


@pytest.mark.parametrize("value", [0.0, np.nextafter(1, 0)])
def test_what_was_filtered_is_never_drawn(value):
    rng = np.random.default_rng(3)
    for _ in range(200):
        scores = rng.standard_normal((1, 9))
        scores[0, [0, 4, 7, 8]] = -np.inf
        assert draw(scores, 1.0, Extreme(value))[0] == (1 if value == 0 else 6)


def test_the_chooser_scales_then_filters():
    scores = np.log(np.array([0.4, 0.3, 0.2, 0.1]))
    rng = np.random.default_rng(1)
    # At temperature 1/2 the chances go as the squares 16 : 9 : 4 : 1; 0.8 is first passed by two.
    got = frequencies(chooser(0.5, top_p=0.8, rng=rng), scores)
    assert np.abs(got - np.array([16, 9, 0, 0]) / 25).max() < 0.01
    got = frequencies(chooser(1.0, top_k=3, rng=rng), scores)
    assert np.abs(got - np.array([4, 3, 2, 0]) / 9).max() < 0.01
    # Of the two left by top_k, 4 of 7 pass 0.5; of all four, 4 of 10 do not.
    assert frequencies(chooser(1.0, top_k=2, top_p=0.5, rng=rng), scores).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("temperature", [0, 1.0])
@pytest.mark.parametrize("row", [[0.0, np.nan], [-np.inf, -np.inf], [np.inf, 0.0]])
def test_scores_that_say_nothing_are_refused(temperature, row):
    scores = np.array([[0.0, 1.0], row])
    with pytest.raises(FloatingPointError, match="row 1"):
        draw(scores, temperature, np.random.default_rng(0))


# -- beam search ---------------------------------------------------------------------------------


class Chain:
    """A chain whose next token depends on the last two; the state is the last but one."""

    class State(list):
        def take(self, rows):
            return Chain.State([np.asarray(self[0])[rows]])

    def __init__(self, symbols, seed=0):
        self.table = random_scores(symbols, symbols, symbols, seed=seed)
        self.log_p = np.log(softmax(self.table))
        self.reads = 0

    def start(self, prompt):
        return self.table[prompt[:, -2], prompt[:, -1]], Chain.State([prompt[:, -1]])

    def step(self, ids, state):
        self.reads += 1
        return self.table[state[0], ids], Chain.State([ids])

    def log_probability(self, prompt, tokens):
        text = [*prompt, *tokens]
        return sum(self.log_p[text[k - 2], text[k - 1], text[k]]
                   for k in range(len(prompt), len(text)))


def all_continuations(symbols, steps, stop):
    """Every continuation: it ends with its first stop token, or with the last step."""
    ended = set()
    for tokens in itertools.product(range(symbols), repeat=steps):
        end = next((k + 1 for k, token in enumerate(tokens) if token in stop), steps)
        ended.add(tokens[:end])
    return ended


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 0.6])
@pytest.mark.parametrize("stop", [(), (1,), (0, 2)])
def test_a_wide_beam_finds_the_best_of_all(stop, length_penalty):
    symbols, steps = 3, 4
    for seed in range(5):
        chain = Chain(symbols, seed)
        prompts = np.array([[0, 1], [2, 2]])
        scores, state = chain.start(prompts)
        ids, found = beam_search(
            lambda ids, state, chain=chain: (np.log(softmax(chain.step(ids, state)[0])),
                                             Chain.State([ids])),
            np.log(softmax(scores)), state, steps, symbols**steps, stop, length_penalty,
        )
        for row, prompt in enumerate(prompts.tolist()):
            wanted = {t: chain.log_probability(prompt, t) / len(t)**length_penalty
                      for t in all_continuations(symbols, steps, stop)}
            # Two continuations of the same steps in another order are equally likely.
            padded = {(*t, *[t[-1]] * (ids.shape[2] - len(t))): wanted[t] for t in wanted}
            tokens = [tuple(beam) for beam in ids[row, :len(wanted)].tolist()]
            assert set(tokens) == set(padded)
            ranking = sorted(wanted.values(), reverse=True)
            assert found[row, :len(wanted)] == pytest.approx(ranking, rel=1e-12)
            assert [padded[t] for t in tokens] == pytest.approx(ranking, rel=1e-12)
            assert (found[row, len(wanted):] == -np.inf).all()


def plain_beam_search(chain, prompt, steps, beams, stop):
    """The definition, in lists."""
    kept = [((), 0.0)]
    for _ in range(steps):
        tried = []
        for tokens, total in kept:
            if tokens and tokens[-1] in stop:
                tried.append((tokens, total))
                continue
            for token in range(len(chain.table)):
                longer = (*tokens, token)
                tried.append((longer, chain.log_probability(prompt, longer)))
        tried.sort(key=lambda pair: pair[1] / len(pair[0]), reverse=True)
        kept = tried[:beams]
    return [tokens for tokens, _ in kept]


@pytest.mark.parametrize("beams", [1, 2, 5])
@pytest.mark.parametrize("stop", [(), (3,)])
def test_a_narrow_beam_follows_the_definition(beams, stop):
    chain = Chain(6, seed=4)
    prompts = np.array([[0, 1], [5, 3], [2, 2]])
    got = generate(chain, prompts, 7, beams=beams, stop=stop or None)
    for row, prompt in zip(got.tolist(), prompts.tolist(), strict=True):
        best = plain_beam_search(chain, prompt, 7, beams, stop)[0]
        assert tuple(row[:len(best)]) == best
        assert set(row[len(best):]) <= {best[-1]}
    if beams == 1 and not stop:
        assert np.array_equal(got, generate(chain, prompts, 7, temperature=0))


def test_beam_search_ends_when_all_have_ended():
    table = np.full((2, 2, 2), -1e3)
    table[:, :, 1] = 0
    chain = Chain(2)
    chain.table = table
    assert generate(chain, [0, 0], 50, beams=1, stop=1).tolist() == [1]
    assert chain.reads == 0


# -- generation ----------------------------------------------------------------------------------


def test_beam_search_reads_logits_of_any_size():
    chain, shifted = Chain(6), Chain(6)
    shifted.table = chain.table + 1000
    assert np.array_equal(generate(shifted, [0, 1], 9, beams=3),
                          generate(chain, [0, 1], 9, beams=3))


def test_greedy_generation_takes_the_likeliest():
    chain = Chain(5)
    got = generate(chain, [0, 1], 20, temperature=0)
    text = [0, 1]
    for token in got.tolist():
        assert token == chain.table[text[-2], text[-1]].argmax()
        text.append(token)
    assert len(text) == 22
    assert got.dtype == np.int64


def test_rows_are_generated_side_by_side():
    chain = Chain(5)
    prompts = np.array([[0, 1], [3, 2], [4, 4]])
    got = generate(chain, prompts, 9, temperature=0)
    assert got.shape == (3, 9)
    for row, prompt in zip(got, prompts, strict=True):
        assert np.array_equal(row, generate(chain, prompt, 9, temperature=0))


def test_a_seed_repeats_and_the_packages_generator_is_the_default():
    chain = Chain(5)
    first, second, other = (generate(chain, [0, 1], 30, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    drawn = []
    for _ in range(2):
        random.set_seed(7)
        drawn += [generate(chain, [0, 1], 30), generate(chain, [0, 1], 30)]
    assert np.array_equal(drawn[0], drawn[2])
    assert np.array_equal(drawn[1], drawn[3])
    assert not np.array_equal(drawn[0], drawn[1])


def test_rows_repeat_the_token_they_ended_with():
    chain = Chain(6, seed=1)
    prompts = np.tile([0, 1], (40, 1))
    free = generate(chain, prompts, 12, seed=0)
    stopped = generate(chain, prompts, 12, seed=0, stop=[2, 5])
    ends = set()
    for a, b in zip(free, stopped, strict=True):
        end = next((k for k, token in enumerate(a) if token in (2, 5)), len(a))
        ends.add(end)
        wanted = [*a[:end + 1], *[a[min(end, len(a) - 1)]] * (len(a) - end - 1)]
        assert b.tolist() == wanted[:len(b)]
    assert len(ends) > 3
    single = generate(chain, [0, 1], 500, seed=0, stop={2, 5})
    assert [token in (2, 5) for token in single] == [False] * (len(single) - 1) + [True]


def test_a_stream_gives_the_same_tokens_one_at_a_time():
    chain = Chain(5)
    prompts = np.array([[0, 1], [3, 2]])
    tokens = generate(chain, prompts, 6, seed=3, stream=True)
    first = next(tokens)
    assert chain.reads == 0  # nothing is read before it is asked for
    rows = np.stack([first, *tokens], axis=1)
    assert np.array_equal(rows, generate(chain, prompts, 6, seed=3))
    endless = generate(chain, [0, 1], None, seed=3, stream=True)
    single = [next(endless) for _ in range(10)]
    assert all(type(token) is int for token in single)
    assert single == generate(chain, [0, 1], 10, seed=3).tolist()


class Broken(Chain):
    def step(self, ids, state):
        scores, state = super().step(ids, state)
        return np.where(self.reads < 3, scores, np.nan), state


@pytest.mark.parametrize("how", [{"temperature": 0}, {"top_k": 2}, {"top_p": 0.5}, {"beams": 2}])
def test_nan_scores_end_generation(how):
    with pytest.raises(FloatingPointError):
        generate(Broken(4), [0, 1], 10, **how)


BAD_CALLS = [
    ({"prompt": []}, ValueError, "at least one token"),
    ({"prompt": [[]]}, ValueError, "at least one token"),
    ({"prompt": [0.5]}, TypeError, "token ids.*float64"),
    ({"prompt": "text"}, TypeError, "token ids"),
    ({"prompt": [[[1]]]}, TypeError, r"\(1, 1, 1\)"),
    ({"steps": 0}, ValueError, "steps must be at least 1"),
    ({"steps": None}, ValueError, "unless stream is True"),
    ({"temperature": -1}, ValueError, "temperature must be finite and at least 0, got -1"),
    ({"temperature": np.inf}, ValueError, "temperature must be"),
    ({"temperature": "1"}, TypeError, "temperature must be a number"),
    ({"top_k": 0}, ValueError, "top_k must be at least 1"),
    ({"top_k": 1.5}, TypeError, "top_k must be an int"),
    ({"top_p": 0}, ValueError, "top_p must be greater than 0"),
    ({"top_p": 1.1}, ValueError, "top_p must be a number in"),
    ({"beams": 0}, ValueError, "beams must be at least 1"),
    ({"beams": 2, "top_k": 3}, ValueError, "beams searches"),
    ({"beams": 2, "temperature": 0.5}, ValueError, "beams searches"),
    ({"beams": 2, "stream": True}, ValueError, "beams searches"),
    ({"beams": 2, "length_penalty": -1}, ValueError, "length_penalty must be"),
    ({"stop": 1.5}, TypeError, "stop must be a token id"),
    ({"stop": "a"}, TypeError, "stop must be a token id"),
    ({"seed": -1}, ValueError, "seed must be"),
    ({"stream": 1}, TypeError, "stream must be a bool"),
    ({"encode": abs}, ValueError, "encode is for models of layers"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_CALLS)
def test_refusals(arguments, error, message):
    with pytest.raises(error, match=message):
        generate(Chain(3), **{"prompt": [0, 1], "steps": 3, **arguments})


# -- models --------------------------------------------------------------------------------------

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
