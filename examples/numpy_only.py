# SPDX-License-Identifier: Apache-2.0
"""One LSTM three times: its equations in NumPy, the engine, and Keras words.

`fastrnn.reference` is the same model from NumPy only; its docstring numbers the equations, and
this program prints the lines that compute them. From the same weights all three forecast next
year's sunspots and learn by gradient descent; the figures printed are the largest differences of
predictions, of gradients, and of the losses on the way, relative to the largest value.

    pip install fastrnn[examples]
    python examples/numpy_only.py
"""

import inspect

import numpy as np
from common import finish, panels, parse
from forecasts import windows
from real_data import sunspots

import fastrnn
from fastrnn import layers, models, optimizers, reference

PAST, UNITS, RATE = 22, 8, 0.05


def backpropagate(lstm, w, x, target):
    """Return prediction (N,), loss, and the gradients of the loss by the LSTM and by w.

    The prediction is w times the last output, the loss its mean square error. `x` is (N, T, 1).
    """
    y, _ = lstm(x)
    prediction = y[:, -1] @ w
    error = prediction - target
    dprediction = 2 * error / len(error)
    dy = np.zeros_like(y)
    dy[:, -1] = np.outer(dprediction, w)
    lstm.zero_grad()
    lstm.backward(dy)
    return prediction, np.mean(error**2), lstm.grads, dprediction @ y[:, -1]


def descend(lstm, w, x, target, steps):
    """Learn by plain gradient descent; return the loss before each step."""
    losses = []
    for _ in range(steps):
        _, loss, gradients, dw = backpropagate(lstm, w, x, target)
        lstm.load_state_dict({name: weight - RATE * gradients[name]
                              for name, weight in lstm.state_dict().items()})
        w = w - RATE * dw
        losses.append(loss)
    return np.array(losses)


def in_keras_words(weights, w):
    """Return the same model as layers; their kernels are torch's matrices transposed.

    Torch's layout has two bias vectors where Keras has their sum, so both get its gradient.
    """
    model = models.Sequential([layers.Input((PAST, 1)), layers.LSTM(UNITS),
                               layers.Dense(1, use_bias=False)])
    model.set_weights([weights["weight_ih_l0"].T, weights["weight_hh_l0"].T,
                       weights["bias_ih_l0"] + weights["bias_hh_l0"], w[:, None]])
    model.compile(loss="mse", optimizer=optimizers.SGD(RATE))
    return model


def difference(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def draw(losses, path):
    figure, axes = panels()
    for (name, values), style in zip(losses.items(), ("-", "--"), strict=True):
        axes.plot(values, style, label=name)
    axes.set(xlabel="step of gradient descent", ylabel="mean square error")
    axes.legend()
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, steps=500)
    if options.quick:
        options.steps = 10
    _, numbers = sunspots()
    x, target = windows(numbers[:, None] / 100, PAST, 1)
    target = target[:, 0, 0]
    w = np.random.default_rng(options.seed).standard_normal(UNITS) / np.sqrt(UNITS)
    size = {"input_size": 1, "hidden_size": UNITS, "batch_first": True, "seed": options.seed}
    equations = reference.LSTM(**size).train()
    engine = fastrnn.LSTM(**size).train()
    engine.load_state_dict(equations.state_dict())
    model = in_keras_words(equations.state_dict(), w)

    print(inspect.getsource(reference.lstm.step))
    small = (w.astype(np.float32), x.astype(np.float32), target.astype(np.float32))
    prediction, _, gradients, _ = backpropagate(equations, w, x, target)
    of_engine, _, engine_gradients, _ = backpropagate(engine, *small)
    figures = {
        "predictions, engine": difference(of_engine, prediction),
        "predictions, layers": difference(model.predict(small[1], verbose=0)[:, 0], prediction),
        "gradients": max(difference(engine_gradients[name], gradients[name])
                         for name in gradients),
    }
    losses = {
        "equations in NumPy": descend(equations, w, x, target, options.steps),
        "engine": descend(engine, *small, options.steps),
    }
    figures["losses"] = difference(*losses.values())
    for name, value in figures.items():
        print(f"largest difference of {name:<20} {value:.1e}")
    draw(losses, options.figure)
    return figures


if __name__ == "__main__":
    main()
