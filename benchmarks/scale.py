"""How cost grows with size: ``python -m benchmarks.scale run``, then ``plot``.

Each point is measured in a process of its own. Times are CPU time of the process (the least of
several tries), so that other programs on the machine count little; memory is how much the process
grew at its peak.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "assets"
BEGIN, END = "<!-- scale: {} -->", "<!-- end -->"

Costs = dict[str, float]


class Family(NamedTuple):
    """Measurements that differ in one size."""

    title: str
    size: str
    """The size that differs."""
    sizes: tuple[int, ...]
    measure: Callable[[int, Path], Costs]


def peak() -> float:
    """The most memory that this process has had since `costs` began, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return math.nan


def costs(action: Callable[[], object], tries: int = 5, *, wall: bool = False) -> float:
    """Milliseconds of CPU that an action takes, or of the clock."""
    clock = time.perf_counter if wall else time.process_time
    best = math.inf
    for _ in range(tries):
        begin, calls = clock(), 0
        while not calls or clock() - begin < 0.002:
            action()
            calls += 1
        best = min(best, (clock() - begin) / calls * 1e3)
    return best


def grown(action: Callable[[], object]) -> float:
    """MiB by which the process grows at its peak during an action."""
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    action()
    return peak() - before


# -- what is measured -----------------------------------------------------------------------------


def chunks(n: int, directory: Path) -> Costs:
    """One array of `n` chunks in a directory; the first 100,000 of them are stored."""
    import zarr

    stored = min(n, 100_000)
    made = zarr.create_array(directory, shape=(n * 16,), chunks=(16,), dtype="u1", compressors=None)
    made[: stored * 16] = np.arange(stored * 16, dtype=np.uint8) | 1
    array = zarr.open_array(directory)
    growing = zarr.open_array(directory, mode="r+")
    shapes = itertools.cycle([(n * 16 + 16,), (n * 16,)])
    found = {
        "MiB to open": grown(lambda: zarr.open_array(directory)),
        "open": costs(lambda: zarr.open_array(directory)),
        "one element": costs(lambda: array[stored * 8]),
        "a slice of 100 chunks": costs(lambda: array[160:1760]),
        "resize": costs(lambda: growing.resize(next(shapes))),
    }
    if stored == n:
        found["nchunks_initialized"] = costs(lambda: array.nchunks_initialized, 2)
        found["MiB to list"] = grown(lambda: array.nchunks_initialized)
    return found


def nodes(n: int, directory: Path) -> Costs:
    """A hierarchy of `n` nodes, a tenth of them groups, in a directory."""
    import zarr

    like = zarr.create_array({}, shape=(1000, 1000), chunks=(100, 100), dtype="f4").metadata
    groups = max(1, n // 10)
    made: dict[str, Any] = {f"g{i}": zarr.Group.from_store({}).metadata for i in range(groups)}
    made |= {f"g{i % groups}/a{i}": like for i in range(n - groups)}
    root = zarr.open_group(directory, mode="w")
    for _ in zarr.create_hierarchy(store=root.store, nodes=made):
        pass
    tries = 5 if n <= 1000 else 1
    alone = zarr.open_group(directory, mode="r", use_consolidated=False)
    found = {
        "members, not consolidated": costs(lambda: alone.members(max_depth=None), tries),
        "consolidate": costs(lambda: zarr.consolidate_metadata(directory), tries),
    }
    kept: list[Any] = []
    opened = grown(lambda: kept.append(zarr.open_consolidated(directory)))
    found["open consolidated"] = costs(lambda: zarr.open_consolidated(directory), tries)
    found["MiB to open consolidated"] = opened
    group = kept[0]
    found["one member, consolidated"] = costs(lambda: group[f"g{groups - 1}"])
    found["members, consolidated"] = costs(lambda: group.members(max_depth=None), tries)
    found["tree"] = costs(lambda: str(group.tree()), tries)
    return found


def _small(store: Any) -> Any:
    """An array of 1,024 chunks of 4 KiB."""
    import zarr

    data = np.random.default_rng(0).integers(0, 50, (1024, 1024)).astype(np.float32)
    return zarr.create_array(store, data=data, chunks=(32, 32))


def threads(n: int, directory: Path) -> Costs:
    """`n` threads that read one chunk at a time, 20,000 in all."""
    array, reads = _small(directory), 20_000
    places = iter(range(reads))
    done = [0] * n
    ready = threading.Barrier(n)

    def work(number: int) -> None:
        ready.wait()
        for i in places:
            row, column = i // 32 % 32 * 32, i % 32 * 32
            array[row : row + 32, column : column + 32]
            done[number] += 1

    def run() -> None:
        nonlocal places
        places = iter(range(reads))
        done[:] = [0] * n
        workers = [threading.Thread(target=work, args=(number,)) for number in range(n)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    memory = grown(run)
    return {
        "20,000 reads": costs(run, 3),
        "least busy ÷ busiest thread": min(done) / max(done),
        "MiB": memory,
    }


def tasks(n: int, directory: Path) -> Costs:
    """`n` tasks at once, each of which reads one chunk, from memory."""
    array = _small({}).async_array

    async def read(i: int) -> None:
        row, column = i // 32 % 32 * 32, i % 32 * 32
        await array.getitem((slice(row, row + 32), slice(column, column + 32)))

    async def run() -> None:
        await asyncio.gather(*(read(i) for i in range(n)))

    memory = grown(lambda: asyncio.run(run()))
    return {"all": costs(lambda: asyncio.run(run()), 3), "MiB": memory}


def dimensions(n: int, directory: Path) -> Costs:
    """An array of `n` dimensions and 65,536 elements in 16 chunks, in memory."""
    import zarr

    shape = [1] * n
    for i in range(16):
        shape[i % min(n, 16)] *= 2
    half = list(shape)
    for i in range(4):
        half[i % min(n, 16)] //= 2
    data = np.arange(65_536, dtype=np.float32).reshape(shape)
    array = zarr.create_array({}, data=data, chunks=tuple(half), compressors=None)
    return {
        "read all": costs(lambda: array[...]),
        "write all": costs(lambda: array.set_basic_selection(..., data)),
        "one element": costs(lambda: array[(0,) * n]),
    }


def shards(n: int, directory: Path) -> Costs:
    """A shard of `n` inner chunks of 64 bytes, in a file."""
    import zarr

    data = np.arange(n * 16, dtype=np.float32)
    array = zarr.create_array(
        directory, shape=data.shape, chunks=(16,), shards=data.shape, dtype="f4", compressors=None
    )
    memory = grown(lambda: array.set_basic_selection(..., data))
    tries = 5 if n <= 100_000 else 2

    def first() -> object:
        array[:1] = data[:1]  # another shard, whose index nobody knows
        return array[n * 8]

    return {
        "write all": costs(lambda: array.set_basic_selection(..., data), tries),
        "read all": costs(lambda: array[...], tries),
        "write one element, then read one": costs(first, tries),
        "one element": costs(lambda: array[n * 8]),
        "MiB to write all": memory,
    }


def requests(n: int, directory: Path) -> Costs:
    """1,000 chunks of a store that answers after 50 ms, with `n` requests in flight."""
    import zarr
    from zarr.storage import MemoryStore
    from zarr.testing.store import LatencyStore

    inner = MemoryStore()
    data = np.arange(1000 * 256, dtype=np.float32)
    zarr.create_array(inner, data=data, chunks=(256,), compressors=None)
    array = zarr.open_array(LatencyStore(inner, get_latency=0.05), mode="r")
    with zarr.config.set({"requests.limit": n, "async.concurrency": n}):
        found = {"by the clock": costs(lambda: array[:], 1 if n < 30 else 3, wall=True)}
        return found | {
            "CPU": costs(lambda: array[:], 1 if n < 30 else 3),
            "50 ms × 1,000 ÷ requests": 50_000 / n,
        }


FAMILIES = {
    "chunks": Family(
        "Chunks in one array",
        "chunks",
        (100, 1000, 10_000, 100_000, 1_000_000, 10_000_000),
        chunks,
    ),
    "nodes": Family("Nodes in a hierarchy", "nodes", (10, 100, 1000, 10_000, 100_000), nodes),
    "threads": Family("Threads", "threads", (1, 2, 4, 8, 16), threads),
    "tasks": Family("Tasks", "tasks", (1, 10, 100, 1000, 10_000), tasks),
    "dimensions": Family("Dimensions", "dimensions", (1, 2, 4, 8, 16, 32), dimensions),
    "shards": Family(
        "Inner chunks in a shard", "inner chunks", (10, 100, 1000, 10_000, 100_000, 10**6), shards
    ),
    "requests": Family(
        "Requests in flight, 50 ms each", "requests", (1, 3, 10, 30, 100, 300, 1000), requests
    ),
}


# -- running, plotting ----------------------------------------------------------------------------


def run(names: list[str], largest: int, file: Path, directory: Path | None) -> None:
    """Measure families, and put their figures into a file."""
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    found["machine"] = (
        f"{len(os.sched_getaffinity(0))} CPUs, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, NumPy {np.__version__}"
    )
    for name in names:
        family = found[name] = {}
        for size in FAMILIES[name].sizes:
            if size > largest:
                continue
            place = tempfile.mkdtemp(prefix="zarr-scale-", dir=directory)
            try:
                command = [sys.executable, "-m", "benchmarks.scale", "point", name, str(size)]
                done = subprocess.run(
                    [*command, place], check=True, capture_output=True, text=True, cwd=ROOT
                )
            finally:
                shutil.rmtree(place, ignore_errors=True)
            family[str(size)] = json.loads(done.stdout)
            print(name, size, done.stdout.strip(), file=sys.stderr, flush=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def shown(value: float | None, name: str) -> str:
    """A figure, with its unit."""
    if value is None:
        return ""
    if "MiB" in name or "÷ busiest" in name:
        return f"{value:.1f}" if value < 10 else f"{value:.0f}"
    if value < 1:
        return f"{value * 1e3:.0f} µs"
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def table(name: str, points: dict[str, Costs]) -> str:
    """A Markdown table of the figures of a family."""
    sizes = sorted(points, key=int)
    rows = list(dict.fromkeys(row for size in sizes for row in points[size]))
    lines = [
        "| " + " | ".join([FAMILIES[name].size, *(f"{int(size):,}" for size in sizes)]) + " |",
        "| --- " * (len(sizes) + 1) + "|",
    ]
    for row in rows:
        cells = [shown(points[size].get(row), row) for size in sizes]
        lines.append("| " + " | ".join([row, *cells]) + " |")
    return "\n".join(lines)


def picture(name: str, points: dict[str, Costs], place: Path) -> None:
    """Plot the times of a family, as SVG."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = name  # the same figures make the same file
    mpl.rcParams["svg.fonttype"] = "none"  # small files: words are words, and not outlines
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    sizes = sorted(points, key=int)
    for row in dict.fromkeys(row for size in sizes for row in points[size]):
        if "MiB" in row or "÷ busiest" in row:
            continue
        found = [(int(size), points[size][row]) for size in sizes if row in points[size]]
        axes.plot(*zip(*found, strict=True), marker="o", markersize=3, linewidth=1.2, label=row)
    axes.set(xscale="log", yscale="log", xlabel=FAMILIES[name].size, ylabel="ms")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, frameon=False)
    figure.savefig(place, metadata={"Date": None})
    plt.close(figure)


def plot(file: Path, page: Path | None) -> None:
    """Make the pictures, and put the tables into a page."""
    found = json.loads(file.read_text())
    text = page.read_text() if page else ""
    for name, points in found.items():
        if name not in FAMILIES:
            continue
        place = PICTURES / f"scale-{name}.svg"
        picture(name, points, place)
        block = f"![{FAMILIES[name].title}](assets/{place.name})\n\n{table(name, points)}"
        begin = BEGIN.format(name)
        if page is None:
            print(block)
        elif begin in text:
            before, _, rest = text.partition(begin)
            after = rest.partition(END)[2]
            text = f"{before}{begin}\n\n{block}\n\n{END}{after}"
    if page:
        page.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="measure")
    runs.add_argument("families", nargs="*", help=f"some of {', '.join(FAMILIES)}; all if none")
    runs.add_argument("--largest", type=int, default=10**9, help="leave out larger sizes")
    runs.add_argument("--directory", type=Path, help="where to put the arrays")
    plots = commands.add_parser("plot", help="make the pictures and the tables")
    plots.add_argument("--write", type=Path, metavar="PAGE", help="the page with the tables")
    for each in (runs, plots):
        each.add_argument("--json", type=Path, default=Path("build/scale.json"))
    point = commands.add_parser("point", help="measure one size, in this process")
    point.add_argument("family", choices=FAMILIES)
    point.add_argument("size", type=int)
    point.add_argument("directory", type=Path)
    given = parser.parse_args()
    if given.command == "run":
        names = given.families or list(FAMILIES)
        run(names, given.largest, given.json, given.directory)
    elif given.command == "plot":
        plot(given.json, given.write)
    else:
        warnings.simplefilter("ignore")
        print(json.dumps(FAMILIES[given.family].measure(given.size, given.directory)))


if __name__ == "__main__":
    main()
