"""Attributes: a mapping that stores a change at once, or several together."""

from __future__ import annotations

import enum
import threading
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.metadata.v3 import ArrayV3Metadata


@pytest.fixture(params=["array", "group"])
def node(request: Any, waiting_store: Any) -> Any:
    """A node with attributes, on a store that counts."""
    store = waiting_store()
    if request.param == "group":
        return zarr.create_group(store, attributes={"a": 1, "b": [1]})
    return zarr.create_array(store, shape=(1,), dtype="i1", attributes={"a": 1, "b": [1]})


def stored(node: Any) -> dict[str, Any]:
    return dict(zarr.open(node.store, mode="r").attrs)


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (lambda attrs: attrs.update(c=1, d=2, a=3), {"a": 3, "b": [1], "c": 1, "d": 2}),
        (lambda attrs: attrs.update({"c": 1}, a=3), {"a": 3, "b": [1], "c": 1}),
        (lambda attrs: attrs.put({"only": None}), {"only": None}),
        (lambda attrs: attrs.clear(), {}),
        (lambda attrs: attrs.__setitem__("a", 2), {"a": 2, "b": [1]}),
        (lambda attrs: attrs.__delitem__("a"), {"b": [1]}),
        (lambda attrs: attrs.pop("a"), {"b": [1]}),
        (lambda attrs: attrs.setdefault("x", 5), {"a": 1, "b": [1], "x": 5}),
    ],
)
def test_a_change_is_stored_once(node: Any, change: Any, after: dict[str, Any]) -> None:
    node.store.asked.clear()
    change(node.attrs)
    assert node.store.asked == {"get": 1, "set": 1}
    assert dict(node.attrs) == after
    assert stored(node) == after


def test_a_batch_is_stored_once_however_much_it_changes(node: Any) -> None:
    node.store.asked.clear()
    with node.attrs.batch() as attributes:
        for number in range(20):
            attributes[f"n{number}"] = number
        del attributes["a"]
        attributes["b"].append(2)
        attributes.update(x={"y": None})
        assert dict(node.attrs) == {"a": 1, "b": [1]}
    assert node.store.asked == {"get": 1, "set": 1}
    expected = {"b": [1, 2], **{f"n{number}": number for number in range(20)}, "x": {"y": None}}
    assert dict(node.attrs) == expected
    assert stored(node) == expected


def test_a_batch_that_changes_nothing_or_fails_stores_nothing(node: Any) -> None:
    node.store.asked.clear()
    with node.attrs.batch() as attributes:
        attributes["a"] = 1
    with pytest.raises(ZeroDivisionError), node.attrs.batch() as attributes:
        attributes["a"] = 1 // 0
    assert not node.store.asked
    with pytest.raises(TypeError, match="JSON"), node.attrs.batch() as attributes:
        attributes["a"] = object()
    assert node.store.asked["set"] == 0
    assert dict(node.attrs) == stored(node) == {"a": 1, "b": [1]}


def test_batches_lose_nothing_of_what_others_set(node: Any) -> None:
    begun = threading.Barrier(6)

    def work(number: int) -> None:
        with node.attrs.batch() as attributes:
            begun.wait()
            attributes[f"own {number}"] = number
            if number == 0:
                del attributes["a"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {"b": [1], **{f"own {number}": number for number in range(6)}}
    assert stored(node) == expected


def test_a_value_that_was_read_is_a_copy_of_the_stored_one(node: Any) -> None:
    with pytest.raises(KeyError):
        node.attrs["none"]
    with pytest.raises(KeyError):
        del node.attrs["none"]
    copied = node.attrs.asdict()
    copied["a"] = 5
    assert stored(node)["a"] == 1
    assert list(node.attrs) == ["a", "b"]
    assert len(node.attrs) == 2
    assert "a" in node.attrs


class Level(enum.IntEnum):
    LOW = 1


class Unit(enum.StrEnum):
    METRE = "m"


# The value that a user gives, and the value in the document.
PLAIN = [
    ((1, (2, 3)), [1, [2, 3]]),
    ({1: "a", 2.5: "b", None: "c"}, {"1": "a", "2.5": "b", "null": "c"}),
    (np.arange(3), [0, 1, 2]),
    (np.zeros((1, 2), "f4"), [[0.0, 0.0]]),
    (np.array(["a", None], object), ["a", None]),
    (np.array(["a"]), ["a"]),
    (np.int32(3), 3),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.float16(0.5), 0.5),
    (np.str_("a"), "a"),
    (np.True_, True),
    (np.ma.array([1, 2], mask=[False, False]), [1, 2]),
    (Level.LOW, 1),
    (Unit.METRE, "m"),
    (2**200, 2**200),
    ({"deep": [{"a": (np.float32(1),)}]}, {"deep": [{"a": [1.0]}]}),
]


def types_of(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: types_of(item) for key, item in value.items()}
    return [types_of(item) for item in value] if isinstance(value, list) else type(value)


def makers(zarr_format: Any) -> list[Any]:
    """Ways to give a new or an old node the attribute ``k``."""

    def changed(change: Any) -> Any:
        def make(value: Any) -> Any:
            group = zarr.create_group({}, zarr_format=zarr_format)
            change(group, value)
            return group

        return make

    def batch(group: Any, value: Any) -> None:
        with group.attrs.batch() as attributes:
            attributes["k"] = value

    return [
        lambda value: zarr.create_group({}, attributes={"k": value}, zarr_format=zarr_format),
        lambda value: zarr.create_array(
            {}, shape=1, dtype="i1", attributes={"k": value}, zarr_format=zarr_format
        ),
        changed(lambda group, value: group.attrs.__setitem__("k", value)),
        changed(lambda group, value: group.attrs.update(k=value)),
        changed(lambda group, value: group.attrs.put({"k": value})),
        changed(lambda group, value: group.update_attributes({"k": value})),
        changed(batch),
    ]


WAYS = range(len(makers(3)))


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("given", "expected"), PLAIN)
def test_a_handle_shows_what_was_stored(
    given: Any, expected: Any, way: int, zarr_format: Any
) -> None:
    made = makers(zarr_format)[way](given)
    shown = made.attrs["k"]
    assert shown == expected
    assert types_of(shown) == types_of(expected)
    assert stored(made) == dict(made.attrs) == {"k": expected}
    assert made == zarr.open(made.store)
    with made.attrs.batch() as attributes:
        attributes["more"] = 1
    assert stored(made) == {"k": expected, "more": 1}


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.timedelta64(5, "ns"), "no times"),
        (np.timedelta64("NaT", "ns"), "no times"),
        (np.datetime64("2020"), "no times"),
        (np.array(["2020"], "M8[ns]"), "no times"),
        (np.array([5], "m8[s]"), "no times"),
        ([{"a": np.array([np.timedelta64(5, "M")], object)}], "no times"),
        (date(2020, 1, 1), "not JSON"),
        (np.longdouble(1.5), "fewer digits"),
        (np.clongdouble(1), "fewer digits"),
        (np.array([1.5], np.longdouble), "fewer digits"),
        (np.ma.array([1, 2], mask=[False, True]), "filled"),
        (np.ma.masked, "filled"),
        (np.zeros(1, "i4,f8"), "field"),
        (np.zeros(1, "i4,f8")[0], "field"),
        (np.array([b"x"]), "not JSON"),
        (1j, "not JSON"),
        (np.array([1j]), "not JSON"),
        (b"x", "not JSON"),
        ({1}, "not JSON"),
        (Decimal("1.1"), "not JSON"),
        (range(3), "not JSON"),
        ({(1, 2): 3}, "keys must be"),
    ],
)
def test_a_value_that_would_come_back_as_another_is_refused(
    value: Any, words: str, way: int, zarr_format: Any
) -> None:
    with pytest.raises(TypeError, match=words):
        makers(zarr_format)[way](value)


def test_keys_that_json_writes_alike_are_refused() -> None:
    for value in ({1: "a", "1": "b"}, {None: 1, "null": 2}, [{"x": {True: 1, "true": 2}}]):
        with pytest.raises(ValueError, match="Several keys"):
            zarr.create_group({}, attributes={"k": value})


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("way", WAYS)
def test_the_mapping_that_the_user_gave_may_be_changed_afterwards(
    way: int, zarr_format: Any
) -> None:
    given: Any = {"list": [1], "dict": {"a": [1]}}
    made = makers(zarr_format)[way](given)
    given["list"].append(2)
    given["dict"]["a"].append(2)
    given["new"] = 1
    expected = {"k": {"list": [1], "dict": {"a": [1]}}}
    assert dict(made.attrs) == made.metadata.attributes == expected
    made.attrs["other"] = 1
    assert stored(made) == {**expected, "other": 1}


def test_the_mapping_that_a_handle_returned_may_be_changed(node: Any) -> None:
    asynchronous = getattr(node, "_async_array", None) or node._async_group
    for found in (
        dict(node.attrs),
        node.attrs.asdict(),
        asynchronous.attrs,
        node.metadata.to_dict()["attributes"],
    ):
        found["b"].append(2)
        found["a"] = 3
        assert node.attrs.asdict() == {"a": 1, "b": [1]}
    node.attrs["b"].append(2)
    assert dict(node.attrs) == stored(node) == {"a": 1, "b": [1]}


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_nodes_share_no_attributes(zarr_format: Any) -> None:
    given = {"n": {"t": [1]}}
    source = zarr.create_array({}, data=[1, 2], attributes=given, zarr_format=zarr_format)
    group = zarr.create_group({}, zarr_format=zarr_format)
    zarr.copy(source, group, name="copied")
    others = [
        zarr.from_array({}, data=source),
        zarr.from_array({}, data=source, zarr_format=5 - zarr_format),
        group["copied"],
    ]
    for other in others:
        other.metadata.attributes["n"]["t"].append(2)
        assert source.metadata.attributes == given == stored(source)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_node_of_a_hierarchy_is_not_the_metadata_it_was_made_of(zarr_format: Any) -> None:
    made = zarr.create_array(
        {}, shape=1, dtype="i1", attributes={"n": [1]}, zarr_format=zarr_format
    )
    metadata: Any = made.metadata
    nodes = dict(zarr.create_hierarchy(store=zarr.storage.MemoryStore(), nodes={"a": metadata}))
    twice = dict(
        zarr.create_hierarchy(
            store=zarr.storage.MemoryStore(), nodes={"a": metadata, "b": metadata}
        )
    )
    metadata.attributes["n"].append(2)
    twice["a"].metadata.attributes["n"].append(3)
    assert dict(nodes["a"].attrs) == dict(twice["b"].attrs) == {"n": [1]}


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_member_shares_no_attributes_with_consolidated_metadata(zarr_format: Any) -> None:
    root = zarr.create_group({}, zarr_format=zarr_format)
    root.create_group("g", attributes={"n": [1]})
    root.create_array("g/a", shape=1, dtype="i1", attributes={"n": [1]})
    root = zarr.consolidate_metadata(root.store)
    for path in ("g", "g/a"):
        root[path].metadata.attributes["n"].append(2)
        assert dict(root[path].attrs) == {"n": [1]}
    for _, member in root.members(max_depth=None):
        member.metadata.attributes["n"].append(2)
    assert dict(root["g/a"].attrs) == dict(root["g"].attrs) == {"n": [1]}


def test_documents_of_equal_bytes_share_nothing() -> None:
    document = zarr.create_array({}, shape=1, dtype="i1", attributes={"n": [1]}).metadata.to_dict()
    document["extra"] = {"must_understand": False, "n": [1]}
    given = ArrayV3Metadata.from_dict(document)
    document["extra"]["n"].append(2)
    given.to_dict()["extra"]["n"].append(2)
    [(_, value)] = given.to_buffer_dict(zarr.buffer.default_buffer_prototype()).items()
    first = ArrayV3Metadata.from_document(value.to_bytes())
    first.extra_fields["extra"]["n"].append(2)
    first.attributes["n"].append(2)
    second = ArrayV3Metadata.from_document(value.to_bytes())
    assert second.extra_fields["extra"]["n"] == second.attributes["n"] == [1]
