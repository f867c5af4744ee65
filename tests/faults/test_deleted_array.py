"""An array that was deleted is not written to: its chunks would be there without a document."""

from __future__ import annotations

import asyncio
import pickle
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.stores import EVERY_STORE
from zarr.errors import ArrayNotFoundError
from zarr.storage import LocalStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KINDS: dict[str, dict[str, Any]] = {
    "format 3": {"chunks": (2, 5)},
    "shards": {"chunks": (1, 5), "shards": (2, 10)},
    "format 2": {"chunks": (2, 5), "zarr_format": 2},
    "format 2, nested": {
        "chunks": (2, 5),
        "zarr_format": 2,
        "chunk_key_encoding": {"name": "v2", "separator": "/"},
    },
}
WRITES: dict[str, Callable[[Any], None]] = {
    "a chunk": lambda array: array.__setitem__((slice(2, 4), slice(0, 5)), 2),
    "a part of a chunk": lambda array: array.__setitem__((2, 3), 2),
    "all": lambda array: array.__setitem__(..., 2),
    "points": lambda array: array.vindex.__setitem__(([2, 3], [1, 1]), 2),
    "by the asynchronous face": lambda array: asyncio.run(array.async_array.setitem(..., 2)),
}


@pytest.fixture(params=EVERY_STORE)
def store(request: Any, tmp_path: Path) -> Iterator[Any]:
    with EVERY_STORE[request.param](tmp_path) as made:
        yield made


def keys(store: Any) -> list[str]:
    async def listed() -> list[str]:
        return [key async for key in store.list()]

    return sorted(asyncio.run(listed()))


def made(store: Any, **kind: Any) -> tuple[Any, Any]:
    """A group, and an array in it of which some chunks are stored."""
    group = zarr.open_group(store, mode="w", zarr_format=kind.pop("zarr_format", 3))
    array = group.create_array(
        "below/a", **{"shape": (4, 10), "chunks": (2, 5), "dtype": "i4", **kind}
    )
    array[:2] = 1
    return group, array


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("kind", KINDS)
def test_writing_is_refused(store: Any, kind: str, write: str) -> None:
    group, array = made(store, **KINDS[kind])
    del group["below/a"]
    with pytest.raises(ArrayNotFoundError, match=r"deleted after it was opened.*below/a$"):
        WRITES[write](array)
    assert not [key for key in keys(store) if key.startswith("below/a")]


def test_writing_fields_is_refused(store: Any) -> None:
    group, array = made(store, dtype=[("x", "i4"), ("y", "f4")])
    del group["below/a"]
    with pytest.raises(ArrayNotFoundError, match=r"deleted after it was opened.*below/a$"):
        array.set_basic_selection(slice(1, 3), 5, fields="x")
    assert not [key for key in keys(store) if key.startswith("below/a")]


@pytest.mark.parametrize("name", ["", "below"])
def test_writing_is_refused_after_a_group_above_was_replaced(store: Any, name: str) -> None:
    _, array = made(store)
    zarr.open_group(store, path=name, mode="w", zarr_format=3)
    with pytest.raises(ArrayNotFoundError, match=r"deleted after it was opened.*below/a$"):
        array[:] = 2
    assert not [key for key in keys(store) if key.startswith("below/a")]


@pytest.mark.parametrize(
    "other",
    [{"dtype": "f8"}, {"chunks": (4, 10)}, {"compressors": None}, {"fill_value": 7}],
    ids=lambda other: next(iter(other)),
)
def test_an_array_whose_chunks_mean_something_else_is_not_written(store: Any, other: Any) -> None:
    group, array = made(store)
    options = {"shape": (4, 10), "chunks": (2, 5), "dtype": "i4", **other}
    new = group.create_array("below/a", overwrite=True, **options)
    new[:] = 3
    with pytest.raises(ArrayNotFoundError, match=r"there is another one now.*below/a$"):
        array[:] = 2
    assert (group["below/a"][:] == 3).all()


def test_a_node_whose_name_begins_alike_is_written(store: Any) -> None:
    group, array = made(store)
    group.create_array("below/ab", shape=4, chunks=2, dtype="i4")
    group.create_array("below/b", shape=4, chunks=2, dtype="i4")
    del group["below/ab"]
    del group["below/b"]
    array[:] = 2
    assert (group["below/a"][:] == 2).all()


def test_a_deletion_is_told_also_after_many_others() -> None:
    store = EVERY_STORE["somebody's"](None)  # type: ignore[arg-type]
    group, array = made(store)
    other = zarr.storage.StorePath(MemoryStore())
    del group["below/a"]
    for number in range(5000):
        asyncio.run((other / str(number)).delete_dir())
    with pytest.raises(ArrayNotFoundError, match="deleted"):
        array[:] = 2


def test_a_store_that_waits_is_not_asked_where_nothing_was_deleted(waiting_store: Any) -> None:
    store = waiting_store()
    group, array = made(store)
    del group["below/b"]
    asked = store.asked.copy()
    array[:] = 2
    assert store.asked - asked == {"set": 4}


@pytest.mark.parametrize("again", [lambda a: a, lambda a: pickle.loads(pickle.dumps(a))])
@pytest.mark.parametrize(
    "opened",
    [
        lambda store: zarr.open_array(store, path="below/a"),
        lambda store: zarr.open(store, path="below/a"),
        lambda store: zarr.open_group(store)["below/a"],
        lambda store: zarr.open_array(store, path="below/a", cache_attrs=False),
        lambda store: dict(zarr.open_group(store).members(max_depth=None))["below/a"],
        lambda store: zarr.open_array(store, path="below/a").with_config({"order": "F"}),
    ],
)
def test_however_the_array_was_opened(tmp_path: Path, opened: Any, again: Any) -> None:
    made(tmp_path)
    array = again(opened(tmp_path))
    zarr.open_group(tmp_path, mode="w")  # deletes what is below
    with pytest.raises(ArrayNotFoundError, match="deleted"):
        array[:] = 2
    assert keys(LocalStore(tmp_path)) == ["zarr.json"]


def test_a_directory_that_somebody_removed_is_not_made_again(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a.zarr", shape=4, chunks=2, dtype="i4")
    shutil.rmtree(tmp_path / "a.zarr")
    with pytest.raises(ArrayNotFoundError, match=r"deleted.*a\.zarr$"):
        array[:] = 1
    assert not (tmp_path / "a.zarr").exists()


def test_resizing_and_appending_name_the_store(store: Any) -> None:
    group, array = made(store)
    del group["below/a"]
    name = store.shown_as()
    for change in (lambda: array.append(np.ones((1, 10), "i4")), lambda: array.resize((9, 9))):
        with pytest.raises(ArrayNotFoundError) as caught:
            change()
        assert f"in store {name} at path 'below/a'" in str(caught.value)


# -- others are written as ever ----------------------------------------------------------------


def test_a_field_is_written(store: Any) -> None:
    array = zarr.create_array(
        store, name="a", shape=4, chunks=2, dtype=[("x", "i4"), ("y", "f4")], fill_value=0
    )
    array.set_basic_selection(slice(1, 3), 5, fields="x")
    assert array[:]["x"].tolist() == [0, 5, 5, 0]


def test_an_array_that_was_made_anew_is_written(store: Any) -> None:
    group, array = made(store)
    del group["below/a"]
    group.create_array("below/a", shape=(4, 10), chunks=(2, 5), dtype="i4")
    array[:] = 2
    assert (group["below/a"][:] == 2).all()


def test_attributes_store_the_document_anew(store: Any) -> None:
    group, array = made(store)
    del group["below/a"]
    array.attrs["unit"] = "m"
    array[:] = 2
    assert (group["below/a"][:] == 2).all()


def test_an_array_that_only_consolidated_metadata_describe_is_written(store: Any) -> None:
    made(store, zarr_format=2)
    zarr.consolidate_metadata(store, zarr_format=2)
    asyncio.run(store.delete_dir("below/a"))
    array: Any = zarr.open_consolidated(store)["below/a"]
    array[:] = 2
    assert (array[:] == 2).all()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_chunks_in_a_store_of_their_own_are_written(
    tmp_path: Path, store: Any, zarr_format: int
) -> None:
    chunks = LocalStore(tmp_path / "chunks") if isinstance(store, LocalStore) else MemoryStore()
    array: Any = zarr.create(
        4, chunks=2, dtype="i4", store=store, chunk_store=chunks, zarr_format=zarr_format
    )
    again: Any = zarr.open_array(store, chunk_store=chunks)
    array[:2], again[2:] = 1, 2
    assert again[:].tolist() == [1, 1, 2, 2]
    assert len(keys(chunks)) == 2


def test_a_handle_made_of_metadata_alone_is_written(store: Any) -> None:
    _, array = made(store)
    other = zarr.storage.StorePath(store, "elsewhere")
    alone: Any = zarr.Array(zarr.AsyncArray(array.metadata, other))
    alone[:] = 3
    assert (alone[:] == 3).all()


def test_a_handle_from_before_a_migration_is_written() -> None:
    from zarr.metadata.migrate_v3 import migrate_v2_to_v3, remove_metadata

    store = MemoryStore()
    array = zarr.create_array(store, shape=4, chunks=2, dtype="i4", zarr_format=2, fill_value=0)
    migrate_v2_to_v3(input_store=store)
    asyncio.run(remove_metadata(store, zarr_format=2))
    array[:] = 1
    assert zarr.open_array(store, mode="r")[:].tolist() == [1, 1, 1, 1]
