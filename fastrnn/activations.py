# SPDX-License-Identifier: Apache-2.0
"""Activations: a number for a number, and the derivative.

Each is an object that is called with an array; ``forward`` and ``backward`` are the same for a
tape. float32 stays float32, float64 stays float64, everything else is read as float32.
"""

import math

import numpy as np

from . import checks
from .registry import Configured, snake_case

# Below -limit a sigmoid is smaller than any normal number, and exp(limit) is still finite.
_EXP_LIMIT = {"f": 87.0, "d": 708.0}


class Activation(Configured):
    """Base of the activations; one of your own gives `forward` and `backward`.

    Attributes
    ----------
    name : str
    recurrent : bool
        Whether a recurrent layer can have it: the engine's time loop knows it.
    """

    computes = ("__call__", "forward", "backward")
    name = None
    recurrent = False

    def __call__(self, x, *options, **named_options):
        """Return the activation of each number of `x`.

        Parameters
        ----------
        x : array
        *options, **named_options
            Those of the class, for this call: ``elu(x, alpha=0.5)``.

        Returns
        -------
        y : ndarray of the shape of x
        """
        activation = type(self)(*options, **named_options) if options or named_options else self
        x = checks.as_ndarray("x", x)
        return activation.forward(x if x.dtype in checks.DTYPES else x.astype(np.float32))[0]

    def forward(self, x):
        """Return the activation of `x`, float32 or float64, and what `backward` needs."""
        raise NotImplementedError

    def backward(self, kept, dy):
        """Return dx, from what `forward` kept and dy; neither is changed."""
        raise NotImplementedError

    @property
    def __name__(self):
        return self.name


class Linear(Activation):
    """y = x."""

    name = "linear"
    recurrent = True

    def forward(self, x):
        return x, None

    def backward(self, kept, dy):
        return dy


class Tanh(Activation):
    """y = tanh(x); y' = 1 - y^2."""

    name = "tanh"
    recurrent = True

    def forward(self, x):
        y = np.tanh(x)
        return y, y

    def backward(self, y, dy):
        dx = y * y
        np.subtract(1, dx, out=dx)
        dx *= dy
        return dx


class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x)); y' = y (1 - y)."""

    name = "sigmoid"
    recurrent = True

    def forward(self, x):
        y = _sigmoid(x)
        return y, y

    def backward(self, y, dy):
        dx = 1 - y
        dx *= y
        dx *= dy
        return dx


class HardSigmoid(Activation):
    """y = clip(x / 6 + 1/2, 0, 1)."""

    name = "hard_sigmoid"
    recurrent = True

    def forward(self, x):
        y = x + 3
        np.clip(y, 0, 6, out=y)
        y /= 6
        return y, y

    def backward(self, y, dy):
        return dy * ((y > 0) & (y < 1)) / 6


class Relu(Activation):
    """The rectifiers: y = x where it is above `threshold`, and at most `max_value`;
    y = negative_slope (x - threshold) elsewhere.

    Parameters
    ----------
    negative_slope : float
    max_value : float, optional
    threshold : float
    """

    name = "relu"
    fields = ("negative_slope", "max_value", "threshold")

    def __init__(self, negative_slope=0.0, max_value=None, threshold=0.0):
        self.negative_slope = checks.number("negative_slope", negative_slope)
        self.max_value = None if max_value is None else checks.number("max_value", max_value)
        self.threshold = checks.number("threshold", threshold)
        self.recurrent = self._plain = not negative_slope and max_value is None and not threshold

    def forward(self, x):
        if self._plain:
            y = np.maximum(x, 0)
            return y, y
        below = x <= self.threshold
        low = (x - self.threshold) * self.negative_slope if self.negative_slope else 0
        y = np.where(below, low, x)
        slope = np.where(below, x.dtype.type(self.negative_slope), x.dtype.type(1))
        if self.max_value is not None:
            above = y >= self.max_value
            np.minimum(y, self.max_value, out=y)
            slope *= ~above
        return y, slope

    def backward(self, kept, dy):
        return dy * (kept > 0) if self._plain else dy * kept


class LeakyRelu(Relu):
    """y = x where it is above 0, negative_slope x elsewhere (Maas et al., 2013)."""

    name = "leaky_relu"
    fields = ("negative_slope",)

    def __init__(self, negative_slope=0.2):
        super().__init__(negative_slope)
        self.recurrent = False


class Relu6(Relu):
    """y = min(max(x, 0), 6)."""

    name = "relu6"
    fields = ()

    def __init__(self):
        super().__init__(max_value=6.0)


class Elu(Activation):
    """y = x where it is above 0, alpha (exp(x) - 1) elsewhere (Clevert et al., 2016)."""

    name = "elu"
    fields = ("alpha",)
    scale = 1.0

    def __init__(self, alpha=1.0):
        self.alpha = checks.number("alpha", alpha)
        self.recurrent = alpha == 1

    def forward(self, x):
        y = np.minimum(x, 0)
        np.expm1(y, out=y)
        y *= self.alpha
        slope = y + self.alpha
        positive = x > 0
        np.copyto(y, x, where=positive)
        np.copyto(slope, 1, where=positive)
        if self.scale != 1:
            y *= self.scale
            slope *= self.scale
        return y, slope

    def backward(self, slope, dy):
        return slope * dy


class Selu(Elu):
    """An elu, scaled so that layers keep mean 0 and variance 1 (Klambauer et al., 2017)."""

    name = "selu"
    fields = ()
    scale = 1.0507009873554805

    def __init__(self):
        super().__init__(1.6732632423543772)
        self.recurrent = False


class Softplus(Activation):
    """y = log(1 + exp(x)); y' = 1 - exp(-y)."""

    name = "softplus"
    recurrent = True

    def forward(self, x):
        y = np.logaddexp(x, 0)
        return y, y

    def backward(self, y, dy):
        dx = np.negative(y)
        np.expm1(dx, out=dx)
        dx *= dy
        return np.negative(dx, out=dx)


class Softsign(Activation):
    """y = x / (1 + abs(x)); y' = 1 / (1 + abs(x))^2."""

    name = "softsign"
    recurrent = True

    def forward(self, x):
        denominator = np.abs(x)
        denominator += 1
        return x / denominator, denominator

    def backward(self, denominator, dy):
        dx = dy / denominator
        dx /= denominator
        return dx


class Exponential(Activation):
    """y = exp(x)."""

    name = "exponential"

    def forward(self, x):
        y = np.exp(x)
        return y, y

    def backward(self, y, dy):
        return y * dy


class Gelu(Activation):
    """y = x P(N(0, 1) < x) (Hendrycks and Gimpel, 2016).

    Parameters
    ----------
    approximate : bool
        Whether P is (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 instead of the error function.
    """

    name = "gelu"
    fields = ("approximate",)

    def __init__(self, approximate=False):
        self.approximate = checks.flag("approximate", approximate)

    def forward(self, x):
        p, density = _tanh_normal(x) if self.approximate else _normal(x)
        density *= x
        density += p
        return x * p, density

    def backward(self, slope, dy):
        return slope * dy


class Silu(Activation):
    """y = x sigmoid(x), also called swish (Ramachandran et al., 2017)."""

    name = "silu"

    def forward(self, x):
        s = _sigmoid(x)
        y = x * s
        return y, (s, y)

    def backward(self, kept, dy):
        s, y = kept
        dx = 1 - s
        dx *= y
        dx += s
        dx *= dy
        return dx


class Mish(Activation):
    """y = x tanh(log(1 + exp(x))) (Misra, 2019)."""

    name = "mish"

    def forward(self, x):
        t = np.tanh(np.logaddexp(x, 0))
        return x * t, (x, t)

    def backward(self, kept, dy):
        x, t = kept
        dx = 1 - t * t
        dx *= _sigmoid(x)
        dx *= x
        dx += t
        dx *= dy
        return dx


class Softmax(Activation):
    """y = exp(x) / sum exp(x) along `axis`, with the largest x taken off first."""

    name = "softmax"
    fields = ("axis",)

    def __init__(self, axis=-1):
        self.axis = axis

    def forward(self, x):
        y = x - np.maximum.reduce(x, axis=self.axis, keepdims=True)
        np.exp(y, out=y)
        y /= np.add.reduce(y, axis=self.axis, keepdims=True)
        return y, y

    def backward(self, y, dy):
        dx = dy * y
        dx -= y * dx.sum(self.axis, keepdims=True)
        return dx


class LogSoftmax(Activation):
    """y = x - log sum exp(x) along `axis`, with the largest x taken off first."""

    name = "log_softmax"
    fields = ("axis",)

    def __init__(self, axis=-1):
        self.axis = axis

    def forward(self, x):
        y = x - np.maximum.reduce(x, axis=self.axis, keepdims=True)
        y -= np.log(np.exp(y).sum(self.axis, keepdims=True))
        return y, y

    def backward(self, y, dy):
        dx = np.exp(y)
        dx *= dy.sum(self.axis, keepdims=True)
        return np.subtract(dy, dx, out=dx)


def _sigmoid(x):
    y = np.negative(x)
    np.minimum(y, _EXP_LIMIT[x.dtype.char], out=y)
    np.exp(y, out=y)
    y += 1
    return np.reciprocal(y, out=y)


def _normal(x):
    """Return the normal distribution and its density at `x`."""
    from scipy.special import ndtr

    density = np.exp(-0.5 * x * x)
    density *= 1 / math.sqrt(2 * math.pi)
    return ndtr(x), density


def _tanh_normal(x):
    """Return the approximation by tanh of the normal distribution, and its derivative, at `x`."""
    scale, cubic = math.sqrt(2 / math.pi), 0.044715
    square = x * x
    p = np.tanh(scale * x * (1 + cubic * square))
    density = 0.5 * scale * (1 - p * p) * (1 + 3 * cubic * square)
    return 0.5 * (1 + p), density


linear = Linear()
tanh = Tanh()
sigmoid = Sigmoid()
hard_sigmoid = HardSigmoid()
relu = Relu()
leaky_relu = LeakyRelu()
relu6 = Relu6()
elu = Elu()
selu = Selu()
softplus = Softplus()
softsign = Softsign()
exponential = Exponential()
gelu = Gelu()
silu = swish = Silu()
mish = Mish()
softmax = Softmax()
log_softmax = LogSoftmax()

_NAMED = {
    activation.name: activation
    for activation in (linear, tanh, sigmoid, hard_sigmoid, relu, leaky_relu, relu6, elu, selu,
                       softplus, softsign, exponential, gelu, silu, mish, softmax, log_softmax)
} | {"swish": silu}


def names():
    """Return the names that `get` knows, in order."""
    return sorted(_NAMED)


def get(identifier):
    """Return the activation that `identifier` names.

    Parameters
    ----------
    identifier : None, str, Activation, a class of one, or dict
        None is `linear`; a dict is what `serialize` gave.

    Raises
    ------
    ValueError
        If it is another name, or something without a derivative: a function.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, Activation):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Activation):
        return identifier()
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str) and identifier in _NAMED:
        return _NAMED[identifier]
    known = ", ".join(names())
    if callable(identifier):
        raise ValueError(f"activation {identifier!r} has no derivative: a function cannot be "
                         f"trained through; give one of {known}, or an Activation of your own "
                         f"with forward and backward")
    raise ValueError(f"activation must be None, an Activation or one of {known}; "
                     f"got {identifier!r}")


def serialize(activation):
    """Return the name of an activation; with options of its own ``{"class_name", "config"}``."""
    activation = get(activation)
    config = activation.get_config()
    known = _NAMED.get(activation.name)
    if type(known) is type(activation) and known.get_config() == config:
        return activation.name
    return {"class_name": type(activation).__name__, "config": config}


def deserialize(config, custom_objects=None):
    """Return the activation that `serialize` described; `custom_objects` are classes by name."""
    if not isinstance(config, dict):
        return get((custom_objects or {}).get(config, config))
    name, options = config.get("class_name"), config.get("config", {})
    if name == "function":
        return get(options)
    found = (custom_objects or {}).get(name) or type(get(snake_case(str(name))))
    return found.from_config(options)
