# SPDX-License-Identifier: Apache-2.0
"""Who made which value: the tape, symbolic tensors, operations and operators; it knows no layer.

Each module knows those before it::

    structure   several values in one argument: lists and dicts
    operators   the base of all values, with Python's operators
    tape        eager tensors, and the records from which gradients find their way back
    symbolic    tensors of a graph, its calls, and its order
    parts       the tree of layers that a model is
    operation   a call with a gradient and no weights
    arithmetic, matmul, indexing (with binary, broadcasting)   those that operators stand for
    expressions what operators call; it hands itself in to `operators`
"""

from . import expressions as _expressions  # noqa: F401 - gives the operators what they call
