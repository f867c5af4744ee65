"""Calls as packages write them that store data in Zarr; type-checked, not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import numpy as np

import zarr
import zarr.api.asynchronous
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.storage import StoreLike


def saving(path: Path) -> None:
    """Arrays of NumPy are saved."""
    data = np.arange(10.0)
    zarr.save(path, data)
    zarr.save_array(path, data, chunks=5)
    zarr.save_group(path, a=data, b=np.zeros(3))
    zarr.save(path, np.zeros((2, 3), "i4"), more=data)


async def opening(path: str) -> None:
    """The asynchronous face has types under its full name."""
    group = await zarr.api.asynchronous.open_group(path, mode="r")
    assert_type(group, zarr.AsyncGroup)
    arr = await zarr.api.asynchronous.open_array(store=path)
    print(arr.shape)


class XarrayLike:
    """Reads variables of a group."""

    def __init__(self, group: zarr.Group) -> None:
        self.zarr_group = group

    @classmethod
    def open(cls, store: StoreLike, group: str | None, consolidated: bool | None) -> XarrayLike:
        found = zarr.open_group(
            store, path=group, mode="r", use_consolidated=consolidated, zarr_format=3
        )
        return cls(found)

    def variable(self, name: str) -> tuple[tuple[str, ...], np.ndarray[Any, Any]]:
        array = self.zarr_group[name]
        assert isinstance(array, zarr.Array)
        dims = array.metadata.to_dict()["dimension_names"]
        enc = {
            "chunks": array.chunks,
            "shards": array.shards,
            "compressors": array.compressors,
            "filters": array.filters,
        }
        print(enc, array.fill_value)
        return tuple(str(d) for d in dims) if isinstance(dims, (list, tuple)) else (), np.asarray(
            array[...]
        )


def anndata_like(g: zarr.Group, k: str, elem: np.ndarray[Any, Any]) -> None:
    """Writes arrays, and walks groups."""
    ds = g.create_array(k, shape=elem.shape, dtype=elem.dtype, chunks=elem.shape)
    ds[...] = elem
    ds.attrs["encoding-type"] = "array"
    sub = g.require_group("sub")
    sub.attrs.update({"a": 1})
    for name, sk in dict(g.members()).items():
        if isinstance(sk, zarr.Group):
            print(name, sk.attrs.asdict())
    x = g.get("x")
    if isinstance(x, zarr.Array):
        sel = x.oindex[np.array([1, 2]), slice(None)]
        m = x.vindex[np.array([1]), np.array([2])]
        print(sel, m, x.blocks[0])


async def stores(store: zarr.abc.store.Store) -> Buffer | None:
    """Reads values of a store."""
    proto: BufferPrototype = default_buffer_prototype()
    async for key in store.list_prefix(""):
        print(key)
    return await store.get("zarr.json", prototype=proto)
