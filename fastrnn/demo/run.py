# SPDX-License-Identifier: Apache-2.0
"""The demonstration: a character model learns from a book for a minute or so.

Here are the text and the training loop with its progress bar and checkpoints; the command line
around it is in cli.py, the model and its training in model.py and trainer.py.
"""

import math
import os
import sys
import time
from argparse import Namespace
from dataclasses import dataclass
from typing import cast

from ..preprocessing import Vocabulary
from . import settings
from .model import CharModel
from .text import king_james
from .trainer import CharTrainer, Recipe

# Command line option -> argument of the model or of the recipe.
MODEL_OPTIONS = {"cell": "cell", "hidden": "hidden_size", "layers": "num_layers",
                 "embedding": "embedding_dim", "seed": "seed"}
RECIPE_OPTIONS = {"batch": "batch_size", "block": "steps", "lr": "lr", "seed": "seed"}


@dataclass(frozen=True)
class Budget:
    """How long to train: a number of seconds, or a number of updates."""

    seconds: float | None = None
    updates: int | None = None

    @property
    def total(self) -> float:
        """Seconds or updates in all."""
        return cast(float, self.updates or self.seconds)

    def done(self, trainer: CharTrainer) -> float:
        """Return how much of `total` is behind the trainer, at most all of it."""
        return min(self.total, trainer.updates if self.updates else trainer.elapsed)


def read_text(path: str | os.PathLike[str] | None) -> str:
    """Return the text in the file `path`, or the one shipped with the package for None."""
    if path is None:
        return king_james()
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8: {error.reason}") from None


def split(text: str) -> tuple[str, str]:
    """Return (text to train on, text held out): the end is held out."""
    at = len(text) - int(settings.HELD_OUT * len(text))
    if len(text) - at < 2:
        raise ValueError(f"the text is too short: {len(text)} characters")
    return text[:at], text[at:]


def opening(text: str) -> str:
    """Return the first words of a text, to let a model go on from them."""
    words = text[:80].split()
    return " ".join(words[:3]) or text[:1]


def begin(args: Namespace, text: str, training: str) -> tuple[CharTrainer, Budget]:
    """Return a new trainer by the command line's options, and its budget."""
    model = CharModel(Vocabulary.from_text(text),
                      **{"seed": settings.SEED, **_options(args, MODEL_OPTIONS)})
    trainer = CharTrainer(model, training, Recipe(**_options(args, RECIPE_OPTIONS)))
    return trainer, _budget(args, trainer) or Budget(seconds=float(settings.SECONDS))


def resume(args: Namespace, training: str) -> tuple[CharTrainer, Budget]:
    """Return the trainer kept in ``args.output`` and its budget, unless the options give one."""
    given = [name for name in MODEL_OPTIONS | RECIPE_OPTIONS if getattr(args, name) is not None]
    if given:
        raise ValueError(f"--{given[0]} is fixed in {args.output}: not with --resume")
    trainer, header = CharTrainer.load(args.output, training)
    budget = _budget(args, trainer) or Budget(**header["budget"])
    if budget.done(trainer) >= budget.total:
        raise ValueError(f"{args.output} is fully trained; to go on, give more "
                         f"--{'steps' if budget.updates else 'seconds'} than {budget.total:g}")
    return trainer, budget


def _options(args, table):
    """Return the arguments that were given; the others have defaults of their own."""
    return {name: getattr(args, option) for option, name in table.items()
            if getattr(args, option) is not None}


def _budget(args, trainer):
    if args.epochs:
        return Budget(updates=math.ceil(args.epochs * trainer.updates_per_pass))
    if args.steps:
        return Budget(updates=args.steps)
    return Budget(seconds=args.seconds) if args.seconds else None


def describe(trainer: CharTrainer, held_out: str) -> str:
    """Return a line about the model and the text."""
    model = trainer.model
    a = model.arguments
    weights = sum(array.size for array in model.parameters())
    return (
        f"{a['cell'].upper()}, {a['num_layers']} x {a['hidden_size']} units, {weights:,} weights; "
        f"{len(trainer.text):,} characters to learn from, {len(held_out):,} held out"
    )


def train(trainer: CharTrainer, budget: Budget, path: str | os.PathLike[str],
          interrupted: object) -> None:
    """Train until the budget is spent or `interrupted` is true; keep the trainer in `path`.

    Checkpoints replace each other; the last one is always there, whole.
    """
    kept = time.perf_counter()
    started = kept - trainer.elapsed
    with _Progress(trainer, budget) as progress:
        while budget.done(trainer) < budget.total and not interrupted:
            bits = trainer.update(budget.done(trainer) / budget.total)
            now = time.perf_counter()
            trainer.elapsed = now - started
            progress.show(bits)
            if now - kept > settings.CHECKPOINT_SECONDS:
                _keep(trainer, budget, path)
                kept = now
    _keep(trainer, budget, path)


def _keep(trainer, budget, path):
    trainer.save(path, budget={"seconds": budget.seconds, "updates": budget.updates})


class _Progress:
    """The progress bar: part of the budget, loss in bits per character, characters per second."""

    # The loss shown is a running mean over about so many updates.
    _MEMORY = 50

    def __init__(self, trainer: CharTrainer, budget: Budget) -> None:
        self._trainer, self._budget = trainer, budget
        self._first = trainer.updates
        self._elapsed = trainer.elapsed
        self._bits: float | None = None
        unit = "updates" if budget.updates else "s"
        self._bar = _bar(budget.total, budget.done(trainer), unit)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def show(self, bits: float) -> None:
        """Count one update and its loss."""
        trainer = self._trainer
        updates = trainer.updates - self._first
        share = 1 / min(updates, self._MEMORY)
        self._bits = bits if self._bits is None else self._bits + share * (bits - self._bits)
        speed = updates * trainer.characters_per_update / (trainer.elapsed - self._elapsed)
        self._bar.set_postfix_str(
            f"{self._bits:.3f} bits/char, {speed / 1000:.0f}k chars/s", refresh=False
        )
        self._bar.update(self._budget.done(trainer) - self._bar.n)


def _bar(total, done, unit):
    """Return a bar of tqdm's on standard error, or what takes its place."""
    interval = 0.2 if sys.stderr is not None and sys.stderr.isatty() else 5.0
    try:
        from tqdm import tqdm  # optional
    except ImportError:
        return _Lines(total, done, unit, interval=5.0)
    return tqdm(
        total=total, initial=done, mininterval=interval,
        bar_format=f"{{percentage:3.0f}}%|{{bar}}| {{n:.0f}}/{{total:.0f}} {unit}{{postfix}}",
    )


class _Lines:
    """A line every so many seconds, called as tqdm's bar is."""

    def __init__(self, total: float, done: float, unit: str, interval: float) -> None:
        self.total, self.n, self.unit, self.interval = total, done, unit, interval
        self._text, self._next = "", 0.0

    def set_postfix_str(self, text: str, refresh: bool) -> None:
        self._text = text

    def update(self, more: float) -> None:
        self.n += more
        now = time.perf_counter()
        if now >= self._next and sys.stderr is not None:
            self._next = now + self.interval
            print(f"{self.n:.0f}/{self.total:.0f} {self.unit}, {self._text}", file=sys.stderr,
                  flush=True)

    def close(self) -> None:
        pass
