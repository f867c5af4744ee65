"""Attributes: a mapping that stores a change at once, or several together."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import zarr


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


def test_what_is_read_is_not_what_is_stored(node: Any) -> None:
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
