# SPDX-License-Identifier: Apache-2.0
"""What this machine can do at most: multiply-adds, and bytes read from each cache and memory.

    python bench/limits.py [--threads 1]

Measured for the instruction set that fastrnn uses (FASTRNN_ISA changes it) by limits.c, which the C
compiler (CC, else cc) builds into a temporary directory. Exit status: 0, or 2 for wrong arguments
or no compiler.
"""

import ctypes
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import arguments
import contenders
import measure
import results

SOURCE = Path(__file__).with_name("limits.c")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
SYSCONF = {
    "L1": "SC_LEVEL1_DCACHE_SIZE",
    "L2": "SC_LEVEL2_CACHE_SIZE",
    "L3": "SC_LEVEL3_CACHE_SIZE",
}
MEMORY = "DRAM"
ROUNDS, MIN_TIME = 9, 2e-3
OPERATIONS = 5e8  # of a run; like the bytes, enough for threads to start at nearly the same time
BYTES = 2**29
LEAST_MEMORY = 2**26  # bytes read to measure DRAM where the caches are small


@dataclass(frozen=True)
class Vectors:
    """How limits.c is built for an instruction set.

    The chains of multiply-adds leave two of its registers for the operands; a core has at most 10
    in flight at once, 16 with the four pipes of some ARM cores.
    """

    size: int  # bytes
    chains: int
    flags: tuple = ()


VECTORS = {
    "scalar": Vectors(16, 12),  # plain C: what the compiler may use everywhere
    "neon": Vectors(16, 16),
    "avx2": Vectors(32, 12, ("-mavx2", "-mfma")),
    "avx512": Vectors(64, 16, ("-mavx512f", "-mprefer-vector-width=512")),
}


class UnavailableError(RuntimeError):
    """The limits cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Limits:
    """Limits of all threads together.

    flops: float32 operations a second, 2 for a multiply-add; bandwidth: bytes a second read from
    each level; room: bytes that one thread has there for its data.
    """

    isa: str
    threads: int
    flops: float
    bandwidth: dict
    room: dict

    def peak(self, dtype):
        """Operations a second in an element type: a vector holds half as many doubles."""
        return self.flops / (2 if dtype == "float64" else 1)

    def level(self, size):
        """The level that holds `size` bytes, of which each thread reads its share."""
        fits = (name for name, room in self.room.items() if size <= room * self.threads)
        return next(fits, MEMORY)

    def as_record(self):
        """For a result file."""
        rates = {name: results.rounded(rate) for name, rate in self.bandwidth.items()}
        return {"flops": results.rounded(self.flops), "bandwidth": rates, "room": self.room}


def measured(isa, threads=1):
    """The `Limits` of an instruction set; UnavailableError without a C compiler."""
    library, buffers = built(isa), areas(cache_sizes(), threads)
    read = {name: _reading(library, size, threads) for name, size in buffers.items()}
    jobs = {"flops": arithmetic(isa, OPERATIONS * threads, threads)}
    jobs |= {name: contenders.Job(run, dict) for name, (run, _) in read.items()}
    timers = measure.interleave(jobs, ROUNDS, MIN_TIME, measure.ALONE)
    seconds = {name: min(timer.samples) for name, timer in timers.items()}
    return Limits(
        isa,
        threads,
        OPERATIONS * threads / seconds["flops"],
        {name: size / seconds[name] for name, (_, size) in read.items()},
        {name: 2 * size for name, size in buffers.items() if name != MEMORY},
    )


def arithmetic(isa, operations, threads=1):
    """A job that does so many float32 operations at the peak rate."""
    library, vectors = built(isa), VECTORS[isa]
    of_a_turn = 2 * vectors.chains * vectors.size // 4 * threads
    turns = max(1, round(operations / of_a_turn))
    run = _together(threads, lambda _: library.multiply_adds(turns, 0.5, 0.5))
    return contenders.Job(run, dict)


def cache_sizes():
    """Level to (bytes, CPUs that share it), data caches only, smallest first; as far as known."""
    sizes = {}
    for index in sorted(CACHES.glob("index*")):
        level, kind, size, sharers = (
            (index / name).read_text().strip()
            for name in ("level", "type", "size", "shared_cpu_list")
        )
        if kind != "Instruction":
            sizes[f"L{level}"] = _bytes(size), _count(sharers)
    return sizes or _sizes_of_sysconf()


def _bytes(text):
    """The bytes of "48K" or "32M"."""
    return int(text[:-1]) << {"K": 10, "M": 20}[text[-1]]


def _count(ranges):
    """How many numbers a list like "0-3,8" names."""
    bounds = [[int(n) for n in part.split("-")] for part in ranges.split(",")]
    return sum(b[-1] - b[0] + 1 for b in bounds)


def _sizes_of_sysconf():
    found = {level: os.sysconf(name) for level, name in SYSCONF.items() if name in os.sysconf_names}
    return {level: (size, 1) for level, size in found.items() if size > 0}


def areas(sizes, threads):
    """Bytes that a thread reads to measure each level: half of its share of the level.

    A level that would not be clearly larger than the one before it is left out.
    """
    found = {}
    for name, (size, sharers) in sizes.items():
        share = size // min(threads, sharers) // 2
        if share >= 2 * max(found.values(), default=0):
            found[name] = share
    largest = max((size for size, _ in sizes.values()), default=0)
    return found | {MEMORY: max(2 * largest, LEAST_MEMORY) // threads}


def _reading(library, size, threads):
    """(run, the bytes it reads): each thread its own `size` bytes, over and over."""
    size -= size % 4096
    memory = [Area(library, size) for _ in range(threads)]
    times = max(1, BYTES // size)
    run = _together(threads, lambda k: library.loads(memory[k].address, size, times))
    return run, size * times * threads


class Area:
    """Memory as the engine allocates it, freed with its owner."""

    def __init__(self, library, size):
        self.address = library.memory_new(size)
        if not self.address:
            raise MemoryError(f"could not allocate {size} bytes")
        self._free = library.memory_free

    def __del__(self):
        if self.address:
            self._free(self.address)


def _together(threads, work):
    """A call of work(k) on each of the threads k at the same time."""
    if threads == 1:
        return lambda: work(0)
    pool = ThreadPoolExecutor(threads)  # ctypes lets go of the interpreter's lock
    return lambda: list(pool.map(work, range(threads)))


@functools.cache
def built(isa):
    """limits.c, built for an instruction set and loaded; UnavailableError where it cannot be."""
    compiler = os.environ.get("CC", "cc").split()
    if not shutil.which(compiler[0]):
        raise UnavailableError(f"no C compiler: got CC={compiler[0]!r}, which is not there")
    vectors = VECTORS[isa]
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "limits.so"
        build = [
            *compiler,
            *("-O3", "-fPIC", "-shared", "-ffp-contract=fast", *vectors.flags),
            *(f"-DVECTOR_BYTES={vectors.size}", f"-DCHAINS={vectors.chains}"),
            *(str(SOURCE), "-o", str(target)),
        ]
        done = subprocess.run(build, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnavailableError(f"{compiler[0]} cannot build limits.c: {done.stderr.strip()}")
        return _declared(ctypes.CDLL(str(target)))


def _declared(library):
    address, count, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
    signatures = {
        "multiply_adds": (real, (count, real, real)),
        "loads": (ctypes.c_uint32, (address, count, count)),
        "memory_new": (address, (count,)),
        "memory_free": (None, (address,)),
    }
    for name, (result, accepted) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, accepted
    return library


def lines(limits):
    """The limits as text."""
    peaks = ", ".join(
        f"{limits.peak(dtype) / 1e9:.0f} ({dtype})" for dtype in ("float32", "float64")
    )
    yield f"multiply-adds, {limits.isa}, {results.threads(limits.threads)}: GFLOP/s {peaks}"
    for name, rate in limits.bandwidth.items():
        room = f", up to {limits.room[name] >> 10} KiB a thread" if name in limits.room else ""
        yield f"read from {name}{room}: {rate / 1e9:.0f} GB/s"


def main(argv=None):
    parser = arguments.parser("Measure the limits of this machine.")
    args = parser.parse_args(argv)
    module, reason = contenders.load(contenders.OURS)
    if not module:
        parser.error(f"fastrnn is not available ({reason}): it says which instruction set to use")
    try:
        found = measured(module.ISA, args.threads)
    except UnavailableError as error:
        parser.error(str(error))
    print(*lines(found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
