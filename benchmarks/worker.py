"""Measures one workload for one implementation, in a process of its own; prints JSON."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.engines import ENGINES, field, values, versions
from benchmarks.spent import empty
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workloads import Layout, Workload

BOXES = {2: (300, 200), 3: (60, 50, 40), 4: (20, 10, 30, 20)}
"""The shapes of boxes, by rank."""
LISTS = {2: (200, 100), 3: (100, 50, 20), 4: (20, 10, 15, 10)}
"""How many indices each dimension of an orthogonal selection has, by rank."""
LONGEST = 1.5
"""Seconds after which a workload is not repeated any more, once it was timed twice."""


def peak() -> int:
    """The most memory that this process has had, in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0


def forget_peak() -> None:
    """Begin to watch for the most memory from here on."""
    Path("/proc/self/clear_refs").write_text("5")


def corners(layout: Layout, n: int) -> list[tuple[slice, ...]]:
    """Boxes at random places."""
    rng = np.random.default_rng(3)
    box = BOXES[len(layout.shape)]
    starts = [
        rng.integers(0, extent - size, n) for extent, size in zip(layout.shape, box, strict=True)
    ]
    return [
        tuple(slice(int(at), int(at) + size) for at, size in zip(corner, box, strict=True))
        for corner in zip(*starts, strict=True)
    ]


def one_chunk(layout: Layout, n: int) -> list[tuple[slice, ...]]:
    """Selections of one chunk each."""
    grid = [extent // size for extent, size in zip(layout.shape, layout.chunks, strict=True)]
    places = np.unravel_index(np.arange(n) * 17 % math.prod(grid), grid)
    return [
        tuple(
            slice(int(at) * size, int(at + 1) * size)
            for at, size in zip(place, layout.chunks, strict=True)
        )
        for place in zip(*places, strict=True)
    ]


def points(layout: Layout, n: int, seed: int) -> tuple[Any, ...]:
    """The coordinates of random points, one list for each dimension."""
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(0, extent, n) for extent in layout.shape)


class Case:
    """A workload made ready for one implementation."""

    def __init__(self, engine: Any, work: Workload, directory: str) -> None:
        self.engine, self.work, self.directory = engine, work, directory
        self.layout = work.layout
        self.store: Any = engine.memory() if work.where == "memory" else directory
        self.array: Any = None
        if work.does == "write":
            self.data = values(self.layout)
        elif work.where == "memory":
            self.array = engine.create(self.store, self.layout)
            engine.write(self.array, ..., values(self.layout))
        elif work.does.startswith("cached"):
            self.array = engine.open_cached(self.store)
        elif work.does not in ("open", "hierarchy"):
            self.array = engine.open(self.store, write=work.does.endswith("writes"))

    def action(self) -> Callable[[], Any]:
        """The timed part."""
        return getattr(self, f"_{self.work.does.replace(' ', '_')}")()  # type: ignore[no-any-return]

    def reset(self) -> None:
        """The untimed part before each timing."""
        if self.work.does == "write":
            if self.work.where == "local":
                empty(Path(self.directory))
            self.array = self.engine.create(self.store, self.layout)
        elif self.work.does == "hierarchy":
            empty(Path(self.directory))

    def _read(self) -> Callable[[], Any]:
        return lambda: self.engine.read(self.array, ...)

    def _write(self) -> Callable[[], Any]:
        return lambda: self.engine.write(self.array, ..., self.data)

    def _element(self) -> Callable[[], Any]:
        element = tuple((77 + 22 * n) % extent for n, extent in enumerate(self.layout.shape))
        return lambda: self.engine.read(self.array, element)

    def _cached_element(self) -> Callable[[], Any]:
        return self._element()

    def _cached_slabs(self) -> Callable[[], Any]:
        rows, height = self.layout.shape[0], self.layout.shape[0] // 8
        slabs = [slice(top, top + height) for top in range(0, rows - height, height // 8)]

        def run() -> None:
            for slab in slabs:
                self.engine.read(self.array, slab)

        return run

    def _boxes(self) -> Callable[[], Any]:
        boxes = corners(self.layout, 50)
        return lambda: [self.engine.read(self.array, box) for box in boxes]

    def _box_writes(self) -> Callable[[], Any]:
        boxes = corners(self.layout, 50)
        value = field(BOXES[len(self.layout.shape)])
        return lambda: [self.engine.write(self.array, box, value) for box in boxes]

    def _chunk_writes(self) -> Callable[[], Any]:
        selections = one_chunk(self.layout, 20)
        value = field(self.layout.chunks)
        return lambda: [self.engine.write(self.array, selection, value) for selection in selections]

    def _column(self) -> Callable[[], Any]:
        return lambda: self.engine.read(self.array, (slice(None), 0))

    def _planes(self) -> Callable[[], Any]:
        extent = self.layout.shape[-1]
        indices = range(3, extent, extent // 8)
        return lambda: [self.engine.read(self.array, (..., index)) for index in indices]

    def _series(self) -> Callable[[], Any]:
        places = zip(*points(self.layout, 20, 4)[1:], strict=True)
        selections = [(slice(None), *map(int, place)) for place in places]
        return lambda: [self.engine.read(self.array, selection) for selection in selections]

    def _vindex(self, n: int = 10_000) -> Callable[[], Any]:
        selected = points(self.layout, n, 4)
        return lambda: self.engine.vindex(self.array, selected)

    def _many_points(self) -> Callable[[], Any]:
        return self._vindex(1_000_000)

    def _mask(self, density: float = 0.5) -> Callable[[], Any]:
        mask = np.random.default_rng(6).random(self.layout.shape) < density
        return lambda: self.engine.mask(self.array, mask)

    def _sparse_mask(self) -> Callable[[], Any]:
        return self._mask(0.001)

    def _point_writes(self) -> Callable[[], Any]:
        selected = points(self.layout, 100_000, 7)
        value = np.random.default_rng(7).random(100_000, np.float32)
        return lambda: self.engine.write_points(self.array, selected, value)

    def _mask_writes(self) -> Callable[[], Any]:
        mask = np.random.default_rng(8).random(self.layout.shape) < 0.5
        value = np.ones(np.count_nonzero(mask), np.float32)
        return lambda: self.engine.write_points(self.array, mask, value)

    def _oindex(self) -> Callable[[], Any]:
        rng = np.random.default_rng(5)
        shape = self.layout.shape
        lists = tuple(
            np.sort(rng.choice(extent, n, replace=False))
            for extent, n in zip(shape, LISTS[len(shape)], strict=True)
        )
        return lambda: self.engine.oindex(self.array, lists)

    def _long_lists(self) -> Callable[[], Any]:
        rng = np.random.default_rng(9)
        lists = tuple(
            rng.integers(0, n, k) for n, k in zip(self.layout.shape, (100_000, 16), strict=True)
        )
        return lambda: self.engine.oindex(self.array, lists)

    def _threads(self) -> Callable[[], Any]:
        selections = one_chunk(self.layout, 2000)

        def part(number: int) -> None:
            for selection in selections[number::4]:
                self.engine.read(self.array, selection)

        def run() -> None:
            threads = [threading.Thread(target=part, args=(i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        return run

    def _gather(self) -> Callable[[], Any]:
        selections = one_chunk(self.layout, 2000)
        return lambda: self.engine.gather(self.array, selections)

    def _open(self) -> Callable[[], Any]:
        return lambda: self.engine.open(self.store)

    def _hierarchy(self) -> Callable[[], Any]:
        return lambda: self.engine.hierarchy(self.store, self.layout, 50, 10)


def measure(engine: str, work: Workload, directory: str, repeat: int) -> dict[str, Any]:
    """Time and memory of a workload."""
    case = Case(ENGINES[engine](), work, directory)
    action = case.action()
    times = []
    memory = None
    for _ in range(repeat + 1):  # the first is a rehearsal, and is measured for memory
        case.reset()
        before = None
        if memory is None:
            forget_peak()
            before = peak()
        begin = time.perf_counter()
        result = action()
        took = (time.perf_counter() - begin) * 1e3
        if before is not None:
            memory = peak() - before
        else:
            times.append(took)
        del result
        if len(times) > 1 and sum(times) > LONGEST * 1e3:
            break
    return {"ms": min(times) if work.repeat < 100 else float(np.median(times)), "peak": memory}


def main() -> None:
    engine, *arguments = sys.argv[1:]
    if engine == "versions":
        print(json.dumps(versions()))
        return
    name, directory, *repeat = arguments
    work = next(work for work in WORKLOADS if work.name == name)
    if engine == "prepare":
        ours: Any = ENGINES["ours"]()
        ours.write(ours.create(directory, work.layout), ..., values(work.layout))
        return
    print(json.dumps(measure(engine, work, directory, *map(int, repeat))))


if __name__ == "__main__":
    main()
