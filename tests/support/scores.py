# SPDX-License-Identifier: Apache-2.0
"""Random scores of tokens, and their probabilities."""

import numpy as np


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def random_scores(*shape, seed=0):
    return 2 * np.random.default_rng(seed).standard_normal(shape)
