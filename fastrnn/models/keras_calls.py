# SPDX-License-Identifier: Apache-2.0
"""The calls of a graph that Keras described, made again: its layers and its operators."""

import inspect
from collections import deque
from typing import Any

import numpy as np

from .._common.registry import snake_case
from ..graph.arithmetic import OPERATIONS
from ..graph.expressions import arithmetic, item
from ..graph.structure import flatten
from .keras_arguments import Reader, short
from .keras_masks import Masks

# Operators in files of tf.keras 2.
_FUNCTIONS = {"add": "add", "subtract": "subtract", "sub": "subtract", "multiply": "multiply",
              "mul": "multiply", "truediv": "divide", "divide": "divide", "pow": "power",
              "negative": "negative", "neg": "negative", "abs": "absolute", "matmul": "matmul",
              "floordiv": "floor_divide", "mod": "mod", "greater": "greater", "less": "less",
              "greater_equal": "greater_equal", "less_equal": "less_equal", "equal": "equal",
              "not_equal": "not_equal", "logical_and": "logical_and", "logical_or": "logical_or",
              "logical_not": "logical_not"}

class _Missing(Exception):
    """A call reads what is not made yet: (layer's name, number of its call)."""


class Calls:
    """The calls of a graph, made in an order in which they can be.

    Attributes
    ----------
    made : dict of (layer's name, number of its call) to list of SymbolicTensor
    """

    def __init__(self, reader: Reader, entries: dict[str, Any]) -> None:
        self.reader, self.entries = reader, entries
        self.made: dict[tuple[str, int], list[Any]] = {}
        self.layers: dict[str, Any] = {}
        self.waiting: deque[tuple[str, int, str | None, Any]] = deque()
        self.masks = Masks()
        for name, entry in entries.items():
            operation = _operation_of(entry)
            if operation is None:
                self.layers[name] = layer = reader.layer(entry)
                if entry["class_name"] == "InputLayer":
                    self.made[name, 0] = [layer.output]
            nodes = entry.get("inbound_nodes") or []
            self.waiting += [(name, k, operation, node) for k, node in enumerate(nodes)]

    def run(self) -> None:
        """Make all calls.

        Raises
        ------
        ValueError
            If some read each other, or what is nowhere made.
        """
        blocked: dict[Any, list[Any]] = {}        # what calls wait for -> the calls
        while self.waiting:
            call = self.waiting.popleft()
            name, index, operation, node = call
            try:
                args, kwargs = self.arguments(node)
            except _Missing as missing:
                blocked.setdefault(missing.args, []).append(call)
                continue
            self.made[name, index] = flatten(self.called(name, operation, args, kwargs))
            self.waiting.extendleft(reversed(blocked.pop((name, index), [])))
        if blocked:
            listed = ", ".join(sorted({name for calls in blocked.values() for name, *_ in calls}))
            raise ValueError("these layers read each other, or layers that are not there: "
                             f"{listed}")

    def called(self, name: str, operation: str | None, args: list[Any],
               kwargs: dict[str, Any]) -> Any:
        """Return what a layer, or an operator, gives."""
        if operation is None:
            layer = self.layers[name]
            layer_args = inspect.signature(type(layer).__call__).parameters
            self.leave_out_defaults(args, kwargs)
            if "initial_state" in kwargs and "initial_state" not in layer_args:
                raise ValueError(f"{name} takes no initial_state")
            made = layer(*args, **kwargs)
            self.masks.note(layer, args, flatten(made))
            return made
        if operation == "any":
            config = self.entries[name]["config"]
            return self.masks.any_of(*args, **kwargs or {
                key: config.get(key) for key in ("axis", "keepdims")})
        values = [*args, *(value for key, value in kwargs.items() if key != "name")]
        result: Any = item(values[0], _key(values[1])) if operation == "getitem" else (
            arithmetic(operation, *values))
        result.node.layer.name = name
        return result

    def leave_out_defaults(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Take out of the arguments what Keras writes down without having been told."""
        mask = kwargs.get("mask", kwargs)
        if mask is None or ("initial_state" not in kwargs and self.masks.is_carried(args, mask)):
            del kwargs["mask"]
        if kwargs.get("training") is False and not (self.reader.old or self.reader.ours):
            del kwargs["training"]      # of every call that may be in training

    def arguments(self, node: Any) -> tuple[list[Any], dict[str, Any]]:
        """Return (args, kwargs) of a call as Keras 3 or Keras 2 wrote it."""
        if isinstance(node, dict):
            if "args" in node:
                return self.values(node["args"]), self.values(node.get("kwargs", {}))
            raise ValueError(f"a call is described by args and kwargs, got {short(node)}")
        if not isinstance(node, list) or not node:
            raise ValueError(f"a call is described by a list or a dict, got {short(node)}")
        references = [node] if isinstance(node[0], str) else node
        inputs: list[Any] = []
        kwargs: dict[str, Any] = {}
        for name, index, place, *more in references:
            inputs.append(np.array(place) if name == "_CONSTANT_VALUE" else
                          self.tensor(name, index, place))
            kwargs |= self.values(more[0]) if more and more[0] else {}
        # With states a recurrent layer was called on [sequence, *states].
        return [inputs[0] if len(inputs) == 1 else inputs], kwargs

    def values(self, value: Any) -> Any:
        """Return arguments with tensors, arrays and slices in place of their descriptions."""
        if isinstance(value, list):
            if self.is_reference(value):
                return self.tensor(*value[:3])
            return [self.values(part) for part in value]
        if not isinstance(value, dict):
            return value
        config: Any = value.get("config")
        kind = value.get("class_name")
        if kind == "__keras_tensor__":
            return self.tensor(*config["keras_history"])
        if kind in ("__numpy__", "__tensor__"):
            return np.asarray(config["value"], config["dtype"])
        if kind == "__slice__":
            return slice(config["start"], config["stop"], config["step"])
        if kind == "__ellipsis__":
            return Ellipsis
        if kind == "__tuple__":
            return tuple(self.values(part) for part in value["items"])
        return {key: self.values(part) for key, part in value.items()}

    def is_reference(self, value: list[Any]) -> bool:
        """Whether a list is [layer's name, number of its call, place among its outputs]."""
        return (len(value) in (3, 4) and isinstance(value[0], str) and value[0] in self.entries
                and all(type(part) is int for part in value[1:3]))

    def tensor(self, name: str, index: int, place: int) -> Any:
        """Return what a call made."""
        if name not in self.entries:
            raise ValueError(f"a call reads the layer {name!r}, which is not there")
        if (name, index) not in self.made:
            raise _Missing(name, index)
        made = self.made[name, index]
        if not 0 <= place < len(made):
            raise ValueError(f"{name} has {len(made)} outputs; output {place} is read")
        return made[place]

    def tensors(self, references: Any) -> Any:
        """Return the inputs or outputs of the model, in their structure."""
        if isinstance(references, list) and self.is_reference(references):
            try:
                return self.tensor(*references[:3])
            except _Missing:
                raise ValueError(f"nothing calls {references[0]!r}, an output of the model"
                                 ) from None
        if isinstance(references, dict):
            return {key: self.tensors(part) for key, part in references.items()}
        if not isinstance(references, list):
            raise ValueError(f"inputs and outputs are lists of names, got {short(references)}")
        return [self.tensors(part) for part in references]


def _operation_of(entry):
    """Return our name of the operator that an entry is, None if it is a layer."""
    name, module = entry.get("class_name"), entry.get("module") or ""
    config = entry.get("config") or {}
    if name in ("TFOpLambda", "SlicingOpLambda"):
        function = str(config.get("function")).rpartition(".")[2]
        found = "getitem" if function == "getitem" else _FUNCTIONS.get(function)
        if found is None:
            raise ValueError(f"the operation {config.get('function')!r} is not there here")
        return found
    if not isinstance(module, str) or ".ops" not in module:
        return None
    if name == "GetItem":
        return "getitem"

    found = snake_case(str(name))
    found = {"true_divide": "divide"}.get(found, found)
    if found not in ("matmul", "any") and found not in OPERATIONS:
        raise ValueError(f"the operation {name!r} is not there here")
    return found


def _key(key):
    """An index, of which JSON has made lists of the tuples."""
    if isinstance(key, dict):       # SlicingOpLambda
        return slice(key.get("start"), key.get("stop"), key.get("step"))
    if isinstance(key, list):
        return tuple(_key(part) for part in key)
    return key
