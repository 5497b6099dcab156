# SPDX-License-Identifier: Apache-2.0
"""The list of cases, by name, and how a family adds to it."""

import functools
import itertools

# name -> a function of the module keras (or fastrnn) that returns figures
CASES = {}


def case(**choices):
    """Register a function of the module, once for every combination of the choices.

    Each choice is a keyword of the function and its values: a list of texts, or a dict from a
    short name to a value. The case is named family.function[value-value].
    """

    def register(function):
        family = function.__module__.rpartition(".")[2]
        tables = [_labelled(values) for values in choices.values()]
        for labels in itertools.product(*tables):
            values = [table[label] for table, label in zip(tables, labels, strict=True)]
            ending = f"[{'-'.join(labels)}]" if labels else ""
            bound = functools.partial(function, **dict(zip(choices, values, strict=True)))
            CASES[f"{family}.{function.__name__}{ending}"] = bound
        return function

    return register


def _labelled(values):
    return values if isinstance(values, dict) else {str(value): value for value in values}
