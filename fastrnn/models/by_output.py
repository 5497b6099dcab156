# SPDX-License-Identifier: Apache-2.0
"""What each output of a model gets of what was given for all of them."""

from typing import Any

from ..graph.structure import flatten, paths, spread
from ..losses import Loss


class Outputs:
    """The names of a model's outputs, and their structure once it is known.

    Parameters
    ----------
    names : list of str, or None
    like : structure, or None
        That of the outputs, where it is known; `assume` tells it later.

    Attributes
    ----------
    is_sorted : bool
        Whether a dict of outputs comes by its keys, as a functional model's does.
    """

    def __init__(self, names: list[str] | None, like: Any = None) -> None:
        self.names, self.like = names, None
        self.is_sorted = like is not None
        if like is not None:
            self.assume(like)

    def assume(self, like: Any) -> None:
        """Take the structure from a call: outputs in a dict are named by its keys."""
        self.like = like
        if isinstance(like, dict):
            self.names = ["/".join(map(str, path)) for path in paths(like)]

    @property
    def are_nested(self) -> bool:
        """Whether there are dicts or lists within a dict of outputs."""
        return isinstance(self.like, dict) and any(len(path) > 1 for path in paths(self.like))

    def names_of(self, count: int) -> list[str] | None:
        """Return the names of `count` outputs, or None."""
        return self.names if self.names and len(self.names) == count else None

    def each(self, value: Any, names: list[str] | None, count: int, argument: str) -> list[Any]:
        """Return what each output gets of one value for all, a list or a dict.

        Raises
        ------
        ValueError
            If a list is not as long as there are outputs, or a name is not known.
        """
        if isinstance(value, dict) and isinstance(self.like, dict):
            return spread(argument, value, self.like)
        return _each(value, names, count, argument)

    def by_name(self, what: str, given: Any, count: int) -> list[Any]:
        """Return targets or sample weights of a dict as a list, None for none."""
        if isinstance(self.like, dict):
            return spread(what, given, self.like)
        if self.names is None:
            raise ValueError(f"{what} by name need a model whose outputs have names")
        return _each(given, self.names, count, what)

    def name_of_loss(self, index: int, loss: Loss, names: list[str] | None) -> str:
        """Return the name of an output's loss; a place in a list stands for none, as in Keras."""
        if isinstance(self.like, dict):
            *above, last = paths(self.like)[index]
            return "/".join(map(str, [*above, loss.name if isinstance(last, int) else last]))
        return names[index] if names else loss.name

    def listed(self, terms: list[Any], order: Any) -> list[Any]:
        """Return losses in Keras' order of their values: as a dict `order` of losses has them,
        else as the call's dict has the outputs."""
        if not isinstance(order, dict):
            order = None if self.is_sorted else self.like
        if not (isinstance(self.like, dict) and isinstance(order, dict)):
            return terms
        place = {key: k for k, key in enumerate(order)}
        return sorted(terms, key=lambda term: place[paths(self.like)[term.index][0]])


def _each(value, names, count, argument):
    """Return what each output gets of one value for all, a list or a dict by name."""
    if isinstance(value, dict):
        if names is None:
            raise ValueError(f"{argument} is a dict, but the model's outputs have no names: "
                             "give a list")
        unknown = set(value) - set(names)
        if unknown:
            raise ValueError(f"{argument} names {', '.join(sorted(unknown))}; the outputs are "
                             f"{', '.join(names)}")
        return [value.get(name) for name in names]
    if isinstance(value, list | tuple):
        if len(value) != count:
            value = flatten(value)
        if len(value) != count:
            raise ValueError(f"{argument} must have one entry for each of the {count} outputs, "
                             f"got {len(value)}")
        return list(value)
    return [value] * count
