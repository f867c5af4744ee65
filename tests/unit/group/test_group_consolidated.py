"""Consolidated metadata: a snapshot of all that is below a group.

They are believed: nodes made later are not found through them, and nodes deleted behind their
back seem to be there. Attributes of the group itself are always those that are stored.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.errors import (
    ContainsArrayError,
    GroupNotFoundError,
    MetadataValidationError,
    ZarrUserWarning,
)
from zarr.storage import MemoryStore

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")


@pytest.fixture(params=[2, 3])
def zarr_format(request: Any) -> Any:
    return request.param


@pytest.fixture
def store(zarr_format: Any) -> MemoryStore:
    """A tree that is not consolidated."""
    store = MemoryStore()
    root = zarr.create_group(store, zarr_format=zarr_format, attributes={"a": 1})
    root.create_array("b", data=np.arange(3))
    root.create_array("g/h/c", shape=(2,), dtype="i1", attributes={"x": 1})
    root["g"].attrs["y"] = 2
    return store


ALL = ["b", "g", "g/h", "g/h/c"]


def documents(store: MemoryStore) -> dict[str, bytes]:
    return {key: value.to_bytes() for key, value in store._store_dict.items()}


def put(store: MemoryStore, key: str, document: Any) -> None:
    data = json.dumps(document).encode()
    asyncio.run(store.set(key, zarr.buffer.cpu.Buffer.from_bytes(data)))


def test_all_nodes_are_found_without_asking_the_store(waiting_store: Any, zarr_format: Any) -> None:
    store = waiting_store()
    root = zarr.create_group(store, zarr_format=zarr_format)
    root.create_array("g/h/c", shape=(2,), dtype="i1")
    zarr.consolidate_metadata(store)
    opened = zarr.open_consolidated(store)
    store.asked.clear()
    assert sorted(name for name, _ in opened.members(None)) == ["g", "g/h", "g/h/c"]
    assert list(opened) == ["g"]
    assert opened["g/h/c"].shape == (2,)
    assert "g/x" not in opened
    assert opened.nmembers(None) == 3
    assert list(opened["g"].group_keys()) == ["h"]
    assert "No. members : 3" in repr(opened.info)
    assert "c (2,) int8" in str(opened.tree())
    assert not store.asked


def test_only_the_document_of_the_group_changes(store: MemoryStore, zarr_format: int) -> None:
    before = documents(store)
    group = zarr.consolidate_metadata(store)
    after = documents(store)
    changed = {key for key in after if before.get(key) != after[key]}
    assert changed == {"zarr.json" if zarr_format == 3 else ".zmetadata"}
    assert sorted(group.metadata.consolidated_metadata.flattened_metadata) == ALL
    assert group == zarr.open_group(store)
    zarr.consolidate_metadata(store)
    assert documents(store) == after


def test_metadata_are_as_they_were(store: MemoryStore) -> None:
    plain = dict(zarr.open_group(store).members(None))
    zarr.consolidate_metadata(store)
    found = dict(zarr.open_group(store).members(None))
    assert found.keys() == plain.keys()
    for name, node in found.items():
        assert node.metadata.attributes == plain[name].metadata.attributes
        if isinstance(node, zarr.Array):
            assert node == plain[name]


def test_a_caller_who_asks_for_them_gets_them_or_an_error(store: MemoryStore) -> None:
    with pytest.raises(ValueError, match=r"[Cc]onsolidated"):
        zarr.open_consolidated(store)
    with pytest.raises(ValueError, match=r"[Cc]onsolidated"):
        zarr.open_group(store, use_consolidated=True)
    assert zarr.open_group(store).metadata.consolidated_metadata is None
    zarr.consolidate_metadata(store)
    for use, there in ((None, True), (True, True), (False, False)):
        group = zarr.open_group(store, use_consolidated=use)
        assert (group.metadata.consolidated_metadata is not None) is there
        assert sorted(name for name, _ in group.members(None)) == ALL
    with pytest.raises(TypeError, match="open_consolidated"):
        zarr.open_consolidated(store, use_consolidated=False)
    assert zarr.open(store, mode="r").metadata.consolidated_metadata is not None
    plain = zarr.open(store, mode="r", use_consolidated=False)
    assert plain.metadata.consolidated_metadata is None


def test_a_missing_group_is_not_made_for_its_consolidated_metadata() -> None:
    store = MemoryStore()
    with pytest.raises(GroupNotFoundError):
        zarr.open_consolidated(store)
    with pytest.raises(GroupNotFoundError):
        zarr.consolidate_metadata(store)
    assert documents(store) == {}


def test_a_group_below_can_be_consolidated_alone(store: MemoryStore, zarr_format: int) -> None:
    group = zarr.consolidate_metadata(store, path="g")
    assert sorted(group.metadata.consolidated_metadata.flattened_metadata) == ["h", "h/c"]
    assert zarr.open_group(store).metadata.consolidated_metadata is None
    root = zarr.open_group(store)
    root.create_group("g/late")
    seen = {name for name, _ in root.members(None)}
    # In format 3 the group below is read with what it holds.
    assert ("g/late" in seen) is (zarr_format == 2)
    all_of_it = root.members(None, use_consolidated_for_children=False)
    assert "g/late" in dict(all_of_it)
    zarr.consolidate_metadata(store)
    assert "g/late" in zarr.open_group(store)
    with pytest.raises((ContainsArrayError, GroupNotFoundError)):
        zarr.consolidate_metadata(store, path="b")


def test_they_are_a_snapshot(store: MemoryStore) -> None:
    zarr.consolidate_metadata(store)
    plain = zarr.open_group(store, use_consolidated=False)
    plain.create_group("late")
    del plain["b"]
    group = zarr.open_group(store)
    assert "late" not in group
    assert "b" in group
    with pytest.raises(KeyError, match="consolidated"):
        group["late"]
    zarr.consolidate_metadata(store)
    assert sorted(zarr.open_group(store)) == ["g", "late"]


def test_a_deletion_or_move_through_the_group_changes_them(store: MemoryStore) -> None:
    group = zarr.consolidate_metadata(store)
    del group["b"]
    group.move("g/h", "k/l")
    for found in (group, zarr.open_consolidated(store)):
        assert sorted(name for name, _ in found.members(None)) == ["g", "k", "k/l", "k/l/c"]
        assert dict(found["k/l/c"].attrs) == {"x": 1}
        assert found["k/l/c"].shape == (2,)


@pytest.mark.parametrize("deep", ["sub", "sub/deep"])
def test_a_deletion_through_a_group_below_changes_them(store: MemoryStore, deep: str) -> None:
    root = zarr.open_group(store)
    for name in ("b", "c", "d", "e/f"):
        root.create_array(f"{deep}/{name}", shape=(4,), dtype="i4")
    zarr.consolidate_metadata(store)
    opened = zarr.open_consolidated(store)
    below: Any = opened[deep]
    del below["b"]
    del below["e"]
    below.move("c", "moved")
    del below["d"]
    for seen in (below, opened[deep], zarr.open_consolidated(store)[deep]):
        assert list(seen) == ["moved"]
        for gone in ("b", "c", "d", "e", "e/f"):
            assert gone not in seen
    assert "other" not in opened
    del below["/"]
    for whole in (opened, zarr.open_consolidated(store), zarr.open_group(store)):
        assert deep not in whole
    assert list(below) == []


def test_attributes_of_the_group_are_never_stale(store: MemoryStore) -> None:
    zarr.consolidate_metadata(store)
    zarr.open_group(store, use_consolidated=False).attrs["b"] = 2
    assert dict(zarr.open_consolidated(store).attrs) == {"a": 1, "b": 2}
    group = zarr.open_group(store)
    group.attrs["c"] = 3
    again = zarr.open_consolidated(store)
    assert dict(again.attrs) == {"a": 1, "b": 2, "c": 3}
    assert sorted(name for name, _ in again.members(None)) == ALL
    assert sorted(name for name, _ in group.members(None)) == ALL


def test_in_format_2_they_may_have_another_key() -> None:
    store = MemoryStore()
    root = zarr.create_group(store, zarr_format=2)
    root.create_group("g")
    zarr.consolidate_metadata(store)
    store._store_dict["other"] = store._store_dict.pop(".zmetadata")
    with pytest.raises(ValueError, match=".zmetadata"):
        zarr.open_consolidated(store)
    group = zarr.open_group(store, use_consolidated="other")
    assert list(group) == ["g"]
    group.attrs["a"] = 1
    del group["g"]
    assert list(group) == []
    assert set(store._store_dict) == {".zgroup", ".zattrs", "other"}
    with pytest.raises(TypeError, match="format 3"):
        zarr.open_group(MemoryStore(_documents_of_v3()), use_consolidated="other")


def _documents_of_v3() -> dict[str, Any]:
    store = MemoryStore()
    zarr.create_group(store)
    return dict(store._store_dict)


def test_documents_of_others_are_read() -> None:
    """As older versions write them: without separator and attributes, parents not listed."""
    array = {
        "zarr_format": 2,
        "shape": [2],
        "chunks": [2],
        "dtype": "<i4",
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "compressor": None,
    }
    store = MemoryStore()
    put(store, ".zgroup", {"zarr_format": 2})
    put(
        store,
        ".zmetadata",
        {
            "zarr_consolidated_format": 1,
            "metadata": {
                ".zgroup": {"zarr_format": 2},
                "x/y/.zarray": array,
                "z/.zgroup": {"zarr_format": 2, "consolidated_metadata": {"metadata": {}}},
                "z/.zattrs": {"a": 1},
            },
        },
    )
    group = zarr.open_consolidated(store)
    assert sorted(name for name, _ in group.members(None)) == ["x", "x/y", "z"]
    assert dict(group["z"].attrs) == {"a": 1}
    assert group["x/y"][:].tolist() == [0, 0]


@pytest.mark.parametrize(
    "nodes", [{"../x": "group"}, {"/x": "group"}, {"a": "array", "a/b": "group"}, {"a//b": "group"}]
)
def test_contradictory_documents_name_where_they_are(
    nodes: dict[str, str], zarr_format: int
) -> None:
    store = MemoryStore()
    root = zarr.create_group(store, path="place", zarr_format=zarr_format)
    array = root.create_array("made", shape=(1,), dtype="i1").metadata.to_dict()
    kinds = {"group": root.metadata.to_dict(), "array": array}
    if zarr_format == 3:
        found = {name: kinds[kind] for name, kind in nodes.items()}
        inline = {"kind": "inline", "must_understand": False, "metadata": found}
        put(store, "place/zarr.json", {**root.metadata.to_dict(), "consolidated_metadata": inline})
    else:
        suffix = {"group": ".zgroup", "array": ".zarray"}
        found = {f"{name}/{suffix[kind]}": kinds[kind] for name, kind in nodes.items()}
        put(store, "place/.zmetadata", {"metadata": found, "zarr_consolidated_format": 1})
    with pytest.raises(MetadataValidationError, match="place"):
        zarr.open_group(store, path="place")
    plain = (
        zarr.open_group(store, path="place", use_consolidated=False) if zarr_format == 2 else None
    )
    assert plain is None or list(plain) == ["made"]


def test_format_3_warns_that_it_does_not_know_them(store: MemoryStore, zarr_format: int) -> None:
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        zarr.consolidate_metadata(store)
    told = [str(each.message) for each in caught if each.category is ZarrUserWarning]
    assert bool(told) is (zarr_format == 3)


def test_a_store_may_not_support_them(store: MemoryStore) -> None:
    zarr.consolidate_metadata(store)

    class Plain(MemoryStore):
        @property
        def supports_consolidated_metadata(self) -> bool:
            return False

    plain = Plain(store._store_dict)
    assert zarr.open_group(plain).metadata.consolidated_metadata is None
    assert zarr.open(plain, mode="r").metadata.consolidated_metadata is None
    with pytest.raises(TypeError, match="doesn't support consolidated metadata"):
        zarr.consolidate_metadata(plain)


def test_each_member_is_got_once_while_they_are_consolidated(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs count calls of `AsyncGroup.getitem`, to see what is asked of the store."""
    asked: list[str] = []
    getitem = zarr.AsyncGroup.getitem

    async def counted(self: Any, key: str) -> Any:
        asked.append(key)
        return await getitem(self, key)

    monkeypatch.setattr(zarr.AsyncGroup, "getitem", counted)
    zarr.consolidate_metadata(store)
    assert len(asked) == len(ALL)
    assert len(list(zarr.open_consolidated(store).members(max_depth=None))) == len(ALL)
    assert len(asked) == len(ALL)


def _copies(**extra: Any) -> dict[str, Any]:
    """Consolidated metadata that name an array."""
    array = {
        "zarr_format": 2,
        "shape": [2],
        "chunks": [2],
        "dtype": "<i4",
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "compressor": None,
    }
    return {"metadata": {".zgroup": {"zarr_format": 2}, "x/.zarray": array}, **extra}


@pytest.mark.parametrize("documents", [_copies(zarr_consolidated_format=1), {"metadata": {}}])
@pytest.mark.parametrize("use", [None, True, False])
def test_copies_of_documents_alone_are_no_group(documents: Any, use: bool | None) -> None:
    store = MemoryStore()
    put(store, ".zmetadata", documents)
    for given in (None, 2):
        with pytest.raises(GroupNotFoundError):
            zarr.open_group(store, mode="r", use_consolidated=use, zarr_format=given)


@pytest.mark.parametrize("mode", ["r", "r+", "a"])
def test_references_of_kerchunk_are_not_read_as_elements_never_written(mode: Any) -> None:
    store = MemoryStore()
    put(store, ".zmetadata", _copies(record_size=10))
    put(store, "x/refs.0.parq", "PAR1")
    before = dict(store._store_dict)
    with pytest.raises(GroupNotFoundError, match="kerchunk.*'reference://'"):
        zarr.open_group(store, mode=mode)
    with pytest.raises(GroupNotFoundError, match="kerchunk.*'reference://'"):
        zarr.open_consolidated(store)
    assert store._store_dict == before
    # fsspec's reference file system serves the same document beside a group.
    put(store, ".zgroup", {"zarr_format": 2})
    assert list(zarr.open_group(store, mode="r")) == ["x"]


def test_nodes_that_are_alike_have_attributes_of_their_own(zarr_format: Any) -> None:
    """Arrays whose documents differ in their attributes only are read as each by itself."""
    store = MemoryStore()
    root = zarr.create_group(store, zarr_format=zarr_format)
    fills = {"a": 1, "b": 1, "c": 1, "d": True, "e": 0}
    for name, fill in fills.items():
        dtype = "bool" if fill is True else "f4"
        attributes = {} if name == "b" else {"name": name, "deep": {"list": [name]}, "ü": "ü"}
        root.create_array(name, shape=(3,), dtype=dtype, fill_value=fill, attributes=attributes)
    alone = {name: array.metadata.to_dict() for name, array in root.arrays()}
    zarr.consolidate_metadata(store)
    group = zarr.open_consolidated(store)
    found = {name: group[name].metadata.to_dict() for name in alone}
    assert found == alone
    assert type(group["d"].fill_value) is not type(group["a"].fill_value)
    members = group.metadata.consolidated_metadata.metadata
    members["a"].attributes["name"] = "changed"
    members["a"].attributes["deep"]["list"].append("changed")
    members["b"].attributes["new"] = 1
    assert members["c"].attributes["deep"] == {"list": ["c"]}
    assert dict(members["c"].attributes) == dict(alone["c"]["attributes"])
    assert zarr.open_consolidated(store)["b"].attrs.asdict() == {}


@pytest.mark.parametrize(
    "value",
    [1, -(2**63), 2**63, 2**70, 1.5, float("inf"), True, None, "plain", "ü", "\x00", "a\ud800"],
    ids=str,
)
def test_an_attribute_is_shown_as_it_will_be_read(value: object, zarr_format: Any) -> None:
    store = MemoryStore()
    try:
        group = zarr.create_group(store, zarr_format=zarr_format, attributes={"k": value, "l": 1})
    except ValueError:
        assert value == "a\ud800"  # which no document holds
        return
    shown = group.attrs["k"]
    read = zarr.open_group(store, mode="r").attrs["k"]
    assert (shown, type(shown)) == (read, type(read)) == (value, type(value))
