# SPDX-License-Identifier: Apache-2.0
"""The table of a model's layers."""

from collections.abc import Iterator
from typing import Any

_HEAD = ("Layer (type)", "Output Shape", "Param #")


def lines(model: Any, expand_nested: bool, show_trainable: bool) -> Iterator[str]:
    """Yield the lines of the table."""
    rows = list(_rows(model, expand_nested, show_trainable, ""))
    head = (*_HEAD, "Trainable") if show_trainable else _HEAD
    widths = [max(len(row[k]) for row in [head, *rows]) + 2 for k in range(len(head))]
    rule = "-" * sum(widths)
    yield f'Model: "{model.name}"'
    yield rule
    yield _line(head, widths)
    yield rule
    for row in rows:
        yield _line(row, widths)
    yield rule
    total = sum(v.array.size for v in model.weights)
    trainable = sum(v.array.size for v in model.trainable_variables)
    size = sum(v.array.nbytes for v in model.weights)
    yield f"Total params: {total:,} ({size / 1024:.2f} KiB)"
    yield f"Trainable params: {trainable:,}"
    yield f"Non-trainable params: {total - trainable:,}"


def _line(row, widths):
    return "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _rows(model, expand_nested, show_trainable, indent):
    shapes = _shapes(model)
    for layer in model.layers:
        count = f"{layer.count_params():,}" if layer.built else "?"
        row = (f"{indent}{layer.name} ({type(layer).__name__})", shapes.get(layer.name, "?"),
               count)
        yield (*row, "Y" if layer.trainable else "N") if show_trainable else row
        if expand_nested and hasattr(layer, "layers"):
            yield from _rows(layer, expand_nested, show_trainable, indent + "  ")


def _shapes(model):
    """The shapes of each layer's outputs, where the model has a graph to know them from."""
    if model.graph is None:
        return {}
    nodes = [tensor.node for tensor in model.graph.inputs] + model.graph.nodes
    shapes = {}
    for node in nodes:
        text = ", ".join(str(tensor.shape) for tensor in node.outputs)
        known = shapes.setdefault(node.layer.name, text)
        if text not in known:
            shapes[node.layer.name] = f"{known}, {text}"
    return shapes
