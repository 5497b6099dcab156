# SPDX-License-Identifier: Apache-2.0
"""Initialisers: the start values of weights.

Each is called with a shape and returns an array. One that is random has a seed from its
construction on, and gives the same values at every call; a `random.SeedGenerator` for a seed gives
other values at every call.
"""

import math

import numpy as np

from . import random
from ._common import checks, oldnames
from ._common.layout import c_ordered
from ._common.products import add_products_of_rows, multiply_rows
from ._common.registry import Configured, Registry

# The standard deviation of a standard normal variable that is cut off at -2 and 2.
_CUT_NORMAL_STD = 0.87962566103423978


# Multiply-adds up to which a matrix is made orthonormal without the threads of BLAS.
_LARGE = 2**26
# The part of a row's square that the rows before it may take before it is done once more.
_MOST_TAKEN = 0.9


class Initializer(Configured):
    """Base of the initialisers; one of your own gives `__call__`."""

    def __call__(self, shape, dtype=None):
        """Return the start values of a weight.

        Parameters
        ----------
        shape : tuple of int
        dtype : dtype, optional
            float32 or float64; None is float32.

        Returns
        -------
        w : ndarray
        """
        raise NotImplementedError

    def clone(self):
        """Return an initialiser from the same arguments."""
        return self.from_config(self.get_config())


class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape, dtype=None):
        return np.zeros(shape, _dtype(dtype))


class Ones(Initializer):
    """All 1."""

    def __call__(self, shape, dtype=None):
        return np.ones(shape, _dtype(dtype))


class Constant(Initializer):
    """All `value`, which may be an array that fits the shape."""

    fields = ("value",)

    def __init__(self, value=0.0):
        self.value = value

    def __call__(self, shape, dtype=None):
        return np.full(shape, self.value, _dtype(dtype))


class Identity(Initializer):
    """A matrix with `gain` on its diagonal and 0 elsewhere."""

    fields = ("gain",)

    def __init__(self, gain=1.0):
        self.gain = checks.number("gain", gain)

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(f"an Identity initializer is for matrices, got shape {tuple(shape)}")
        w = np.eye(*shape, dtype=_dtype(dtype))
        w *= self.gain
        return w


class RandomInitializer(Initializer):
    """Base of the random initialisers.

    Parameters
    ----------
    seed : int or random.SeedGenerator, optional
        Drawn from the package's generator when it is None.
    """

    fields = ("seed",)

    def __init__(self, seed=None):
        self._given_seed = seed
        if isinstance(seed, dict):
            self.seed = random.SeedGenerator.from_config(seed.get("config", seed))
        elif isinstance(seed, random.SeedGenerator):
            self.seed = seed
        else:
            self.seed = random.draw_seed() if seed is None else random.checked_seed(seed)

    def get_config(self):
        """Return the arguments that make such an initialiser; a seed that was None stays None."""
        seed = self._given_seed
        if isinstance(seed, random.SeedGenerator):
            seed = {"class_name": "SeedGenerator", "config": seed.get_config()}
        return {**super().get_config(), "seed": seed}

    def _source(self):
        seed = self.seed
        return checks.random_source(seed if isinstance(seed, int) else seed.next())


class RandomNormal(RandomInitializer):
    """N(mean, stddev^2)."""

    fields = ("mean", "stddev", "seed")

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean = checks.number("mean", mean)
        self.stddev = checks.number("stddev", stddev)
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        return _moved(_normal(self._source(), shape, dtype), self.stddev, self.mean)


class TruncatedNormal(RandomNormal):
    """N(mean, stddev^2), without what lies further than 2 stddev from the mean."""

    def __call__(self, shape, dtype=None):
        return _moved(_cut_normal(self._source(), shape, dtype), self.stddev, self.mean)


class RandomUniform(RandomInitializer):
    """U[minval, maxval)."""

    fields = ("minval", "maxval", "seed")

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        self.minval = checks.number("minval", minval)
        self.maxval = checks.number("maxval", maxval)
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        return _uniform(self._source(), shape, dtype, self.minval, self.maxval)


class VarianceScaling(RandomInitializer):
    """Mean 0 and variance scale / fan, where fan counts the connections of a unit.

    Parameters
    ----------
    scale : float
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}
        Which connections: those into a unit, out of it, or the mean of both.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        "normal" is "truncated_normal".
    seed : int or random.SeedGenerator, optional
    input_axes, output_axes : sequence of int, optional
        The axes whose sizes are multiplied to the fans; both, or by default the last two, and
        the ones before them in both fans.

    Raises
    ------
    ValueError
        If an argument is none of these.
    """

    fields = ("scale", "mode", "distribution", "seed", "input_axes", "output_axes")

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None,
                 input_axes=None, output_axes=None):
        if not checks.number("scale", scale) > 0:
            raise ValueError(f"scale must be above 0, got {scale}")
        distribution = str(distribution).lower()
        self.scale = scale
        self.mode = checks.choice("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        self.distribution = checks.choice(
            "distribution", "truncated_normal" if distribution == "normal" else distribution,
            ("uniform", "truncated_normal", "untruncated_normal"))
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, fan))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * stddev
            return _uniform(self._source(), shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return _moved(_normal(self._source(), shape, dtype), stddev)
        return _moved(_cut_normal(self._source(), shape, dtype), stddev / _CUT_NORMAL_STD)


class _FanScaling(VarianceScaling):
    """A `VarianceScaling` whose scale, mode and distribution are the class's."""

    fields = ("seed", "input_axes", "output_axes")

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(*self._law, seed, input_axes, output_axes)


class GlorotUniform(_FanScaling):
    """U(-a, a) with a = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""

    _law = (1.0, "fan_avg", "uniform")


class GlorotNormal(_FanScaling):
    """A cut normal of variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""

    _law = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_FanScaling):
    """U(-a, a) with a = sqrt(6 / fan_in) (He et al., 2015)."""

    _law = (2.0, "fan_in", "uniform")


class HeNormal(_FanScaling):
    """A cut normal of variance 2 / fan_in (He et al., 2015)."""

    _law = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_FanScaling):
    """U(-a, a) with a = sqrt(3 / fan_in) (LeCun et al., 1998)."""

    _law = (1.0, "fan_in", "uniform")


class LecunNormal(_FanScaling):
    """A cut normal of variance 1 / fan_in (LeCun et al., 1998)."""

    _law = (1.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """Orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et al., 2014).

    All axes but the last count as one. Signs are chosen so that every such matrix is as likely
    (Mezzadri, 2007).
    """

    fields = ("gain", "seed")

    def __init__(self, gain=1.0, seed=None):
        self.gain = checks.number("gain", gain)
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        if len(shape) < 2:
            raise ValueError(f"an Orthogonal initializer is for two axes or more, "
                             f"got shape {tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        w = _orthonormal_rows(self._source(), min(rows, columns), max(rows, columns),
                              _dtype(dtype))
        w *= self.gain
        return (w if rows < columns else c_ordered(w.T)).reshape(shape)


def _orthonormal_rows(source, n, m, dtype):
    """Draw n orthonormal rows of m >= n numbers: normal ones, each less what lies in those before.

    Gram-Schmidt by blocks of rows: nearly all of it is products, at half the operations of a QR
    factorisation. Small ones are done in pieces for which BLAS stays in one thread (`products`
    says why); large ones may differ in their last digits by the number of BLAS threads.
    """
    q = np.empty((n, m), dtype)
    small = n * n * m <= _LARGE
    together = 32 if small else 64
    first = 0
    while first < n:
        rows = source.standard_normal((min(together, n - first), m))
        if _orthonormalise(rows, q[:first], small):
            q[first:first + len(rows)] = rows
            first += len(rows)
    return q


def _orthonormalise(rows, before, small):
    """Make `rows` (R, m) of normal numbers orthonormal, and orthogonal to the rows `before`.

    Each keeps what is not in those before it, by the Cholesky factor of their products with each
    other. Where much of a row was lost, once more: twice is enough (Giraud et al., 2005).

    Returns
    -------
    bool
        False if they depend on each other to the last digit: they are then of no use.
    """
    for again in (True, False):
        if len(before):
            taken = _multiply_by_rows(rows.astype(before.dtype), before, small)
            rows -= _multiply(taken, before, small)
        try:
            # Its diagonal is positive, by which every result is as likely (Mezzadri, 2007).
            factor = np.linalg.cholesky(_multiply_by_rows(rows, rows, small))
        except np.linalg.LinAlgError:
            return False
        rows[...] = _multiply(np.linalg.inv(factor), rows, small)
        if again and factor.diagonal().min()**2 > (1 - _MOST_TAKEN) * rows.shape[1]:
            break
    return True


def _multiply(a, b, small):
    """a b for b with long rows."""
    return multiply_rows(b.T, a.T).T if small else a @ b


def _multiply_by_rows(a, b, small):
    """a b^T for a and b with long rows."""
    if not small:
        return a @ b.T
    c = np.zeros((len(a), len(b)), a.dtype)
    add_products_of_rows(a.T, b.T, c)
    return c


def compute_fans(shape, input_axes=None, output_axes=None):
    """Return how many connections lead into a unit and out of it, of a weight of `shape`.

    The last two axes are inputs and units; the axes before them stand in both numbers.
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return (math.prod(shape[axis] for axis in input_axes),
                math.prod(shape[axis] for axis in output_axes))
    if len(shape) < 2:
        return (math.prod(shape),) * 2
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


def _dtype(value):
    return checks.float_dtype("float32" if value is None else value)


def _normal(source, shape, dtype):
    return source.standard_normal(tuple(shape), dtype=_dtype(dtype).type)


def _uniform(source, shape, dtype, low, high):
    w = source.random(tuple(shape), dtype=_dtype(dtype).type)
    return _moved(w, high - low, low)


def _cut_normal(source, shape, dtype):
    """Return standard normal numbers between -2 and 2: those outside are drawn again."""
    w = _normal(source, shape, dtype)
    flat = w.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) >= 2)
    while outside.size:
        flat[outside] = _normal(source, outside.shape, dtype)
        outside = outside[np.abs(flat[outside]) >= 2]
    return w


def _moved(w, scale, shift=0):
    w *= scale
    w += shift
    return w


zeros, ones, constant, identity = Zeros, Ones, Constant, Identity
random_normal, random_uniform = RandomNormal, RandomUniform
truncated_normal, variance_scaling, orthogonal = TruncatedNormal, VarianceScaling, Orthogonal
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal

_registry = Registry(
    "initializer",
    (Constant, Identity, Ones, Zeros, GlorotNormal, GlorotUniform, HeNormal,
     HeUniform, LecunNormal, LecunUniform, Orthogonal, RandomNormal, RandomUniform,
     TruncatedNormal, VarianceScaling),
    {"normal": RandomNormal, "uniform": RandomUniform, "one": Ones, "zero": Zeros,
     "IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal},
)
serialize, deserialize = _registry.serialize, _registry.deserialize


def get(identifier):
    """Return the initializer that `identifier` stands for.

    Parameters
    ----------
    identifier : str, dict, Initializer, class, function of (shape, dtype), array or None
        An array stands for itself, as the start value of a weight of its shape.

    Raises
    ------
    ValueError
        If it is not known.
    """
    if isinstance(identifier, np.ndarray | np.generic):
        return _Given(identifier)
    return _registry.get(identifier)


class _Given:
    """The values of an array, for a weight of its shape."""

    def __init__(self, value):
        self.value = np.array(value)

    def __call__(self, shape, dtype=None):
        if tuple(shape) != self.value.shape:
            raise ValueError(f"the array given as initializer has shape {self.value.shape}, "
                             f"the weight has shape {tuple(shape)}")
        return self.value.astype(_dtype(dtype))


def __getattr__(name):
    return oldnames.find(__name__, name)
