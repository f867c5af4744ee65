"""Names that no node can have: an error that names them, and nothing is made or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.metadata.group import GroupMetadata
from zarr.storage import LocalStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARRAY: dict[str, Any] = {"shape": (2,), "dtype": "i1"}
ESCAPING = ["..", ".", "../x", "x/../../y", "a/../b", "a/./b", "..\\x", "/..", "x/.."]
DOCUMENTS = ["zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata", "x/zarr.json"]
RESERVED = ["__x", "x/__y", "__x/y"]
WITH_NUL = ["a\0b", "x/\0"]
THE_GROUP_ITSELF = ["", "/", "//"]

MAKING: dict[str, Callable[[zarr.Group, str], object]] = {
    "Group.create_group": lambda g, n: g.create_group(n),
    "Group.create_array": lambda g, n: g.create_array(n, **ARRAY),
    "Group.require_array": lambda g, n: g.require_array(n, **ARRAY),
    "Group.zeros": lambda g, n: g.zeros(name=n, shape=(2,)),
    "Group[...] =": lambda g, n: g.__setitem__(n, np.zeros(2)),
    "Group.move": lambda g, n: g.move("old", n),
    "Group.create_hierarchy": lambda g, n: list(
        g.create_hierarchy({n: GroupMetadata(zarr_format=g.metadata.zarr_format)})
    ),
}
# At the root, and by a path in the store.
PLACING: dict[str, Callable[[Any, str, Any], object]] = {
    "create_array": lambda s, n, f: zarr.create_array(s, name=n, zarr_format=f, **ARRAY),
    "create": lambda s, n, f: zarr.create(store=s, path=n, zarr_format=f, **ARRAY),
    "create_group": lambda s, n, f: zarr.create_group(s, path=n, zarr_format=f),
    "open_group": lambda s, n, f: zarr.open_group(s, path=n, zarr_format=f, mode="a"),
    "open": lambda s, n, f: zarr.open(s, path=n, zarr_format=f, mode="a"),
    "open with shape": lambda s, n, f: zarr.open(s, path=n, zarr_format=f, **ARRAY),
    "open_group w": lambda s, n, f: zarr.open_group(s, path=n, zarr_format=f, mode="w"),
    "save_array": lambda s, n, f: zarr.save_array(s, np.zeros(2), path=n, zarr_format=f),
    "create_hierarchy": lambda s, n, f: list(
        zarr.create_hierarchy(store=s, nodes={n: GroupMetadata(zarr_format=f)})
    ),
}


def contents(directory: Path) -> dict[str, bytes | None]:
    """All files and directories below a directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


@pytest.fixture(params=["memory", "local"])
def place(request: Any, tmp_path: Path) -> tuple[Any, Callable[[], Any]]:
    """A store in a directory of its own, and what tells everything in and around it."""
    if request.param == "memory":
        memory = MemoryStore()
        return memory, lambda: {k: v.to_bytes() for k, v in memory._store_dict.items()}
    return LocalStore(tmp_path / "in" / "store"), lambda: contents(tmp_path)


@pytest.fixture(params=[2, 3])
def root(request: Any, place: Any) -> zarr.Group:
    root = zarr.create_group(place[0], zarr_format=request.param)
    root.create_array("old", data=np.arange(2))
    return root


def bad_names(zarr_format: int) -> list[str]:
    return [*ESCAPING, *DOCUMENTS, *WITH_NUL, *(RESERVED if zarr_format == 3 else ())]


def named(name: str, message: str) -> bool:
    """Whether a message tells a name as it was given, or the path of the node that is meant."""
    path = name.replace("\\", "/").strip("/")
    forms = (name, path, path.partition("/")[0])
    if any(repr(each) in message for each in forms):
        return True
    # Of a NUL there are two ways to show it; the path may be part of a key.
    return path.replace("\0", "\\0") in message or repr(path)[1:-1] in message


@pytest.mark.parametrize("how", MAKING)
def test_no_member_is_made_under_such_a_name(how: str, root: zarr.Group, place: Any) -> None:
    before = place[1]()
    for name in bad_names(root.metadata.zarr_format):
        with pytest.raises(ValueError) as error:
            MAKING[how](root, name)
        assert named(name, str(error.value)), error.value
        assert place[1]() == before, name


@pytest.mark.parametrize("how", PLACING)
def test_nothing_is_made_at_such_a_path(how: str, root: zarr.Group, place: Any) -> None:
    before = place[1]()
    for name in bad_names(root.metadata.zarr_format):
        with pytest.raises(ValueError) as error:
            PLACING[how](root.store, name, root.metadata.zarr_format)
        assert named(name, str(error.value)), error.value
        assert place[1]() == before, name


@pytest.mark.parametrize("name", THE_GROUP_ITSELF)
def test_a_group_is_not_its_own_member(name: str, root: zarr.Group, place: Any) -> None:
    before = place[1]()
    assert root[name] == root
    for make in MAKING.values():
        with pytest.raises((ValueError, TypeError)):
            make(root, name)
    if not name:  # "/" says that the group itself is meant
        with pytest.raises(ValueError, match="itself"):
            del root[name]
    with pytest.raises(ValueError, match="itself"):
        root.move(name, "new")
    assert place[1]() == before


def test_a_slash_before_a_name_does_not_leave_the_group(root: zarr.Group) -> None:
    below = root.create_group("below")
    below.create_group("/x")
    below.create_array("\\y\\z", **ARRAY)
    assert sorted(name for name, _ in root.members(None)) == [
        "below",
        "below/x",
        "below/y",
        "below/y/z",
        "old",
    ]


def test_a_lookup_outside_of_the_group_is_refused(root: zarr.Group, place: Any) -> None:
    before = place[1]()
    for name in ESCAPING:
        for look in (
            lambda name: root[name],
            lambda name: root.get(name),
            lambda name: name in root,
            lambda name: root.__delitem__(name),
            lambda name: root.get_array(name),
            lambda name: zarr.open(root.store, path=name, mode="r"),
            lambda name: zarr.consolidate_metadata(root.store, path=name),
        ):
            with pytest.raises(ValueError, match=r"\."):
                look(name)
    assert place[1]() == before


def test_names_are_texts(root: zarr.Group, place: Any) -> None:
    before = place[1]()
    for name in (1, None, b"x", ("a",)):
        for make in MAKING.values():
            with pytest.raises(TypeError):
                make(root, name)  # type: ignore[arg-type]
    assert place[1]() == before


def test_chunks_are_no_members(root: zarr.Group, place: Any) -> None:
    before = place[1]()
    for name in ("old/c", "old/c/0", "old/0"):
        del root[name]
        assert name not in root
        with pytest.raises(KeyError):
            root.move(name, "new")
        with pytest.raises(ValueError, match="only groups"):
            root.create_group(name)
    assert place[1]() == before


def test_documents_are_not_deleted_as_members(root: zarr.Group, place: Any) -> None:
    before = place[1]()
    for name in (".zgroup", "zarr.json"):
        with pytest.raises(ValueError, match="metadata document"):
            del root[name]
    del root["old/zarr.json"]
    assert place[1]() == before


def test_the_name_of_xarrays_nameless_arrays_stays_possible() -> None:
    root = zarr.create_group({})
    root.create_array("__xarray_dataarray_variable__", **ARRAY)
    assert list(root) == ["__xarray_dataarray_variable__"]


def test_nodes_with_reserved_names_that_others_made_can_be_used() -> None:
    store = MemoryStore()
    root = zarr.create_group(store)
    root.create_group("x").create_array("a", data=np.arange(2))
    for key in list(store._store_dict):
        if key.startswith("x/"):
            store._store_dict[f"__{key}"] = store._store_dict.pop(key)
    group: Any = root["__x"]
    assert group["a"][:].tolist() == [0, 1]
    group.create_array("b", **ARRAY)
    assert sorted(group) == ["a", "b"]
    del root["__x"]
    assert list(root) == []
