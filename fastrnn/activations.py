# SPDX-License-Identifier: Apache-2.0
"""Activations: a number for a number, and the derivative.

Each is an object that is called with an array; ``forward`` and ``backward`` are the same for a
tape. float32 stays float32, float64 stays float64, everything else is read as float32.
"""

import math

import numpy as np

from ._common import checks
from ._common.registry import Configured, snake_case
from ._core.elementwise import Elementwise, softmax_backward, softmax_forward
from .engine.recurrence import ACTIVATIONS


class Activation(Configured):
    """Base of the activations; one of your own gives `forward` and `backward`.

    Attributes
    ----------
    name : str
    recurrent : bool
        Whether it is one of those that recurrent layers commonly have; they take every one.
    """

    computes = ("__call__", "forward", "backward")
    name = None
    recurrent = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "forward" in vars(cls):
            # Quicker ways to the same values must not go around a forward of one's own.
            for quicker in ("value", "forward_in_place"):
                if quicker not in vars(cls):
                    setattr(cls, quicker, vars(Activation)[quicker])

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
        return activation.value(x if x.dtype in checks.DTYPES else x.astype(np.float32))

    def forward(self, x):
        """Return the activation of `x`, float32 or float64, and what `backward` needs."""
        raise NotImplementedError

    def backward(self, kept, dy):
        """Return dx, from what `forward` kept and dy; neither is changed."""
        raise NotImplementedError

    def value(self, x):
        """Return what `forward` does, without what `backward` needs."""
        return self.forward(x)[0]

    def forward_in_place(self, a, bias=None, keep=True):
        """Return `forward` of a + bias; `a` may be overwritten.

        Parameters
        ----------
        a : ndarray
        bias : ndarray of the size of a's last axis, optional
        keep : bool
            Whether there is to be a `backward`; if not, what it needs may be None.
        """
        if bias is not None:
            a += bias
        return self.forward(a)

    @property
    def __name__(self):
        return self.name


class _Vector(Activation):
    """An activation of each number for itself, by the compiled kernels: `_kernel` is which."""

    _kernel = None

    def forward(self, x):
        return self._kernel.forward(x)

    def value(self, x):
        return self._kernel.forward(x, None, False, False)[0]

    def forward_in_place(self, a, bias=None, keep=True):
        return self._kernel.forward(a, bias, True, keep)

    def backward(self, kept, dy):
        return self._kernel.backward(kept, dy)


class Linear(_Vector):
    """y = x."""

    name = "linear"
    recurrent = True
    _kernel = Elementwise("linear")

    def forward(self, x):
        return x, None

    def forward_in_place(self, a, bias=None, keep=True):
        return (a if bias is None else self._kernel.forward(a, bias, True, False)[0]), None

    def backward(self, kept, dy):
        return dy


class Tanh(_Vector):
    """y = tanh(x); y' = 1 - y^2."""

    name = "tanh"
    recurrent = True
    _kernel = Elementwise("tanh")


class Sigmoid(_Vector):
    """y = 1 / (1 + exp(-x)); y' = y (1 - y)."""

    name = "sigmoid"
    recurrent = True
    _kernel = Elementwise("sigmoid")


class HardSigmoid(_Vector):
    """y = clip(x / 6 + 1/2, 0, 1)."""

    name = "hard_sigmoid"
    recurrent = True
    _kernel = Elementwise("hard_sigmoid")


class Relu(_Vector):
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
        self.recurrent = not negative_slope and max_value is None and not threshold
        self._kernel = self._chosen_kernel()

    def _chosen_kernel(self):
        """The value tells the slope where it has the sign of x."""
        if self.max_value is None and not self.threshold and self.negative_slope >= 0:
            slope = float(self.negative_slope)
            return Elementwise("leaky_relu", (slope,)) if slope else Elementwise("relu")
        top = math.inf if self.max_value is None else float(self.max_value)
        return Elementwise("rectifier", (float(self.negative_slope), top, float(self.threshold)))


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
        self._kernel = Elementwise("relu6")


class Elu(_Vector):
    """y = x where it is above 0, alpha (exp(x) - 1) elsewhere (Clevert et al., 2016)."""

    name = "elu"
    fields = ("alpha",)

    def __init__(self, alpha=1.0):
        self.alpha = checks.number("alpha", alpha)
        self.recurrent = alpha == 1
        self._kernel = (Elementwise("elu") if alpha == 1 else
                        Elementwise("elu_alpha", (float(alpha),), by_slope=alpha <= 0))


class Selu(Elu):
    """An elu, scaled so that layers keep mean 0 and variance 1 (Klambauer et al., 2017)."""

    name = "selu"
    fields = ()
    scale = 1.0507009873554805

    def __init__(self):
        super().__init__(1.6732632423543772)
        self.recurrent = False
        self._kernel = Elementwise("selu")


class Softplus(_Vector):
    """y = log(1 + exp(x)); y' = 1 - exp(-y)."""

    name = "softplus"
    recurrent = True
    _kernel = Elementwise("softplus")


class Softsign(_Vector):
    """y = x / (1 + abs(x)); y' = 1 / (1 + abs(x))^2 = (1 - abs(y))^2."""

    name = "softsign"
    recurrent = True
    _kernel = Elementwise("softsign")


class Exponential(_Vector):
    """y = exp(x)."""

    name = "exponential"
    _kernel = Elementwise("exponential")


class Gelu(_Vector):
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
        self._kernel = Elementwise("gelu_tanh" if approximate else "gelu")


class Silu(_Vector):
    """y = x sigmoid(x), also called swish (Ramachandran et al., 2017)."""

    name = "silu"
    _kernel = Elementwise("silu")


class Mish(_Vector):
    """y = x tanh(log(1 + exp(x))) (Misra, 2019)."""

    name = "mish"
    _kernel = Elementwise("mish")


class Softmax(Activation):
    """y = exp(x) / sum exp(x) along `axis`, with the largest x taken off first.

    Parameters
    ----------
    axis : int or tuple of int
    """

    name = "softmax"
    fields = ("axis",)
    _log = False

    def __init__(self, axis=-1):
        self.axis = axis

    def forward(self, x):
        y = self._along_axis(softmax_forward, x)
        return y, y

    def forward_in_place(self, a, bias=None, keep=True):
        if self.axis in (-1, a.ndim - 1):
            y = softmax_forward(a, self._log, bias, True)
            return y, y
        return super().forward_in_place(a, bias, keep)

    def backward(self, y, dy):
        return self._along_axis(softmax_backward, y, dy)

    def _along_axis(self, compute, *arrays):
        """Return what `compute` gives for the last axis, of arrays with `axis` in its place."""
        ndim = arrays[0].ndim
        if self.axis in (-1, ndim - 1):
            return compute(*arrays, log=self._log)
        axes = self.axis if isinstance(self.axis, tuple | list) else (self.axis,)
        last = tuple(range(ndim - len(axes), ndim))
        moved = [np.moveaxis(array, axes, last) for array in np.broadcast_arrays(*arrays)]
        shape = moved[0].shape
        samples = shape[:ndim - len(axes)]
        rows = [array.reshape(*samples, math.prod(shape[len(samples):])) for array in moved]
        return np.ascontiguousarray(
            np.moveaxis(compute(*rows, log=self._log).reshape(shape), last, axes))


class LogSoftmax(Softmax):
    """y = x - log sum exp(x) along `axis`, with the largest x taken off first.

    Parameters
    ----------
    axis : int or tuple of int
    """

    name = "log_softmax"
    _log = True


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


def name_in_time_loop(activation):
    """Return the name by which the compiled time loop has an activation, or None if it has not.

    It has those whose slope follows from the value, without options of their own.
    """
    known = _NAMED.get(activation.name)
    if (activation.name in ACTIVATIONS and type(known) is type(activation)
            and known.get_config() == activation.get_config()):
        return activation.name
    return None


def get(identifier):
    """Return the activation that `identifier` names.

    Parameters
    ----------
    identifier : None, str, Activation, a class of one, dict, or layer
        None is `linear`; a dict is what `serialize` gave; a layer is one of an activation, such as
        ``LeakyReLU()``.

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
    from .layers.activation import Activation as ActivationLayer

    if isinstance(identifier, ActivationLayer):
        return identifier.activation
    if isinstance(identifier, type) and issubclass(identifier, ActivationLayer):
        return identifier().activation
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
    """Return the activation that `serialize` described, or Keras for a layer or function.

    Parameters
    ----------
    config : dict, str or None
    custom_objects : mapping of str to type, optional
        Classes of the caller's own, by name; by default those given to what loads a model.
    """
    from .layers import described

    given = described.given_objects() if custom_objects is None else custom_objects
    if not isinstance(config, dict):
        return get(given.get(config, config) if isinstance(config, str) else config)
    name, options = config.get("class_name"), config.get("config", {})
    if name == "function":
        return deserialize(options, given)
    if name in given:
        return get(given[name].from_config(options))
    if "name" in options:
        # A layer's. Its dtype, which Keras may describe by a dict, is that of what it is in.
        options = {key: value for key, value in options.items() if key != "dtype"}
        return get(described.deserialize({"class_name": name, "config": options}))
    return type(get(snake_case(str(name)))).from_config(options)
