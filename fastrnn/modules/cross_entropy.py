# SPDX-License-Identifier: Apache-2.0
"""Losses: a number to make small, and its gradient."""

import numpy as np

from .. import checks
from .embedding import checked_ids


def cross_entropy(logits, targets):
    """Return the mean over all positions of -log softmax(logits)[target], in nats.

    See `softmax_cross_entropy`, which gives the gradient too.
    """
    logits, targets = _checked(logits, targets)
    _, sums, picked = _shifted_exponentials(logits, targets)
    return _mean_loss(sums, picked)


def softmax_cross_entropy(logits, targets):
    """Return the cross-entropy of softmax(logits) against `targets`, and its gradient.

    With z = logits - max(logits), which leaves the softmax as it is and keeps exp in range::

        loss    = mean(log sum exp(z) - z[target])
        dlogits = (exp(z) / sum exp(z) - onehot(target)) / positions

    Parameters
    ----------
    logits : array (..., V)
        float32 or float64.
    targets : array (...)
        Integers in [0, V).

    Returns
    -------
    loss : float
        Mean over all positions, in nats.
    dlogits : ndarray (..., V)
        Gradient of the loss.

    Raises
    ------
    TypeError
        If the targets are not integers.
    ValueError
        If the dtype of the logits is neither, shapes do not fit, or there is no position.
    IndexError
        If a target is out of range.
    """
    logits, targets = _checked(logits, targets)
    exponentials, sums, picked = _shifted_exponentials(logits, targets)
    loss = _mean_loss(sums, picked)
    dlogits = exponentials
    dlogits /= (sums * targets.size)[:, None]
    dlogits[np.arange(targets.size), targets.reshape(-1)] -= 1 / targets.size
    return loss, dlogits.reshape(logits.shape)


def _checked(logits, targets):
    logits = np.asarray(logits)
    if logits.dtype not in checks.DTYPES:
        raise ValueError(f"logits must be float32 or float64, got {logits.dtype}")
    if logits.ndim == 0 or logits.size == 0:
        raise ValueError(f"logits must have at least one position and class, "
                         f"got shape {logits.shape}")
    targets = checked_ids("targets", targets, logits.shape[-1])
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"targets must have shape {logits.shape[:-1]}, one for each position, "
                         f"got {targets.shape}")
    return logits, targets


def _shifted_exponentials(logits, targets):
    """Return exp(z) (M, V), its sums (M,) and z[target] (M,), for M positions."""
    z = logits.reshape(-1, logits.shape[-1])
    z = z - z.max(axis=1, keepdims=True)
    picked = z[np.arange(len(z)), targets.reshape(-1)]
    exponentials = np.exp(z, out=z)
    return exponentials, exponentials.sum(axis=1), picked


def _mean_loss(sums, picked):
    return float(np.mean(np.log(sums) - picked, dtype=np.float64))
