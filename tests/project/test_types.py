# SPDX-License-Identifier: Apache-2.0
"""What editors and type checkers read: annotations of what is public, stubs of what is compiled or
loaded late."""

import ast
import importlib
import importlib.resources

import pytest

import fastrnn
from fastrnn import layers
from import_graph import PACKAGE, modules, origin

MODULES = modules()
PUBLIC = [name for name in MODULES
          if not any(part.startswith("_") and part != "__main__" for part in name.split("."))]
CALLED = ("__init__", "__call__")


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(body, within=""):
    """Yield the public functions and methods of statements, with their names."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body, f"{within}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (
                not node.name.startswith("_") or (within and node.name in CALLED)):
            yield f"{within}{node.name}", node


def unannotated(name, function):
    """Return what of a function's signature has no annotation, such as ["x", "the result"]."""
    given = function.args
    listed = given.posonlyargs + given.args
    is_static = any(isinstance(made_by, ast.Name) and made_by.id == "staticmethod"
                    for made_by in function.decorator_list)
    if "." in name and not is_static:
        listed = listed[1:]     # self or cls
    listed += [given.vararg, *given.kwonlyargs, given.kwarg]
    missing = [arg.arg for arg in listed if arg is not None and arg.annotation is None]
    return missing + ([] if function.returns else ["the result"])


def test_what_has_no_annotation_is_found():
    code = """
def f(x, /, y: int, *args, z=1, **options): ...
def _f(x): ...
class A:
    def __init__(self, x: int): ...
    def __len__(self): ...
    def m(self, x: int) -> int: ...
    @staticmethod
    def s(x) -> int: ...
class _B:
    def m(self, x): ...
"""
    found = {name: unannotated(name, node) for name, node in functions(ast.parse(code).body)}
    assert found == {"f": ["x", "args", "z", "options", "the result"],
                     "A.__init__": ["the result"], "A.m": [], "A.s": ["x"]}


def test_public_functions_are_annotated():
    silent, seen = [], 0
    for module in PUBLIC:
        for name, node in functions(parsed(MODULES[module]).body):
            seen += 1
            missing = unannotated(name, node)
            if missing:
                silent.append(f"{module}.{name}: {', '.join(missing)}")
    assert seen > 900
    assert silent == []


def names_of_stub(path):
    """Return the names that a stub defines, and those that it imports from this package."""
    found, imported = set(), set()
    for node in parsed(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets}
        elif isinstance(node, ast.ImportFrom) and node.level:
            imported |= {alias.name for alias in node.names}
    return found, imported


def list_of_stub(path):
    """Return what a stub has as `__all__`."""
    return next(ast.literal_eval(node.value) for node in parsed(path).body
                if isinstance(node, ast.Assign) and node.targets[0].id == "__all__")


@pytest.mark.parametrize(("module", "offered"), [
    (fastrnn, {*fastrnn.__all__, *fastrnn._SUBMODULES, *fastrnn._HOMES}),
    (layers, set(layers.__all__)),
], ids=["fastrnn", "layers"])
def test_stubs_name_what_is_loaded_late(module, offered):
    path = MODULES[module.__name__].with_suffix(".pyi")
    listed = list_of_stub(path)
    assert len(listed) == len(set(listed))
    assert set(listed) == offered
    assert set.union(*names_of_stub(path)) - {"__all__"} == offered
    assert [name for name in listed if not hasattr(module, name)] == []


def test_layers_come_from_where_their_stub_says():
    for node in parsed(MODULES["fastrnn.layers"].with_suffix(".pyi")).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            home = importlib.import_module(origin(node, "fastrnn.layers"))
            for alias in node.names:
                assert getattr(home, alias.name) is getattr(layers, alias.name), alias.name


def compiled_modules():
    """Return the names of the compiled modules that modules in Python import from."""
    found = set()
    for name, path in MODULES.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom):
                home = origin(node, package)
                homes = [f"{home}.{alias.name}" for alias in node.names] + [home]
                found |= {inner.removeprefix("fastrnn._core.").partition(".")[0]
                          for inner in homes if inner.startswith("fastrnn._core.")}
    return sorted(found)


@pytest.mark.parametrize("name", compiled_modules())
def test_compiled_modules_have_stubs(name):
    path = PACKAGE / "_core" / f"{name}.pyi"
    assert path.exists()
    compiled = importlib.import_module(f"fastrnn._core.{name}")
    named = {each for each in names_of_stub(path)[0] if not each.startswith("_")}
    assert named
    assert [each for each in sorted(named) if not hasattr(compiled, each)] == []


def test_the_package_says_that_it_is_typed():
    assert importlib.resources.files(fastrnn).joinpath("py.typed").is_file()
