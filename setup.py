# SPDX-License-Identifier: Apache-2.0
"""The compiled parts; everything else about the package is in pyproject.toml."""

import os
import sys
from glob import glob
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

KERNELS = "fastrnn_kernels"


def compiler_flags():
    """Return (C flags, Cython flags, link flags) of this platform.

    None of them names an instruction set: each src_c/isa/kernels_<isa>.c asks for its own.
    Apple's clang has no OpenMP runtime; libomp is used where LIBOMP_PREFIX or Homebrew has one,
    and the engine runs on one thread where there is none.
    """
    # Square roots in vectors: nothing here looks at errno.
    common = ["-O3", "-g0", "-fvisibility=hidden", "-fno-math-errno"]
    openmp, link = ["-fopenmp"], ["-fopenmp", "-Wl,-s"]
    if sys.platform == "darwin":
        prefixes = [os.environ.get("LIBOMP_PREFIX"), "/opt/homebrew/opt/libomp",
                    "/usr/local/opt/libomp"]
        found = [p for p in prefixes if p and os.path.exists(f"{p}/include/omp.h")][:1]
        openmp = [f for p in found for f in ("-Xpreprocessor", "-fopenmp", f"-I{p}/include")]
        link = [f for p in found for f in (f"-L{p}/lib", "-lomp", f"-Wl,-rpath,{p}/lib")]
    return [*common, "-std=c11"], [*common, *openmp], link


c_flags, cython_flags, link_flags = compiler_flags()
headers = sorted(glob("src_c/*.h") + glob("src_c/isa/*.h") + glob("fastrnn/_core/*.h"))
kernels = {
    "sources": sorted(glob("src_c/*.c") + glob("src_c/isa/*.c")),
    "obj_deps": {"": headers},
    "include_dirs": ["src_c"],
    "cflags": c_flags,
}
extensions = [
    Extension(
        "fastrnn._core." + Path(source).stem,
        [source],
        include_dirs=["src_c", numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        depends=[*headers, *kernels["sources"]],
        extra_compile_args=cython_flags,
        extra_link_args=link_flags,
    )
    for source in sorted(glob("fastrnn/_core/*.pyx"))
]
directives = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "freethreading_compatible": True,
}

setup(
    libraries=[(KERNELS, kernels)],
    ext_modules=cythonize(extensions, compiler_directives=directives),
)
