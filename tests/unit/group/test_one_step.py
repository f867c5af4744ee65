"""A node that the engine makes in one step is what is made in the general way."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import UserDict
from typing import TYPE_CHECKING, Any

import pytest

import zarr
from zarr.buffer.cpu import Buffer
from zarr.storage import LocalStore, MemoryStore, WrapperStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPTIONS: Any = {"shape": (4,), "chunks": (2,), "dtype": "i4"}


def put(key: str, text: str) -> Callable[[Any, str], None]:
    def write(store: Any, path: str) -> None:
        value = Buffer.from_bytes(text.encode())
        asyncio.run(store.set(f"{path}/{key}" if path else key, value))

    return write


THERE: dict[str, Callable[[Any, str], object]] = {
    "nothing": lambda store, path: None,
    "array": lambda store, path: zarr.create_array(store, name=path, **OPTIONS),
    "group": lambda store, path: zarr.create_group(store, path=path, attributes={"a": 1}),
    "array of format 2": lambda store, path: zarr.create_array(
        store, name=path, zarr_format=2, **OPTIONS
    ),
    "group of format 2": lambda store, path: zarr.create_group(store, path=path, zarr_format=2),
    "a document that is cut": put("zarr.json", '{"zarr_format": 3, "node_type"'),
    "a draft": put("zarr.json", '{"zarr_format": "https://purl.org/zarr/spec/protocol/core/3.0"}'),
    "other values": put("x", "y"),
}
MADE: dict[str, Callable[..., object]] = {
    "array": lambda store, path, **given: zarr.create_array(store, name=path, **OPTIONS, **given),
    "group": lambda store, path, **given: zarr.create_group(store, path=path, **given),
    "array, or what is there": lambda store, path, **given: zarr.open_array(
        store, path=path, mode="w" if given.pop("overwrite", False) else "a", **OPTIONS, **given
    ),
    "group, or what is there": lambda store, path, **given: zarr.open_group(
        store, path=path, mode="w" if given.pop("overwrite", False) else "a", **given
    ),
}
HOW: dict[str, dict[str, Any]] = {
    "as by default": {},
    "of format 3": {"zarr_format": 3},
    "of format 2": {"zarr_format": 2},
    "with attributes": {"attributes": {"b": [1, 2]}},
    "overwriting": {"overwrite": True},
}


def outcome(store: Any, there: str, made: str, how: str, at: str, path: str) -> Any:
    """The answer or error when a node is made, and all values after it."""

    async def values() -> dict[str, bytes]:
        prototype = zarr.buffer.cpu.buffer_prototype
        keys = [key async for key in store.list()]
        return {key: (await store.get(key, prototype)).to_bytes() for key in keys}

    THERE[there](store, at)
    try:
        node: Any = MADE[made](store, path, **HOW[how])
        answer: Any = (type(node), node.path, node.metadata)
    except Exception as error:
        shown = re.sub(r"\w*Store\([^)]*\)", "…", str(error).replace(store.shown_as(), "…"))
        answer = (type(error), shown)
    return answer, asyncio.run(values())


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("there", THERE)
def test_the_outcome_is_that_of_the_general_way(
    tmp_path: Path, there: str, made: str, how: str
) -> None:
    places = [("", ""), ("a", "a"), ("", "a"), ("a", "a/b/c"), ("a/b", "a/b/c")]
    for number, (at, path) in enumerate(places):
        stores: list[Any] = [
            MemoryStore(),
            MemoryStore(UserDict()),  # type: ignore[arg-type]
            LocalStore(tmp_path / f"{number}"),
            WrapperStore(LocalStore(tmp_path / f"{number}w")),
        ]
        assert [store.traits.native_handle is not None for store in stores] == [True, False] * 2
        found = [outcome(store, there, made, how, at, path) for store in stores]
        for one, other in itertools.pairwise(found):
            assert one == other


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_a_document_that_is_no_file_is_told(tmp_path: Path, kind: str) -> None:
    store: Any = MemoryStore() if kind == "memory" else LocalStore(tmp_path)
    if kind == "local":
        (tmp_path / "a" / "zarr.json").mkdir(parents=True)
        with pytest.raises(OSError, match=r"zarr\.json"):
            zarr.create_group(store, path="a")
    else:
        store._store_dict["a/zarr.json"] = b"{}"  # bytes that somebody put into their dict
        with pytest.raises(ValueError, match="zarr_format"):
            zarr.create_group(store, path="a")
