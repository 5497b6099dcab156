# SPDX-License-Identifier: Apache-2.0
"""Training of a character model that can stop after any step and go on later."""

import math
import os
import zlib
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from .. import io
from ..losses import SparseCategoricalCrossentropy
from ..optimizers import Adam
from ..preprocessing import Blocks
from . import settings
from .model import CharModel

_LOSS = SparseCategoricalCrossentropy(from_logits=True)
OPTIMIZER, STATE = "optimizer.", "state."


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    batch_size, steps : int
        N rows of the text side by side, T characters between updates.
    lr : float
        Learning rate at its highest.
    warmup : float
        Share of the run in which the rate rises from 0 to its highest; it then falls along half
        a cosine (Loshchilov and Hutter, 2017) to a fiftieth.
    max_norm : float
        Clipping by global norm.
    seed : int
        Of the places where blocks begin.
    """

    batch_size: int = settings.BATCH
    steps: int = settings.BLOCK
    lr: float = settings.RATE
    warmup: float = 0.02
    max_norm: float = 1.0
    seed: int = settings.SEED

    def learning_rate(self, progress: float) -> float:
        """Return the rate after a share `progress` in [0, 1] of the run."""
        if progress < self.warmup:
            return self.lr * progress / self.warmup
        falling = min(1.0, (progress - self.warmup) / (1 - self.warmup))
        return self.lr * (0.51 + 0.49 * math.cos(math.pi * falling))


class CharTrainer:
    """Trains a `CharModel` by truncated backpropagation through time with Adam.

    Every update reads the next T characters of N rows, from the state the last one ended in.
    Nothing depends on chance but the initial values and, by `Recipe.seed` and the number of the
    pass, where blocks begin: a run that goes on from a file takes the same steps as one that was
    not interrupted.

    Attributes
    ----------
    text : str
        What is trained on.
    updates : int
        Updates made so far.
    elapsed : float
        Seconds trained so far; the caller adds to it.
    """

    def __init__(self, model: CharModel, text: str, recipe: Recipe) -> None:
        self.model = model.train()
        self.recipe = recipe
        self.optimizer = Adam(recipe.lr, epsilon=1e-8, global_clipnorm=recipe.max_norm)
        self.updates = 0
        self.elapsed = 0.0
        self.text = text
        self._ids = model.vocabulary.encode(text)
        self._state: Any = None
        # Every pass has as many blocks as fit at the largest offset.
        largest = recipe.steps - 1
        self.updates_per_pass = len(Blocks(self._ids, recipe.batch_size, recipe.steps, largest))
        self._pass: int | None = None
        self._blocks: Any = None

    @property
    def characters_per_update(self) -> int:
        """N T."""
        return self.recipe.batch_size * self.recipe.steps

    def update(self, progress: float) -> float:
        """Train on the next block, `progress` in [0, 1] of the run being done; return its loss.

        Returns
        -------
        float
            The mean loss before the update, in bits per character.

        Raises
        ------
        FloatingPointError
            If the gradients are not finite; the parameters are unchanged.
        """
        model = self.model
        inputs, targets = self._next_block()
        model.zero_grad()
        logits, state = model(inputs, self._state)
        loss, dlogits = _LOSS.value_and_gradient(targets, logits)
        model.backward(dlogits)
        self.optimizer.learning_rate = self.recipe.learning_rate(progress)
        self.optimizer.step(model)
        self._state = state
        self.updates += 1
        return loss / math.log(2)

    def _next_block(self):
        recipe = self.recipe
        number, index = divmod(self.updates, self.updates_per_pass)
        if number != self._pass:
            offset = int(np.random.default_rng((recipe.seed, number)).integers(recipe.steps))
            self._blocks = Blocks(self._ids, recipe.batch_size, recipe.steps, offset)
            self._pass = number
        if index == 0:
            self._state = None
        return self._blocks[index]

    # -- files -------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], **header: Any) -> None:
        """Write model and training to one file, from which `load` goes on."""
        arrays = {OPTIMIZER + key: a for key, a in self.optimizer.state_dict().items()}
        arrays |= {f"{STATE}{k}": a for k, a in enumerate(_arrays_of(self._state))}
        training = {
            "recipe": asdict(self.recipe), "updates": self.updates, "elapsed": self.elapsed,
            "text": fingerprint(self.text),
        }
        self.model.save(path, arrays, training=training, **header)

    @classmethod
    def load(cls, path: str | os.PathLike[str], text: str) -> tuple[Self, dict[str, Any]]:
        """Return the trainer saved in `path`, and the file's header.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        text : str
            The text it was trained on.

        Raises
        ------
        OSError
            If the file cannot be opened.
        fastrnn.io.FileFormatError
            If it is not such a file, is damaged, or was trained on another text.
        """
        model, extras, header = CharModel.load_with_extras(path)
        if "training" not in header:
            raise io.FileFormatError(path, "holds a model, but no training to go on with")
        training = header["training"]
        with io.malformed(path):
            if fingerprint(text) != training["text"]:
                raise io.FileFormatError(path, "was trained on another text")
            trainer = cls(model, text, Recipe(**training["recipe"]))
            trainer.optimizer.load_state_dict(_with_prefix(extras, OPTIMIZER))
            state = _with_prefix(extras, STATE)
            state = [state[key] for key in sorted(state)]
            trainer._state = tuple(state) if len(state) == 2 else state[0] if state else None
            trainer.updates = int(training["updates"])
            trainer.elapsed = float(training["elapsed"])
        return trainer, header


def fingerprint(text: str) -> int:
    """Return a number by which two texts can be told apart."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _arrays_of(state):
    if state is None:
        return ()
    return state if isinstance(state, tuple) else (state,)


def _with_prefix(arrays, prefix):
    return {key[len(prefix):]: a for key, a in arrays.items() if key.startswith(prefix)}
