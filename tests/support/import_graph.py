# SPDX-License-Identifier: Apache-2.0
"""Which module of the package imports which, read from the source without running it.

Imports inside functions count. Not counted are those under ``if TYPE_CHECKING``, which no program
runs, and the lazily loaded names of ``__init__`` files, which are strings: `test_structure.py`
says where such strings may be.
"""

import ast
from pathlib import Path

import fastrnn

PACKAGE = Path(fastrnn.__file__).parent


def modules():
    """Return the paths of the package's modules by their dotted names, ``fastrnn.layers`` for a
    package's ``__init__``."""
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def edges(known):
    """Return the set of names of `known` that each module imports."""
    return {name: _imported(name, path, known) for name, path in known.items()}


def _imported(name, path, known):
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            home = origin(node, package)
            # `from . import a` is an import of the module a where there is one.
            found |= {inner if (inner := f"{home}.{alias.name}") in known else home
                      for alias in node.names}
    return found & known.keys() - {name}


def origin(node, package):
    """Return the dotted name of what an ``ImportFrom`` inside `package` imports from."""
    if not node.level:
        return node.module
    parts = package.split(".")
    parts = parts[:len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def statements(tree):
    """Yield the nodes of a tree, without what is under ``if TYPE_CHECKING``."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def inside_functions(tree):
    """Yield the imports of a tree that are not made when the module is loaded."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from (inner for inner in ast.walk(node)
                        if isinstance(inner, ast.Import | ast.ImportFrom))


def circles(graph):
    """Return the groups of more than one node that can reach each other, each sorted.

    Kosaraju's algorithm: in the reverse of the order in which a walk leaves the nodes, a walk
    against the edges reaches one group at a time.
    """
    left, seen = [], set()
    for node in sorted(graph):
        _walk(node, graph, seen, left)
    back = {node: set() for node in graph}
    for node, targets in graph.items():
        for target in targets:
            back[target].add(node)
    groups, seen = [], set()
    for node in reversed(left):
        group = []
        _walk(node, back, seen, group)
        if len(group) > 1:
            groups.append(sorted(group))
    return sorted(groups)


def _walk(node, graph, seen, left):
    """Append what is reached from a node and not yet seen, each after what it leads to."""
    if node in seen:
        return
    seen.add(node)
    for target in sorted(graph[node]):
        _walk(target, graph, seen, left)
    left.append(node)
