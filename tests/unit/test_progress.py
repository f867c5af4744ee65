"""How far long operations are: the total is known beforehand, and they end at it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.stores import WaitingStore

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20


class Seen:
    """A function that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.told.append((done, total))

    def check(self, total: int) -> None:
        """The total was known from the first, was reached step by step, and was the end."""
        assert self.told[0] == (0, total)
        assert self.told[-1] == (total, total)
        assert [done for done, _ in self.told] == sorted({done for done, _ in self.told})
        assert {each for _, each in self.told} == {total}


@pytest.fixture(scope="module")
def large() -> Any:
    data = np.zeros((96, MIB), "u1")
    data[:, ::1000] = np.arange(96)[:, None]
    return zarr.create_array({}, data=data, chunks=(8, MIB // 4), compressors=None)


READS: dict[str, Callable[[Any], Any]] = {
    "brackets": lambda array: array[...],
    "method": lambda array: array.get_basic_selection(),
    "steps": lambda array: array[1::1, 1::1],
    "load": lambda array: zarr.load(array.store),
    "field of axes": lambda array: array.oindex[:, :],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_large_read_is_shown_and_gives_the_same(read: Callable[[Any], Any], large: Any) -> None:
    seen = Seen()
    with zarr.progress(seen):
        shown = read(large)
    seen.check(shown.nbytes)
    assert len(seen.told) > 2
    np.testing.assert_array_equal(shown, read(large))


def test_a_large_write_is_shown_and_stores_the_same() -> None:
    data = np.arange(72 * MIB, dtype="u1").reshape(72, MIB)
    grids: list[dict[str, Any]] = [
        {"chunks": (7, MIB // 4)},
        {"chunks": (5, 99_999), "shards": (10, 999_990)},
    ]
    for grid in grids:
        array: Any = zarr.create_array({}, shape=data.shape, dtype="u1", compressors=None, **grid)
        seen = Seen()
        with zarr.progress(seen):
            array[...] = data
        seen.check(data.nbytes)
        assert len(seen.told) > 2
        np.testing.assert_array_equal(array[...], data)


def test_copies_and_new_arrays_are_shown() -> None:
    source = zarr.create_array({}, data=np.arange(1000), chunks=100)
    for operation in (
        lambda: zarr.from_array({}, data=source),
        lambda: zarr.create_array({}, data=source),
        lambda: zarr.save_group({}, a=np.arange(500), b=np.arange(500)),
        lambda: zarr.copy(source, zarr.group(), name="a"),
    ):
        seen = Seen()
        with zarr.progress(seen):
            operation()
        seen.check(8000)


def test_a_copy_of_keys_knows_their_size_beforehand() -> None:
    source: dict[str, Any] = {}
    zarr.create_array(source, data=np.arange(1000), chunks=100, compressors=None)
    size = sum(len(value.to_bytes()) for value in source.values())
    seen, told = Seen(), Seen()
    with zarr.progress(seen):
        zarr.copy_store(source, {})
    zarr.copy_store(source, {}, progress=told)
    seen.check(size)
    told.check(size)


def test_what_is_there_already_is_not_part_of_the_total() -> None:
    source: dict[str, Any] = {}
    zarr.create_array(source, data=np.arange(1000), chunks=100, compressors=None)
    dest = {key: value for key, value in source.items() if key.startswith("c/")}
    seen = Seen()
    zarr.copy_store(source, dest, if_exists="skip", progress=seen)
    seen.check(len(source["zarr.json"].to_bytes()))


def test_small_reads_are_not_shown() -> None:
    array = zarr.create_array({}, data=np.arange(10), chunks=2)
    seen = Seen()
    with zarr.progress(seen):
        array[...]
        array[2:4] = 1
    assert seen.told == []


def test_nothing_is_shown_afterwards_or_within_what_is_shown(large: Any) -> None:
    seen, inner = Seen(), Seen()
    with zarr.progress(seen):
        pass
    large[...]
    assert seen.told == []
    with zarr.progress(seen), zarr.progress(inner):
        large[...]
    assert seen.told == []
    inner.check(large.nbytes)
    with zarr.progress(seen), zarr.progress(False):
        large[...]
    assert seen.told == []


def test_other_threads_are_not_shown(large: Any) -> None:
    seen = Seen()
    with zarr.progress(seen):
        thread = threading.Thread(target=lambda: large[...])
        thread.start()
        thread.join()
    assert seen.told == []


def test_a_store_that_waits_is_shown_as_well() -> None:
    store = WaitingStore()
    data = np.zeros((72, MIB), "u1")
    seen = Seen()
    with zarr.progress(seen):
        array = zarr.create_array(store, data=data, chunks=(8, MIB), compressors=None)
    seen.check(data.nbytes)
    seen = Seen()
    with zarr.progress(seen):
        array[...]
    seen.check(data.nbytes)


def test_a_class_like_tqdms_is_used_and_closed() -> None:
    tqdm = pytest.importorskip("tqdm").tqdm
    bars: list[Any] = []

    class Bar(tqdm):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, disable=True, **kwargs)
            self.steps: list[int] = []
            bars.append(self)

        def update(self, n: int = 1) -> None:
            self.steps.append(n)
            self.n += n

    source = zarr.create_array({}, data=np.arange(1000), chunks=100)
    with zarr.progress(Bar):
        zarr.from_array({}, data=source)
    [bar] = bars
    assert bar.n == bar.total == 8000


def test_an_error_leaves_no_trace(large: Any) -> None:
    def fail(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"), zarr.progress(fail):
        large[...]
    seen = Seen()
    with zarr.progress(seen):
        large[...]
    seen.check(large.nbytes)


def test_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="progress must be"), zarr.progress(3):  # type: ignore[arg-type]
        zarr.from_array({}, data=zarr.create_array({}, data=np.arange(4)))
