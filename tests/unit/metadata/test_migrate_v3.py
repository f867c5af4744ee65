"""Migration to format 3 changes the documents of a hierarchy, and nothing else."""

from __future__ import annotations

import asyncio
import errno
import json
from typing import Any

import numcodecs
import numpy as np
import pytest

import zarr
from zarr.errors import GroupNotFoundError
from zarr.metadata.migrate_v3 import migrate_to_v3, migrate_v2_to_v3, remove_metadata
from zarr.storage import MemoryStore, StorePath
from zarr.testing.faults import FaultyStore

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
CONTENT = np.random.default_rng(0).integers(0, 100, (5, 6))


def keys(store: Any) -> set[str]:
    return set(store._store_dict)


def tree() -> tuple[MemoryStore, Any]:
    store = MemoryStore({})
    root = zarr.group(store, zarr_format=2, attributes={"x": 1})
    root.create_array("a/b", data=CONTENT, chunks=(2, 3), attributes={"y": 2})
    return store, root


V2 = {".zattrs", ".zgroup", "a/.zattrs", "a/.zgroup", "a/b/.zarray", "a/b/.zattrs"}
V3 = {"zarr.json", "a/zarr.json", "a/b/zarr.json"}


def test_all_nodes_get_documents_and_chunks_stay() -> None:
    store, _ = tree()
    before = dict(store._store_dict)
    migrate_v2_to_v3(input_store=store, dry_run=True)
    assert store._store_dict == before
    migrate_v2_to_v3(input_store=store)
    assert keys(store) == before.keys() | V3
    assert all(store._store_dict[key] == value for key, value in before.items())
    root = zarr.open_group(store, zarr_format=3)
    np.testing.assert_array_equal(root["a/b"][...], CONTENT)
    assert dict(root.attrs) == {"x": 1}
    assert dict(root["a/b"].attrs) == {"y": 2}


def test_documents_go_to_another_store_where_asked() -> None:
    store, root = tree()
    other = MemoryStore({})
    migrate_v2_to_v3(input_store=store, output_store=other)
    assert keys(other) == V3
    migrate_to_v3(root["a"], StorePath(other, "p"))
    assert keys(other) == V3 | {"p/zarr.json", "p/b/zarr.json"}
    with pytest.raises(ValueError, match="already exists"):
        migrate_to_v3(root["a"], StorePath(other, "p"))
    assert V3.isdisjoint(keys(store))


@pytest.mark.parametrize(
    ("parameters", "codecs"),
    [
        ({"dtype": "i4"}, ["bytes", "zstd"]),
        ({"dtype": ">i4"}, ["bytes", "zstd"]),
        ({"dtype": "f8", "order": "F"}, ["transpose", "bytes", "zstd"]),
        ({"dtype": "i4", "compressors": None}, ["bytes"]),
        ({"dtype": "i4", "fill_value": None}, ["bytes", "zstd"]),
        ({"dtype": "i4", "compressors": {"id": "blosc", "shuffle": -1}}, ["bytes", "blosc"]),
        ({"dtype": "i4", "compressors": {"id": "gzip", "level": -1}}, ["bytes", "gzip"]),
        ({"dtype": "i4", "compressors": {"id": "zlib", "level": 1}}, ["bytes", "numcodecs.zlib"]),
        (
            {"dtype": "i4", "filters": [{"id": "delta", "dtype": "<i4"}], "order": "F"},
            ["transpose", "numcodecs.delta", "bytes", "zstd"],
        ),
        (
            {"dtype": "i4", "filters": [{"id": "shuffle", "elementsize": 4}]},
            ["bytes", "numcodecs.shuffle", "zstd"],
        ),
        ({"dtype": str}, ["vlen-utf8", "zstd"]),
        ({"dtype": "U3", "chunk_key_encoding": {"name": "v2", "separator": "/"}}, None),
        ({"dtype": "M8[s]"}, None),
    ],
    ids=str,
)
def test_the_values_read_afterwards_are_those_that_were_written(
    parameters: Any, codecs: Any
) -> None:
    store = MemoryStore({})
    array = zarr.create_array(store, shape=(5, 6), chunks=(2, 3), zarr_format=2, **parameters)
    array[:4] = CONTENT[:4].astype(str if parameters["dtype"] is str else array.dtype)
    migrate_v2_to_v3(input_store=store)
    document = json.loads(store._store_dict["zarr.json"].to_bytes())
    assert document["chunk_key_encoding"]["name"] == "v2"
    assert codecs is None or [codec["name"] for codec in document["codecs"]] == codecs
    again = zarr.open_array(MemoryStore(store._store_dict), zarr_format=3)
    assert again[...].tolist() == array[...].tolist()


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"dtype": [("a", "<i4"), ("b", ">f8")]}, ValueError),
        ({"dtype": "i4", "filters": [{"id": "crc32"}, {"id": "delta", "dtype": "<i4"}]}, TypeError),
    ],
    ids=str,
)
def test_metadata_that_format_3_lacks_are_refused_and_nothing_is_stored(
    parameters: Any, error: Any
) -> None:
    store, root = tree()
    array = root.create_array("z", shape=4, **parameters)
    before = dict(store._store_dict)
    with pytest.raises(error) as caught:
        migrate_v2_to_v3(input_store=store)
    assert str(array.store_path) in "".join(caught.value.__notes__)
    assert store._store_dict == before


def test_other_things_are_refused() -> None:
    store, root = tree()
    migrate_v2_to_v3(input_store=store)
    with pytest.raises(TypeError, match="zarr v2 metadata"):
        migrate_v2_to_v3(input_store=store)
    with pytest.raises(TypeError, match="zarr v2 metadata"):
        migrate_to_v3(zarr.create_array({}, shape=1, dtype="i1"), StorePath(store, "q"))
    with pytest.raises(GroupNotFoundError):
        migrate_v2_to_v3(input_store=MemoryStore({}))
    assert root["a/b"][0, 0] == CONTENT[0, 0]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_metadata_are_removed_where_the_other_format_has_them(zarr_format: Any) -> None:
    store, _ = tree()
    migrate_v2_to_v3(input_store=store)
    everything = keys(store)
    asyncio.run(remove_metadata(store, zarr_format, dry_run=True))
    assert keys(store) == everything
    asyncio.run(remove_metadata(store, zarr_format))
    assert keys(store) == everything - (V2 if zarr_format == 2 else V3)
    left: Any = 5 - zarr_format
    before = keys(store)
    with pytest.raises(ValueError, match="force"):
        asyncio.run(remove_metadata(store, left))
    assert keys(store) == before
    np.testing.assert_array_equal(zarr.open_array(store, path="a/b")[...], CONTENT)
    asyncio.run(remove_metadata(store, left, force=True))
    assert all(key.startswith("a/b/") for key in keys(store))


class FailingStore(MemoryStore):
    """Fails when a document is written, if told to."""

    fails_at = ""
    failed = False

    async def set(self, key: str, value: Any) -> None:
        if key == self.fails_at and not self.failed:
            self.failed = True
            raise OSError(errno.ENOSPC, f"no space left for {key}")
        await super().set(key, value)


def test_overwriting_leaves_the_old_documents_until_all_new_ones_are_made() -> None:
    store, root = tree()
    migrate_v2_to_v3(input_store=store)
    root.attrs["x"] = 9
    root.create_array("bad", shape=3, dtype="i4", filters=[numcodecs.Categorize(["a"], "U1", "i4")])
    before = dict(store._store_dict)
    with pytest.raises((TypeError, ValueError)):
        migrate_v2_to_v3(input_store=store, overwrite=True)
    assert store._store_dict == before
    del root["bad"]
    migrate_v2_to_v3(input_store=store, overwrite=True)
    assert dict(zarr.open_group(store, zarr_format=3).attrs) == {"x": 9}


def test_a_write_that_fails_loses_no_node() -> None:
    store, root = tree()
    migrate_v2_to_v3(input_store=store)
    root.attrs["x"] = 9
    failing = FailingStore(store._store_dict)
    failing.fails_at = "a/zarr.json"
    with pytest.raises(OSError, match="no space"):
        migrate_v2_to_v3(input_store=failing, overwrite=True)
    assert keys(store) > V3
    found = zarr.open_group(store, zarr_format=3)
    np.testing.assert_array_equal(found["a/b"][...], CONTENT)


@pytest.mark.filterwarnings("ignore:Object at new is not recognized")
def test_overwriting_deletes_other_documents_only_where_forced() -> None:
    store, _ = tree()
    migrate_v2_to_v3(input_store=store)
    del zarr.open_group(store, zarr_format=2)["a"]
    zarr.create_array(store, name="new", shape=1, dtype="i1", zarr_format=3)
    before = dict(store._store_dict)
    with pytest.raises(ValueError, match="no v2 metadata exists"):
        migrate_v2_to_v3(input_store=store, overwrite=True)
    migrate_v2_to_v3(input_store=store, overwrite=True, force=True, dry_run=True)
    assert store._store_dict == before
    migrate_v2_to_v3(input_store=store, overwrite=True, force=True)
    assert {key for key in keys(store) if key.endswith("zarr.json")} == {"zarr.json"}


def documents(store: Any) -> dict[str, bytes]:
    return {k: v.to_bytes() for k, v in store._store_dict.items() if k.endswith("zarr.json")}


def broad() -> MemoryStore:
    """Eight arrays in four groups."""
    store = MemoryStore({})
    root = zarr.group(store, zarr_format=2, attributes={"x": 1})
    for name in ("a", "b", "c", "c/d"):
        for number in range(2):
            root.create_array(f"{name}/{number}", data=[number], attributes={"of": name})
    return store


@pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")
def test_consolidated_metadata_stay_consolidated() -> None:
    store = broad()
    zarr.consolidate_metadata(store, path="c", zarr_format=2)
    zarr.consolidate_metadata(store, zarr_format=2)
    # A node made since is missing in the consolidated metadata, but not in the hierarchy.
    zarr.open_group(store, zarr_format=2, use_consolidated=False).create_array("late", data=[7])
    migrate_v2_to_v3(input_store=store)
    asyncio.run(remove_metadata(store, 2))
    for path, known in (("", {"a", "b", "c", "late"}), ("c", {"0", "1", "d"}), ("a", None)):
        group = zarr.open_group(store, path=path, zarr_format=3)
        found = group.metadata.consolidated_metadata
        assert (None if found is None else set(found.metadata)) == known
    root = zarr.open_group(store, use_consolidated=True)
    assert root["c/d/1"].attrs["of"] == "c/d"
    assert root["c/d/1"][:].tolist() == [1]
    assert root["late"][:].tolist() == [7]
    below = root.metadata.consolidated_metadata
    assert below is not None
    again = zarr.consolidate_metadata(store).metadata.consolidated_metadata
    assert below.to_dict() == again.to_dict()


@pytest.mark.parametrize(
    ("value", "names"),
    [(["x", "y"], ("x", "y")), (["x"], None), ([1, 2], None), ("xy", None), (None, None)],
)
def test_the_dimensions_of_xarray_get_their_names(value: Any, names: Any) -> None:
    store = MemoryStore({})
    attributes = {"_ARRAY_DIMENSIONS": value, "units": "m"}
    zarr.create_array(store, data=CONTENT, zarr_format=2, attributes=attributes)
    migrate_v2_to_v3(input_store=store)
    array = zarr.open_array(store, zarr_format=3)
    assert array.metadata.dimension_names == names
    assert dict(array.attrs) == attributes


def test_requests_are_made_at_the_same_time_and_again_after_faults() -> None:
    expected = broad()
    migrate_v2_to_v3(input_store=expected)
    store = FaultyStore(broad(), rate=0.2, seed=3)
    with zarr.config.set({"requests.backoff": 0.001, "requests.attempts": 20}):
        migrate_v2_to_v3(input_store=store)
        assert store.most_in_flight > 1
        assert documents(store._store) == documents(expected)
        asyncio.run(remove_metadata(store, 2))
    assert not any(key.rpartition("/")[2].startswith(".z") for key in keys(store._store))


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("number", range(9))
def test_a_fault_while_storing_leaves_what_was(number: int, overwrite: bool) -> None:
    store = broad()
    if overwrite:
        migrate_v2_to_v3(input_store=store)
        zarr.open_group(store, zarr_format=2).attrs["x"] = 2
    before = dict(store._store_dict)
    failing = FailingStore(store._store_dict)
    names = ["", "a", "b", "c", "c/d", "a/0", "a/1", "c/d/0", "c/d/1"]
    failing.fails_at = f"{names[number]}/zarr.json".lstrip("/")
    with pytest.raises(OSError, match="no space"):
        migrate_v2_to_v3(input_store=failing, overwrite=overwrite)
    assert {k: v.to_bytes() for k, v in failing._store_dict.items()} == {
        k: v.to_bytes() for k, v in before.items()
    }
    failing.fails_at = ""
    migrate_v2_to_v3(input_store=failing, overwrite=overwrite)
    assert zarr.open_group(failing, zarr_format=3).attrs["x"] == (2 if overwrite else 1)


class StuckStore(FailingStore):
    """Nothing can be deleted, either."""

    async def delete(self, key: str) -> None:
        raise OSError(errno.EROFS, "nothing can be deleted")


def test_a_run_that_was_cut_off_is_completed_by_the_next() -> None:
    expected = broad()
    migrate_v2_to_v3(input_store=expected)
    store = StuckStore(broad()._store_dict)
    store.fails_at = "c/zarr.json"
    with pytest.raises(OSError, match="no space") as caught:
        migrate_v2_to_v3(input_store=store)
    assert "migrate again" in caught.value.__notes__[0]
    assert 0 < len(documents(store)) < len(documents(expected))
    store.fails_at = ""
    migrate_v2_to_v3(input_store=store)
    assert documents(store) == documents(expected)


def test_documents_of_others_are_not_taken_for_those_of_a_run_that_was_cut_off() -> None:
    store = broad()
    other = zarr.create_group({}, zarr_format=3, attributes={"mine": 1})
    store._store_dict["c/d/zarr.json"] = other.store._store_dict["zarr.json"]
    before = dict(store._store_dict)
    with pytest.raises(ValueError, match="already exists"):
        migrate_v2_to_v3(input_store=store)
    assert store._store_dict == before
