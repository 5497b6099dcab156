# SPDX-License-Identifier: Apache-2.0
"""What the compiled core is made of: no file knows cells by their names, none is long."""

import re
from pathlib import Path

import pytest

import fastrnn
from fastrnn import reference
from fastrnn._core.pack import describe
from fastrnn.engine.recurrence import GATES

CORE = Path(fastrnn.__file__).parent / "_core"
SOURCES = sorted(path for path in CORE.iterdir() if path.suffix in (".pyx", ".pxd", ".h"))
CELLS = re.compile(r"\bFASTRNN_(RNN|LSTM|GRU)\b|\bFASTRNN_GRU_BEFORE\b|\bcell *[!=]= *[\"'\d]")

all_sources = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)


@pytest.fixture(autouse=True)
def sources_are_there():
    if not SOURCES:
        pytest.skip("this installation has no sources")


@all_sources
def test_no_file_compares_cells(path):
    """What differs between cells is read from their description, src_c/cell.h."""
    found = [f"{number}: {line}" for number, line in enumerate(path.read_text().splitlines(), 1)
             if CELLS.search(line)]
    assert found == []


@all_sources
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 400


def test_memory_is_measured_by_the_code_that_places_it():
    """Only the arena's owner and single arrays ask for bytes by their number."""
    allowed = {"runtime.pyx", "pack.pyx", "stream.pyx", "unfused.pyx"}
    found = [path.name for path in SOURCES
             if re.search(r"\.allocate\(", path.read_text()) and path.name not in allowed]
    assert found == []


@pytest.mark.parametrize("cell", GATES)
def test_descriptions_fit_the_oracle(cell):
    assert describe(cell).gates == GATES[cell] == reference.layer.GATES[cell]
    assert describe(cell).has_c == (cell == "lstm") == describe(cell).can_project


def test_a_cell_that_is_not_there():
    with pytest.raises(ValueError, match="no cell named 'elman'"):
        describe("elman")
