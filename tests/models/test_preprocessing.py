# SPDX-License-Identifier: Apache-2.0
"""Texts as numbers against what Keras 2.15 gave, windows of series, missing values."""

import itertools
import json
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import fastrnn.random
from fastrnn import preprocessing, utils
from fastrnn.preprocessing import fill_missing
from fastrnn.preprocessing.sequence import TimeseriesGenerator, pad_sequences
from fastrnn.preprocessing.text import (
    Tokenizer,
    hashing_trick,
    one_hot,
    text_to_word_sequence,
    tokenizer_from_json,
)

# -- texts ---------------------------------------------------------------------------------------

TEXTS = ["The cat sat on the mat.", "The dog -- a DOG! -- sat; the cat didn't.",
         "Mat & mat, don't\tmat\n"]
NEW = ["The cow sat on a mat mat", "didn't", "", "Dog cat cow"]
WORDS = ["the", "mat", "cat", "sat", "dog", "on", "a", "didn't", "don't"]


def fitted(**arguments):
    tokenizer = Tokenizer(**arguments)
    tokenizer.fit_on_texts(TEXTS)
    return tokenizer


def assert_same_tokenizer(a, b):
    config_a, config_b = a.get_config(), b.get_config()
    assert config_a.keys() == config_b.keys()
    for name, value in config_a.items():
        if name.startswith(("word_", "index_")):
            assert json.loads(value) == json.loads(config_b[name])
        else:
            assert value == config_b[name]
    assert a.texts_to_sequences(NEW) == b.texts_to_sequences(NEW)


# What Tokenizer of Keras 2.15.0 gives for TEXTS and NEW: numbers, and the texts of the numbers
# and of [0, 99, 2].
STORED = [
    ({}, [[1, 4, 6, 7, 2, 2], [8], [], [5, 3]],
     ["the sat on a mat mat", "didn't", "", "dog cat", "mat"]),
    ({"num_words": 4}, [[1, 2, 2], [], [], [3]], ["the mat mat", "", "", "cat", "mat"]),
    ({"num_words": 4, "oov_token": "<?>"}, [[2, 1, 1, 1, 1, 3, 3], [1], [], [1, 1, 1]],
     ["the <?> <?> <?> <?> mat mat", "<?>", "", "<?> <?> <?>", "<?> <?> the"]),
    ({"oov_token": "<?>"}, [[2, 1, 5, 7, 8, 3, 3], [9], [], [6, 4, 1]],
     ["the <?> sat on a mat mat", "didn't", "", "dog cat <?>", "<?> <?> the"]),
    ({"char_level": True, "lower": False, "num_words": 9},
     [[4, 5, 1, 8, 1, 3, 2, 1, 8, 1, 3, 1, 3, 2, 1, 3, 2], [6, 6, 2], [], [8, 1, 3, 2, 1, 8]],
     ["h e   o   a t   o   a   a t   a t", "d d t", "", "o   a t   o", "t"]),
    ({"lower": False, "filters": ".,!", "split": "t"}, [[], [], [], []],
     ["", "", "", "", " sa"]),
]


@pytest.mark.parametrize(("arguments", "numbers", "texts"), STORED)
def test_texts_and_numbers(arguments, numbers, texts):
    tokenizer = fitted(**arguments)
    assert tokenizer.texts_to_sequences(NEW) == numbers
    assert list(tokenizer.texts_to_sequences_generator(iter(NEW))) == numbers
    assert tokenizer.sequences_to_texts([*numbers, [0, 99, 2]]) == texts


def test_numbers_of_words_that_are_not_kept():
    assert fitted(num_words=4).sequences_to_texts([[3, 4, 5]]) == ["cat"]
    assert fitted(num_words=4, oov_token="?").sequences_to_texts([[3, 4, 5]]) == ["mat ? ?"]


def test_words_are_numbered_by_frequency_then_occurrence():
    tokenizer = fitted(num_words=2)
    assert tokenizer.word_index == {word: k for k, word in enumerate(WORDS, 1)}
    assert tokenizer.index_word == dict(enumerate(WORDS, 1))
    assert fitted(oov_token="?").word_index == {
        word: k for k, word in enumerate(["?", *WORDS], 1)}
    assert list(fitted(lower=False, filters=".,!", split="t").word_index) == [
        "The ca", " sa", " on ", "he ma", "The dog -- a DOG", " -- sa", "; ", "he ca", " didn'",
        "Ma", " & ma", " don'", "\tma", "\n"]


def test_counts():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(TEXTS[:2])
    assert tokenizer.word_counts == OrderedDict(
        [("the", 4), ("cat", 2), ("sat", 2), ("on", 1), ("mat", 1), ("dog", 2), ("a", 1),
         ("didn't", 1)])
    assert tokenizer.word_docs == {"the": 2, "cat": 2, "sat": 2, "on": 1, "mat": 1, "dog": 1,
                                   "a": 1, "didn't": 1}
    assert tokenizer.document_count == 2
    assert tokenizer.index_docs == {1: 2, 2: 2, 3: 2, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1}


def test_fitting_in_parts_counts_on():
    whole, parts = fitted(), Tokenizer()
    for text in TEXTS:
        parts.fit_on_texts([text])
    assert_same_tokenizer(whole, parts)


def test_texts_that_are_lists_of_words():
    split = [text_to_word_sequence(text, lower=False) for text in TEXTS]
    tokenizer = Tokenizer(analyzer=str.split)  # must not be asked
    tokenizer.fit_on_texts(split)
    assert tokenizer.word_index == fitted().word_index
    assert tokenizer.texts_to_sequences([["The", "CAT"]]) == [[1, 3]]
    by_case = Tokenizer(lower=False)
    by_case.fit_on_texts(split)
    assert by_case.texts_to_sequences([["The", "the", "CAT", "cat"]]) == [
        [by_case.word_index[w] for w in ("The", "the", "cat")]]


def test_an_analyzer_splits_texts():
    tokenizer = Tokenizer(analyzer=lambda text: text.split("a"))
    tokenizer.fit_on_texts(["1a2a2", "3a1a2"])
    assert list(tokenizer.word_index) == ["2", "1", "3"]
    assert tokenizer.texts_to_sequences(["3a4a2"]) == [[3, 1]]


# Of Keras 2.15.0, with five columns.
MATRICES = {
    "binary": [[0, 1, 1, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]],
    "count": [[0, 1, 2, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]],
    "tfidf": [[0, 0.69314718056, 1.173600194478, 0, 0.69314718056], [0, 0, 0, 0, 0],
              [0, 0, 0, 0, 0], [0, 0, 0, 0.69314718056, 0]],
    "freq": [[0, 0.25, 0.5, 0, 0.25], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]],
}


@pytest.mark.parametrize("mode", MATRICES)
def test_matrices(mode):
    tokenizer = fitted(num_words=5)
    got = tokenizer.texts_to_matrix(NEW, mode)
    assert got.dtype == np.float64
    assert np.allclose(got, MATRICES[mode], rtol=1e-11, atol=0)
    sequences = [np.array(numbers, int) for numbers in tokenizer.texts_to_sequences(NEW)]
    assert np.array_equal(tokenizer.sequences_to_matrix(iter(sequences), mode), got)
    assert fitted().texts_to_matrix(NEW, mode).shape == (4, 10)
    assert fitted().texts_to_matrix([], mode).shape == (0, 10)


def test_numbers_past_the_last_column_count_for_the_length_only():
    tokenizer = Tokenizer(num_words=3)
    numbers = [[1, 2, 3, 8], [1]]
    assert tokenizer.sequences_to_matrix(numbers, "count").tolist() == [[0, 1, 1], [0, 1, 0]]
    assert tokenizer.sequences_to_matrix(numbers, "freq").tolist() == [[0, 0.25, 0.25], [0, 1, 0]]


def test_fitting_on_numbers():
    tokenizer = Tokenizer(num_words=4)
    tokenizer.fit_on_sequences([[1, 1, 2], [2, 3], [2]])
    assert tokenizer.document_count == 3
    assert tokenizer.index_docs == {1: 1, 2: 3, 3: 1}
    row = tokenizer.sequences_to_matrix([[1, 1, 2]], "tfidf")[0]
    want = [0, (1 + np.log(2)) * np.log(1 + 3 / 2), np.log(1 + 3 / 4), 0]
    assert np.allclose(row, want, rtol=1e-12)


# What Keras 2.15.0 wrote.
JSON = r'''
{"class_name": "Tokenizer", "config": {"num_words": null, "filters":
"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n", "lower": true, "split": " ", "char_level": false,
"oov_token": "<?>", "document_count": 2, "word_counts": "{\"the\": 4, \"cat\": 2, \"sat\": 2,
\"on\": 1, \"mat\": 1, \"dog\": 2, \"a\": 1, \"didn't\": 1}", "word_docs": "{\"cat\": 2,
\"the\": 2, \"on\": 1, \"sat\": 2, \"mat\": 1, \"dog\": 1, \"didn't\": 1, \"a\": 1}",
"index_docs": "{\"3\": 2, \"2\": 2, \"6\": 1, \"4\": 2, \"7\": 1, \"5\": 1, \"9\": 1, \"8\": 1}",
"index_word": "{\"1\": \"<?>\", \"2\": \"the\", \"3\": \"cat\", \"4\": \"sat\", \"5\": \"dog\",
\"6\": \"on\", \"7\": \"mat\", \"8\": \"a\", \"9\": \"didn't\"}", "word_index": "{\"<?>\": 1,
\"the\": 2, \"cat\": 3, \"sat\": 4, \"dog\": 5, \"on\": 6, \"mat\": 7, \"a\": 8, \"didn't\": 9}"}}
'''.replace("\n", " ")


def test_json_as_keras_writes_it():
    tokenizer = Tokenizer(oov_token="<?>")
    tokenizer.fit_on_texts(TEXTS[:2])
    read = tokenizer_from_json(JSON)
    assert_same_tokenizer(read, tokenizer)
    assert read.index_docs == tokenizer.index_docs
    assert read.index_word == tokenizer.index_word
    assert_same_tokenizer(tokenizer_from_json(tokenizer.to_json(indent=1)), tokenizer)
    assert json.loads(tokenizer.to_json())["class_name"] == "Tokenizer"
    for each in (read, tokenizer):
        each.fit_on_texts(TEXTS[2:])
    assert_same_tokenizer(read, tokenizer)
    assert_same_tokenizer(pickle.loads(pickle.dumps(tokenizer)), tokenizer)


def test_words_of_a_text():
    text = "One, two?  THREE\tfour's\n"
    assert text_to_word_sequence(text) == ["one", "two", "three", "four's"]
    assert text_to_word_sequence(text, lower=False, filters="") == [
        "One,", "two?", "THREE\tfour's\n"]
    assert text_to_word_sequence("a-b.c", filters=["-", "."], split="|") == ["a", "b", "c"]
    assert text_to_word_sequence("") == []


def test_hashed_words():
    assert hashing_trick("The cat, the mat!", 10, "md5") == [6, 3, 6, 8]  # of Keras 2.15.0
    assert hashing_trick("a bb ccc dddd", 4, len) == [2, 3, 1, 2]
    assert hashing_trick("a,b", 9, ord, analyzer=lambda text: text.split(",")) == [2, 3]
    numbers = one_hot("The cat the mat", 5)
    assert numbers[0] == numbers[2] == hash("the") % 4 + 1
    assert numbers == hashing_trick("The cat the mat", 5)
    assert one_hot("a b A", 2) == [1, 1, 1]


BAD_TEXTS = [
    (lambda: Tokenizer(num_words=-1), ValueError, "num_words must be at least 0"),
    (lambda: Tokenizer(words=5), TypeError, "words"),
    (lambda: fitted().fit_on_texts([5]), TypeError, "a str or a list of str, got int"),
    (lambda: fitted().texts_to_sequences([None]), TypeError, "got NoneType"),
    (lambda: Tokenizer(oov_token="?").texts_to_sequences(["a"]), ValueError, "'[?]' has no number"),
    (lambda: Tokenizer().texts_to_matrix(["a"]), ValueError, "num_words must be given"),
    (lambda: Tokenizer(num_words=3).texts_to_matrix([""], "tfidf"), ValueError, "fit_on_texts"),
    (lambda: fitted().texts_to_matrix(["a"], "onehot"), ValueError, "mode must be one of binary"),
    (lambda: fitted().sequences_to_matrix([[1, -1]]), ValueError, "at least 0, got -1"),
    (lambda: fitted().sequences_to_matrix([[0.5]]), TypeError, "must hold integers, got float64"),
    (lambda: text_to_word_sequence(5), TypeError, "text must be a str, got int"),
    (lambda: text_to_word_sequence("a", split=""), ValueError, "empty separator"),
    (lambda: hashing_trick("a", 1), ValueError, "n must be at least 2"),
    (lambda: tokenizer_from_json("{}"), ValueError, "not that of a Tokenizer"),
    (lambda: tokenizer_from_json("[1]"), ValueError, "not that of a Tokenizer"),
    (lambda: tokenizer_from_json("x"), ValueError, "Expecting value"),
    (lambda: tokenizer_from_json(JSON.replace("lower", "upper")), ValueError, "upper"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_TEXTS)
def test_text_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_bad_text_counts_nothing():
    tokenizer = fitted()
    before = tokenizer.get_config()
    with pytest.raises(TypeError):
        tokenizer.fit_on_texts(["more", "words", None])
    assert tokenizer.get_config() == before


# -- windows -------------------------------------------------------------------------------------


def test_what_is_where():
    assert pad_sequences is preprocessing.sequence.pad_sequences is utils.pad_sequences
    assert preprocessing.timeseries_dataset_from_array is utils.timeseries_dataset_from_array
    assert preprocessing.text.Tokenizer is Tokenizer


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 3, 7])
def test_generated_windows_by_hand(length, reverse):
    rng = np.random.default_rng(0)
    data, targets = rng.standard_normal((30, 2)), rng.standard_normal(30)
    cases = itertools.product([1, 2, 4], [1, 2, 5], [0, 3], [None, 20, 29], [1, 4, 128])
    for rate, stride, start, end, batch_size in cases:
        made = TimeseriesGenerator(data, targets, length, rate, stride, start, end,
                                   reverse=reverse, batch_size=batch_size)
        steps = list(range(start + length, (29 if end is None else end) + 1, stride))
        assert len(made) == -(-len(steps) // batch_size)
        got = [pair for x, y in made for pair in zip(x, y, strict=True)]
        assert len(got) == len(steps)
        for (x, y), step in zip(got, steps, strict=True):
            window = data[step - length:step:rate]
            assert np.array_equal(x, window[::-1] if reverse else window)
            assert y == targets[step]
        assert isinstance(made, utils.Sequence)


def test_randomly_generated_windows():
    series = np.arange(50)
    made = TimeseriesGenerator(series, 2 * series, 4, start_index=10, end_index=40, shuffle=True,
                               batch_size=400)
    fastrnn.random.set_seed(1)
    x, y = made[0]
    assert np.array_equal(x, y[:, None] // 2 - np.arange(4, 0, -1))
    assert set(y // 2) == set(range(14, 41))
    fastrnn.random.set_seed(1)
    assert np.array_equal(made[0][0], x)
    assert not np.array_equal(made[0][0], x)


BAD_GENERATORS = [
    ({"targets": np.zeros(9)}, "must have the same length, got 10 and 9"),
    ({"length": 0}, "length must be at least 1"),
    ({"length": 10}, r"end_index must be in .* \[10, 9\], got 9"),
    ({"end_index": 2}, r"\[3, 9\], got 2"),
    ({"end_index": 10}, r"\[3, 9\], got 10"),
    ({"stride": 0}, "stride must be at least 1"),
    ({"batch_size": 0}, "batch_size must be at least 1"),
    ({"start_index": -1}, "start_index must be at least 0"),
]


@pytest.mark.parametrize(("options", "message"), BAD_GENERATORS)
def test_generator_refusals(options, message):
    arguments = {"data": np.zeros(10), "targets": np.zeros(10), "length": 3, **options}
    with pytest.raises(ValueError, match=message):
        TimeseriesGenerator(**arguments)


# -- missing values ------------------------------------------------------------------------------

NAN = np.nan


def filled_by_hand(series, method):
    seen = [k for k, value in enumerate(series) if value == value]
    if method == "linear":
        return np.interp(range(len(series)), seen, [series[k] for k in seen])
    return [series[max((k for k in seen if k <= step), default=seen[0])]
            for step in range(len(series))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (12, 3), (5, 12, 3), (0, 4, 2)])
@pytest.mark.parametrize("method", ["previous", "linear"])
def test_missing_values_by_hand(method, shape, dtype):
    rng = np.random.default_rng(0)
    for share in (0.0, 0.3, 0.8):
        x = rng.standard_normal(shape).astype(dtype)
        missing = rng.random(shape) < share
        missing[..., rng.integers(shape[-2]), :] = False
        x[missing] = NAN
        before = x.copy()
        got = fill_missing(x, method)
        assert got.dtype == x.dtype
        assert got.shape == shape
        assert np.array_equal(x, before, equal_nan=True)
        assert np.array_equal(got[~missing], x[~missing])
        series = np.moveaxis(x, -2, -1).reshape(-1, shape[-2])
        want = [filled_by_hand(row, method) for row in series.tolist()]
        got_series = np.moveaxis(got, -2, -1).reshape(-1, shape[-2])
        tolerance = 1e-6 if dtype == "float32" else 1e-14
        assert np.allclose(got_series, np.reshape(want, got_series.shape), rtol=0, atol=tolerance)
        with_indicator = fill_missing(x, method, indicator=True)
        assert with_indicator.dtype == x.dtype
        assert np.array_equal(with_indicator, np.concatenate([got, missing], axis=-1))


def test_missing_values():
    x = [[NAN, 1], [2, NAN], [NAN, NAN], [NAN, NAN], [8, 4], [NAN, 5]]
    assert fill_missing(x).T.tolist() == [[2, 2, 2, 2, 8, 8], [1, 1, 1, 1, 4, 5]]
    assert np.allclose(fill_missing(x, "linear").T,
                       [[2, 2, 4, 6, 8, 8], [1, 1.75, 2.5, 3.25, 4, 5]])
    assert fill_missing([[1], [2]], indicator=True).tolist() == [[1, 0], [2, 0]]
    assert fill_missing([[np.inf], [NAN], [1]], "linear")[[0, 2], 0].tolist() == [np.inf, 1]


BAD_SERIES = [
    (lambda: fill_missing(np.zeros(3)), ValueError, r"\(rows, steps, features\), got \(3,\)"),
    (lambda: fill_missing(np.zeros((1, 1, 1, 1))), ValueError, "must have shape"),
    (lambda: fill_missing([["a"]]), TypeError, "x must hold numbers"),
    (lambda: fill_missing([[None], [1.0]]), TypeError, "x must hold numbers, got dtype object"),
    (lambda: fill_missing([[1.0]], "next"), ValueError, "method must be one of previous, linear"),
    (lambda: fill_missing([[1.0]], indicator=1), TypeError, "indicator must be a bool"),
    (lambda: fill_missing([[0, NAN], [1, NAN]]), ValueError, "feature 1: nothing"),
    (lambda: fill_missing([[[0, 1]], [[NAN, 1]]]), ValueError, "feature 0 of row 1: nothing"),
    (lambda: fill_missing(np.zeros((0, 2))), ValueError, "feature 0: nothing"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_SERIES)
def test_missing_value_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
