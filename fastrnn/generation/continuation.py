# SPDX-License-Identifier: Apache-2.0
"""From a model and a prompt to its continuation, a token at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import random
from .._common import checks
from .._common.quiet import quiet
from .beams import beam_search
from .choice import chooser


def generate(model: Any, prompt: npt.ArrayLike, steps: int = 100, *, temperature: float = 1.0,
             top_k: int | None = None, top_p: float | None = None, beams: int | None = None,
             length_penalty: float = 1.0, stop: Any = None, stream: bool = False,
             encode: Callable[[np.ndarray], Any] | None = None,
             seed: int | np.random.Generator | None = None) -> Any:
    """Return how `model` goes on from `prompt`.

    The prompt is read once; after it each step reads one token and carries the states of the
    recurrent layers. (A model trained on windows of a fixed length reads further back here.)

    Parameters
    ----------
    model : Sequential, or an object with the methods ``start`` and ``step``
        Recurrent layers that read forward, with Embedding, Dense, TimeDistributed, Dropout,
        Activation, LayerNormalization and Masking around them. It ends in V softmax
        probabilities or, from a linear layer, logits. The methods of other objects are
        ``start(prompt (N, T)) -> (scores (N, V), state)`` and
        ``step(ids (N,), state) -> (scores (N, V), state)``, the scores logits or
        log-probabilities; beam search needs ``state.take(rows)`` too, see `beam_search`.
    prompt : array of int (T,) or (N, T)
        Token ids, at least one in each row.
    steps : int, or None
        Tokens to add; None goes on without end and needs `stream`.
    temperature : float
        Tokens are drawn from softmax(logits / temperature); 0 always takes the likeliest.
    top_k : int, optional
        Draw from the k likeliest tokens only.
    top_p : float in (0, 1], optional
        Draw from the smallest set of tokens with at least this probability (nucleus sampling;
        Holtzman et al., 2020); after `top_k` where both are given.
    beams : int, optional
        Search for the likeliest continuation by keeping this many of them, see `beam_search`;
        excludes the four ways of drawing above and `stream`.
    length_penalty : float
        Of the beam search.
    stop : int or sequence of int, optional
        Tokens that end a row; from there on the row repeats the token it ended with. All ends
        when all rows have ended, so that there may be fewer steps.
    stream : bool
        Whether to return an iterator that gives each token when it is chosen.
    encode : callable, optional
        From ids (N, T) to what the first layer reads, (N, T, I). By default ids are read as they
        are where that is an Embedding, else as one-hot vectors.
    seed : int or numpy.random.Generator, optional
        Of the draws; by default they come from the package's generator, which
        `fastrnn.utils.set_random_seed` seeds.

    Returns
    -------
    ndarray (steps,) or (N, steps), int64
        The continuation without the prompt; or, with `stream`, an iterator of its ints or its
        arrays (N,).

    Raises
    ------
    TypeError
        If `model` is none of these, or an argument of the wrong type.
    ValueError
        If a layer cannot go on step by step, naming it; if an argument is out of its range or
        excludes another; if the prompt is empty or holds ids the model does not know.
    FloatingPointError
        If the model gives NaN.
    """
    checks.flag("stream", stream)
    ids, single = _prompt(prompt)
    stop = _stop(stop)
    if steps is None and not stream:
        raise ValueError("steps must be given unless stream is True")
    steps = None if steps is None else checks.count("steps", steps)
    if beams is None:
        rng = random.generator() if seed is None else checks.random_source(seed)
        choose = chooser(temperature, top_k, top_p, rng)
    elif stream or temperature != 1 or top_k is not None or top_p is not None:
        raise ValueError("beams searches and does not draw: it excludes temperature, top_k, top_p "
                         "and stream")
    stepper = _stepper(model, encode)
    if beams is not None:
        found, _ = _search(stepper, ids, steps, beams, stop, length_penalty)
        return found[0, 0] if single else found[:, 0]
    tokens = sample(stepper, ids, steps, choose, stop)
    if stream:
        return (int(token[0]) for token in tokens) if single else tokens
    result = np.stack(list(tokens), axis=1)
    return result[0] if single else result


def sample(stepper: Any, prompt: np.ndarray, steps: int, choose: Any,
           stop: Sequence[int] = ()) -> Iterator[Any]:
    """Yield the next token of each row, (N,), until `steps` of them or all rows have ended.

    Parameters
    ----------
    stepper : object
        With the methods ``start`` and ``step`` that `generate` describes.
    prompt : ndarray of int (N, T)
        What is read before.
    steps : int, or None
        None goes on without end.
    choose : callable
        From scores (N, V) to tokens (N,).
    stop : sequence of int
        Tokens that end a row, which then repeats them.
    """
    scores, state = stepper.start(prompt)
    ended, tokens, given = np.zeros(len(prompt), bool), None, 0
    while True:
        chosen = choose(scores)
        tokens = np.where(ended, tokens, chosen) if ended.any() else chosen
        if len(stop):
            ended = np.isin(tokens, stop)
        yield tokens
        given += 1
        if given == steps or ended.all():
            return
        scores, state = stepper.step(tokens, state)


def _search(stepper, ids, steps, beams, stop, length_penalty):
    scores, state = stepper.start(ids)

    def step(tokens, state):
        scores, state = stepper.step(tokens, state)
        return _log_softmax(scores), state

    return beam_search(step, _log_softmax(scores), state, steps, beams, stop, length_penalty)


@quiet
def _log_softmax(scores):
    shifted = scores.astype(np.float64) - scores.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _prompt(prompt):
    """Return the prompt as (N, T) int64, and whether it was a single row."""
    ids = checks.as_ndarray("prompt", prompt)
    if ids.ndim not in (1, 2) or (ids.dtype.kind not in "iu" and ids.size):
        raise TypeError("prompt must be token ids, an array of int of shape (steps,) or "
                        f"(rows, steps); got {ids.dtype} of shape {ids.shape}")
    if ids.size == 0:
        raise ValueError(f"prompt must have at least one token, got shape {ids.shape}")
    return np.atleast_2d(ids).astype(np.int64), ids.ndim == 1


def _stop(stop):
    if stop is None:
        return np.empty(0, np.int64)
    tokens = np.atleast_1d(checks.as_ndarray("stop", list(stop) if isinstance(stop, set) else stop))
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        raise TypeError(f"stop must be a token id or a sequence of them, got {stop!r}")
    return tokens.astype(np.int64)


def _stepper(model, encode):
    if hasattr(model, "start") and hasattr(model, "step"):
        if encode is not None:
            raise ValueError("encode is for models of layers; this one reads ids in its own start "
                             "and step")
        return model
    from .stepper import Stepper  # not needed by those that bring their own

    return Stepper(model, encode)
