"""Groups, stores, codecs and settings as a type checker sees them; checked, not run."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np

import zarr
from zarr.api import asynchronous
from zarr.codecs import BloscCodec, BytesCodec, GzipCodec, ShardingCodec, ZstdCodec
from zarr.storage import LocalStore, MemoryStore, ZipStore


def groups() -> None:
    """Members of a group are arrays or groups, until the program asks which."""
    root = zarr.open_group("data.zarr", mode="a")
    assert_type(root, zarr.Group)
    for name, array in root.arrays():
        print(name, array.shape, array.chunks)
    for name, group in root.groups():
        print(name, group.path)
    print(list(root.keys()), list(root.array_keys()), list(root.group_keys()), "x" in root)
    member = root["x"]
    if isinstance(member, zarr.Array):
        print(np.asarray(member[:10]).mean(), member.nbytes)
    made = root.create_array("y", shape=(10,), dtype="f8", chunks=(5,), overwrite=True)
    made.attrs["units"] = "m"
    root.require_group("z").attrs.update({"a": 1})
    root.attrs.put({"title": "t"})
    del root["y"]


def either() -> None:
    """`zarr.open` returns an array or a group."""
    found = zarr.open("data.zarr", mode="r")
    print(found.shape if isinstance(found, zarr.Array) else len(found))


def stores() -> None:
    """Stores are given as objects, paths or mappings."""
    memory = MemoryStore()
    zarr.create_group(memory)
    zarr.open_group(LocalStore("data.zarr"), mode="a")
    with ZipStore("data.zip", mode="w") as archive:
        zarr.create_array(archive, data=np.arange(5))
    zarr.consolidate_metadata(memory)


def codecs() -> None:
    """Codecs are given one by one or as lists."""
    zarr.create_array({}, shape=(8,), chunks=(2,), shards=(4,), dtype="i4", compressors=ZstdCodec())
    zarr.create_array({}, shape=(8,), dtype="i4", compressors=[BloscCodec(cname="lz4", clevel=5)])
    ShardingCodec(chunk_shape=(2,), codecs=[BytesCodec(), GzipCodec(level=1)])


def settings() -> None:
    """Settings are read, set, and set for a while."""
    print(zarr.config.get("async.concurrency"))
    zarr.config.set({"array.order": "F"})
    with zarr.config.set({"array.write_empty_chunks": True}):
        pass
    chosen = zarr.Settings(requests__timeout=5, array__order="F")
    assert_type(chosen.requests__timeout, float | None)
    assert_type(zarr.config.settings.array__write_empty_chunks, bool)
    with zarr.config.set(chosen):
        zarr.open_array("data.zarr", config=chosen)
        zarr.open_group("data.zarr", config=chosen.replace(async__timeout=None))


async def asynchronously() -> Any:
    """Groups and arrays of the asynchronous face."""
    root = await asynchronous.open_group("data.zarr", mode="a")
    assert_type(root, zarr.AsyncGroup)
    made = await root.create_array("x", shape=(10,), dtype="f8", chunks=(5,))
    await made.setitem(slice(None), np.arange(10.0))
    async for name, member in root.members():
        print(name, member.path)
    found = await root.getitem("x")
    if isinstance(found, zarr.AsyncArray):
        return await found.getitem(slice(0, 3))
    return await root.contains("x")
