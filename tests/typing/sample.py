"""A user's program; `make lint` type-checks it, nothing runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import numpy as np

import zarr
from zarr.api import asynchronous

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zarr.abc.store import Store


def faces(store: Store) -> None:
    """The synchronous face gives arrays and groups."""
    assert_type(zarr.open_array(store, mode="r").shape, tuple[int, ...])
    created: zarr.Array[Any] = zarr.create_array(store, shape=(3, 4), chunks=(1, 4), dtype="f4")
    created[0, :2] = 1
    created[...] = np.zeros((3, 4))
    created.oindex[[0, 1], 2:] = 3.0
    rows: int = created.append(np.zeros((1, 4)))[0]
    root: zarr.Group = zarr.open_group(store, mode="a")
    child: zarr.Array[Any] | zarr.Group = root["child"]
    names: list[str] = [name for name, _ in root.members()]
    print(rows, child, names, created.dtype, created.attrs["units"])


def views(array: zarr.Array[Any]) -> NDArray[Any]:
    """Views give views, and their results are arrays of NumPy."""
    view = zarr.concat([array, array.lazy[::-1].astype("f4")], axis=0)
    assert_type(view, zarr.views.View)
    assert_type(view.T.oindex[[0, 1], 2:], zarr.views.View)
    assert_type(array.async_array.lazy[1:], zarr.views.AsyncView)
    view[0, ::-1] = 1
    return view.result()


async def asynchronously(store: Store) -> NDArray[Any]:
    """The asynchronous face gives the same, to be awaited."""
    array: zarr.AsyncArray[Any] = await asynchronous.create_array(store, shape=(3,), dtype="i4")
    await array.setitem(slice(0, 2), 5)
    group: zarr.AsyncGroup = await asynchronous.open_group(store=store, mode="r")
    print(group.attrs)
    return np.asarray(await array.getitem(...))


def settings() -> None:
    """Settings are a context manager."""
    with zarr.config.set({"threading.max_workers": 2}):
        codec = zarr.codecs.ZstdCodec(level=3)
    zarr.create_array({}, data=np.zeros(3), compressors=[codec])
