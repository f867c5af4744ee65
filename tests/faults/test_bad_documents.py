"""Documents of groups and of hierarchies that make no sense: an error that names the node, or a
sound group; and nothing is made or lost on the way to it."""

from __future__ import annotations

import copy
import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zarr
from zarr.errors import MetadataValidationError, NodeTypeValidationError
from zarr.storage import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings(
    "ignore:Consolidated metadata is currently not part", "ignore:Object at", "ignore:Found an"
)

ARRAY_3: dict[str, Any] = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [4],
    "data_type": "int8",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [{"name": "bytes"}],
    "attributes": {},
    "dimension_names": ["x"],
}
GROUP_3: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": {"a": 1}}
CONSOLIDATED_3: dict[str, Any] = {
    **GROUP_3,
    "consolidated_metadata": {
        "kind": "inline",
        "must_understand": False,
        "metadata": {"g": GROUP_3, "g/a": ARRAY_3},
    },
}
ARRAY_2: dict[str, Any] = {
    "zarr_format": 2,
    "shape": [4],
    "chunks": [2],
    "dtype": "|i1",
    "fill_value": 0,
    "order": "C",
    "filters": None,
    "compressor": {"id": "zlib", "level": 1},
    "dimension_separator": ".",
}
ZMETADATA: dict[str, Any] = {
    "zarr_consolidated_format": 1,
    "metadata": {
        ".zgroup": {"zarr_format": 2},
        ".zattrs": {"a": 1},
        "g/.zgroup": {"zarr_format": 2},
        "g/.zattrs": {},
        "g/a/.zarray": ARRAY_2,
        "g/a/.zattrs": {"unit": "m"},
    },
}
DOCUMENTS: dict[str, tuple[str, Any]] = {
    "group of format 3": ("zarr.json", GROUP_3),
    "consolidated metadata of format 3": ("zarr.json", CONSOLIDATED_3),
    "array of format 3": ("zarr.json", ARRAY_3),
    "group of format 2": (".zgroup", {"zarr_format": 2}),
    "attributes of format 2": (".zattrs", {"a": {"b": [1]}}),
    "consolidated metadata of format 2": (".zmetadata", ZMETADATA),
    "array of format 2": (".zarray", ARRAY_2),
}
NUMBERS = (
    st.integers() | st.floats() | st.sampled_from([2**31, 2**63, 2**64, -(2**63), 10**400, 1e308])
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text(max_size=5)
    | st.sampled_from(["NaN", "0x", "|O"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a document."""
    if path:
        yield path
    items = document.items() if isinstance(document, dict) else ()
    if isinstance(document, list):
        items = enumerate(document)  # type: ignore[assignment]
    for key, value in items:
        yield from places(value, (*path, key))


def store_of(name: str, document: Any) -> MemoryStore:
    """A store with a node at x/y, described by a document; what else it needs is there."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    documents = {name: data}
    if name in (".zattrs", ".zmetadata"):
        documents[".zgroup"] = b'{"zarr_format": 2}'
    make = zarr.buffer.cpu.Buffer.from_bytes
    return MemoryStore({f"x/y/{key}": make(value) for key, value in documents.items()})


def look(store: MemoryStore) -> None:
    """Do all that reads."""
    node = zarr.open(store, path="x/y", mode="r")
    assert dict(node.attrs) is not None
    if isinstance(node, zarr.Array):
        assert node[tuple(slice(0, 1) for _ in node.shape)] is not None
        return
    repr(node.info)
    node.tree()._repr_html_()
    for name, member in node.members(max_depth=None):
        assert repr(member)
        assert node[name].metadata == member.metadata
    assert repr(node.metadata)
    assert node.metadata.to_dict()


def looked(name: str, document: Any) -> str | None:
    """The message of the error that looking raises, if any; nothing else must happen."""
    store = store_of(name, document)
    before = dict(store._store_dict)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            look(store)
    except (ValueError, TypeError, MemoryError) as error:
        message: str | None = str(error)
    else:
        message = None
    assert store._store_dict == before
    return message


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A document with another value at a place."""
    if not path:
        return value
    document = copy.copy(document)
    document[path[0]] = replaced(document[path[0]], path[1:], value)
    return document


@pytest.mark.parametrize("kind", DOCUMENTS)
@settings(max_examples=150)
@given(data=st.data())
def test_any_value_in_any_field_is_sound_or_refused(kind: str, data: Any) -> None:
    name, document = DOCUMENTS[kind]
    path = data.draw(st.sampled_from(list(places(document))))
    message = looked(name, replaced(document, path, data.draw(VALUES)))
    assert message is None or "x/y" in message or "too big" in message.lower(), message


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_without_any_of_its_fields_is_sound_or_refused(kind: str) -> None:
    name, document = DOCUMENTS[kind]
    for path in places(document):
        shorter = copy.deepcopy(document)
        inner = shorter
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        message = looked(name, shorter)
        assert message is None or "x/y" in message, (path, message)


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b'"text"',
        b"null",
        b"\xff\xfe\x00",
        b'{"zarr_format": 3, "node_type": "gro',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"attributes": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"zarr_format": ' + b"9" * 10_000 + b"}",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_a_value_that_is_no_document_is_refused(kind: str, data: bytes) -> None:
    message = looked(DOCUMENTS[kind][0], data)
    assert message is not None
    assert "x/y" in message


@pytest.mark.parametrize("depth", [100, 150, 199, 250, 400, 900, 5000])
def test_nesting_is_read_and_written_or_refused(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    name, document = DOCUMENTS["group of format 3"]
    data = json.dumps(document).encode().replace(b'"a": 1', b'"a": ' + nested)
    store = store_of(name, data)
    before = dict(store._store_dict)
    if depth > 198:  # the document and its attributes are two levels themselves
        with pytest.raises(MetadataValidationError, match="x/y"):
            look(store)
        assert store._store_dict == before
    else:
        look(store)
        zarr.open_group(store, path="x/y").attrs["b"] = 2
        zarr.consolidate_metadata(store, path="x/y")
        look(store)
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    group = zarr.create_group({})
    before = dict(group.store._store_dict)
    if depth > 198:
        with pytest.raises(ValueError, match="nested deeper"):
            group.attrs["a"] = value
        assert group.store._store_dict == before
        assert dict(group.attrs) == {}
    else:
        group.attrs["a"] = value
        assert zarr.open_group(group.store).attrs["a"] == value


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_paths_of_many_parts_are_refused_where_one_object_holds_them(zarr_format: int) -> None:
    for parts in (60, 80, 20_000):
        path = "/".join(["p"] * parts)
        if zarr_format == 3:
            name, document = "zarr.json", copy.deepcopy(CONSOLIDATED_3)
            document["consolidated_metadata"]["metadata"] = {path: GROUP_3}
        else:
            name, document = ".zmetadata", copy.deepcopy(ZMETADATA)
            document["metadata"] = {f"{path}/.zgroup": {"zarr_format": 2}}
        message = looked(name, document)
        assert (message is None) is (parts == 60)
        assert message is None or ("x/y" in message and "levels deep" in message)


def test_of_two_fields_of_one_name_the_last_one_holds() -> None:
    data = b'{"zarr_format": 3, "node_type": "array", "node_type": "group", "attributes": {}}'
    assert looked("zarr.json", data) is None


@pytest.mark.parametrize("node_type", ["other", 1, None, ["group"], {}, "Group", "group "])
def test_unknown_types_of_nodes_are_refused(node_type: Any) -> None:
    message = looked("zarr.json", {**GROUP_3, "node_type": node_type})
    assert message is not None
    assert "x/y" in message
    assert repr(node_type) in message
    store = store_of("zarr.json", {**GROUP_3, "node_type": node_type})
    before = dict(store._store_dict)
    for mode in ("r", "r+", "a", "w-"):
        for function in (zarr.open, zarr.open_group, zarr.open_array):
            kwargs = {"shape": (1,)} if function is zarr.open_array else {}
            with pytest.raises((NodeTypeValidationError, FileExistsError)):
                function(store, path="x/y", mode=mode, **kwargs)
            assert store._store_dict == before


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "a node below an array": {"a": ARRAY_3, "a/b": GROUP_3},
    "a group of another format": {"a": {"zarr_format": 2}},
    "an array of another format": {"a": ARRAY_2},
    "a path to a parent": {"../a": GROUP_3},
    "a path through a parent": {"g": GROUP_3, "g/../../a": ARRAY_3},
    "an absolute path": {"/a": GROUP_3},
    "an empty part": {"a//b": GROUP_3},
    "no name": {"": GROUP_3},
    "a slash at the end": {"a/": GROUP_3},
    "a type that is not known": {"a": {**GROUP_3, "node_type": "table"}},
    "no type": {"a": {"zarr_format": 3}},
    "no object": {"a": 3},
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_contradictory_consolidated_metadata_are_refused_and_can_be_made_anew(what: str) -> None:
    document = copy.deepcopy(CONSOLIDATED_3)
    document["consolidated_metadata"]["metadata"] = CONTRADICTIONS[what]
    store = store_of("zarr.json", document)
    before = dict(store._store_dict)
    for use_consolidated in (None, True):
        with pytest.raises((ValueError, TypeError), match="x/y"):
            zarr.open_group(store, path="x/y", use_consolidated=use_consolidated)
    with pytest.raises((ValueError, TypeError), match="x/y"):
        zarr.open(store, path="x/y", mode="r")
    assert store._store_dict == before
    for function in (zarr.open_group, zarr.open):
        plain: Any = function(store, path="x/y", use_consolidated=False)
        assert dict(plain.attrs) == {"a": 1}
    zarr.consolidate_metadata(store, path="x/y")
    assert list(zarr.open_consolidated(store, path="x/y")) == []


def test_a_group_is_no_array_and_an_array_is_no_group() -> None:
    for zarr_format, name in ((3, "zarr.json"), (2, ".zgroup")):
        store = MemoryStore()
        root = zarr.create_group(store, zarr_format=zarr_format)  # type: ignore[arg-type]
        root.create_group("some/group")
        root.create_array("some/array", shape=(1,), dtype="i1")
        before = dict(store._store_dict)
        with pytest.raises(ValueError, match=r"some/group.*") as error:
            zarr.open_array(store, path="some/group", mode="r")
        assert name in str(error.value) or "'group'" in str(error.value)
        with pytest.raises(ValueError, match=r"some/array.*array of format"):
            zarr.open_group(store, path="some/array", mode="r")
        with pytest.raises(ValueError, match=r"some/array.*there is an array of format"):
            root.get_group("some/array")
        with pytest.raises(ValueError, match=r"some/group.*there is a group of format"):
            root.get_array("some/group")
        with pytest.raises(ValueError, match=r"some/none.*there is nothing"):
            root.get_array("some/none")
        with pytest.raises(TypeError, match=r"\(array\).*some/array"):
            root.require_group("some/array")
        with pytest.raises(TypeError, match=r"\(group\).*some/group"):
            root.require_array("some/group", shape=(1,))
        assert store._store_dict == before


@pytest.mark.parametrize("found", [2, 3])
def test_an_error_tells_the_format_that_was_looked_for_and_the_one_that_is_there(
    found: Any,
) -> None:
    store = MemoryStore()
    root = zarr.create_group(store, zarr_format=found)
    root.create_array("x/y", shape=(1,), dtype="i1")
    wanted: Any = 5 - found
    names = {2: (".zgroup", "format 3"), 3: ("zarr.json", "format 2")}[wanted]
    for function in (zarr.open_group, zarr.open, zarr.open_array):
        for path in ("x", "x/y"):
            with pytest.raises(FileNotFoundError) as error:
                function(store, path=path, zarr_format=wanted, mode="r")
            text = str(error.value)
            assert repr(path) in text
            assert names[1] in text
            assert names[0] in text or ".zarray" in text


def test_an_array_and_a_group_of_format_2_at_one_path_are_told() -> None:
    store = MemoryStore()
    root = zarr.create_group(store, zarr_format=2)
    root.create_array("a", shape=(1,), dtype="i1")
    store._store_dict["a/.zgroup"] = store._store_dict[".zgroup"]
    before = dict(store._store_dict)
    for make in (
        lambda: root.create_group("a"),
        lambda: root.create_array("a", shape=(1,), dtype="i1"),
        lambda: root.create_group("a/b"),
        lambda: root.move("a", "b"),
        lambda: zarr.create_group(store, path="a", zarr_format=2),
    ):
        with pytest.raises(ValueError, match=r"\.zarray.*\.zgroup.*'a'"):
            make()
        assert store._store_dict == before


def test_of_two_formats_at_one_path_the_newer_is_opened() -> None:
    store = MemoryStore()
    zarr.create_group(store, zarr_format=2, attributes={"format": 2})
    zarr.create_group(store, zarr_format=3, attributes={"format": 3})
    before = dict(store._store_dict)
    assert zarr.open_group(store, mode="r").attrs["format"] == 3
    for zarr_format in (2, 3):
        group = zarr.open_group(store, mode="r", zarr_format=zarr_format)  # type: ignore[arg-type]
        assert group.attrs["format"] == zarr_format
    assert store._store_dict == before
