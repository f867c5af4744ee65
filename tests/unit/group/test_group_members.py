"""A group finds, makes, moves and deletes its members, through both faces."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from contextlib import nullcontext
from itertools import chain
from typing import Any

import numpy as np
import pytest

import zarr
from zarr import Array, AsyncArray, AsyncGroup, Group
from zarr.errors import (
    ArrayNotFoundError,
    ContainsArrayAndGroupError,
    ContainsArrayError,
    ContainsGroupError,
    GroupNotFoundError,
    MetadataValidationError,
    ZarrUserWarning,
)
from zarr.storage import MemoryStore


class Face:
    """A group, of which methods are called synchronously or not; results are synchronous."""

    def __init__(self, group: Group, kind: str) -> None:
        self.group = group
        self.kind = kind

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        names = {"getitem": "__getitem__", "delitem": "__delitem__", "setitem": "__setitem__"}
        names["contains"] = "__contains__"
        if self.kind == "sync":
            found = getattr(self.group, names.get(method, method))(*args, **kwargs)
            return list(found) if hasattr(found, "__next__") else found
        return asyncio.run(self._awaited(method, *args, **kwargs))

    async def _awaited(self, method: str, *args: Any, **kwargs: Any) -> Any:
        found = getattr(self.group._async_group, method)(*args, **kwargs)
        if inspect.isasyncgen(found):
            return [_sync(item) async for item in found]
        return _sync(await found)


def _sync(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_sync, value))
    if isinstance(value, AsyncArray):
        return Array(value)
    return Group(value) if isinstance(value, AsyncGroup) else value


@pytest.fixture(params=[2, 3])
def zarr_format(request: Any) -> Any:
    return request.param


@pytest.fixture
def root(store: Any, zarr_format: Any) -> Group:
    return zarr.create_group(store, zarr_format=zarr_format, attributes={"a": 1})


@pytest.fixture(params=["sync", "async"])
def call(root: Group, request: Any) -> Face:
    return Face(root, request.param)


def test_members_are_found_by_name_and_by_path(call: Face) -> None:
    array = call("create_array", "x/a", shape=(4,), dtype="i4", chunks=(2,))
    group = call("create_group", "x/y/z", attributes={"b": 2})
    assert (array.path, group.path) == ("x/a", "x/y/z")
    assert (group.name, group.basename, dict(group.attrs)) == ("/x/y/z", "z", {"b": 2})
    for name in ("x/a", "/x/a", "x//a/"):
        assert call("getitem", name) == array
        assert call("contains", name)
    assert call("getitem", "") == call("getitem", "/") == call.group
    assert call("get", "x/y").path == "x/y"
    assert call("getitem", "x")["y/z"] == group
    for name in ("b", "x/b", "x/a/b", "x/a/zarr.json", "x/a/.zarray"):
        assert not call("contains", name)
        assert call("get", name) is None
        assert call("get", name, 5) == 5
        with pytest.raises(KeyError, match=name):
            call("getitem", name)
    assert call("get_array", "x/a") == array
    assert call("get_group", "x/y/z") == group
    with pytest.raises(ArrayNotFoundError, match="'b': there is nothing"):
        call("get_array", "b")
    with pytest.raises(GroupNotFoundError, match="'b': there is nothing"):
        call("get_group", "b")
    with pytest.raises(ContainsGroupError, match="'x/y': there is a group"):
        call("get_array", "x/y")
    with pytest.raises(ContainsArrayError, match="'x/a': there is an array"):
        call("get_group", "x/a")


@pytest.mark.parametrize("name", [".", "..", "../x", "x/../../y", "./x", "x/.."])
def test_names_that_lead_elsewhere_are_refused(call: Face, name: str) -> None:
    for method in ("getitem", "contains", "get", "create_group", "delitem", "require_group"):
        with pytest.raises(ValueError, match=r"'\.'"):
            call(method, name)
    with pytest.raises(ValueError, match=r"'\.'"):
        call("create_array", name, shape=(1,), dtype="i1")
    with pytest.raises(ValueError, match=r"'\.'"):
        call("setitem", name, np.zeros(1))
    assert call("keys") == []


@pytest.mark.parametrize("name", ["zarr.json", ".zgroup", "x/.zattrs", ".zarray", ".zmetadata"])
def test_names_of_documents_are_refused(call: Face, name: str) -> None:
    with pytest.raises(ValueError, match="document"):
        call("create_group", name)
    with pytest.raises(ValueError, match="document"):
        call("create_array", name, shape=(1,), dtype="i1")
    with pytest.raises(ValueError, match="document"):
        call("zeros", name=name, shape=(1,))
    assert call("nmembers", None) == 0


def test_reserved_names_are_refused_in_format_3(call: Face, zarr_format: int) -> None:
    if zarr_format == 2:
        assert call("create_group", "__x").path == "__x"
        return
    for name in ("__x", "a/__x", "__x/a"):
        with pytest.raises(ValueError, match="reserved"):
            call("create_group", name)
    assert call("keys") == []


@pytest.mark.parametrize("name", [5, None, b"x"])
def test_a_name_is_a_text(call: Face, name: Any) -> None:
    for method in ("getitem", "create_group", "delitem"):
        with pytest.raises(TypeError, match="name of a node"):
            call(method, name)


def test_nothing_is_made_where_something_is(call: Face) -> None:
    call("create_array", "a", shape=(1,), dtype="i1")
    call("create_group", "g")
    for name, error in (("a", ContainsArrayError), ("g", ContainsGroupError), ("", ValueError)):
        with pytest.raises(error):
            call("create_group", name)
        with pytest.raises(error):
            call("create_array", name, shape=(1,), dtype="i1")
    for overwrite in (False, True):
        with pytest.raises(ContainsGroupError):
            call("create_group", "", overwrite=overwrite)
    with pytest.raises(ValueError, match="only groups may have child nodes"):
        call("create_group", "a/b")
    with pytest.raises(ValueError, match="only groups may have child nodes"):
        call("create_array", "a/b/c", shape=(1,), dtype="i1")
    assert sorted(call("keys")) == ["a", "g"]


def test_overwriting_deletes_what_is_below(call: Face) -> None:
    call("create_group", "g/h/i")
    made = call("create_group", "g", overwrite=True, attributes={"new": 1})
    assert list(made.members(None)) == []
    assert dict(call("getitem", "g").attrs) == {"new": 1}
    array = call("create_array", "g", shape=(2,), dtype="i1", overwrite=True)
    assert call("getitem", "g") == array


def test_required_members_are_made_once(call: Face) -> None:
    group = call("require_group", "x/y")
    group.attrs["a"] = 1
    assert dict(call("require_group", "x/y").attrs) == {"a": 1}
    assert dict(call("require_group", "x/y", overwrite=True).attrs) == {}
    assert [each.path for each in call("require_groups", "p", "p/q", "x")] == ["p", "p/q", "x"]
    assert call("require_groups") == ()
    array = call("require_array", "a", shape=(4,), dtype="i4", chunks=(2,))
    assert array.chunks == (2,)
    assert call("require_array", "a", shape=4, dtype="i8") == array
    assert call("require_array", "a", shape=(4,), config={"order": "F"}).config.order == "F"
    for wrong, message in (
        ({"shape": (5,), "dtype": "i4"}, "shape"),
        ({"shape": (4,), "dtype": "i2"}, "dtype"),
        ({"shape": (4,), "dtype": "i8", "exact": True}, "dtype"),
    ):
        with pytest.raises(TypeError, match=message):
            call("require_array", "a", **wrong)
    with pytest.raises(TypeError, match=r"\(group\)"):
        call("require_array", "x", shape=(1,), dtype="i4")
    with pytest.raises(TypeError, match=r"\(array\)"):
        call("require_group", "a")


def test_arrays_are_made_in_every_way(call: Face) -> None:
    data = np.arange(6, dtype="i4").reshape(2, 3)
    made = call("create_array", "data", data=data, chunks=(1, 3))
    np.testing.assert_array_equal(made[:], data)
    empty = call("create_array", "unwritten", data=data, write_data=False)
    assert not empty[:].any()
    assert call("zeros", name="zeros", shape=(2,))[0] == 0
    assert call("ones", name="ones", shape=(2,))[0] == 1
    assert call("full", name="full", shape=(2,), fill_value=7)[0] == 7
    assert call("empty", name="empty", shape=(2,), dtype="i2").dtype == "i2"
    for name, value in (("zeros_like", 0), ("ones_like", 1)):
        like = call(name, name=name, data=made)
        assert (like.shape, like.chunks, like[0, 0]) == ((2, 3), (1, 3), value)
    assert call("full_like", name="full_like", data=made, fill_value=3)[1, 1] == 3
    assert call("empty_like", name="empty_like", data=made).dtype == "i4"
    formats = {array.metadata.zarr_format for _, array in call("arrays")}
    assert formats == {call.group.metadata.zarr_format}
    with pytest.raises(ContainsArrayError):
        call("zeros", name="zeros", shape=(2,))
    with pytest.raises(TypeError, match="storage_options"):
        call("create_array", "x", shape=(1,), dtype="i1", storage_options={})
    deprecated = formats == {3}
    with pytest.warns(ZarrUserWarning, match="compressors") if deprecated else nullcontext():
        assert call("create_array", "c", shape=(1,), dtype="i1", compressor=None).compressors == ()
    with pytest.raises(ValueError, match="both"):
        call("create_array", "d", shape=(1,), dtype="i1", compressor=None, compressors=None)


def test_an_item_that_is_set_replaces_what_was_there(call: Face) -> None:
    call("setitem", "x/a", np.arange(3))
    np.testing.assert_array_equal(call("getitem", "x/a")[:], [0, 1, 2])
    call("setitem", "x", np.arange(2))
    np.testing.assert_array_equal(call("getitem", "x")[:], [0, 1])
    call("setitem", "y", call("getitem", "x"))
    np.testing.assert_array_equal(call("getitem", "y")[:], [0, 1])
    call("setitem", "x", call("getitem", "x"))
    np.testing.assert_array_equal(call("getitem", "x")[:], [0, 1])
    for value in ([1, 2], 5, "text", call.group):
        with pytest.raises(TypeError):
            call("setitem", "z", value)
    assert not call("contains", "z")


def test_members_are_listed_level_by_level(call: Face) -> None:
    for name in ("a", "g/b", "g/h/c"):
        call("create_array", name, shape=(1,), dtype="i1")
    assert sorted(call("keys")) == ["a", "g"]
    assert sorted(call("group_keys")) == ["g"]
    assert sorted(call("array_keys")) == ["a"]
    assert [(name, group.path) for name, group in call("groups")] == [("g", "g")]
    assert [group.path for group in call("group_values")] == ["g"]
    assert [(name, array.path) for name, array in call("arrays")] == [("a", "a")]
    assert [array.path for array in call("array_values")] == ["a"]
    deep = [["a", "g"], ["g/b", "g/h"], ["g/h/c"]]
    for depth in range(3):
        names = [name for name, _ in call("members", depth)]
        assert sorted(names) == sorted(chain(*deep[: depth + 1]))
        assert call("nmembers", depth) == len(names)
    found = dict(call("members", None))
    assert [name.count("/") for name in found] == sorted(name.count("/") for name in found)
    assert {name: type(node) for name, node in found.items()} == {
        "a": Array,
        "g": Group,
        "g/b": Array,
        "g/h": Group,
        "g/h/c": Array,
    }
    with pytest.raises(ValueError, match="max_depth"):
        call("members", -1)
    below = call("getitem", "g")
    assert sorted(name for name, _ in below.members(None)) == ["b", "h", "h/c"]


def test_a_group_is_like_a_mapping(root: Group) -> None:
    root["a"] = np.arange(3)
    root.create_group("g")
    assert len(root) == 2
    assert sorted(root) == ["a", "g"]
    assert "a" in root
    del root["a"]
    del root["not there"]
    assert list(root) == ["g"]


def test_a_group_does_not_move_itself_or_delete_itself_by_mistake(call: Face) -> None:
    call("create_group", "g/h")
    with pytest.raises(ValueError, match="itself"):
        call("delitem", "")
    for name in ("", "/"):
        with pytest.raises(ValueError, match="itself"):
            call("move", name, "x")
        with pytest.raises(ValueError, match="itself"):
            call("move", "g", name)
    assert call("nmembers", None) == 2


def test_a_slash_deletes_the_group_itself(call: Face) -> None:
    call("create_array", "g/a", data=np.arange(4), chunks=(1,))
    inner = Face(call("getitem", "g"), call.kind)
    call("create_group", "gg")
    inner("delitem", "/")
    assert call("keys") == ["gg"]
    assert not call("contains", "g/a")
    # The next member is made in a new group.
    inner("create_group", "new")
    assert sorted(call("keys")) == ["g", "gg"]


def test_a_member_is_deleted_with_all_below_it(call: Face) -> None:
    call("create_array", "g/a", data=np.arange(4), chunks=(1,))
    call("create_group", "gg")
    call("delitem", "g")
    assert call("keys") == ["gg"]
    assert not call("contains", "g/a")


def test_a_member_is_moved_with_all_below_it(call: Face) -> None:
    data = np.arange(4)
    call("create_array", "g/a", data=data, chunks=(1,), attributes={"x": 1})
    call("create_group", "g/h", attributes={"y": 2})
    call("move", "g", "new/place")
    assert not call("contains", "g")
    moved = call("getitem", "new/place/a")
    np.testing.assert_array_equal(moved[:], data)
    assert dict(moved.attrs) == {"x": 1}
    assert dict(call("getitem", "new/place/h").attrs) == {"y": 2}
    call("move", "new/place/a", "b")
    np.testing.assert_array_equal(call("getitem", "b")[:], data)
    with pytest.raises(KeyError, match="nothing"):
        call("move", "nothing", "x")
    with pytest.raises(ContainsGroupError):
        call("move", "b", "new")
    with pytest.raises(ContainsArrayError):
        call("move", "new", "b")
    with pytest.raises(ValueError, match="inside"):
        call("move", "new", "new/place/x")
    with pytest.raises(ValueError, match="only groups"):
        call("move", "new", "b/x")
    np.testing.assert_array_equal(call("getitem", "b")[:], data)
    assert call("contains", "new/place/h")


def test_attributes_are_changed_without_losing_any(call: Face) -> None:
    other = Group(AsyncGroup(call.group.metadata, call.group.store_path))
    other.attrs["b"] = 2
    assert call("update_attributes", {"c": 3}) == call.group
    other.attrs.update(d=4, a=0)
    again = zarr.open_group(call.group.store_path, mode="r")
    assert dict(again.attrs) == {"a": 0, "b": 2, "c": 3, "d": 4}
    del other.attrs["a"]
    call.group.attrs.put({"only": [1, {"x": None}]})
    again = zarr.open_group(call.group.store_path, mode="r")
    assert again.attrs.asdict() == {"only": [1, {"x": None}]}


def test_attributes_are_read_again_where_they_are_not_cached(root: Group) -> None:
    seen = zarr.open_group(root.store_path, mode="r", cache_attrs=False)
    kept = zarr.open_group(root.store_path, mode="r")
    root.attrs["b"] = 2
    assert seen.attrs["b"] == 2
    assert "b" not in kept.attrs


def test_a_read_only_group_changes_nothing(root: Group) -> None:
    root["a"] = np.arange(3)
    group = zarr.open_group(root.store_path, mode="r")
    assert group.read_only
    assert group["a"].read_only
    for change in (
        lambda: group.create_group("b"),
        lambda: group.create_array("b", shape=(1,), dtype="i1"),
        lambda: group.zeros(name="b", shape=(1,)),
        lambda: group.__setitem__("b", np.zeros(1)),
        lambda: group.__delitem__("a"),
        lambda: group.move("a", "b"),
        lambda: group.attrs.update(x=1),
        lambda: group["a"].__setitem__(0, 1),
        lambda: list(group.create_hierarchy({"b": root.metadata})),
        lambda: zarr.consolidate_metadata(group.store_path),
    ):
        with pytest.raises(ValueError, match="read-only"):
            change()
    assert list(root) == ["a"]
    assert dict(root.attrs) == {"a": 1}


def test_handles_compare_show_and_pickle_themselves(root: Group, store: Any) -> None:
    again = zarr.open_group(root.store_path)
    assert again == root
    assert again._async_group == root._async_group
    assert root != root.create_group("g")
    assert root != 5
    assert repr(root) == f"<Group {root.store_path}>"
    assert repr(root._async_group) == f"<AsyncGroup {root.store_path}>"
    if isinstance(root.store, zarr.storage.LocalStore):
        copy = pickle.loads(pickle.dumps(root))
        assert copy == root
        assert list(copy) == ["g"]
    for group in (root, root._async_group):
        with pytest.raises(TypeError, match="unhashable"):
            hash(group)


def test_a_group_describes_itself(call: Face, zarr_format: int) -> None:
    call("create_array", "g/a", shape=(1,), dtype="i1")
    kind = type(call.group.store).__name__
    lines = [
        "Name        : g",
        "Type        : Group",
        f"Zarr format : {zarr_format}",
        "Read-only   : False",
        f"Store type  : {kind}",
    ]
    assert repr(call("getitem", "g").info) == "\n".join(lines)
    assert "Name" in call.group.info._repr_html_()
    counts = ["No. members : 2", "No. arrays  : 1", "No. groups  : 1"]
    assert repr(call("info_complete")).splitlines()[-3:] == counts


# -- stores that hold what they should not ------------------------------------------------------


def put(group: Group, key: str, data: bytes) -> None:
    asyncio.run(group.store.set(key, zarr.buffer.cpu.Buffer.from_bytes(data)))


def test_a_key_that_is_no_node_is_passed_over_with_a_warning() -> None:
    root = zarr.create_group({})
    root.create_group("g")
    put(root, "junk/file", b"x")
    put(root, "notes.txt", b"x")
    with pytest.warns(ZarrUserWarning, match="not recognized"):
        assert list(root) == ["g"]


DAMAGED = (b"{", b"[]", b'{"zarr_format": 7}', b'{"zarr_format": 3, "node_type": "tree"}')


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
def test_a_damaged_node_is_an_error_that_names_it(zarr_format: Any) -> None:
    root = zarr.create_group({}, zarr_format=zarr_format)
    name = "zarr.json" if zarr_format == 3 else ".zgroup"
    for data in DAMAGED:
        put(root, f"broken/{name}", data)
        for use in (
            lambda: root["broken"],
            lambda: "broken" in root,
            lambda: zarr.consolidate_metadata(root.store),
            lambda: zarr.copy(root, zarr.create_group({}), name="x"),
            lambda: zarr.open_group(root.store, path="broken"),
            lambda: zarr.open(root.store, path="broken", mode="r"),
        ):
            with pytest.raises(ValueError, match="broken"):
                use()
        if zarr_format == 3:
            for make in (
                lambda: root.create_group("broken"),
                lambda: root.create_array("broken", shape=(1,), dtype="i1"),
            ):
                with pytest.raises(MetadataValidationError, match="broken"):
                    make()
        assert root.store._store_dict[f"broken/{name}"].to_bytes() == data


def test_an_array_and_a_group_at_one_path_are_an_error() -> None:
    root = zarr.create_group({}, zarr_format=2)
    root.create_array("a", shape=(1,), dtype="i1")
    put(root, "a/.zgroup", b'{"zarr_format": 2}')
    with pytest.raises(ContainsArrayAndGroupError, match="'a'"):
        root.create_group("a")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_chunks_that_lie_elsewhere_move_and_go_with_their_array(zarr_format: Any) -> None:
    documents, chunks = MemoryStore({}), MemoryStore({})
    root = zarr.open_group(documents, mode="w", zarr_format=zarr_format, chunk_store=chunks)
    root.create_array("a/b", data=np.arange(6), chunks=(4,))
    root.move("a", "c/d")
    assert root["c/d/b"][:].tolist() == list(range(6))
    assert len(chunks._store_dict) == 2
    assert all(key.startswith("c/d/b/") for key in chunks._store_dict)
    del root["c/d"]
    assert chunks._store_dict == {}


def test_the_only_compressor_of_format_2_has_a_name_of_its_own() -> None:
    root = zarr.create_group({}, zarr_format=2)
    numcodecs = pytest.importorskip("numcodecs")
    for number, codec in enumerate((None, numcodecs.Zlib(level=1))):
        expected = () if codec is None else (codec,)
        given: dict[str, Any] = {"shape": (4,), "dtype": "i4", "compressor": codec}
        assert root.create_array(f"c{number}", **given).compressors == expected
        assert root.require_array(f"r{number}", **given).compressors == expected


def test_a_damaged_node_does_not_hide_the_others(zarr_format: Any) -> None:
    root = zarr.create_group({}, zarr_format=zarr_format)
    root.create_array("good", shape=(1,), dtype="i1")
    root.create_array("below/fine", shape=(1,), dtype="i1")
    name = "zarr.json" if zarr_format == 3 else ".zgroup"
    listings: dict[str, Any] = {
        "keys": lambda: sorted(root.keys()),
        "members": lambda: sorted(path for path, _ in root.members(max_depth=None)),
        "arrays": lambda: [path for path, _ in root.arrays()],
        "groups": lambda: list(root.group_keys()),
        "count": lambda: (len(root), root.nmembers(None)),
        "tree": lambda: "fine" in str(root.tree()),
        "info": lambda: root.info_complete()._count_members,
    }
    expected = {way: listing() for way, listing in listings.items()}
    for data in DAMAGED:
        put(root, f"bad/{name}", data)
        put(root, f"below/worse/{name}", data)
        for way, listing in listings.items():
            with pytest.warns(ZarrUserWarning) as warned:
                assert listing() == expected[way]
            told = [str(each.message) for each in warned]
            assert sum("'bad' is left out" in text for text in told) == (2 if way == "count" else 1)
            assert sum("'below/worse' is left out" in text for text in told) <= 1
        del root["bad"], root["below/worse"]
        assert sorted(root.keys()) == expected["keys"]
