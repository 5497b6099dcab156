# SPDX-License-Identifier: Apache-2.0
"""The structure of the project: who imports whom, how many files there are and how long.

A module is imported when its file is loaded; that ``fastrnn/graph/__init__.py``, which runs before
any module of it, imports some of them is no circle, as none imports the package.
"""

import ast
import re
from pathlib import Path

import pytest

from import_graph import PACKAGE, circles, edges, inside_functions, modules, origin

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 400
MOST_LOOSE_MODULES = 14

# From the lowest; a module knows its own floor and those below. "" is fastrnn/__init__.py.
FLOORS = (
    ("_common", "_version"),
    ("_core",),
    ("backend", "random", "reference"),
    ("engine", "graph", "io"),
    ("activations", "constraints", "initializers", "regularizers"),
    ("layers", "losses", "metrics", "optimizers", "utils"),
    ("callbacks", "preprocessing"),
    ("models",),
    ("generation",),
    ("demo",),
    ("",),
    ("cli",),
    ("__main__",),
)
# Where modules are imported by strings: for names that are loaded when they are first used, and
# for old names. The strings point up and down; nothing is imported before the user asks for it.
BY_STRINGS = {"fastrnn", "fastrnn.layers", "fastrnn._common.classes", "fastrnn._common.oldnames"}

# The time loops of forward and backward and the packs they read, and who may run them.
LOOPS = ("forward", "backward", "pack")
ITS_CLIENT = "fastrnn.engine.recurrence"

GENERATED = {"src_c/tests/golden.h"}

MODULES = modules()
EDGES = edges(MODULES)


def parsed(name):
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def floor(name):
    place = name.removeprefix("fastrnn").removeprefix(".").partition(".")[0]
    for height, places in enumerate(FLOORS):
        if place in places:
            return height
    pytest.fail(f"{name} is on no floor: give {place} its place in FLOORS")


def test_a_circle_is_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": set()}
    assert circles(graph) == [["a", "b", "c"]]
    assert circles({**graph, "c": {"d"}}) == []


def test_imports_have_no_circle():
    assert circles(EDGES) == []


def test_imports_go_down():
    up = [f"{name} -> {target}" for name in MODULES for target in EDGES[name]
          if floor(name) < floor(target)]
    assert sorted(up) == []


def test_the_graph_knows_no_layer():
    known = {target for name in MODULES if name.startswith("fastrnn.graph")
             for target in EDGES[name]}
    assert known
    assert [name for name in known
            if not name.startswith(("fastrnn.graph", "fastrnn._common", "fastrnn.backend"))] == []


def test_what_is_imported_late_says_why():
    silent = []
    for name, path in MODULES.items():
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in inside_functions(parsed(name)):
            # The line itself, the lines of the statement, or the comment above the block.
            own = " ".join(lines[node.lineno - 1:node.end_lineno])
            above = next(line for line in reversed(lines[:node.lineno - 1])
                         if not line.lstrip().startswith(("import ", "from ")))
            reason = own.partition("#")[2].strip()
            if not (reason and not reason.startswith("noqa")) and "#" not in above:
                silent.append(f"{name}:{node.lineno}")
    assert silent == []


def test_imports_by_strings_are_where_names_are_loaded_late():
    found = {name for name in MODULES if floor(name) < floor("fastrnn.models") or name == "fastrnn"
             if re.search(r"\bimport_module\(|__import__\(", MODULES[name].read_text("utf-8"))}
    assert found - BY_STRINGS == set()


def test_few_modules_are_loose():
    loose = sorted(path.name for path in PACKAGE.glob("*.py"))
    assert len(loose) <= MOST_LOOSE_MODULES, loose


def test_one_recurrence_runs_the_loops():
    loops = {f"fastrnn._core.{name}" for name in LOOPS}
    clients = set()
    for name, path in MODULES.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(parsed(name)):
            if isinstance(node, ast.ImportFrom):
                home = origin(node, package)
                if loops & {home, *(f"{home}.{alias.name}" for alias in node.names)}:
                    clients.add(name)
    assert clients == {ITS_CLIENT}


@pytest.mark.skipif(not (ROOT / "src_c/fastrnn.h").exists(), reason="not in a source checkout")
def test_the_loops_compare_no_cell():
    cell = r"FASTRNN_(LSTM|GRU|RNN)\b"
    sources = sorted((ROOT / "fastrnn/_core").glob("*.p[yx][xd]"))
    assert {f"{name}.pyx" for name in LOOPS} <= {path.name for path in sources}
    found = [f"{path.name}:{number}" for path in sources
             for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
             if re.search(rf"[=!]=\s*{cell}|{cell}\s*[=!]=", line)]
    assert found == []


def sources():
    """The files that somebody wrote; Cython makes the C files of the package."""
    for folder in ("fastrnn", "tests", "bench", "src_c", "examples"):
        for path in sorted((ROOT / folder).rglob("*")):
            made = path.suffix == ".c" and folder == "fastrnn"
            if path.suffix in (".py", ".pyx", ".pxd", ".c", ".h") and not made:
                yield path


@pytest.mark.skipif(not (ROOT / "src_c/fastrnn.h").exists(), reason="not in a source checkout")
def test_files_are_short():
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_bytes().splitlines())
               for path in sources()}
    assert len(lengths) > 100
    assert {name: length for name, length in lengths.items()
            if length > LONGEST and name not in GENERATED} == {}
