# SPDX-License-Identifier: Apache-2.0
"""Beam search and generation, against brute force on small chains."""

import itertools

import numpy as np
import pytest

from fastrnn import random
from fastrnn.generation import beam_search, generate
from scores import random_scores, softmax

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
