"""Two nodes at one path: which one is opened, and that none is changed or lost by opening."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zarr
from zarr.core.group import GroupMetadata
from zarr.errors import ArrayNotFoundError, ContainsArrayError, GroupNotFoundError
from zarr.storage import MemoryStore, StorePath


def arrays() -> dict[str, Any]:
    """An array of three elements in format 2, and one of five in format 3."""
    store: dict[str, Any] = {}
    zarr.create_array(store, shape=3, dtype="i4", zarr_format=2)
    other: dict[str, Any] = {}
    zarr.create_array(other, shape=5, dtype="i4", zarr_format=3)
    return {**store, **other}


def array_and_group() -> dict[str, Any]:
    """An array and a group of format 2."""
    store: dict[str, Any] = {}
    zarr.create_array(store, shape=3, dtype="i4", zarr_format=2)
    other: dict[str, Any] = {}
    zarr.create_group(other, zarr_format=2)
    return {**store, **other}


@pytest.mark.parametrize("name", ["open", "open_array"])
@pytest.mark.parametrize("mode", ["r", "r+", "a"])
def test_format_3_comes_first_unless_a_format_is_given(name: str, mode: Any) -> None:
    store = arrays()
    before = dict(store)
    for zarr_format, length in ((None, 5), (3, 5), (2, 3)):
        found = getattr(zarr, name)(store, mode=mode, zarr_format=zarr_format)
        assert found.shape == (length,)
    assert store == before


@pytest.mark.parametrize("zarr_format", [None, 2])
def test_an_array_beside_a_group_of_format_2_is_what_open_finds(zarr_format: Any) -> None:
    store = array_and_group()
    before = dict(store)
    assert isinstance(zarr.open(store, mode="r", zarr_format=zarr_format), zarr.Array)
    assert zarr.open_array(store, mode="r", zarr_format=zarr_format).shape == (3,)
    assert isinstance(zarr.open_group(store, mode="r", zarr_format=zarr_format), zarr.Group)
    assert store == before


@pytest.mark.parametrize("mode", ["r", "r+", "a"])
def test_an_error_names_what_was_looked_for_and_what_is_there(mode: Any) -> None:
    store = arrays()
    before = dict(store)
    with pytest.raises(ContainsArrayError, match="group was looked for.*array of format 3"):
        zarr.open_group(store, mode=mode)
    if mode != "a":
        with pytest.raises(GroupNotFoundError, match=r"no \.zgroup, but a node of format 3"):
            zarr.open_group(store, mode=mode, zarr_format=2)
    assert store == before
    store = array_and_group()
    before = dict(store)
    with pytest.raises(ArrayNotFoundError, match=r"no zarr\.json, but an array of format 2"):
        zarr.open_array(store, mode="r", zarr_format=3)
    assert store == before


def test_a_node_of_unknown_type_is_named_as_such() -> None:
    document = b'{"zarr_format": 3, "node_type": "blob"}'
    for name in ("open", "open_group"):
        store = {"x/zarr.json": zarr.buffer.cpu.Buffer.from_bytes(document)}
        with pytest.raises(ValueError, match=r"'array', 'group'\], got 'blob'.*'.*x'"):
            getattr(zarr, name)(store, path="x", mode="a")
        assert set(store) == {"x/zarr.json"}


def other_array() -> Any:
    return zarr.create((2,), dtype="i4")


DATA = np.arange(2)
# All that makes a node at a path without being told of which format.
MAKERS: dict[str, Any] = {
    "array": lambda s, p: zarr.array(DATA, store=s, path=p),
    "copy of an array": lambda s, p: zarr.array(other_array(), store=s, name=p or None),
    "create": lambda s, p: zarr.create((2,), store=s, path=p),
    "create_array": lambda s, p: zarr.create_array(s, name=p, shape=(2,), dtype="i4"),
    "create_group": lambda s, p: zarr.create_group(s, path=p),
    "create_hierarchy": lambda s, p: dict(
        zarr.create_hierarchy(store=s, nodes={p: GroupMetadata(zarr_format=default_format())})
    ),
    "from_array": lambda s, p: zarr.from_array(s, name=p, data=other_array()),
    "from_store": lambda s, p: zarr.Group.from_store(StorePath(s, p), zarr_format=default_format()),
    "open": lambda s, p: zarr.open(s, path=p, mode="a", shape=(2,), dtype="i4"),
    "open_array": lambda s, p: zarr.open_array(s, path=p, mode="a", shape=(2,), dtype="i4"),
    "open_group": lambda s, p: zarr.open_group(s, path=p, mode="a"),
    "open_like": lambda s, p: zarr.open_like(other_array(), p, store=s),
    "save": lambda s, p: zarr.save(s, DATA, path=p),
    "save_array": lambda s, p: zarr.save_array(s, DATA, path=p),
    "zeros": lambda s, p: zarr.zeros((2,), store=s, path=p),
    "zeros_like": lambda s, p: zarr.zeros_like(other_array(), store=s, path=p),
}
MEMBER_MAKERS: dict[str, Any] = {
    "create_array": lambda g: g.create_array("x", shape=(2,), dtype="i4"),
    "create_group": lambda g: g.create_group("x"),
    "create_hierarchy": lambda g: dict(
        g.create_hierarchy({"x": GroupMetadata(zarr_format=g.metadata.zarr_format)})
    ),
    "full": lambda g: g.full(name="x", shape=(2,), fill_value=1),
    "require_array": lambda g: g.require_array("x", shape=(2,), dtype="i4"),
    "require_group": lambda g: g.require_group("x"),
    "zeros_like": lambda g: g.zeros_like(name="x", data=other_array()),
}


def default_format() -> Any:
    return zarr.config.get("default_zarr_format")


@pytest.fixture(params=[2, 3])
def there(request: Any) -> Any:
    """The format of what is there; new nodes have the other one."""
    with zarr.config.set({"default_zarr_format": 5 - request.param}):
        yield request.param


def _made(store: Any, path: str, kind: str, zarr_format: Any) -> None:
    if kind == "group":
        zarr.create_group(store, path=path, zarr_format=zarr_format, attributes={"old": 1})
    else:
        zarr.create_array(store, name=path, data=np.arange(3), zarr_format=zarr_format)


@pytest.mark.parametrize("kind", ["array", "group"])
@pytest.mark.parametrize("path", ["", "a/b"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_node_of_the_other_format_is_not_hidden(
    there: Any, path: str, kind: str, name: str
) -> None:
    if there == 3 and name in ("create_array", "from_store"):
        pytest.skip("format 3 is the default of a parameter: 2 is asked for")
    if there == 3 and name == "open_like" and kind == "array":
        pytest.skip("it is opened, with a warning about the order of the other array")
    store = MemoryStore()
    _made(store, path, kind, there)
    before = dict(store._store_dict)
    for below in ("", "/x/y"):
        if below and name == "open_array" and kind == "array":
            continue
        try:
            found = MAKERS[name](store, path + below)
        except ValueError:
            pass
        else:  # opened
            assert name.startswith("open")
            assert found.metadata.zarr_format == there
        assert store._store_dict == before


@pytest.mark.parametrize("kind", ["array", "group"])
@pytest.mark.parametrize("name", MEMBER_MAKERS)
def test_a_member_does_not_hide_a_node_of_the_other_format(
    there: Any, kind: str, name: str
) -> None:
    store, other = MemoryStore(), MemoryStore()
    _made(other, "x", kind, there)
    store._store_dict.update({k: v for k, v in other._store_dict.items() if k.startswith("x/")})
    group = zarr.create_group(store)
    before = dict(store._store_dict)
    with pytest.raises(ValueError, match=f"of format {there} exists"):
        MEMBER_MAKERS[name](group)
    assert store._store_dict == before


@pytest.mark.parametrize("there", [2, 3])
def test_a_format_that_is_asked_for_is_made_beside_the_other(there: Any) -> None:
    store = MemoryStore()
    _made(store, "", "array", there)
    before = dict(store._store_dict)
    zarr.create((2,), store=store, zarr_format=5 - there)
    assert before.items() < store._store_dict.items()
    zarr.create((2,), store=store, overwrite=True)
    assert store._store_dict.keys() == {"zarr.json"}


def test_a_member_like_an_array_of_the_other_format_has_that_of_its_group() -> None:
    for zarr_format in (2, 3):
        source = zarr.create_array({}, shape=(2,), dtype="i4", zarr_format=5 - zarr_format)
        group = zarr.create_group({}, zarr_format=zarr_format)
        assert group.zeros_like(name="x/y", data=source).metadata.zarr_format == zarr_format


@pytest.mark.parametrize("name", ["empty", "full", "ones", "zeros", "zeros_like", "ones_like"])
def test_members_have_the_format_of_their_group(name: str) -> None:
    for zarr_format in (2, 3):
        store = MemoryStore()
        group = zarr.create_group(store, zarr_format=zarr_format)
        given: dict[str, Any] = {"data": other_array()} if "like" in name else {"shape": (2,)}
        if name == "full":
            given["fill_value"] = 1
        before = dict(store._store_dict)
        with pytest.raises(ValueError, match=f"group of format {zarr_format} has no members"):
            getattr(group, name)(name="a", zarr_format=5 - zarr_format, **given)
        for elsewhere in ({"store": {}}, {"path": "b"}):
            with pytest.raises(TypeError, match="given by the group"):
                getattr(group, name)(name="a", **elsewhere, **given)
        assert store._store_dict == before
        made = getattr(group, name)(name="a", zarr_format=zarr_format, **given)
        assert "a" in group
        assert made.metadata.zarr_format == zarr_format
