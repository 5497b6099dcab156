# SPDX-License-Identifier: Apache-2.0
"""The layers around the recurrent ones: Dense, Embedding, wrappers, shapes, merging, attention."""

import numpy as np

from .figures import BATCH, RATE, UNITS, I, N, T, ids, noise, of_two, regression, stack, trained
from .masks import mask_of, padded
from .recurrent import rnn
from .registry import case

ACTIVATIONS = [
    *("linear", "tanh", "sigmoid", "hard_sigmoid", "relu", "elu", "selu", "softplus", "softsign"),
    *("exponential", "softmax", "gelu", "silu", "leaky_relu", "relu6"),
]


@case(activation=ACTIVATIONS)
def dense(k, activation):
    return regression(k, stack(k, k.layers.Dense(4, activation=activation), shape=(I,)))


@case(activation=ACTIVATIONS)
def activation(k, activation):
    model = stack(k, k.layers.Dense(4), k.layers.Activation(activation))
    return regression(k, model)


@case(
    options={
        "no_bias": lambda k: {"use_bias": False},
        "regularised": lambda k: {
            "kernel_regularizer": "l1",
            "bias_regularizer": k.regularizers.L2(0.1),
            "activity_regularizer": "l2",
        },
        "constrained": lambda k: {
            "kernel_constraint": k.constraints.MinMaxNorm(0.2, 0.5, rate=0.8),
            "bias_constraint": "non_neg",
        },
        "constrained_by_name": lambda k: {
            "kernel_constraint": "max_norm",
            "bias_constraint": k.constraints.UnitNorm(axis=0),
        },
        "orthogonal": lambda k: {
            "kernel_regularizer": k.regularizers.OrthogonalRegularizer(0.05),
        },
    }
)
def dense_option(k, options):
    return regression(k, stack(k, k.layers.Dense(2, **options(k)), k.layers.Dense(1)))


@case(options={"input_dim": {"input_dim": I}, "input_shape": {"input_shape": (I,)}})
def shape_in_the_first_layer(k, options):
    model = k.Sequential([k.layers.Dense(2, **options), k.layers.Dense(1)])
    return regression(k, model)


@case()
def dense_of_four_axes(k):
    return regression(k, stack(k, k.layers.Dense(2, activation="tanh"), shape=(3, 2, 4)))


@case()
def dropout_is_silent_at_rate_0(k):
    return regression(k, stack(k, k.layers.Dropout(0.0), k.layers.Dense(1)))


@case()
def dropout_in_predict(k):
    model = stack(k, k.layers.Dropout(0.5), k.layers.Dense(1))
    model.set_weights([noise(*w.shape) for w in model.get_weights()])
    return {"before": [model.predict(noise(4, T, I), verbose=0)]}


@case(
    options={
        "plain": lambda k: {},
        "regularised": lambda k: {"embeddings_regularizer": "l2"},
        "constrained": lambda k: {"embeddings_constraint": k.constraints.MaxNorm(0.5, axis=1)},
    }
)
def embedding(k, options):
    layer = k.layers.Embedding(7, 4, **options(k))
    model = stack(k, layer, rnn(k, "GRU", UNITS), k.layers.Dense(1), shape=(T,), dtype="int32")
    return regression(k, model, x=ids(N, T, below=6))


@case()
def embedding_of_floats(k):
    """Ids as floats, as a text that went through pandas has them."""
    model = stack(k, k.layers.Embedding(7, 4), k.layers.Flatten(), k.layers.Dense(1), shape=(T,))
    return regression(k, model, x=ids(N, T, below=7).astype("float32"))


@case()
def embedding_without_steps(k):
    model = stack(k, k.layers.Embedding(7, 4), k.layers.Dense(1), shape=(), dtype="int32")
    return regression(k, model, x=ids(N, below=7))


@case(
    layer={
        "dense": lambda k: k.layers.Dense(2, activation="tanh"),
        "model": lambda k: stack(k, k.layers.Dense(4), k.layers.Dense(2), shape=(I,)),
        "normalisation": lambda k: k.layers.LayerNormalization(),
    }
)
def time_distributed(k, layer):
    model = stack(k, k.layers.TimeDistributed(layer(k)), rnn(k, "LSTM", UNITS), k.layers.Dense(1))
    return regression(k, model)


@case(cell=["LSTM", "GRU"])
def time_distributed_recurrent(k, cell):
    """Words within sentences: one recurrent layer inside another's steps."""
    inner = k.layers.TimeDistributed(rnn(k, cell, UNITS))
    return regression(k, stack(k, inner, rnn(k, cell, 2), k.layers.Dense(1), shape=(4, T, I)))


@case()
def repeat_vector(k):
    model = stack(
        k,
        rnn(k, "LSTM", UNITS),
        k.layers.RepeatVector(4),
        rnn(k, "LSTM", UNITS, return_sequences=True),
        k.layers.TimeDistributed(k.layers.Dense(1)),
    )
    return regression(k, model)


@case()
def flatten(k):
    return regression(k, stack(k, k.layers.Flatten(), k.layers.Dense(2)))


@case(shape={"plain": (I, T), "inferred": (-1,), "inferred_second": (T * I // 3, -1)})
def reshape(k, shape):
    return regression(k, stack(k, k.layers.Reshape(shape), k.layers.Dense(2)))


@case()
def permute(k):
    return regression(k, stack(k, k.layers.Permute((2, 1)), rnn(k, "GRU", UNITS)))


@case(
    pool=["GlobalAveragePooling1D", "GlobalMaxPooling1D"],
    masked={"plain": False, "masked": True},
)
def global_pooling(k, pool, masked):
    """What a whole sequence is summed up to; the average leaves masked steps out."""
    layers = [rnn(k, "GRU", UNITS, return_sequences=True), getattr(k.layers, pool)()]
    if masked:
        layers.insert(0, k.layers.Masking())
    return regression(k, stack(k, *layers, k.layers.Dense(1)), x=padded("holes"))


@case(
    pool=["AveragePooling1D", "MaxPooling1D"],
    options={
        "plain": {"pool_size": 2},
        "strides": {"pool_size": 3, "strides": 1},
        "same": {"pool_size": 2, "padding": "same"},
    },
)
def pooling(k, pool, options):
    layer = getattr(k.layers, pool)(**options)
    return regression(k, stack(k, k.layers.Dense(2), layer, k.layers.Dense(1)))


@case(
    layer={
        "relu": lambda k: k.layers.ReLU(),
        "relu_options": lambda k: k.layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2),
        "leaky_relu": lambda k: k.layers.LeakyReLU(),
        "elu": lambda k: k.layers.ELU(alpha=0.5),
        "softmax": lambda k: k.layers.Softmax(axis=1),
    }
)
def activation_layer(k, layer):
    return regression(k, stack(k, k.layers.Dense(2), layer(k), k.layers.Dense(1)))


@case(
    options={
        "plain": {},
        "momentum": {"momentum": 0.6, "epsilon": 0.1},
        "no_center": {"center": False},
        "no_scale": {"scale": False},
        "frozen": {"trainable": False},
    }
)
def batch_normalisation(k, options):
    """From positive weights: one of them is a variance."""
    model = stack(
        k, k.layers.Dense(2), k.layers.BatchNormalization(**options), k.layers.Dense(1)
    )
    return regression(k, model, change=np.abs)


@case()
def batch_normalisation_masked(k):
    layers = [k.layers.Masking(), k.layers.BatchNormalization(), rnn(k, "GRU", UNITS)]
    return regression(k, stack(k, *layers), x=padded("right"), change=np.abs)


@case(normalize={"plain": False, "cosine": True})
def dot(k, normalize):
    x, z = k.Input((T, I)), k.Input((T, I))
    joined = k.layers.Dot(axes=(2, 2), normalize=normalize)([k.layers.Dense(I)(x), z])
    return of_two(k, k.layers.Dense(1)(joined), [x, z], [(T, I), (T, I)])


@case(name=["add", "multiply", "average", "concatenate", "subtract", "maximum", "minimum"])
def merge_function(k, name):
    x, z = k.Input((T, I)), k.Input((T, I))
    joined = getattr(k.layers, name)([k.layers.Dense(2)(x), k.layers.Dense(2)(z)])
    return of_two(k, k.layers.Dense(1)(joined), [x, z], [(T, I), (T, I)])


@case(merge=["Add", "Multiply", "Average", "Subtract", "Maximum", "Minimum"])
def merge(k, merge):
    x, z = k.Input((T, I)), k.Input((T, I))
    joined = getattr(k.layers, merge)()([k.layers.Dense(2)(x), k.layers.Dense(2)(z)])
    return of_two(k, k.layers.Dense(1)(joined), [x, z], [(T, I), (T, I)])


@case(merge=["Add", "Multiply", "Average"])
def merge_of_three_with_itself(k, merge):
    """The same tensor twice: its gradient is the sum over the places."""
    x, z = k.Input((T, I)), k.Input((T, I))
    same = k.layers.Dense(2)(x)
    joined = getattr(k.layers, merge)()([same, k.layers.Dense(2)(z), same])
    return of_two(k, k.layers.Dense(1)(joined), [x, z], [(T, I), (T, I)])


@case(merge=["Add", "Multiply", "Average"])
def merge_broadcasts(k, merge):
    x, z = k.Input((T, I)), k.Input((1, I))
    joined = getattr(k.layers, merge)()([k.layers.Dense(2)(x), k.layers.Dense(2)(z)])
    return of_two(k, k.layers.Dense(1)(joined), [x, z], [(T, I), (1, I)])


@case(axis={"last": -1, "time": 1})
def concatenate(k, axis):
    x, z = k.Input((T, I)), k.Input((T, I))
    joined = k.layers.Concatenate(axis=axis)([k.layers.Dense(2)(x), k.layers.Dense(2)(z)])
    return of_two(k, k.layers.Dense(1)(joined), [x, z], [(T, I), (T, I)])


@case(
    options={
        "plain": {},
        "no_scale": {"scale": False},
        "no_center": {"center": False},
        "epsilon": {"epsilon": 0.1},
        "axes": {"axis": [1, 2]},
    }
)
def layer_normalisation(k, options):
    model = stack(k, k.layers.LayerNormalization(**options), k.layers.Dense(1))
    return regression(k, model)


# What an attention layer is told, by name.
SCORES = {
    "plain": ("Attention", {}, {}),
    "scaled": ("Attention", {"use_scale": True}, {}),
    "concat": ("Attention", {"score_mode": "concat"}, {}),
    "concat_scaled": ("Attention", {"score_mode": "concat", "use_scale": True}, {}),
    "causal": ("Attention", {}, {"use_causal_mask": True}),
    "additive": ("AdditiveAttention", {}, {}),
    "additive_no_scale": ("AdditiveAttention", {"use_scale": False}, {}),
    "additive_causal": ("AdditiveAttention", {}, {"use_causal_mask": True}),
}


@case(score=SCORES)
def attention(k, score):
    """Query and value of unequal length."""
    name, options, call = score
    query, value = k.Input((4, I)), k.Input((T, I))
    outputs = getattr(k.layers, name)(**options)([query, k.layers.Dense(I)(value)], **call)
    return of_two(k, k.layers.Dense(1)(outputs), [query, value], [(4, I), (T, I)])


@case(name=["Attention", "AdditiveAttention"])
def attention_to_keys(k, name):
    """Keys that are not the values; the scores are a second output."""
    query, value = k.Input((4, I)), k.Input((T, I))
    key = k.layers.Dense(I)(value)
    layer = getattr(k.layers, name)()
    outputs, scores = layer(
        [query, k.layers.Dense(2)(value), key], return_attention_scores=True
    )
    joined = k.layers.Concatenate()([outputs, k.layers.Dense(1)(scores)])
    return of_two(k, k.layers.Dense(1)(joined), [query, value], [(4, I), (T, I)])


@case(score=SCORES, pattern=["right", "holes"])
def attention_masked(k, score, pattern):
    """The value's mask hides its steps, the query's reaches the loss."""
    name, options, call = score
    query, value = k.Input((T, I)), k.Input((T, I))
    encoded = rnn(k, "GRU", I, return_sequences=True)(k.layers.Masking()(value))
    asked = rnn(k, "GRU", I, return_sequences=True)(k.layers.Masking()(query))
    outputs = getattr(k.layers, name)(**options)([asked, encoded], **call)
    model = k.Model([query, value], k.layers.Dense(1)(outputs))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [padded("left"), padded(pattern)], noise(N, T, 1, seed=1))


@case(name=["Attention", "AdditiveAttention"])
def attention_of_masked_queries(k, name):
    """The zeros at masked queries have no gradient, though what follows reads them."""
    query, value = k.Input((T, I)), k.Input((T, I))
    asked = rnn(k, "GRU", I, return_sequences=True)(k.layers.Masking()(query))
    outputs = k.layers.Flatten()(getattr(k.layers, name)()([asked, k.layers.Dense(I)(value)]))
    model = k.Model([query, value], k.layers.Dense(1)(outputs))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [padded("holes"), noise(N, T, I, seed=2)], noise(N, 1, seed=1))


@case()
def attention_mask_argument(k):
    query, value, mask = k.Input((T, I)), k.Input((T, I)), k.Input((T,), dtype="bool")
    outputs = k.layers.Attention()([query, value], mask=[None, mask])
    model = k.Model([query, value, mask], k.layers.Dense(1)(outputs))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    x = [noise(N, T, I), noise(N, T, I, seed=2), mask_of("holes")]
    return trained(model, x, noise(N, T, 1, seed=1))


def _beside_itself(k, merge, **options):
    layer = getattr(k.layers, merge)(**options)
    return lambda x: layer([x, k.layers.Dense(UNITS)(x)])


@case(
    piece={
        "dense": lambda k: k.layers.Dense(2, activation="tanh"),
        "softmax": lambda k: k.layers.Activation("softmax"),
        "dropout": lambda k: k.layers.Dropout(0.0),
        "time_distributed": lambda k: k.layers.TimeDistributed(k.layers.Dense(2)),
        "normalisation": lambda k: k.layers.LayerNormalization(),
        "reshape": lambda k: k.layers.Reshape((UNITS, T)),
        "permute": lambda k: k.layers.Permute((2, 1)),
        "average_pooling": lambda k: k.layers.AveragePooling1D(2),
        "max_pooling": lambda k: k.layers.MaxPooling1D(2),
        "max": lambda k: lambda x: k.layers.RepeatVector(2)(k.layers.GlobalMaxPooling1D()(x)),
        "mean": lambda k: lambda x: k.layers.RepeatVector(2)(k.layers.GlobalAveragePooling1D()(x)),
        "add": lambda k: _beside_itself(k, "Add"),
        "multiply": lambda k: _beside_itself(k, "Multiply"),
        "average": lambda k: _beside_itself(k, "Average"),
        "maximum": lambda k: _beside_itself(k, "Maximum"),
        "concatenate": lambda k: _beside_itself(k, "Concatenate"),
        "concatenate_steps": lambda k: _beside_itself(k, "Concatenate", axis=1),
        "attention": lambda k: _beside_itself(k, "Attention", use_scale=True),
        "additive_attention": lambda k: _beside_itself(k, "AdditiveAttention"),
        "slice": lambda k: lambda x: x[:, 1:4],
        "arithmetic": lambda k: lambda x: 1 - x * 2 + x / 3,
    },
)
def between_recurrent_layers(k, piece):
    """Gradients reach a time loop in the order and dtype it reads."""
    x = k.Input((T, I))
    outputs = piece(k)(rnn(k, "LSTM", UNITS, return_sequences=True)(x))
    return regression(k, k.Model(x, rnn(k, "GRU", UNITS)(outputs)))


@case()
def weights_of_many_layers(k):
    """The order in which a model lists its weights, the frozen ones too."""
    model = stack(
        k,
        k.layers.Dense(4, trainable=False),
        k.layers.LayerNormalization(),
        k.layers.Bidirectional(rnn(k, "GRU", UNITS, return_sequences=True)),
        k.layers.TimeDistributed(k.layers.Dense(2)),
        rnn(k, "LSTM", UNITS),
        k.layers.Dense(1),
    )
    return regression(k, model, batch_size=BATCH)


@case()
def two_attentions_to_one_encoder(k):
    source = k.Input((T, I))
    encoded = k.layers.Bidirectional(rnn(k, "LSTM", 2, return_sequences=True))(source)
    first = k.layers.Attention()([encoded, encoded])
    second = k.layers.AdditiveAttention()([first, encoded])
    outputs = k.layers.Dense(1)(k.layers.Add()([first, second]))
    return regression(k, k.Model(source, outputs), x=np.tanh(noise(N, T, I)))
