# SPDX-License-Identifier: Apache-2.0
"""Vocabulary, blocks, the shipped text, and the character model with its training."""

import math

import numpy as np
import pytest

from fastrnn import io
from fastrnn.demo.model import CharModel
from fastrnn.demo.text import king_james
from fastrnn.demo.trainer import CharTrainer, Recipe
from fastrnn.losses import SparseCategoricalCrossentropy
from fastrnn.preprocessing import Blocks, Vocabulary
from tolerances import RELATIVE, relative_error

TEXT = "the cat sat on the mat and the dog sat on the cat\n" * 30
VOCABULARY = Vocabulary.from_text(TEXT)
IDS = VOCABULARY.encode(TEXT)
LOSS = SparseCategoricalCrossentropy(from_logits=True)
RECIPE = Recipe(batch_size=4, steps=10, seed=3)


# -- vocabulary ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["abba", "x", "Größe 🙂 \n\t", "\udcff\x00é"])
def test_encoding_and_back(text):
    vocabulary = Vocabulary.from_text(text)
    ids = vocabulary.encode(text)
    assert vocabulary.characters == "".join(sorted(set(text)))
    assert [vocabulary.characters[k] for k in ids] == list(text)
    assert vocabulary.decode(ids) == text
    assert vocabulary == Vocabulary(vocabulary.characters)


def test_the_empty_text():
    assert len(Vocabulary("a").encode("")) == 0
    assert Vocabulary("a").decode([]) == ""


BAD_VOCABULARIES = [
    (lambda: Vocabulary(""), ValueError, "at least one"),
    (lambda: Vocabulary("ba"), ValueError, "ascending"),
    (lambda: Vocabulary("aa"), ValueError, "each once"),
    (lambda: Vocabulary(["a"]), TypeError, "characters must be a str"),
    (lambda: Vocabulary("bd").encode(None), TypeError, "text must be a str, got NoneType"),
    (lambda: Vocabulary.from_text(5), TypeError, "text must be a str, got int"),
    (lambda: Vocabulary("bd").encode("abcde"), ValueError, "not in the vocabulary: 'ace'"),
    (lambda: Vocabulary("bd").decode([0, 2]), IndexError, r"\[0, 2\)"),
    (lambda: Vocabulary("bd").decode([-1]), IndexError, r"\[0, 2\)"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_VOCABULARIES)
def test_vocabulary_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


# -- blocks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize("whole", [True, False])
def test_blocks_read_each_row_in_order(offset, whole):
    ids = np.arange(100)
    blocks = Blocks(ids, 3, 8, offset, whole)
    inputs = np.concatenate([x for x, _ in blocks])
    targets = np.concatenate([y for _, y in blocks])
    length = (99 - offset) // 3
    starts = offset + length * np.arange(3)
    steps = length // 8 * 8 if whole else length
    assert np.array_equal(inputs, starts + np.arange(steps)[:, None])
    assert np.array_equal(targets, inputs + 1)
    assert len(blocks) == (4 if whole else math.ceil(length / 8))


def test_blocks_are_views_and_end():
    ids = np.arange(50)
    blocks = Blocks(ids, 2, 8)
    assert np.shares_memory(blocks[0][0], ids)
    assert np.array_equal(blocks[-1][0], blocks[len(blocks) - 1][0])
    with pytest.raises(IndexError):
        blocks[len(blocks)]


BAD_BLOCKS = [
    (lambda: Blocks(IDS[:16], 2, 8), ValueError, "too short: 16 characters, at least 17"),
    (lambda: Blocks(IDS[:2], 2, 8, whole=False), ValueError, "too short: 2 .* at least 3"),
    (lambda: Blocks(IDS[:0], 1, 1), ValueError, "too short"),
    (lambda: Blocks(IDS, 0, 8), ValueError, "batch_size must be at least 1"),
    (lambda: Blocks(IDS, 2, 8, -1), ValueError, "offset must be at least 0"),
    (lambda: Blocks(IDS * 1.0, 2, 8), TypeError, "1-D array of integers"),
    (lambda: Blocks(IDS[None], 2, 8), TypeError, "got 2-D"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_BLOCKS)
def test_block_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_shipped_text():
    text = king_james()
    assert text.startswith("In the beginning God created the heaven and the earth.\n")
    assert text.endswith(".\n")
    assert 1_000_000 < len(text) < 1_200_000
    assert len(set(text)) == 62
    assert "  " not in text


# -- the model -----------------------------------------------------------------------------------


def small_model(cell="lstm", dtype="float32", layers=1, seed=0):
    return CharModel(VOCABULARY, cell, 5, 8, layers, dtype, seed)


@pytest.mark.parametrize("cell", ["RNN", "LSTM", "GRU"])
def test_two_blocks_against_torch(cell, dtype):
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    model = small_model(cell.lower(), dtype, layers=2).train()
    kind = getattr(torch, dtype)
    oracle = torch.nn.ModuleDict({
        "embedding": torch.nn.Embedding(len(VOCABULARY), 5, dtype=kind),
        "rnn": getattr(torch.nn, cell)(5, 8, 2, dtype=kind),
        "dense": torch.nn.Linear(8, len(VOCABULARY), dtype=kind),
    })
    oracle.load_state_dict({k: torch.tensor(a) for k, a in model.state_dict().items()})
    state = oracle_state = None
    for inputs, targets in list(Blocks(IDS, 3, 12))[:2]:
        logits, state = model(inputs, state)
        model.backward(LOSS.value_and_gradient(targets, logits)[1])
        y, oracle_state = oracle["rnn"](oracle["embedding"](torch.tensor(inputs)), oracle_state)
        want = oracle["dense"](y)
        torch.nn.functional.cross_entropy(
            want.reshape(-1, len(VOCABULARY)), torch.tensor(targets).reshape(-1)
        ).backward()
        pair = isinstance(oracle_state, tuple)
        oracle_state = tuple(s.detach() for s in oracle_state) if pair else oracle_state.detach()
        assert relative_error(logits, want.detach()) < RELATIVE[dtype]
    for name, parameter in oracle.named_parameters():
        assert relative_error(model.grads[name], parameter.grad) < RELATIVE[dtype]


def test_evaluation_is_the_mean_over_the_text():
    model = small_model(dtype="float64")
    ids = IDS[:301]
    logits, _ = model(ids[:-1, None])
    want = LOSS(ids[1:, None], logits) / math.log(2)
    assert model.train().bits_per_character(ids) == pytest.approx(want, rel=1e-12)
    assert model.training


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_generated_text_is_what_the_model_predicts(cell):
    model = small_model(cell, layers=2, seed=1)
    # Large weights: far from even odds, and sensitive to every character read.
    model.load_state_dict({name: 4 * array for name, array in model.state_dict().items()})
    prompt = "the cat"
    characters = model.generate(prompt, temperature=0)
    text = prompt + "".join(next(characters) for _ in range(30))
    logits, _ = model(VOCABULARY.encode(text)[:, None])
    best = VOCABULARY.decode(logits[len(prompt) - 1:-1, 0].argmax(axis=-1))
    assert text == prompt + best


def test_drawing_follows_the_seed_and_the_temperature():
    model = small_model()

    def sample(length, **arguments):
        characters = model.generate("the", **arguments)
        return "".join(next(characters) for _ in range(length))

    assert sample(50, seed=1) == sample(50, seed=1) != sample(50, seed=2)
    assert sample(50, temperature=1e-9) == sample(50, temperature=0)
    # Nearly even odds: every character turns up.
    assert set(sample(2000, temperature=1e6, seed=0)) == set(VOCABULARY.characters)


def test_drawing_has_the_softmax_frequencies():
    model = CharModel(Vocabulary("ab"), "rnn", 1, 1, seed=0)
    model.dense.weight = np.zeros((2, 1))
    model.dense.bias = np.log([0.2, 0.8])
    characters = model.generate("a", seed=0)
    share = sum(next(characters) == "b" for _ in range(4000)) / 4000
    assert abs(share - 0.8) < 0.02  # three standard deviations


BAD_GENERATION = [
    ({"prompt": ""}, ValueError, "at least one character"),
    ({"prompt": "the Cat!"}, ValueError, "not in the vocabulary: '!C'"),
    ({"prompt": 5}, TypeError, "prompt must be a str, got int"),
    ({"temperature": -1}, ValueError, "temperature must be"),
    ({"temperature": math.nan}, ValueError, "temperature must be"),
    ({"temperature": "x"}, TypeError, "temperature must be a number, got str"),
    ({"seed": -1}, ValueError, "seed must be an int"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_GENERATION)
def test_generation_refusals(arguments, error, message):
    with pytest.raises(error, match=message):
        small_model().generate(**{"prompt": "t", **arguments})


@pytest.mark.parametrize(("seed", "error"), [("a", TypeError), (-1, ValueError)])
def test_bad_seeds(seed, error):
    with pytest.raises(error, match="seed must be an int"):
        small_model(seed=seed)


def test_evaluation_that_fails_leaves_the_mode():
    model = small_model().train()
    with pytest.raises(IndexError, match="ids must be"):
        model.bits_per_character(np.full(100, 99))
    assert model.training
    assert model.rnn.training


# -- files and training --------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_saved_model_is_the_same(tmp_path, cell):
    model = small_model(cell, layers=2)
    model.save(tmp_path / "m.safetensors")
    other = CharModel.load(tmp_path / "m.safetensors")
    assert other.vocabulary == VOCABULARY
    assert other.arguments == model.arguments
    assert np.array_equal(other(IDS[:20, None])[0], model(IDS[:20, None])[0])


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    model = small_model()
    model.rnn.save(path)
    with pytest.raises(io.FileFormatError, match="'engine'"):
        CharModel.load(path)
    model.save(path)
    whole = path.read_bytes()
    for damaged in (b"", b"hello", whole[:-10], whole[:200]):
        path.write_bytes(damaged)
        with pytest.raises(io.FileFormatError):
            CharModel.load(path)
    for hidden_size in (9, 200_000):
        arguments = {**model.arguments, "hidden_size": hidden_size}
        io.write(path, model.state_dict(), {"kind": "charmodel", "arguments": arguments,
                                            "vocabulary": VOCABULARY.characters})
        with pytest.raises(io.FileFormatError, match="expected shape"):
            CharModel.load(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        CharModel.load(path)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_training_learns(cell):
    trainer = CharTrainer(CharModel(VOCABULARY, cell, 8, 32, seed=0), TEXT, RECIPE)
    for k in range(150):
        bits = trainer.update(k / 150)
    assert bits < 1
    assert trainer.model.bits_per_character(IDS) < 1


def test_the_state_goes_on_within_a_pass_and_starts_anew_in_the_next():
    model = small_model(dtype="float64")
    trainer = CharTrainer(model, TEXT, Recipe(batch_size=4, steps=10, lr=0.0))
    firsts = []
    for number in range(2):
        state = None
        for index in range(trainer.updates_per_pass):
            bits = trainer.update(0.5)
            inputs, targets = trainer._blocks[index]
            logits, state = model(inputs, state)
            want = LOSS(targets, logits) / math.log(2)
            assert bits == pytest.approx(want, rel=1e-12), (number, index)
        firsts.append(trainer._blocks[0][0])
    assert not np.array_equal(*firsts)  # each pass begins elsewhere


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("at", [0, 1, 17, 36])
def test_training_goes_on_from_a_file_with_the_same_bits(tmp_path, cell, at):
    path = tmp_path / "m.safetensors"
    updates = 45
    whole = CharTrainer(small_model(cell), TEXT, RECIPE)
    assert whole.updates_per_pass == 37
    losses = [whole.update(k / updates) for k in range(updates)]
    first = CharTrainer(small_model(cell), TEXT, RECIPE)
    for k in range(at):
        first.update(k / updates)
    first.elapsed = 12.5
    first.save(path, note="kept")
    second, header = CharTrainer.load(path, TEXT)
    assert second.updates == at
    assert second.elapsed == 12.5
    assert header["note"] == "kept"
    assert [second.update(k / updates) for k in range(at, updates)] == losses[at:]
    for name, array in second.model.state_dict().items():
        assert np.array_equal(array, whole.model.state_dict()[name])


def test_training_goes_on_with_the_same_text_only(tmp_path):
    path = tmp_path / "m.safetensors"
    CharTrainer(small_model(), TEXT, RECIPE).save(path)
    for other in (TEXT[1:], TEXT + "?"):
        with pytest.raises(ValueError, match="trained on another text"):
            CharTrainer.load(path, other)
    small_model().save(path)
    with pytest.raises(io.FileFormatError, match="no training to go on with"):
        CharTrainer.load(path, TEXT)


def test_gradients_that_are_not_finite_leave_the_weights():
    model = small_model()
    trainer = CharTrainer(model, TEXT, RECIPE)
    trainer.update(0.5)
    model.dense.bias = np.full(len(VOCABULARY), np.nan)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    with pytest.raises(FloatingPointError, match="not finite"):
        trainer.update(0.5)
    assert trainer.updates == 1
    for name, array in model.state_dict().items():
        assert np.array_equal(array, before[name], equal_nan=True)


def test_the_learning_rate_rises_then_falls():
    recipe = Recipe(lr=1.0, warmup=0.1)
    rates = [recipe.learning_rate(k / 100) for k in range(101)]
    assert rates[0] == 0
    assert rates[10] == max(rates) == 1
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.02)
