# SPDX-License-Identifier: Apache-2.0
"""Layers in the words of Keras and of fastrnn, with inputs and masks."""

import numpy as np

N, T, F = 3, 4, 5
STEPS = (N, T, F)
HOLES = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [1, 0, 0, 0]], bool)
ENDS = np.array([[1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 1]], bool)
WORDS = np.arange(N * T * 2).reshape(N, T, 2) % 5 > 0

# name: (layer in the words of either module, shapes of the inputs, masks, options of the call)
CASES = {
    "dense": (lambda k: k.Dense(3), [(N, F)], [None], {}),
    "dense-relu": (lambda k: k.Dense(3, activation="relu", use_bias=False), [STEPS], [HOLES], {}),
    "dense-softmax": (lambda k: k.Dense(3, "softmax"), [(2, 3, 4, 2)], [None], {}),
    "dropout": (lambda k: k.Dropout(0.5), [STEPS], [HOLES], {}),
    "dropout-nothing": (lambda k: k.Dropout(0), [STEPS], [HOLES], {"training": True}),
    "dropout-all": (lambda k: k.Dropout(1), [STEPS], [HOLES], {"training": True}),
    "spatial-dropout": (lambda k: k.SpatialDropout1D(0.5), [STEPS], [HOLES], {}),
    "gaussian-noise": (lambda k: k.GaussianNoise(0.5), [STEPS], [HOLES], {}),
    "gaussian-dropout": (lambda k: k.GaussianDropout(0.5), [STEPS], [HOLES], {}),
    "activation": (lambda k: k.Activation("softmax"), [STEPS], [HOLES], {}),
    "relu": (lambda k: k.ReLU(1.0, 0.1, 0.2), [STEPS], [HOLES], {}),
    "leaky-relu": (lambda k: k.LeakyReLU(), [STEPS], [HOLES], {}),
    "elu": (lambda k: k.ELU(0.5), [STEPS], [HOLES], {}),
    "softmax": (lambda k: k.Softmax(axis=1), [STEPS], [None], {}),
    "masking": (lambda k: k.Masking(), [STEPS], [None], {}),
    "masking-value": (lambda k: k.Masking(mask_value=0.25), [STEPS], [HOLES], {}),
    "flatten": (lambda k: k.Flatten(), [STEPS], [HOLES], {}),
    "flatten-first": (lambda k: k.Flatten("channels_first"), [(2, 3, 4, 2)], [None], {}),
    "flatten-numbers": (lambda k: k.Flatten(), [(N,)], [None], {}),
    "reshape": (lambda k: k.Reshape((2, -1)), [STEPS], [HOLES], {}),
    "permute": (lambda k: k.Permute((3, 1, 2)), [(2, 3, 4, 5)], [None], {}),
    "repeat": (lambda k: k.RepeatVector(3), [(N, F)], [None], {}),
    "add": (lambda k: k.Add(), [STEPS] * 3, [HOLES, ENDS, HOLES], {}),
    "add-wide": (lambda k: k.Add(), [STEPS, (N, 1, F), (N, F)], [HOLES, None, None], {}),
    "subtract": (lambda k: k.Subtract(), [STEPS, STEPS], [HOLES, None], {}),
    "average": (lambda k: k.Average(), [STEPS] * 2, [HOLES, ENDS], {}),
    "multiply": (lambda k: k.Multiply(), [STEPS] * 2, [HOLES, ENDS], {}),
    "multiply-one": (lambda k: k.Multiply(), [STEPS] * 3, [None, ENDS, HOLES], {}),
    "maximum": (lambda k: k.Maximum(), [STEPS] * 3, [HOLES, ENDS, HOLES], {}),
    "maximum-plain": (lambda k: k.Maximum(), [STEPS, (N, F)], [None] * 2, {}),
    "minimum": (lambda k: k.Minimum(), [STEPS] * 3, [HOLES, None, ENDS], {}),
    "minimum-last": (lambda k: k.Minimum(), [STEPS] * 2, [None, ENDS], {}),
    "concatenate": (lambda k: k.Concatenate(), [STEPS, (N, T, 2)], [HOLES, ENDS], {}),
    "concatenate-one": (lambda k: k.Concatenate(), [STEPS, (N, T, 2)], [HOLES, None], {}),
    "concatenate-steps": (lambda k: k.Concatenate(axis=1), [STEPS, (N, 2, F), STEPS],
                          [HOLES, None, ENDS], {}),
    "concatenate-rows": (lambda k: k.Concatenate(), [(N, 2), (N, 3)], [None] * 2, {}),
    "dot": (lambda k: k.Dot(2), [STEPS, (N, 3, F)], [HOLES, None], {}),
    "dot-cosine": (lambda k: k.Dot((1, 2), normalize=True), [STEPS, (N, 3, T)], [None] * 2, {}),
    "dot-rows": (lambda k: k.Dot(axes=1), [(N, F)] * 2, [None] * 2, {}),
    "dot-mixed": (lambda k: k.Dot(axes=(2, 1)), [STEPS, (N, F)], [None] * 2, {}),
    "attention": (lambda k: k.Attention(), [STEPS, (N, 6, F)], [HOLES, None], {}),
    "attention-scale": (lambda k: k.Attention(use_scale=True), [(N, 2, F), (N, T, 3), STEPS],
                        [None, HOLES, None], {"return_attention_scores": True}),
    "attention-causal": (lambda k: k.Attention(), [STEPS] * 2, [HOLES, ENDS],
                         {"use_causal_mask": True, "return_attention_scores": True}),
    "attention-long": (lambda k: k.Attention(), [(2, 100, 70), (2, 90, 70)], [None] * 2, {}),
    "attention-nothing": (lambda k: k.Attention(), [STEPS] * 2, [None, HOLES & False], {}),
    "attention-concat": (lambda k: k.Attention(score_mode="concat"), [STEPS, (N, 2, F)],
                         [None] * 2, {}),
    "attention-concat-scale": (lambda k: k.Attention(True, "concat"), [(N, 2, F), STEPS],
                               [None, ENDS], {"return_attention_scores": True}),
    "additive": (lambda k: k.AdditiveAttention(), [(N, 2, F), STEPS], [None, ENDS],
                 {"return_attention_scores": True}),
    "additive-plain": (lambda k: k.AdditiveAttention(use_scale=False), [STEPS] * 2, [ENDS, HOLES],
                       {"use_causal_mask": True}),
    "layer-norm": (lambda k: k.LayerNormalization(), [STEPS], [HOLES], {}),
    "layer-norm-axes": (lambda k: k.LayerNormalization(axis=[3, 1], epsilon=0.1), [(2, 3, 2, 4)],
                        [None], {}),
    "layer-norm-plain": (lambda k: k.LayerNormalization(scale=False), [STEPS], [None], {}),
    "batch-norm": (lambda k: k.BatchNormalization(), [STEPS], [HOLES], {}),
    "batch-norm-training": (lambda k: k.BatchNormalization(momentum=0.7, epsilon=0.01), [STEPS],
                            [None], {"training": True}),
    "batch-norm-masked": (lambda k: k.BatchNormalization(center=False), [STEPS], [HOLES],
                          {"training": True}),
    "batch-norm-rows": (lambda k: k.BatchNormalization(scale=False), [(N, F)], [None],
                        {"training": True}),
    "batch-norm-axis": (lambda k: k.BatchNormalization(axis=1), [STEPS], [None],
                        {"training": True}),
    "global-average": (lambda k: k.GlobalAveragePooling1D(), [STEPS], [None], {}),
    "global-average-masked": (lambda k: k.GlobalAveragePooling1D(keepdims=True), [STEPS], [HOLES],
                              {}),
    "global-average-first": (lambda k: k.GlobalAveragePooling1D("channels_first"), [(N, F, T)],
                             [None], {}),
    "global-max": (lambda k: k.GlobalMaxPooling1D(), [STEPS], [HOLES], {}),
    "average-pooling": (lambda k: k.AveragePooling1D(2), [(2, 7, 3)], [None], {}),
    "average-pooling-same": (lambda k: k.AveragePooling1D(3, 2, "same"), [(2, 7, 3)], [None], {}),
    "max-pooling": (lambda k: k.MaxPooling1D(3, strides=2), [(2, 7, 3)], [None], {}),
    "max-pooling-same": (lambda k: k.MaxPooling1D(3, padding="same"), [(2, 7, 3)], [None], {}),
    "time-distributed": (lambda k: k.TimeDistributed(k.Dense(2, "tanh")), [STEPS], [HOLES], {}),
    "time-distributed-4d": (lambda k: k.TimeDistributed(k.LayerNormalization()), [(2, 3, 4, 2)],
                            [None], {}),
    "time-distributed-flatten": (lambda k: k.TimeDistributed(k.Flatten()), [(N, T, 2, 3)],
                                 [HOLES], {}),
}


def inputs_of(shapes, rng):
    """Return random inputs, some of whose steps are all 0 or all 0.25."""
    inputs = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    for x in inputs:
        if x.ndim > 2 and x.shape[1] > 1:
            x[0, 1], x[1, 0], x[-1, -1, 0] = 0, 0.25, 0
    return inputs
