"""An array that is read by way of a cache of decoded chunks is what it is without one."""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.support.stores import WaitingStore

import zarr
from zarr.dtype import VariableLengthBytes
from zarr.storage import LocalStore, LoggingStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

STORES: dict[str, Callable[[str], Any]] = {
    "memory": lambda directory: MemoryStore(),
    "local": LocalStore,
    "wrapped": lambda directory: LoggingStore(LocalStore(directory), log_level="ERROR"),
    "waiting": lambda directory: WaitingStore(),
}
LAYOUTS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": (3, 4)},
    "shards": {"chunks": (3, 4), "shards": (6, 8)},
    "raw shards": {"chunks": (3, 4), "shards": (6, 8), "compressors": None},
    "format 2": {"chunks": (3, 4), "zarr_format": 2},
    "foreign": {
        "chunks": (3, 4),
        "zarr_format": 2,
        "compressors": numcodecs.LZMA(),
        "filters": [numcodecs.Delta(dtype="i4")],
    },
    "strings": {"chunks": (3, 4), "dtype": np.dtypes.StringDType()},
    "strings in shards": {
        "chunks": (3, 4),
        "shards": (6, 8),
        "dtype": np.dtypes.StringDType(),
        "filters": [{"name": "transpose", "configuration": {"order": [1, 0]}}],
    },
    "bytes of format 2": {
        "chunks": (3, 4),
        "dtype": VariableLengthBytes(),
        "zarr_format": 2,
    },
}
# The element with a number, by data type.
ELEMENTS: dict[str, Callable[[int], Any]] = {
    "i": int,
    "T": lambda number: f"{number} é" * (number % 5),
    "O": lambda number: b"\0%d" % number * (number % 5),
}
OPTIONS = settings(
    max_examples=6,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
)
HANDLES = 3
handles = st.integers(0, HANDLES - 1)
spans = st.tuples(st.integers(0, 13), st.integers(1, 9))
extents = st.tuples(st.integers(1, 14), st.integers(1, 14))


def machine_of(make: Callable[[str], Any], layout: dict[str, Any], size: int, recheck: Any) -> type:
    class Machine(RuleBasedStateMachine):
        """Several handles of one array, all with one cache."""

        def __init__(self) -> None:
            super().__init__()
            self.directory = tempfile.TemporaryDirectory()
            self.store = make(self.directory.name)
            self.cache = zarr.ChunkCache(size, recheck=recheck)
            self.count = 0
            dtype = layout.get("dtype", "i4")
            self.dtype = np.dtype("O" if isinstance(dtype, VariableLengthBytes) else dtype)
            self.element = ELEMENTS[self.dtype.kind]
            self.handles: list[Any] = []
            self.make_anew((9, 9))

        @rule(shape=extents)
        def make_anew(self, shape: tuple[int, int]) -> None:
            zarr.create_array(
                self.store,
                name="a",
                shape=shape,
                fill_value=self.element(7),
                overwrite=True,
                **{"dtype": "i4", **layout},
            )
            # Handles of the array before see neither its shape nor its end.
            self.handles = []
            for handle in range(HANDLES):
                self.handles.append(None)
                self.open(handle)

        @rule(handle=handles)
        def open(self, handle: int) -> None:
            self.handles[handle] = zarr.open_array(
                self.store, path="a", mode="r+", config={"cache": self.cache}
            )

        def value(self, size: int) -> Any:
            self.count += size
            numbers = range(self.count - size, self.count)
            return np.array(list(map(self.element, numbers)), self.dtype)

        @rule(handle=handles, rows=spans, columns=spans)
        def write(self, handle: int, rows: tuple[int, int], columns: tuple[int, int]) -> None:
            array = self.handles[handle]
            at = tuple(slice(first, first + length) for first, length in (rows, columns))
            shape = tuple(len(range(*s.indices(n))) for s, n in zip(at, array.shape, strict=True))
            array[at] = self.value(shape[0] * shape[1]).reshape(shape)

        @rule(handle=handles)
        def clear(self, handle: int) -> None:
            self.handles[handle][...] = self.element(7)  # the chunks are deleted

        @rule(handle=handles, shape=extents)
        def resize(self, handle: int, shape: tuple[int, int]) -> None:
            self.handles[handle].resize(shape)

        @rule(handle=handles, rows=st.integers(1, 4))
        def append(self, handle: int, rows: int) -> None:
            array = self.handles[handle]
            array.resize(zarr.open_array(self.store, path="a", mode="r").shape)
            if array.shape[0] + rows <= 20:
                columns = array.shape[1]
                array.append(self.value(rows * columns).reshape(rows, columns))

        @rule(handle=handles, rows=spans, columns=spans)
        def read(self, handle: int, rows: tuple[int, int], columns: tuple[int, int]) -> None:
            array = self.handles[handle]
            plain = array.with_config({"cache": None})
            at = tuple(slice(first, first + length) for first, length in (rows, columns))
            np.testing.assert_array_equal(array[at], plain[at])
            found = asyncio.run(array.async_array.getitem(at))
            np.testing.assert_array_equal(found, plain[at])

        @rule(
            handle=handles, places=st.lists(st.tuples(st.integers(0), st.integers(0)), min_size=1)
        )
        def points(self, handle: int, places: list[tuple[int, int]]) -> None:
            array = self.handles[handle]
            at = tuple(
                np.array([place[axis] % array.shape[axis] for place in places]) for axis in (0, 1)
            )
            plain = array.with_config({"cache": None})
            np.testing.assert_array_equal(array.vindex[at], plain.vindex[at])
            one = tuple(int(index[0]) for index in at)
            assert array[one] == plain[one]

        @rule()
        def forget(self) -> None:
            self.cache.clear()

        @invariant()
        def is_what_it_is_without_a_cache(self) -> None:
            for array in self.handles:
                np.testing.assert_array_equal(array[...], array.with_config({"cache": None})[...])

        @invariant()
        def keeps_within_its_size(self) -> None:
            assert self.cache.stats().bytes <= size

        def teardown(self) -> None:
            self.directory.cleanup()

    return Machine


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", STORES)
def test_any_interleaving_equals_the_same_without_a_cache(kind: str, layout: str) -> None:
    machine = machine_of(STORES[kind], LAYOUTS[layout], 1 << 20, "never")
    run_state_machine_as_test(machine, settings=OPTIONS)


@pytest.mark.parametrize("layout", ["shards", "strings in shards"])
@pytest.mark.parametrize("recheck", ["never", "open", "always", 0.0, 60.0])
@pytest.mark.parametrize("kind", STORES)
def test_also_where_chunks_make_room_for_one_another(kind: str, recheck: Any, layout: str) -> None:
    machine = machine_of(STORES[kind], LAYOUTS[layout], 1000, recheck)
    run_state_machine_as_test(machine, settings=OPTIONS)
