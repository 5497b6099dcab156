# SPDX-License-Identifier: Apache-2.0
"""Attention: each step of a query reads a mixture of the steps of a value."""

from typing import Any, NamedTuple

import numpy as np

from .. import activations
from .._common import checks
from .._common.products import multiply_batches
from ..graph.broadcasting import Shape
from .base import Layer
from .dropout import RandomMask
from .variable import Variable

# Taken from the scores of what must not be read: exp() of it is 0 beside any other score.
_MASKED = 1e9


class _Kept(NamedTuple):
    """What `backward` needs of a call."""

    inputs: list[np.ndarray]        # q, v and, if it was given, k
    scored: Any                     # of `_scores`
    weights: np.ndarray             # (N, Tq, Tv) after the softmax
    mixing: np.ndarray              # (N, Tq, Tv) after the dropout
    dropped: np.ndarray | None      # (N, Tq, Tv) of uint8, the dropout's mask
    q_mask: np.ndarray | None       # (N, Tq, 1) of bool


class Attention(Layer):
    """A mixture of values for each query, by how well the keys fit it (Luong et al., 2015)::

        scores  = q k^T                     (N, Tq, Tv)
        weights = softmax(scores)           over Tv
        y       = weights v                 (N, Tq, Dv)

    It is called on ``[q, v]`` or ``[q, v, k]``: the queries (N, Tq, D), the values (N, Tv, Dv)
    and the keys (N, Tv, D), by default the values. Steps that the values' mask leaves out are
    not read; where the queries' mask is False the outputs are 0. The outputs' mask is the
    queries'. Where every step of a row's values is left out, all are read alike.

    Parameters
    ----------
    use_scale : bool
        Whether the scores are multiplied by a weight `scale`, 1 at the start.
    score_mode : {"dot", "concat"}
        "concat" scores by ``w sum(tanh(scale (q + k)))`` with a weight w, 1 at the start.
    dropout : float
        Share of the weights that are dropped in training.
    seed : int, optional
        Of the dropout.
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If the inputs are not a list of two or three, or their shapes do not fit.

    Notes
    -----
    The call takes two more arguments. With ``return_attention_scores=True`` it returns
    ``[y, weights]``; with ``use_causal_mask=True`` step i of the queries reads the values up to
    step i only.
    """

    arguments: tuple[str, ...] = ("use_scale", "score_mode", "dropout", "seed")
    supports_masking = True
    takes_list = True

    def __init__(self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0,
                 seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.use_scale = checks.flag("use_scale", use_scale)
        self.score_mode = checks.choice("score_mode", score_mode, ("dot", "concat"))
        self.dropout = checks.probability("dropout", dropout)
        self.seed = seed
        self.scale: Variable | None = None
        self.concat_score_weight: Variable | None = None
        self._source: RandomMask | Any = RandomMask(self.dropout, seed) if dropout else None

    def build(self, input_shape: list[Shape]) -> None:
        self._check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight("scale", (), "ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight("concat_score_weight", (), "ones")

    def compute_output_shape(self, input_shape: list[Shape],
                             return_attention_scores: bool = False,
                             use_causal_mask: bool = False) -> Shape | list[Shape]:
        self._check(input_shape)
        q, v = input_shape[0], input_shape[1]
        y = (*q[:-1], v[-1])
        return [y, (*q[:-1], v[-2])] if return_attention_scores else y

    def compute_mask(self, inputs: Any, mask: Any = None) -> np.ndarray | None:
        return None if mask is None else mask[0]

    def _check(self, shapes):
        """Raise unless `shapes` are those of queries, values and keys that fit each other."""
        kind = type(self).__name__
        if not isinstance(shapes, list) or len(shapes) not in (2, 3):
            got = f"{len(shapes)} inputs" if isinstance(shapes, list) else "one input"
            raise ValueError(f"{self.name}: {kind} must be called on [query, value] or "
                             f"[query, value, key], got {got}")
        q, v, k = map(tuple, (*shapes, shapes[1])[:3])
        if not len(q) == len(v) == len(k) == 3:
            raise ValueError(f"{self.name}: query, value and key must be 3-D, the batch, steps "
                             f"and features; got shapes {_listed(shapes)}")
        pairs = {"batches of query and value": (q[0], v[0]), "batches of key and value":
                 (k[0], v[0]), "steps of key and value": (k[1], v[1]),
                 "features of query and key": (q[2], k[2])}
        for what, (a, b) in pairs.items():
            if a != b and None not in (a, b):
                raise ValueError(f"{self.name}: the {what} must be the same, got {a} and {b} in "
                                 f"shapes {_listed(shapes)}")

    def forward(self, inputs: list[np.ndarray], mask: list[np.ndarray | None] | None,
                training: bool, keep: int, return_attention_scores: bool = False,
                use_causal_mask: bool = False) -> tuple[Any, Any, Any]:
        shapes = [x.shape for x in inputs] if isinstance(inputs, list) else inputs.shape
        self._check(shapes)
        q, v, k = (*inputs, inputs[1])[:3]
        q_mask, v_mask = self._masks(mask, shapes)
        scores, scored = self._scores(q, k)
        readable = _readable(v_mask, use_causal_mask, scores.shape)
        if readable is not None:
            np.subtract(scores, scores.dtype.type(_MASKED), out=scores, where=~readable)
        weights = mixing = activations.softmax.forward(scores)[0]
        dropped = None
        if training and self._source is not None:
            dropped = self._source.draw(weights.shape)
            mixing = weights * dropped
            mixing *= self._source.scale
        y = multiply_batches(mixing, v)
        if q_mask is not None:
            q_mask = q_mask[..., None]
            y = np.where(q_mask, y, y.dtype.type(0))
        kept = _Kept(inputs, scored, weights, mixing, dropped, q_mask) if keep else None
        if return_attention_scores:
            return [y, mixing], [mask and mask[0], None], kept
        return y, mask and mask[0], kept

    def _masks(self, mask, shapes):
        """Return the masks of queries and values."""
        if mask is None:
            return None, None
        for name, m, shape in zip(("query", "value"), mask, shapes, strict=False):
            if m is not None and m.shape != shape[:2]:
                raise ValueError(f"{self.name}: the mask of the {name} must have shape "
                                 f"{shape[:2]}, got {m.shape}")
        return mask[0], mask[1]

    def backward(self, kept: Any, doutputs: Any) -> list[np.ndarray | None]:
        inputs, scored, weights, mixing, dropped, q_mask = kept
        dmixing: Any
        dy, dmixing = doutputs if isinstance(doutputs, list) else (doutputs, None)
        v = inputs[1]
        dv: Any = 0
        if dy is not None:
            if q_mask is not None:
                dy = dy * q_mask
            dv = multiply_batches(mixing.swapaxes(1, 2), dy)
            of_y = multiply_batches(dy, v.swapaxes(1, 2))
            dmixing = of_y if dmixing is None else dmixing + of_y
        if dropped is not None:
            dmixing = dmixing * dropped
            dmixing *= self._source.scale
        dscores = activations.softmax.backward(weights, dmixing)
        dq, dk = self._scores_backward(scored, dscores)
        if len(inputs) == 3:
            return [dq, dv if dy is not None else None, dk]
        return [dq, dv + dk]

    def _scores(self, q, k):
        """Return the scores, an array of their own, and what `_scores_backward` needs."""
        if self.score_mode == "dot":
            scores = multiply_batches(q, k.swapaxes(1, 2))
            products = scores
            if self.scale is not None:
                scores = scores * self.scale.array
            return scores, (q, k, products if self.scale is not None else None)
        sums = q[:, :, None] + k[:, None]
        y = sums if self.scale is None else sums * self.scale.array
        # In place: these are the largest arrays here.
        np.tanh(y, out=y)
        total = y.sum(axis=-1)
        scored = (sums if self.scale is not None else None, y, total)
        return total * self.concat_score_weight.array, scored

    def _scores_backward(self, scored, dscores):
        """Add the gradients of the weights to them; return those of queries and keys."""
        if self.score_mode == "dot":
            q, k, products = scored
            if self.scale is not None:
                self._add(self.scale, np.vdot(dscores, products))
                dscores = dscores * self.scale.array
            return (multiply_batches(dscores, k),
                    multiply_batches(dscores.swapaxes(1, 2), q))
        sums, y, total = scored
        self._add(self.concat_score_weight, np.vdot(dscores, total))
        dscores = dscores * self.concat_score_weight.array
        dsums = activations.tanh.backward(y, dscores[..., None])
        if self.scale is not None:
            self._add(self.scale, np.vdot(dsums, sums))
            dsums *= self.scale.array
        return dsums.sum(axis=2), dsums.sum(axis=1)

    def _add(self, variable, gradient):
        if self._trainable:
            variable.gradient[...] += gradient


class AdditiveAttention(Attention):
    """`Attention` with the scores ``sum(scale tanh(q + k))`` over the features (Bahdanau et al.,
    2015).

    Parameters
    ----------
    use_scale : bool
        Whether there is a weight `scale` (D,); else it is 1.
    dropout : float
        Share of the weights that are dropped in training.
    seed : int, optional
        Of the dropout.
    **options
        Those of every `Layer`.
    """

    arguments: tuple[str, ...] = ("use_scale", "dropout", "seed")

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, seed: int | None = None,
                 **options: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, seed=seed, **options)

    def build(self, input_shape: list[Shape]) -> None:
        self._check(input_shape)
        if self.use_scale:
            size = input_shape[0][-1]
            if size is None:
                raise ValueError(f"{self.name}: the number of features must be known, "
                                 f"got shapes {_listed(input_shape)}")
            self.scale = self.add_weight("scale", (size,), "glorot_uniform")

    def _scores(self, q, k):
        y = q[:, :, None] + k[:, None]
        np.tanh(y, out=y)
        return (y.sum(axis=-1) if self.scale is None else y @ self.scale.array), y

    def _scores_backward(self, y, dscores):
        dsums = activations.tanh.backward(y, dscores[..., None])
        if self.scale is not None:
            self._add(self.scale, np.einsum("nqk,nqkd->d", dscores, y))
            dsums *= self.scale.array
        return dsums.sum(axis=2), dsums.sum(axis=1)


def _readable(v_mask, causal, shape):
    """Return where scores of `shape` count, an array that can be broadcast to it, or None."""
    readable = None if v_mask is None else v_mask[:, None]
    if causal:
        past = np.tri(*shape[1:], dtype=bool)
        readable = past if readable is None else readable & past
    return readable


def _listed(shapes):
    return ", ".join(str(tuple(shape)) for shape in shapes)
