# SPDX-License-Identifier: Apache-2.0
"""Objects by name: how initialisers, losses, metrics and their like are named, saved, read back."""

import re
from collections.abc import Mapping
from typing import Any

from . import oldnames
from .classes import given_objects
from .quiet import set_apart


class Configured:
    """An object that its constructor's arguments describe: `fields` are their names.

    Each is an attribute of the same name. `computes` are the public methods with arithmetic.
    """

    fields: tuple[str, ...] = ()
    computes: tuple[str, ...] = ("__call__", "gradient")

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        set_apart(cls, cls.computes, ("forward", "backward"))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal object, as a dict."""
        return {field: getattr(self, field) for field in self.fields}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the object that `get_config` described."""
        return cls(**config)

    def __repr__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class Registry:
    """What may be named where a `kind` is wanted.

    Parameters
    ----------
    kind : str
        What the objects are, for messages: "initializer".
    classes : iterable of type
        Known by their names, ``GlorotUniform`` and ``glorot_uniform``.
    aliases : mapping of str to type or object
        Further names.
    """

    def __init__(self, kind: str, classes: tuple[Any, ...],
                 aliases: dict[str, Any] | None = None) -> None:
        self.kind = kind
        self._known = {cls.__name__: cls for cls in classes}
        self._known |= {snake_case(name): cls for name, cls in self._known.items()}
        self._known |= aliases or {}

    def get(self, identifier: Any) -> Any:
        """Return the object that `identifier` names: an object, a class, a str, a dict or None.

        Raises
        ------
        ValueError
            If it is a name that is not known, or nothing that can be called.
        """
        if identifier is None:
            return None
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        found = self.named(identifier) if isinstance(identifier, str) else identifier
        if isinstance(found, type):
            return found()
        if callable(found):
            return found
        raise self.refusal(identifier)

    def named(self, name: str) -> Any:
        """Return the class or object of a name."""
        found = self.known(name)
        if found is None:
            found = self.known(oldnames.word_for(_plural(self.kind), name))
        if found is None:
            raise self.refusal(name)
        return found

    def known(self, name: str) -> Any:
        """Return the class or object of a name that is no old one, else None."""
        return self._known.get(name)

    def refusal(self, identifier: Any) -> Any:
        """Return the error for what stands for no object; a str for a name that is not known."""
        if isinstance(identifier, str):
            return ValueError(f"{self.kind} {identifier!r} is not known; known are "
                              f"{', '.join(self.names())}")
        return ValueError(f"{self.kind} must be a name, {_an(self.kind)} or a config, "
                          f"got {identifier!r}")

    def names(self) -> list[str]:
        """Return the names in small letters, in order, each once."""
        return sorted(name for name in self._known if name.islower())

    def serialize(self, value: Any) -> dict[str, Any] | str | None:
        """Return what describes `value`: a dict ``{"class_name", "config"}``, a name, or None."""
        if value is None:
            return None
        if hasattr(value, "get_config"):
            return {"class_name": type(value).__name__, "config": value.get_config()}
        name = getattr(value, "__name__", None)
        if self._known.get(name) is not value:
            raise ValueError(f"{self.kind} {value!r} cannot be described: it has no get_config()")
        return name

    def deserialize(self, config: dict[str, Any] | str,
                    custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return the object that `serialize` described.

        Parameters
        ----------
        config : dict, str or None
        custom_objects : mapping of str to type, optional
            Classes of the caller's own, by name; they go before ours. By default those given to
            what loads a model.

        Raises
        ------
        ValueError
            If the name is not known or the config is none.
        """
        given = given_objects() if custom_objects is None else custom_objects
        if config is None:
            return self.get(None)
        if isinstance(config, str):
            return self.get(given.get(config, config))
        if not isinstance(config, dict) or "class_name" not in config:
            raise ValueError(f"the config of {_an(self.kind)} must be a dict with 'class_name' and "
                             f"'config', got {config!r}")
        name, options = config["class_name"], config.get("config", {})
        if name == "function":
            return self.deserialize(options, given)
        return given[name].from_config(options) if given.get(name) else (
            self.restored(name, options))

    def restored(self, name: str, options: Any) -> Any:
        """Return the object of ours that a class's name and its options describe."""
        return self.named(name).from_config(options)


def snake_case(name: str) -> str:
    """Return a class name in small letters: ``GlorotUniform`` -> ``glorot_uniform``."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _plural(kind):
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def _an(kind):
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
