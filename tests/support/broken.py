"""Hierarchies that are whole, and ways to break them, for tests of tools."""

from __future__ import annotations

import json
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import zarr
from zarr.buffer.cpu import Buffer
from zarr.codecs import BytesCodec, Crc32cCodec, ZstdCodec
from zarr.storage import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    Data = dict[str, bytes]

DATA = np.arange(1, 65, dtype="i4").reshape(8, 8)


@cache
def _whole(zarr_format: int) -> dict[str, bytes]:
    store: dict[str, Any] = {}
    root = zarr.create_group(store, zarr_format=zarr_format, attributes={"title": "whole"})
    plain = {"chunks": (4, 4), "compressors": None}
    root.create_array("raw", data=DATA, **plain, attributes={"unit": "m"})
    root.create_array("zstd", data=DATA, chunks=(4, 4))
    words = root.create_array("deep/words", shape=(4,), chunks=(2,), dtype=str)
    words[...] = np.array(["one", "two", "three", "four"], dtype=object)
    if zarr_format == 3:
        checked = {"serializer": BytesCodec(), "compressors": [Crc32cCodec()]}
        root.create_array("checked", data=DATA, chunks=(4, 4), **checked)
        root.create_array("shards", data=DATA, chunks=(2, 2), shards=(4, 4))
        sure = {"compressors": [ZstdCodec(), Crc32cCodec()]}
        root.create_array("sure", data=DATA, chunks=(2, 2), shards=(4, 4), **sure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(store, zarr_format=zarr_format)
    return {key: value.to_bytes() for key, value in store.items()}


def whole(zarr_format: int = 3) -> Data:
    """The values of a hierarchy that is whole, by their keys."""
    return dict(_whole(zarr_format))


def store_of(data: Data) -> MemoryStore:
    """A store of these values."""
    return MemoryStore({key: Buffer.from_bytes(value) for key, value in data.items()})


def data_of(store: MemoryStore) -> Data:
    """The values of a store."""
    return {key: value.to_bytes() for key, value in store._store_dict.items()}


def edit(data: Data, key: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON document."""
    document = json.loads(data[key])
    change(document)
    data[key] = json.dumps(document).encode()


def flip(data: Data, key: str, at: int) -> None:
    """Change one byte of a value."""
    value = bytearray(data[key])
    value[at] ^= 0xFF
    data[key] = bytes(value)


def cut(data: Data, key: str, size: int) -> None:
    """Leave the first bytes of a value."""
    data[key] = data[key][:size]


def _entry(data: Data, key: str, number: int, offset: int | None, count: int = 4) -> None:
    """Change the offset of a chunk in the index of a shard, whose checksum fits then."""
    from zarr import _core

    value = data[key]
    size = 16 * count + 4
    index = np.frombuffer(value[-size:-4], "<u8").reshape(count, 2).copy()
    if offset is not None:
        index[number, 0] = offset
    guarded = bytes(_core.encode_bytes((("crc32c", "end"),), index.tobytes()))
    data[key] = value[:-size] + guarded


def _in_consolidated(data: Data, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    def inside(document: dict[str, Any]) -> None:
        change(document["consolidated_metadata"]["metadata"])

    edit(data, "zarr.json", inside)


def _move(data: Data, old: str, new: str) -> None:
    data[new] = data.pop(old)


def _new_group(data: Data, path: str, zarr_format: int = 3) -> None:
    document = {"zarr_format": zarr_format}
    if zarr_format == 3:
        document = {**document, "node_type": "group", "attributes": {}}  # type: ignore[dict-item]
    name = "zarr.json" if zarr_format == 3 else ".zgroup"
    data[f"{path}/{name}"] = json.dumps(document).encode()
    if zarr_format == 3:
        _in_consolidated(data, path, lambda nodes: nodes.update({path: document}))


class Kind(NamedTuple):
    """A way in which a hierarchy is broken.

    Parameters
    ----------
    spoil
        Breaks a hierarchy.
    found
        The codes of what is found then.
    mended
        Of those, the codes that a repair without a second copy takes away.
    zarr_format
        Of the hierarchy.
    by_copy
        Those that it takes away with a second copy, besides.
    """

    spoil: Callable[[Data], object]
    found: frozenset[str]
    mended: frozenset[str] = frozenset()
    zarr_format: int = 3
    by_copy: frozenset[str] = frozenset()


def _kind(
    spoil: Callable[[Data], object],
    *found: str,
    mended: str = "",
    by_copy: str = "",
    zarr_format: int = 3,
) -> Kind:
    codes = frozenset(found)
    return Kind(spoil, codes, frozenset(mended.split()), zarr_format, frozenset(by_copy.split()))


STALE = "consolidated-differs"

KINDS: dict[str, Kind] = {
    # documents of format 3
    "an empty document": _kind(
        lambda d: d.update({"raw/zarr.json": b""}),
        "document-empty",
        mended="document-empty",
    ),
    "a document that was cut": _kind(
        lambda d: cut(d, "zstd/zarr.json", 40),
        "document-not-json",
        mended="document-not-json",
    ),
    "a document that is a list": _kind(
        lambda d: d.update({"raw/zarr.json": b"[1]"}),
        "document-not-json",
        mended="document-not-json",
    ),
    "a shape below zero": _kind(
        lambda d: edit(d, "raw/zarr.json", lambda doc: doc.update(shape=[-8, 8])),
        "document-invalid",
        mended="document-invalid",
    ),
    "a field that is missing": _kind(
        lambda d: edit(d, "raw/zarr.json", lambda doc: doc.pop("chunk_grid")),
        "document-invalid",
        mended="document-invalid",
    ),
    "a field that must be understood": _kind(
        lambda d: edit(d, "raw/zarr.json", lambda doc: doc.update(secret={"name": "x"})),
        "document-invalid",
        mended="document-invalid",
    ),
    "a data type that nobody knows": _kind(
        lambda d: edit(d, "raw/zarr.json", lambda doc: doc.update(data_type="int47")),
        "document-invalid",
        mended="document-invalid",
    ),
    "a kind of node that there is not": _kind(
        lambda d: edit(d, "raw/zarr.json", lambda doc: doc.update(node_type="table")),
        "document-invalid",
        mended="document-invalid",
    ),
    "a codec that nobody knows": _kind(
        lambda d: edit(d, "raw/zarr.json", lambda doc: doc.update(codecs=[{"name": "nope"}])),
        "codec-unknown",
    ),
    "a name that is there twice": _kind(
        lambda d: d.update(
            {"raw/zarr.json": d["raw/zarr.json"].replace(b"{", b'{"zarr_format": 3,', 1)}
        ),
        "document-repeated-name",
    ),
    "a number that JSON lacks": _kind(
        lambda d: (
            edit(d, "raw/zarr.json", lambda doc: doc.update(attributes={"unit": float("nan")})),
            _in_consolidated(
                d, "raw", lambda nodes: nodes["raw"].update(attributes={"unit": float("nan")})
            ),
        ),
        "document-nonstandard-number",
    ),
    "an array of which the document is gone": _kind(
        lambda d: d.pop("raw/zarr.json"), "document-lost", mended="document-lost"
    ),
    "an array of which no document tells": _kind(
        lambda d: (d.pop("raw/zarr.json"), _in_consolidated(d, "", lambda n: n.pop("raw"))),
        "document-lost",
        by_copy="document-lost",
    ),
    "a group of which the document is gone": _kind(
        lambda d: d.pop("deep/zarr.json"),
        "group-missing",
        mended="group-missing",
    ),
    "documents of both formats": _kind(
        lambda d: d.update({"raw/.zarray": whole(2)["raw/.zarray"]}), "formats-both"
    ),
    "attributes of nobody": _kind(
        lambda d: d.update({"deep/.zattrs": b"{}"}), "attributes-alone", mended="attributes-alone"
    ),
    "a node of the other format": _kind(lambda d: _new_group(d, "old", 2), "formats-mixed"),
    "a node below an array": _kind(
        lambda d: d.update({"raw/inside/zarr.json": d["deep/zarr.json"]}), "node-below-array"
    ),
    # consolidated metadata
    "consolidated metadata without a node": _kind(
        lambda d: _in_consolidated(d, "", lambda nodes: nodes.pop("raw")),
        "consolidated-lacks",
        mended="consolidated-lacks",
    ),
    "consolidated metadata with a node that is gone": _kind(
        lambda d: [d.pop(key) for key in list(d) if key.startswith("raw/")],
        "consolidated-surplus",
        mended="consolidated-surplus",
    ),
    "consolidated metadata of before": _kind(
        lambda d: edit(d, "raw/zarr.json", lambda doc: doc.update(attributes={"unit": "km"})),
        STALE,
        mended=STALE,
    ),
    "consolidated metadata of another kind": _kind(
        lambda d: edit(
            d, "zarr.json", lambda doc: doc["consolidated_metadata"].update(kind="outline")
        ),
        "consolidated-invalid",
        mended="consolidated-invalid",
    ),
    # names
    "a name that is reserved": _kind(lambda d: _new_group(d, "__mine"), "name-reserved"),
    "a name with a control character": _kind(
        lambda d: _new_group(d, "a\x1b[31mred"), "name-unportable"
    ),
    "a name with a backslash": _kind(lambda d: _new_group(d, "a\\b"), "name-unportable"),
    "a name of a device": _kind(lambda d: _new_group(d, "aux"), "name-unportable"),
    "a name that ends in a dot": _kind(lambda d: _new_group(d, "dot."), "name-unportable"),
    "names that differ by case": _kind(lambda d: _new_group(d, "RAW"), "names-collide"),
    # keys
    "a file that belongs to nothing": _kind(
        lambda d: d.update({"notes.txt": b"hello"}), "key-orphaned", mended="key-orphaned"
    ),
    "a file among chunks": _kind(
        lambda d: d.update({"raw/c/0/0.bak": b"hello"}), "key-orphaned", mended="key-orphaned"
    ),
    "a chunk with a number written otherwise": _kind(
        lambda d: d.update({"raw/c/00/1": b"x"}), "key-orphaned", mended="key-orphaned"
    ),
    "a chunk under a key of format 2": _kind(
        lambda d: _move(d, "raw/c/0/1", "raw/0.1"),
        "key-of-other-encoding",
        mended="key-of-other-encoding",
    ),
    "a chunk under two keys": _kind(
        lambda d: d.update({"raw/c.0.1": d["raw/c/0/1"]}),
        "key-of-other-encoding",
        mended="key-of-other-encoding",
    ),
    "a chunk outside of the shape": _kind(
        lambda d: d.update({"raw/c/7/0": d["raw/c/0/0"]}), "chunk-outside"
    ),
    "a key that is a directory as well": _kind(
        lambda d: d.update({"raw/c": b"x"}),
        "key-orphaned",
        "key-is-directory",
        mended="key-orphaned key-is-directory",
    ),
    "the target of a rechunk that goes on": _kind(
        lambda d: d.update({"new/zarr.unfinished": b"{}", "new/c/0/0": b"x"}), "unfinished"
    ),
    "working files of a rechunk that ended": _kind(
        lambda d: d.update({"raw/zarr.unfinished": b"{}", "raw/zarr.unfinished.d/0": b"x"}),
        "unfinished-remains",
    ),
    # chunks
    "an empty chunk": _kind(
        lambda d: d.update({"raw/c/0/0": b""}), "chunk-empty", by_copy="chunk-empty"
    ),
    "a chunk that was cut": _kind(
        lambda d: cut(d, "raw/c/0/0", 60), "chunk-size", by_copy="chunk-size"
    ),
    "a chunk that is too long": _kind(
        lambda d: d.update({"raw/c/0/0": d["raw/c/0/0"] + b"x"}), "chunk-size", by_copy="chunk-size"
    ),
    "a compressed chunk that was cut": _kind(
        lambda d: cut(d, "zstd/c/0/0", 20), "chunk-damaged", by_copy="chunk-damaged"
    ),
    "a bit that flipped under a checksum": _kind(
        lambda d: flip(d, "checked/c/1/0", 9), "chunk-checksum", by_copy="chunk-checksum"
    ),
    "a string that is no UTF-8": _kind(
        lambda d: d.update(
            {"deep/words/c/0": bytes(_zstd(b"\x02\0\0\0\x01\0\0\0\xff\x01\0\0\0a"))}
        ),
        "chunk-damaged",
        by_copy="chunk-damaged",
    ),
    # shards
    "a shard that was cut": _kind(
        lambda d: cut(d, "shards/c/0/0", 30), "shard-too-short", by_copy="shard-too-short"
    ),
    "a shard that lost its index": _kind(
        lambda d: cut(d, "shards/c/0/0", len(d["shards/c/0/0"]) - 40),
        "shard-index-damaged",
        by_copy="shard-index-damaged",
    ),
    "the checksum of an index": _kind(
        lambda d: flip(d, "sure/c/0/0", -1),
        "shard-index-damaged",
        mended="shard-index-damaged",
    ),
    "an offset in an index": _kind(
        lambda d: flip(d, "sure/c/0/0", -68),
        "shard-index-damaged",
        mended="shard-index-damaged",
    ),
    "an offset behind the end": _kind(
        lambda d: _entry(d, "sure/c/0/0", 1, 10**6),
        "shard-entry-outside",
        mended="shard-entry-outside",
    ),
    "chunks over one another": _kind(
        lambda d: _entry(d, "sure/c/0/0", 1, 3),
        "shard-chunks-overlap",
        by_copy="shard-chunks-overlap",
    ),
    "a chunk in a shard": _kind(
        lambda d: flip(d, "sure/c/0/1", 9), "shard-chunk-damaged", by_copy="shard-chunk-damaged"
    ),
    # format 2
    "both an array and a group": _kind(
        lambda d: d.update({"raw/.zgroup": d["deep/.zgroup"]}),
        "array-and-group",
        zarr_format=2,
    ),
    "consolidated metadata of nobody": _kind(
        lambda d: _move(d, ".zmetadata", "deep/words/.zmetadata"),
        "consolidated-alone",
        mended="consolidated-alone",
        zarr_format=2,
    ),
    "names of dimensions that do not fit": _kind(
        lambda d: d.update({"zstd/.zattrs": b'{"_ARRAY_DIMENSIONS": ["x"]}'}),
        "dimension-names-count",
        STALE,
        mended=STALE,
        zarr_format=2,
    ),
    "attributes that were cut": _kind(
        lambda d: cut(d, "raw/.zattrs", 5),
        "document-not-json",
        mended="document-not-json",
        zarr_format=2,
    ),
    "a chunk under the other separator": _kind(
        lambda d: _move(d, "raw/0.1", "raw/0/1"),
        "key-of-other-encoding",
        mended="key-of-other-encoding",
        zarr_format=2,
    ),
    "consolidated metadata of format 2 of before": _kind(
        lambda d: d.update({"raw/.zattrs": b'{"unit": "km"}'}),
        STALE,
        mended=STALE,
        zarr_format=2,
    ),
    "consolidated metadata of format 2 that were cut": _kind(
        lambda d: cut(d, ".zmetadata", 100),
        "document-not-json",
        mended="document-not-json",
        zarr_format=2,
    ),
    "a compressed chunk of format 2": _kind(
        lambda d: flip(d, "zstd/1.1", 0), "chunk-damaged", by_copy="chunk-damaged", zarr_format=2
    ),
}


def _zstd(data: bytes) -> bytes:
    chunk = zarr.create_array(
        {}, shape=(len(data),), chunks=(len(data),), dtype="u1", compressors=ZstdCodec()
    )
    chunk[...] = np.frombuffer(data, "u1")
    return data_of(chunk.store)["c/0"]  # type: ignore[arg-type]
