# SPDX-License-Identifier: Apache-2.0
"""Old names of Keras with their old meaning: arguments, attributes, classes, module paths.

Each is a row of a table, and warns once in a process, naming the word to use.
"""

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar, overload

from .notices import PACKAGE, warn

_Function = TypeVar("_Function", bound=Callable[..., Any])

# Old argument -> what it may be called: the first that the function in question has. Where a
# function has an argument of the old name, it is no old name.
_ARGUMENTS = {
    "lr": ("learning_rate",),
    "nb_epoch": ("epochs",),
    "output_dim": ("units",),
    "init": ("kernel_initializer", "embeddings_initializer"),
    "inner_init": ("recurrent_initializer",),
    "inner_activation": ("recurrent_activation",),
    "W_regularizer": ("kernel_regularizer", "embeddings_regularizer"),
    "U_regularizer": ("recurrent_regularizer",),
    "b_regularizer": ("bias_regularizer",),
    "W_constraint": ("kernel_constraint", "embeddings_constraint"),
    "U_constraint": ("recurrent_constraint",),
    "b_constraint": ("bias_constraint",),
    "bias": ("use_bias",),
    "dropout_W": ("dropout",),
    "dropout_U": ("recurrent_dropout",),
    "consume_less": ("implementation",),
    "beta_init": ("beta_initializer",),
    "gamma_init": ("gamma_initializer",),
    "p": ("rate",),
    "sigma": ("stddev",),
    "alpha": ("negative_slope",),
    "pool_length": ("pool_size",),
    "stride": ("strides",),
    "border_mode": ("padding",),
    "input": ("inputs",),
    "output": ("outputs",),
    "epsilon": ("min_delta",),
    "nb_classes": ("num_classes",),
    "nb_words": ("num_words",),
    "l": ("l1", "l2"),
    "m": ("max_value",),
}
# Module of Keras, or an old one of ours -> that which has its names.
_MODULES = {
    "charmodel": "demo.model",
    "layers.advanced_activations": "layers",
    "layers.convolutional": "layers",
    "layers.core": "layers",
    "layers.cudnn_recurrent": "layers",
    "layers.embeddings": "layers",
    "layers.merge": "layers",
    "layers.noise": "layers",
    "layers.recurrent": "layers",
    "layers.wrappers": "layers",
    "engine": "layers",
    "engine.base_layer": "layers",
    "engine.input_layer": "layers",
    "engine.sequential": "models",
    "engine.topology": "layers",
    "engine.training": "models",
    "objectives": "losses",
    "optimizers.legacy": "optimizers",
    "utils.data_utils": "utils",
    "utils.generic_utils": "utils",
}
# Module -> old name -> name there.
_NAMES = {
    "constraints": {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm"},
    "initializers": {"normal": "RandomNormal", "one": "Ones", "uniform": "RandomUniform",
                     "zero": "Zeros"},
    "layers": {
        "AvgPool1D": "AveragePooling1D", "CuDNNGRU": "GRU", "CuDNNLSTM": "LSTM",
        "GlobalAvgPool1D": "GlobalAveragePooling1D", "GlobalMaxPool1D": "GlobalMaxPooling1D",
        "MaxPool1D": "MaxPooling1D", "TimeDistributedDense": "Dense",
    },
    "losses": {
        "cosine_proximity": "cosine_similarity", "kullback_leibler_divergence": "kl_divergence",
        "logcosh": "log_cosh",
    },
    "metrics": {
        "kullback_leibler_divergence": "kl_divergence", "logcosh": "LogCoshError",
        "mae": "mean_absolute_error", "mape": "mean_absolute_percentage_error",
        "mse": "mean_squared_error", "msle": "mean_squared_logarithmic_error",
    },
    "optimizers": {
        "adadelta": "Adadelta", "adagrad": "Adagrad", "adam": "Adam", "adamax": "Adamax",
        "nadam": "Nadam", "rmsprop": "RMSprop", "sgd": "SGD",
    },
    "regularizers": {"l1l2": "l1_l2"},
}
_told: set[str] = set()


class OldNameWarning(UserWarning, FutureWarning):
    """An old name was used.

    No DeprecationWarning: Python shows those of imported modules to nobody, and whoever runs an
    old program is to see what to write instead.
    """


def tell(text: str) -> None:
    """Warn of an old name, once in a process for each text."""
    if text not in _told:
        warn(text, OldNameWarning)
        _told.add(text)


# -- arguments -----------------------------------------------------------------------------------


@overload
def arguments(function: _Function, *, dropped: tuple[str, ...] = ()) -> _Function: ...
@overload
def arguments(*, dropped: tuple[str, ...]) -> Callable[[_Function], _Function]: ...
def arguments(function: Any = None, *, dropped: tuple[str, ...] = ()) -> Any:
    """Let a function or constructor take the old names of its arguments.

    Parameters
    ----------
    function : function
    dropped : tuple of str
        Old arguments that changed no result and are not there any more.
    """
    if function is None:
        return lambda function: arguments(function, dropped=dropped)
    code = getattr(function, "__wrapped__", function).__code__
    names = code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]
    renamed: dict[str, str | None] = {
        old: new for old, candidates in _ARGUMENTS.items() if old not in names
        for new in [next((new for new in candidates if new in names), None)] if new}
    renamed |= dict.fromkeys(dropped)
    if not renamed:
        return function

    @wraps(function)
    def taking_old(*given, **options):
        if not renamed.keys().isdisjoint(options):
            options = _in_new_words(function, names[:len(given)], options, renamed)
        return function(*given, **options)
    return taking_old


def _in_new_words(function, given, options, renamed):
    found = {}
    for name, value in options.items():
        new = renamed.get(name, name)
        if new != name:
            tell(f"{name}= is not an argument any more and changes nothing: leave it out"
                 if new is None else f"{name}= is an old name: write {new}=")
        if new is None:
            continue
        if new != name and (new in options or new in given):
            raise TypeError(f"{function.__qualname__} got {new} and, under its old name, {name}")
        found[new] = value
    return found


def attribute(place: str, new: str) -> Any:
    """Return a property that stands for the attribute `new` of an object called `place`."""
    old = None

    def told(self):
        tell(f"{place}.{old} is an old name: write {place}.{new}")
        return self

    class Renamed(property):
        def __set_name__(self, owner, name):
            nonlocal old
            old = name

    return Renamed(lambda self: getattr(told(self), new),
                   lambda self, value: setattr(told(self), new, value),
                   doc=f"The old name of `{new}`.")


# -- names and modules ---------------------------------------------------------------------------


def find(module: str, name: str) -> Any:
    """Return what an old name in one of our modules stands for, an old place included.

    Raises
    ------
    AttributeError
        If it is none.
    """
    place = sys.modules.get(f"{module}.{name}")
    if isinstance(place, _OldModule):
        return place
    path = module.removeprefix(f"{PACKAGE}.")
    new = _NAMES.get(path, {}).get(name)
    if new is not None:
        value = getattr(import_module(module), new)
        tell(f"{name} of {module} is an old name: use {new}")
        return value
    home = None if name.startswith("_") else _MODULES.get(path)
    if home is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    value = _found(module, (home, "models", "layers"), name)
    tell(f"{module} is an old place: its names are in {PACKAGE}.{home}")
    return value


def word_for(path: str, name: str) -> str:
    """Return the word for an old one that names something of a module, such as "losses"; any
    other word is itself."""
    new = _NAMES.get(path, {}).get(name, name)
    if new != name:
        tell(f"{name!r} is an old name: write {new!r}")
    return new


def _found(module, homes, name):
    for home in homes:
        try:
            return getattr(import_module(f"{PACKAGE}.{home}"), name)
        except AttributeError:
            continue
    raise AttributeError(f"module {module!r} has no attribute {name!r}: it is an old place of what "
                         f"is in {PACKAGE}.{homes[0]}, which has no such name")


class _OldModule(ModuleType):
    """A module that is there by its path only; its names are those of another."""

    def __init__(self, name, home):
        super().__init__(name, f"An old place of what is in {home}.")
        self.__spec__ = ModuleSpec(name, None, is_package=True)
        self.__path__ = []
        self._home = home

    def __getattr__(self, name):
        if name == "__all__":
            return import_module(self._home).__all__
        return find(self.__name__, name)

    def __dir__(self):
        return dir(import_module(self._home))


def add_modules() -> None:
    """Make the old places importable that are not modules of ours."""
    for path, home in _MODULES.items():
        name = f"{PACKAGE}.{path}"
        if path not in ("engine", "layers.recurrent"):
            sys.modules.setdefault(name, _OldModule(name, f"{PACKAGE}.{home}"))
