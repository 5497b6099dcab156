# SPDX-License-Identifier: Apache-2.0
"""Files: named arrays and a JSON header in one safetensors file.

The header stands as JSON text under the key "fastrnn" of the file's own metadata, so any reader
of safetensors can open the arrays. Beside what the caller puts into it, it holds the format's
version, a CRC-32 of each array and one of the header itself, by which damage is noticed.
"""

from __future__ import annotations

import json
import os
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from .engine.parameters import name_problems, shape_problem

METADATA_KEY = "fastrnn"
FORMAT_VERSION = 1
HEADER_SUM = "header_crc32"


class FileFormatError(ValueError):
    """A file is not what it should be: foreign, truncated, corrupt, or from a newer version."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self):
        return type(self), (self.path, self.reason)


@contextmanager
def malformed(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an error about the contents of `path` into a `FileFormatError`."""
    try:
        yield
    except FileFormatError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, MemoryError) as reason:
        text = f"its contents do not make sense: {type(reason).__name__}: {reason}"
        raise FileFormatError(path, text) from reason


def write(path: str | os.PathLike[str], arrays: Any, header: dict[str, Any]) -> None:
    """Write arrays and a header to `path`, replacing the file whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        The file; a temporary one beside it is written first and then renamed.
    arrays : dict of str to ndarray
        What to store.
    header : dict
        Anything JSON can hold. Its "kind" says what the file is: "engine", "charmodel", ...

    Raises
    ------
    OSError
        If the folder cannot be written to; a file that was there stays as it was.
    """
    from safetensors.numpy import save  # slow to load

    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    header = {
        **header,
        "version": FORMAT_VERSION,
        "crc32": {name: zlib.crc32(array) for name, array in arrays.items()},
    }
    header[HEADER_SUM] = header_sum(header)
    contents = save(arrays, {METADATA_KEY: json.dumps(header)})
    path = os.fspath(path)
    temporary = f"{path}.{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.remove(temporary)
        raise


def read(path: str | os.PathLike[str],
         kind: str | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return (arrays, header) of a file that `write` made.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    kind : str, optional
        The "kind" the header must have.

    Raises
    ------
    OSError
        If the file cannot be opened.
    FileFormatError
        If it is not such a file, or is truncated or corrupt.
    """
    from safetensors import SafetensorError, safe_open  # slow to load

    with open(path, "rb"):  # a missing file keeps its own error
        pass
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError) as reason:
        text = f"not a safetensors file, or truncated: {reason}"
        raise FileFormatError(path, text) from reason
    header = _header(path, metadata)
    if kind is not None and header.get("kind") != kind:
        text = f"holds {header.get('kind')!r}, expected {kind!r}"
        raise FileFormatError(path, text)
    _check_sums(path, arrays, header.get("crc32"))
    return arrays, header


def header_sum(header: dict[str, Any]) -> int:
    """Return the CRC-32 of a header without its own sum, as canonical JSON text."""
    rest = {name: value for name, value in header.items() if name != HEADER_SUM}
    rest = json.loads(json.dumps(rest))  # what a reader of the file will have
    return zlib.crc32(json.dumps(rest, sort_keys=True).encode())


def check_shapes(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray],
                 shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `FileFormatError` unless `arrays` have exactly the names and shapes of `shapes`."""
    problems = name_problems(shapes, arrays)
    problems += [
        shape_problem(name, shape, arrays[name].shape)
        for name, shape in shapes.items() if name in arrays and arrays[name].shape != shape
    ]
    if problems:
        raise FileFormatError(path, "its arrays are not its model's: " + "; ".join(problems))


def _header(path, metadata):
    if METADATA_KEY not in metadata:
        raise FileFormatError(path, "a safetensors file, but not one of fastrnn: no header")
    with malformed(path):
        header = json.loads(metadata[METADATA_KEY])
    if not isinstance(header, dict) or not isinstance(header.get("version"), int):
        raise FileFormatError(path, "its header is not an object with a version")
    if header["version"] > FORMAT_VERSION:
        text = f"format version {header['version']}; this fastrnn reads up to {FORMAT_VERSION}"
        raise FileFormatError(path, text)
    if header.get(HEADER_SUM) != header_sum(header):
        raise FileFormatError(path, "corrupt: the checksum of its header is wrong")
    return header


def _check_sums(path, arrays, sums):
    if not isinstance(sums, dict) or sums.keys() != arrays.keys():
        raise FileFormatError(path, "its header and its arrays name different parameters")
    for name, array in arrays.items():
        if zlib.crc32(array) != sums[name]:
            raise FileFormatError(path, f"corrupt: the checksum of {name} is wrong")
