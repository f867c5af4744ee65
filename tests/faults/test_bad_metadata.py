"""Documents that make no sense: an error that names the array, and nothing else happens."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.errors import BaseZarrError
from zarr.storage import MemoryStore

V3 = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10, 10],
    "data_type": "int32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [5, 5]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    "attributes": {"a": 1},
}
V2 = {
    "zarr_format": 2,
    "shape": [10, 10],
    "chunks": [5, 5],
    "dtype": "<i4",
    "fill_value": 0,
    "order": "C",
    "filters": None,
    "compressor": None,
}


def store_with(document: Any, name: str) -> MemoryStore:
    """A store with one document, of an array at the path x/a."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    make = zarr.buffer.cpu.Buffer.from_bytes
    chunks = {f"x/a/{key}": make(bytes(100)) for key in ("0.0", "c/0/0")}
    return MemoryStore({f"x/a/{name}": make(data), **chunks})


def refused(document: Any, name: str) -> str:
    """The message with which a document is refused."""
    store = store_with(document, name)
    before = dict(store._store_dict)
    with pytest.raises((ValueError, TypeError, OverflowError)) as error:
        zarr.open_array(store, path="x/a")[0, 0]
    assert store._store_dict == before
    return str(error.value) + "".join(getattr(error.value, "__notes__", ()))


def changed(document: Any, change: dict[str, Any]) -> Any:
    """A document with other fields; None removes one."""
    new = copy.deepcopy(document)
    for field, value in change.items():
        if value is ...:
            del new[field]
        else:
            new[field] = value
    return new


def grid(*shape: Any) -> Any:
    return {"name": "regular", "configuration": {"chunk_shape": list(shape)}}


BAD_V3 = [
    *({field: ...} for field in V3 if field != "attributes"),
    {"zarr_format": 4},
    {"zarr_format": "3"},
    {"node_type": "arrays"},
    {"shape": "10"},
    {"shape": [10, -1]},
    {"shape": [10, 1.5]},
    {"shape": [10]},
    {"shape": [2**63, 10]},
    {"shape": [10**400, 10]},
    {"data_type": "int33"},
    {"data_type": 5},
    {"data_type": {"name": "int32", "configuration": {"x": 1}}},
    {"chunk_grid": grid(5)},
    {"chunk_grid": grid(5, -5)},
    {"chunk_grid": grid(5, "5")},
    {"chunk_grid": {"name": "irregular"}},
    {"chunk_grid": "regular"},
    {"chunk_grid": grid(2**62, 2**62)},
    {"chunk_key_encoding": {"name": "other"}},
    {"chunk_key_encoding": {"name": "default", "configuration": {"separator": "-"}}},
    {"fill_value": "zero"},
    {"fill_value": 2**40},
    {"fill_value": None},
    {"codecs": []},
    {"codecs": [{"name": "unknown"}]},
    {"codecs": [{"name": "zstd", "configuration": {"level": 1, "checksum": False}}]},
    {"codecs": [*V3["codecs"], *V3["codecs"]]},  # type: ignore[misc]
    {"codecs": "bytes"},
    {"codecs": [{"name": "transpose", "configuration": {"order": [0, 0]}}, *V3["codecs"]]},  # type: ignore[misc]
    {"codecs": [{"name": "transpose", "configuration": {"order": [0]}}, *V3["codecs"]]},  # type: ignore[misc]
    {"codecs": [{"name": "sharding_indexed", "configuration": {"chunk_shape": [3, 5]}}]},
    {"codecs": [{"name": "sharding_indexed", "configuration": {"chunk_shape": [0, 5]}}]},
    {"attributes": [1]},
    {"dimension_names": ["x"]},
    {"dimension_names": [1, 2]},
    {"storage_transformers": [{"name": "x"}]},
    {"unknown": {"must_understand": True}},
    {"unknown": 5},
]
BAD_V2 = [
    *({field: ...} for field in V2 if field not in ("filters", "compressor")),
    {"zarr_format": 3},
    {"shape": [10, -1]},
    {"shape": [2**63, 10]},
    {"chunks": [5]},
    {"chunks": [5, -5]},
    {"chunks": [2**62, 2**62]},
    {"dtype": "<i3"},
    {"dtype": 5},
    {"fill_value": "zero"},
    {"order": "X"},
    {"filters": [{"id": "unknown"}]},
    {"filters": [{}]},
    {"compressor": {"id": "unknown"}},
    {"compressor": "zstd"},
    {"dimension_separator": "-"},
]


@pytest.mark.parametrize("change", BAD_V3, ids=str)
def test_a_document_of_format_3_that_makes_no_sense_is_refused(change: Any) -> None:
    assert "x/a" in refused(changed(V3, change), "zarr.json")


@pytest.mark.parametrize("change", BAD_V2, ids=str)
def test_a_document_of_format_2_that_makes_no_sense_is_refused(change: Any) -> None:
    assert "x/a" in refused(changed(V2, change), ".zarray")


@pytest.mark.parametrize("name", ["zarr.json", ".zarray"])
@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"3", b"\xff\xfe", b"null", b'{"zarr_format": 3', b"[" * 100_000],
    ids=lambda data: repr(data[:20]),
)
def test_a_value_that_is_no_document_is_refused(name: str, data: bytes) -> None:
    assert "x/a" in refused(data, name)


def test_fields_that_need_not_be_understood_are_kept() -> None:
    extra = {"must_understand": False, "x": [1]}
    store = store_with(changed(V3, {"extra": extra}), "zarr.json")
    array = zarr.open_array(store, path="x/a")
    array.attrs["b"] = 2
    assert json.loads(store._store_dict["x/a/zarr.json"].to_bytes())["extra"] == extra


def test_an_array_that_is_larger_than_memory_opens_and_refuses_to_be_read_whole() -> None:
    store = store_with(
        changed(V3, {"shape": [2**62, 2**62], "chunk_grid": grid(10, 10)}), "zarr.json"
    )
    array = zarr.open_array(store, path="x/a")
    del store._store_dict["x/a/c/0/0"]
    assert array[2**61, 5] == 0
    assert array[2**62 - 3 :, :3].tolist() == [[0, 0, 0]] * 3
    for selection in (..., slice(None), (slice(None), 3)):
        with pytest.raises((MemoryError, ValueError, OverflowError)):
            array[selection]


def test_a_chunk_that_is_larger_than_memory_does_not_cost_it() -> None:
    big = changed(V3, {"shape": [2**40], "chunk_grid": grid(2**40)})
    store = store_with(big, "zarr.json")
    store._store_dict["x/a/c/0"] = zarr.buffer.cpu.Buffer.from_bytes(b"short")
    array = zarr.open_array(store, path="x/a")
    with pytest.raises((BaseZarrError, MemoryError), match=r"x/a|[Uu]nable to allocate"):
        array[0]


@pytest.mark.filterwarnings("ignore:The stored chunk shape")
def test_mutated_documents_are_opened_or_refused() -> None:
    """Any byte of a document changed: a sound array, or an error."""
    chaos = np.random.default_rng(3)
    for document, name in ((V3, "zarr.json"), (V2, ".zarray")):
        data = json.dumps(document).encode()
        for _ in range(3000):
            mutated = bytearray(data)
            for place in chaos.integers(0, len(data), 1 + int(chaos.integers(3))):
                mutated[place] = int(chaos.integers(32, 127))
            store = store_with(bytes(mutated), name)
            try:
                array = zarr.open_array(store, path="x/a")
                array[tuple(0 for _ in array.shape)]
            except (BaseZarrError, ValueError, TypeError, IndexError, MemoryError):
                continue
