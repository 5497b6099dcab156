# SPDX-License-Identifier: Apache-2.0
"""A character model: embedding, recurrent network, dense layer; it predicts the next character."""

import math
import os
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import io
from .._common import checks
from ..engine.cells import CELLS
from ..generation.choice import draw
from ..losses import SparseCategoricalCrossentropy
from ..preprocessing import Blocks, Vocabulary
from . import settings
from .parts import Dense, Embedding, Joined

KIND = "charmodel"
_LOSS = SparseCategoricalCrossentropy(from_logits=True)

# Evaluation reads a text in this many rows, in blocks of this many steps: enough rows for the
# product kernels, few enough that the rows' cold starts do not count.
_EVALUATION_ROWS = 8
_EVALUATION_STEPS = 256


class CharModel(Joined):
    """logits = dense(rnn(embedding(ids))).

    Parameters
    ----------
    vocabulary : Vocabulary
        The V characters.
    cell : {"rnn", "lstm", "gru"}
        The recurrent network.
    embedding_dim, hidden_size, num_layers : int
        Sizes of the embedding and of the recurrent network.
    dtype : str or dtype
        float32 or float64.
    seed : int, optional
        Of all initial values.
    """

    embedding: Embedding
    rnn: Any        # an engine network: RNN, LSTM or GRU
    dense: Dense

    def __init__(self, vocabulary: Vocabulary, cell: str = settings.CELL,
                 embedding_dim: int = settings.EMBEDDING, hidden_size: int = settings.HIDDEN,
                 num_layers: int = settings.LAYERS, dtype: npt.DTypeLike = "float32",
                 seed: int | None = None) -> None:
        if not isinstance(vocabulary, Vocabulary):
            raise TypeError(f"vocabulary must be a Vocabulary, got {type(vocabulary).__name__}")
        checks.choice("cell", cell, tuple(CELLS))
        source = checks.random_source(seed, np.random.SeedSequence)
        seeds = [int(s) for s in source.generate_state(3)]
        symbols = len(vocabulary)
        super().__init__({
            "embedding": Embedding(symbols, embedding_dim, dtype=dtype, seed=seeds[0]),
            "rnn": CELLS[cell](embedding_dim, hidden_size, num_layers, dtype=dtype, seed=seeds[1]),
            "dense": Dense(hidden_size, symbols, dtype=dtype, seed=seeds[2]),
        })
        self.vocabulary = vocabulary
        self.arguments: dict[str, Any] = {
            "cell": cell, "embedding_dim": embedding_dim, "hidden_size": hidden_size,
            "num_layers": num_layers, "dtype": self.dense.dtype.name,
        }

    @staticmethod
    def _stored_shapes(vocabulary, cell, embedding_dim, hidden_size, num_layers, **_):
        """Map the parameters' names to the shapes that the constructor's arguments imply."""
        symbols = len(vocabulary)
        cell = CELLS[checks.choice("cell", cell, tuple(CELLS))]
        parts = {
            "embedding": Embedding.shapes(symbols, embedding_dim),
            "rnn": cell._stored_shapes(embedding_dim, hidden_size, num_layers),
            "dense": Dense.shapes(hidden_size, symbols),
        }
        return {f"{part}.{name}": shape
                for part, shapes in parts.items() for name, shape in shapes.items()}

    def forward(self, ids: npt.ArrayLike,
                state: Any = None) -> tuple[np.ndarray, Any]:
        """Return logits (T, N, V) and the final state for `ids` (T, N) and an initial state."""
        y, state = self.rnn(self.embedding(ids), state)
        return self.dense(y), state

    def backward(self, dlogits: np.ndarray) -> None:
        """Backpropagate through the last training forward, adding into `grads`.

        The gradient stops at the initial state: what came before is another block (truncated
        backpropagation through time).
        """
        dx, _ = self.rnn.backward(self.dense.backward(dlogits))
        self.embedding.backward(dx)

    def bits_per_character(self, ids: np.ndarray) -> float:
        """Return the mean of -log2 p(character | those before it) over a text (L,)."""
        rows = min(_EVALUATION_ROWS, max(1, (len(ids) - 1) // _EVALUATION_STEPS))
        was_training = self.training
        self.eval()
        total, count, state = 0.0, 0, None
        try:
            for inputs, targets in Blocks(ids, rows, _EVALUATION_STEPS, whole=False):
                logits, state = self(inputs, state)
                total += _LOSS(targets, logits) * targets.size
                count += targets.size
        finally:
            self.train(was_training)
        return total / count / math.log(2)

    def generate(self, prompt: str = "\n", temperature: float = 1.0,
                 seed: int | None = None) -> Iterator[str]:
        """Return an endless iterator of characters that go on from `prompt`.

        Each is drawn from softmax(logits / temperature); a temperature of 0 always takes the
        likeliest.

        Raises
        ------
        TypeError
            If `prompt` is not a str, or `temperature` or `seed` not a number.
        ValueError
            If `prompt` is empty or has characters the model does not know, or the temperature
            is not a finite number of at least 0.
        """
        if not isinstance(prompt, str):
            raise TypeError(f"prompt must be a str, got {type(prompt).__name__}")
        if not prompt:
            raise ValueError("prompt must have at least one character")
        checks.number("temperature", temperature)
        if not 0 <= temperature < math.inf:
            raise ValueError(f"temperature must be finite and at least 0, got {temperature}")
        ids = self.vocabulary.encode(prompt)
        return self._characters(ids, temperature, checks.random_source(seed))

    def _characters(self, ids, temperature, rng):
        stream = self.rnn.stream()
        vectors, weight, bias = self.embedding.weight, self.dense.weight, self.dense.bias
        h = np.empty((1, self.rnn.output_size), self.dense.dtype)
        for k in ids[:-1]:
            stream.step(vectors[k:k + 1], out=h)
        k = int(ids[-1])
        while True:
            stream.step(vectors[k:k + 1], out=h)
            k = _draw(weight @ h[0] + bias, temperature, rng)
            yield self.vocabulary.characters[k]

    def save(self, path: str | os.PathLike[str], arrays: dict[str, np.ndarray] | None = None,
             **header: Any) -> None:
        """Write the whole model to one safetensors file, which appears whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        arrays : dict of str to ndarray, optional
            More arrays to keep beside the model's, under names that are not the model's.
        **header
            More entries for the header, of anything JSON can hold.
        """
        header |= {"kind": KIND, "arguments": self.arguments,
                   "vocabulary": self.vocabulary.characters}
        io.write(path, self.state_dict() | (arrays or {}), header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the model in the file `path`.

        Raises
        ------
        OSError
            If it cannot be opened.
        fastrnn.io.FileFormatError
            If it is not the file of a character model, or is damaged.
        """
        return cls.load_with_extras(path)[0]

    @classmethod
    def load_with_extras(
        cls, path: str | os.PathLike[str]
    ) -> tuple[Self, dict[str, np.ndarray], dict[str, Any]]:
        """Return the model in the file `path`, the other arrays there and the header."""
        arrays, header = io.read(path, KIND)
        with io.malformed(path):
            vocabulary, arguments = Vocabulary(header["vocabulary"]), header["arguments"]
            own = cls._stored_shapes(vocabulary, **arguments)
            # Before a model is made: a wrong header must not ask for memory.
            io.check_shapes(path, {name: arrays[name] for name in own if name in arrays}, own)
            model = cls(vocabulary, **arguments)
            model.load_state_dict({name: arrays[name] for name in own})
        extras = {name: array for name, array in arrays.items() if name not in own}
        return model, extras, header


def _draw(logits, temperature, rng):
    """Return an index drawn from softmax(logits / temperature)."""
    return int(draw(logits[None], temperature, rng)[0])
