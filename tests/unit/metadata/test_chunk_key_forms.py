"""Chunk key encodings of the registry of extensions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.metadata.chunk_key_encodings import parse_chunk_key_encoding
from zarr.storage import MemoryStore

FANOUT: dict[str, Any] = {"name": "fanout", "configuration": {"max_children": 101}}
PREFIX: dict[str, Any] = {
    "name": "prefix",
    "configuration": {"prefix": "x/", "base_encoding": {"name": "v2"}},
}
SUFFIX: dict[str, Any] = {
    "name": "suffix",
    "configuration": {"suffix": ".tiff", "base_encoding": {"name": "default"}},
}
BOTH: dict[str, Any] = {
    "name": "suffix",
    "configuration": {"suffix": ".shard.zip", "base_encoding": PREFIX},
}


@pytest.mark.parametrize(
    ("encoding", "coords", "key"),
    [
        # The examples of the specifications.
        (FANOUT, (), "c"),
        (FANOUT, (123,), "d0/1/23/c"),
        (FANOUT, (1234, 5, 67890), "d0/12/34/d1/5/d2/6/78/90/c"),
        (PREFIX, (0, 0, 0), "x/0.0.0"),
        (SUFFIX, (1, 2), "c/1/2.tiff"),
        (BOTH, (1, 2), "x/1.2.shard.zip"),
    ],
    ids=str,
)
def test_keys_are_those_of_the_specification(encoding: Any, coords: Any, key: str) -> None:
    found = parse_chunk_key_encoding(encoding)
    assert found.encode_chunk_key(coords) == key
    assert found.decode_chunk_key(key) == coords


@given(coords=st.lists(st.integers(0, 10**6), min_size=1, max_size=4), most=st.integers(4, 2000))
def test_no_directory_has_more_entries_than_it_may(coords: list[int], most: int) -> None:
    encoding = parse_chunk_key_encoding({"name": "fanout", "configuration": {"max_children": most}})
    key = encoding.encode_chunk_key(tuple(coords))
    assert encoding.decode_chunk_key(key) == tuple(coords)
    digits = [int(part) for part in key.split("/") if part.isdecimal()]
    assert max(digits) < most - 1


@pytest.mark.parametrize("encoding", [FANOUT, {"name": "fanout"}, PREFIX, SUFFIX, BOTH], ids=str)
def test_an_array_is_read_listed_and_resized(encoding: Any) -> None:
    values = np.arange(600).reshape(20, 30)
    store = MemoryStore()
    zarr.create_array(store, data=values, chunks=(3, 4), chunk_key_encoding=encoding)
    array: Any = zarr.open_array(store)
    np.testing.assert_array_equal(array[:], values)
    assert array.nchunks_initialized == array.nchunks == 56
    document = json.loads(store._store_dict["zarr.json"].to_bytes())
    assert parse_chunk_key_encoding(document["chunk_key_encoding"]) == (
        array.metadata.chunk_key_encoding
    )
    array.resize((5, 5))
    assert len(store._store_dict) == 1 + 2 * 2
    array.append(np.ones((4, 5)))
    np.testing.assert_array_equal(array[:], np.concatenate([values[:5, :5], np.ones((4, 5))]))


@pytest.mark.parametrize(
    "encoding",
    [
        {"name": "fanout", "configuration": {"max_children": 3}},
        {"name": "fanout", "configuration": {"max_children": True}},
        {"name": "prefix", "configuration": {"prefix": "/x", "base_encoding": "v2"}},
        {"name": "prefix", "configuration": {"prefix": "", "base_encoding": "v2"}},
        {"name": "prefix", "configuration": {"prefix": "../", "base_encoding": "v2"}},
        {"name": "prefix", "configuration": {"prefix": "zarr.json", "base_encoding": "v2"}},
        {"name": "suffix", "configuration": {"suffix": "/", "base_encoding": "v2"}},
        {"name": "suffix", "configuration": {"suffix": ".x", "base_encoding": "nothing"}},
    ],
    ids=str,
)
def test_keys_that_could_lead_elsewhere_are_refused(encoding: Any) -> None:
    with pytest.raises(ValueError, match=r"max_children|prefix|suffix|Unknown"):
        zarr.create_array({}, shape=(4,), dtype="i4", chunk_key_encoding=encoding)


@pytest.mark.parametrize("encoding", [FANOUT, PREFIX, SUFFIX], ids=str)
@pytest.mark.parametrize("key", ["", "c", "d0/c", "d0/x/c", "d1/0/c", "x/", "x/a", "c/1", "1.tiff"])
def test_a_key_of_something_else_is_no_chunk(encoding: Any, key: str) -> None:
    if encoding is FANOUT and key == "c":
        return
    with pytest.raises(ValueError):
        parse_chunk_key_encoding(encoding).decode_chunk_key(key)
