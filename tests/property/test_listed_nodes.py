"""A document of many nodes that is only looked through is read as one that is parsed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import zarr
from zarr.metadata.json import parse_json
from zarr.metadata.listed import parse_listing
from zarr.storage import MemoryStore

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
values = st.recursive(
    plain | st.sampled_from([2**70, 10**400, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
names = st.text(max_size=3) | st.sampled_from(["metadata", "a/b", "a", "", "\ud800", "é"])
fields = st.fixed_dictionaries(
    {},
    optional={
        "zarr_format": st.sampled_from([2, 3, 3.0, True, "3"]),
        "node_type": st.sampled_from(["array", "group", "table", None]),
        "attributes": values,
        "shape": values,
    },
)
documents = st.fixed_dictionaries(
    {"metadata": st.dictionaries(names, fields | values, max_size=5)},
    optional={"before": values, "kind": values, "zarr_format": values},
)


def plainly(value: object) -> object:
    """Plain values, which can be compared: of numbers that are none, and of types."""
    if isinstance(value, (list, tuple)):
        return [plainly(item) for item in value]
    if hasattr(value, "items"):
        return [(name, plainly(item)) for name, item in value.items()]
    return repr(value)


def found(parse: Any, document: bytes, *members: str) -> object:
    try:
        return plainly(parse(document, "x/y", "zarr.json", *members))
    except ValueError as error:
        return str(error)


@settings(max_examples=200)
@given(document=documents, ascii=st.booleans(), indent=st.sampled_from([None, 0, 2]))
def test_every_document_that_is_written_is_read(document: Any, ascii: bool, indent: Any) -> None:
    text = json.dumps(document, ensure_ascii=ascii, indent=indent)
    data = text.encode("utf-8", "surrogatepass")
    assert found(parse_listing, data, "metadata") == found(parse_json, data)


@settings(max_examples=400)
@given(document=documents, data=st.data())
def test_every_damaged_document_is_refused_or_read_alike(document: Any, data: Any) -> None:
    text = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    at = data.draw(st.integers(0, len(text)))
    end = at + data.draw(st.integers(0, 3))
    pieces = st.sampled_from([b"", b'"', b"{", b"}", b"[", b",", b":", b"\\", b"\x00", b"\xff"])
    words = st.sampled_from([b"NaN", b"-Infinity", b"01", b"1e5", b'"metadata": {}, ', b" \t"])
    damaged = text[:at] + data.draw(pieces | words | st.binary(max_size=3)) + text[end:]
    assert found(parse_listing, damaged, "metadata") == found(parse_json, damaged)


@given(nodes=st.dictionaries(st.sampled_from(["a", "a/b", "c", "c/d/e"]), st.booleans()))
def test_nodes_are_those_of_the_document_read_as_a_whole(nodes: dict[str, bool]) -> None:
    document = zarr.create_group({}).metadata.to_dict()
    like = zarr.create_array({}, shape=(3,), dtype="i2").metadata.to_dict()
    told = {
        path: like if array and path.rpartition("/")[2] in "be" else document
        for path, array in nodes.items()
    }
    inline = {"kind": "inline", "must_understand": False, "metadata": told}
    stored = json.dumps({**document, "consolidated_metadata": inline})
    # A mark at the beginning makes the document unusual: it is parsed as a whole.
    groups = [
        zarr.open_group(
            MemoryStore({"zarr.json": zarr.buffer.cpu.Buffer.from_bytes(text.encode())}), mode="r"
        )
        for text in (stored, "\ufeff" + stored)
    ]
    assert groups[0].metadata == groups[1].metadata
    assert groups[0].metadata.to_dict() == groups[1].metadata.to_dict()
    assert list(groups[0].members(None)) == list(groups[0].members(None))
