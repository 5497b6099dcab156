# SPDX-License-Identifier: Apache-2.0
"""Classes and functions by name, as descriptions name them: the caller's own, and ours.

Descriptions are read on every floor, and may name what stands on a higher one: a layer holds a
model. The package says, when it is imported, which of its modules have such names; the module is
loaded when it is first asked for one.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


class _Custom(threading.local):
    classes: dict[str, Any] = {}  # noqa: RUF012 - replaced, never written to


_custom = _Custom()
# Names of the modules whose public classes `find` knows, and where the function is that reads the
# configurations of other programs.
_modules: list[str] = []
_readers: list[Any] = []


@contextmanager
def custom_objects(classes: dict[str, Any] | None) -> Iterator[Any]:
    """Know further classes and functions by name inside the block.

    Parameters
    ----------
    classes : dict of str to type or function, or None
    """
    before = _custom.classes
    _custom.classes = {**before, **(classes or {})}
    try:
        yield
    finally:
        _custom.classes = before


def given_objects() -> dict[str, Any]:
    """Return the further classes and functions that are known here, a dict."""
    return _custom.classes


def given_object(name: str) -> Callable[..., Any]:
    """Return one of them.

    Raises
    ------
    ValueError
        If it is not known.
    """
    if name not in _custom.classes:
        raise ValueError(f"{name!r} is a function or class of the model's own: give it as "
                         f"custom_objects={{{name!r}: ...}}, or load with compile=False")
    return _custom.classes[name]


def register(modules: Any, reader: Any) -> None:
    """Say where classes are.

    Parameters
    ----------
    modules : iterable of str
        Full names of modules whose public classes descriptions may name, in this order.
    reader : tuple of str
        The module and the name of a function ``(cls, config)`` that returns a configuration which
        Keras wrote as the arguments of the class.
    """
    _modules[:] = modules
    _readers[:] = [reader]


def find(name: str, kind: Any = object) -> type | None:
    """Return the class that is called `name`: the caller's, or one of ours.

    Parameters
    ----------
    name : str
    kind : type
        What it must be a subclass of.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = _custom.classes.get(name)
    if _is_a(found, kind):
        return found
    for module in _modules:
        found = getattr(import_module(module), name, None)
        if _is_a(found, kind):
            return found
    raise ValueError(f"no layer or model is named {name!r}; classes of your own are given as "
                     f"custom_objects={{{name!r}: {name}}}")


def _is_a(found, kind):
    return isinstance(found, type) and issubclass(found, kind)


def own_config(cls: Any, config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration as ours; those of Keras 3 are known by their dtype policy."""
    if not isinstance(config.get("dtype"), dict):
        return config
    (module, name), = _readers
    return getattr(import_module(module), name)(cls, config)
