"""Checksums are added to arrays that have data, and removed, without any harm to the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.support.broken import DATA, data_of, flip, store_of, whole

import zarr
from zarr import tools
from zarr.codecs import BytesCodec, ShardingCodec, ZstdCodec
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from pathlib import Path

INTEGERS = BytesCodec(endian="little")
LAYOUTS: dict[str, dict[str, Any]] = {
    "raw": {"chunks": (4, 4), "compressors": None},
    "zstd": {"chunks": (3, 5)},
    "shards": {"chunks": (2, 2), "shards": (4, 4)},
    "shards with their index first": {
        "chunks": (4, 4),
        "serializer": ShardingCodec(chunk_shape=(2, 2), index_location="start"),
        "compressors": None,
    },
    "keys of format 2": {
        "chunks": (4, 4),
        "chunk_key_encoding": {"name": "v2", "configuration": {"separator": "."}},
    },
}
LAYOUTS["shards in shards"] = {
    "chunks": (8, 8),
    "serializer": ShardingCodec(
        chunk_shape=(4, 4),
        codecs=[
            ShardingCodec(chunk_shape=(2, 2), codecs=[BytesCodec(endian="little"), ZstdCodec()])
        ],
    ),
    "compressors": None,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_they_are_added_and_removed(layout: str) -> None:
    store: dict[str, Any] = {}
    zarr.create_array(store, data=DATA, **LAYOUTS[layout], attributes={"a": 1})
    before = tools.digest(store).digest
    done = tools.add_checksums(store)
    assert done.changed
    assert done.codecs[-1] == "crc32c"
    assert tools.verify(store).ok
    array = zarr.open_array(store, mode="r")
    np.testing.assert_array_equal(array[...], DATA)
    assert tools.digest(store).digest == before
    assert not tools.add_checksums(store).changed
    # Any flipped bit is noticed now.
    spoilt = store_of(data_of(array.store))  # type: ignore[arg-type]
    key = next(key for key in data_of(spoilt) if not key.endswith("zarr.json"))
    damaged = data_of(spoilt)
    flip(damaged, key, 12)
    assert not tools.verify(store_of(damaged)).ok
    assert tools.remove_checksums(store).changed
    assert tools.verify(store).ok
    array = zarr.open_array(store, mode="r")
    np.testing.assert_array_equal(array[...], DATA)
    assert (
        array.metadata.codecs == zarr.create_array({}, data=DATA, **LAYOUTS[layout]).metadata.codecs
    )


def test_chunks_that_are_not_stored_stay_so() -> None:
    store: dict[str, Any] = {}
    array = zarr.create_array(store, shape=(8,), chunks=(2,), dtype="i4", compressors=None)
    array[0:2] = 5
    tools.add_checksums(store)
    assert len(store) == 2
    assert zarr.open_array(store)[...].tolist() == [5, 5, 0, 0, 0, 0, 0, 0]


def test_old_chunks_stay_for_those_who_have_the_array_open(tmp_path: Path) -> None:
    store: dict[str, Any] = {}
    old = zarr.create_array(store, data=DATA, chunks=(4, 4))
    tools.add_checksums(store, keep_old=True)
    np.testing.assert_array_equal(old[...], DATA)
    np.testing.assert_array_equal(zarr.open_array(store)[...], DATA)
    tools.repair(store, apply=True, keep=tmp_path / "kept")
    assert tools.verify(store).findings == ()
    np.testing.assert_array_equal(zarr.open_array(store)[...], DATA)


def test_an_array_with_a_damaged_chunk_stays_as_it_is() -> None:
    data = whole()
    data["zstd/c/0/0"] = b"torn"
    store = store_of(data)
    with pytest.raises(ChunkDecodeError, match="repair the array first"):
        tools.add_checksums(store, path="zstd")
    after = data_of(store)
    assert {key: after[key] for key in data} == data
    # Leftovers are found and taken away.
    assert {each.code for each in tools.verify(store).findings} <= {
        "chunk-damaged",
        "key-of-other-encoding",
    }


def test_groups_and_arrays_of_format_2_are_refused() -> None:
    with pytest.raises(TypeError, match="no array of format 3"):
        tools.add_checksums(store_of(whole()))
    with pytest.raises(TypeError, match="no array of format 3"):
        tools.add_checksums(store_of(whole(2)), path="raw")


@pytest.mark.parametrize("adding", [True, False])
def test_a_kill_at_any_request_leaves_the_array_whole(adding: bool, tmp_path: Path) -> None:
    from zarr.testing.faults import FaultyStore

    class Killed(BaseException):
        """The process ends."""

    class Ending(FaultyStore):
        left = 0

        async def intercept(self, method: str, *args: Any, **more: Any) -> Any:
            if method in ("set", "delete", "set_if_unchanged"):
                Ending.left -= 1
                if Ending.left < 0:
                    raise Killed
            return await super().intercept(method, *args, **more)

    def check(store: Any) -> None:
        np.testing.assert_array_equal(zarr.open_array(store, path="raw", mode="r")[...], DATA)
        np.testing.assert_array_equal(zarr.open_consolidated(store)["raw"][...], DATA)

    change = tools.add_checksums if adding else tools.remove_checksums
    for count in range(100):
        store = store_of(whole())
        if not adding:
            tools.add_checksums(store, path="raw")
        Ending.left = count
        try:
            change(Ending(store), path="raw")
        except Killed:
            pass
        else:
            break
        check(store)
        tools.repair(store, apply=True, keep=tmp_path / str(count))
        assert tools.verify(store).findings == ()
        check(store)
    # Four chunks are written, the document, the consolidated metadata; four chunks are deleted.
    assert count >= 10


def test_consolidated_metadata_above_are_made_anew(tmp_path: Path) -> None:
    store = store_of(whole())
    tools.add_checksums(store, path="raw")
    assert tools.verify(store).findings == ()
    root = zarr.open_consolidated(store)
    np.testing.assert_array_equal(root["raw"][...], DATA)
    directory = tmp_path / "store"
    for key, value in whole().items():
        (directory / key).parent.mkdir(parents=True, exist_ok=True)
        (directory / key).write_bytes(value)
    # By way of a store that begins at the array, they could not be made anew.
    with pytest.raises(ValueError, match="consolidated metadata"):
        tools.add_checksums(directory / "raw")
    tools.add_checksums(directory, path="raw")
    np.testing.assert_array_equal(zarr.open_consolidated(directory)["raw"][...], DATA)
