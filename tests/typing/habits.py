"""How programs call the package, one habit each, as a type checker sees it; checked, not run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_type

import numpy as np

import zarr
from zarr.abc.store import RangeByteRequest, SuffixByteRequest
from zarr.api import asynchronous
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    VLenUTF8Codec,
    ZstdCodec,
)
from zarr.codecs.numcodecs import Delta, Zlib
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import collect_aiterator, sync
from zarr.errors import ArrayNotFoundError, ContainsArrayError, GroupNotFoundError
from zarr.storage import (
    FsspecStore,
    LocalStore,
    LoggingStore,
    MemoryStore,
    ObjectStore,
    StorePath,
    WrapperStore,
    ZipStore,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from zarr.abc.store import Store
    from zarr.storage import StoreLike
    from zarr.types import AnyArray, AnyAsyncArray, ArrayV2, ArrayV3

# -- arrays are created ---------------------------------------------------------------------------


def of_a_shape() -> None:
    """One number, a tuple, a list or an array of sizes."""
    assert_type(zarr.zeros(10), zarr.Array[Any])
    zarr.zeros((10, 20), chunks=(5, 5), dtype="f4")
    zarr.empty([10, 20], chunks=[5, 5], dtype=np.float32)
    zarr.ones(shape=np.array([3, 4]).shape, dtype=np.dtype("i8"))
    zarr.full((3,), 7.5)


def of_data_that_is_there(data: npt.NDArray[np.float64]) -> None:
    """Arrays of NumPy, lists of numbers, ranges and other arrays."""
    assert_type(zarr.array(data), zarr.Array[Any])
    zarr.array([[1, 2], [3, 4]])
    zarr.array(range(10), chunks=5)
    zarr.array(zarr.zeros(3))
    zarr.create_array({}, data=data, chunks="auto")
    zarr.create_array({}, data=np.asarray([1, 2, 3]))


def of_every_parameter(path: Path) -> AnyArray:
    """All parameters by name."""
    return zarr.create_array(
        store=path,
        name="a/b",
        shape=(100, 100),
        shards=(50, 50),
        chunks=(10, 10),
        dtype="uint16",
        filters=[TransposeCodec(order=(1, 0))],
        compressors=[ZstdCodec(level=3), Crc32cCodec()],
        serializer=BytesCodec(endian="little"),
        fill_value=0,
        order="C",
        zarr_format=3,
        attributes={"units": "m", "levels": [1, 2], "nested": {"a": None}},
        chunk_key_encoding={"name": "default", "separator": "/"},
        dimension_names=["y", "x"],
        storage_options=None,
        overwrite=True,
        config={"write_empty_chunks": True, "order": "F"},
    )


def of_format_2(path: str) -> None:
    """Format 2 with a compressor, filters and a separator."""
    import numcodecs

    array = zarr.create(
        shape=(10,), chunks=(5,), store=path, compressor=numcodecs.Zstd(level=1), zarr_format=2
    )
    zarr.create(shape=10, compressor=None, filters=None, zarr_format=2, dimension_separator="/")
    zarr.create_array(path, shape=10, dtype="i4", compressors=None, zarr_format=2)
    print(array.compressors)


def of_codecs_as_dicts() -> None:
    """Codecs are named by dicts and strings."""
    zarr.create_array(
        {},
        shape=4,
        dtype="f4",
        filters=[{"name": "numcodecs.delta", "configuration": {"dtype": "<f4"}}],
        serializer={"name": "bytes", "configuration": {"endian": "big"}},
        compressors={"name": "zstd", "configuration": {"level": 3, "checksum": False}},
    )
    zarr.create_array({}, shape=4, dtype="f4", compressors={"name": "gzip"})
    zarr.create_array({}, shape=4, dtype="f4", compressors="zstd")
    zarr.create_array({}, shape=4, dtype="f4", compressors="auto", filters="auto")
    zarr.create_array({}, shape=4, dtype="i4", filters=[Delta(dtype="<i4")], compressors=Zlib())


def of_codecs_in_shards() -> None:
    """Shards are a parameter or a codec."""
    sharding = ShardingCodec(
        chunk_shape=(2, 2),
        codecs=[BytesCodec(), BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle")],
        index_location="start",
    )
    zarr.create_array({}, shape=(8, 8), chunks=(4, 4), dtype="u1", serializer=sharding)
    zarr.create_array({}, shape=(8, 8), chunks=(4, 4), dtype="u1", shards="auto")
    zarr.create_array(
        {},
        shape=(8, 8),
        chunks=(2, 2),
        shards={"shape": (4, 4), "index_location": "end"},
        dtype="u1",
    )


def of_data_types() -> None:
    """Data types of NumPy, of Zarr, Python's own, strings, and dicts of format 3."""
    for dtype in (int, float, bool, str, np.int8, np.dtype("<M8[s]"), "S5", "U10", ">f8"):
        zarr.create_array({}, shape=1, dtype=dtype)
    zarr.create_array({}, shape=1, dtype=zarr.dtype.VariableLengthUTF8())
    zarr.create_array({}, shape=1, dtype=[("a", "i4"), ("b", "f8")])
    zarr.create_array({}, shape=1, dtype=np.dtypes.StringDType())
    zarr.create_array({}, shape=1, dtype="string", serializer=VLenUTF8Codec())


def like_others(other: AnyArray, data: npt.NDArray[np.int64]) -> None:
    """Arrays of the shape and type of others."""
    assert_type(zarr.zeros_like(other), zarr.Array[Any])
    zarr.ones_like(data, store={}, path="x")
    zarr.empty_like(other, chunks=(5,))
    zarr.full_like(other, fill_value=3)
    zarr.open_like(other, "like.zarr")
    assert_type(zarr.from_array({}, data=other, chunks="keep", shards=None), zarr.Array[Any])


def of_uneven_chunks() -> None:
    """Chunks by their edges, a size in bytes, and a choice of the package."""
    zarr.create_array({}, shape=(10, 10), dtype="i4", chunks=[[3, 7], [5, 5]])
    zarr.create_array({}, shape=(10, 10), dtype="i4", chunks="4MB")
    zarr.create(shape=(10, 10), chunks=True)
    zarr.create(shape=(10, 10), chunks=False)


# -- arrays and groups are opened -----------------------------------------------------------------


def arrays_by_path(path: Path) -> tuple[int, ...]:
    """Paths, strings and URLs, in each mode."""
    assert_type(zarr.open_array(path), zarr.Array[Any])
    zarr.open_array(str(path), mode="r+")
    zarr.open_array("s3://bucket/a", mode="r", storage_options={"anon": True})
    zarr.open_array(store=path, path="a", mode="a", shape=(3,), dtype="i4", zarr_format=2)
    return zarr.open_array(path / "a", mode="r").shape


def groups_by_path(path: os.PathLike[str]) -> zarr.Group:
    """Groups, consolidated or not."""
    assert_type(zarr.open_group(path), zarr.Group)
    zarr.open_group(path, mode="w-", attributes={"a": 1}, zarr_format=2)
    zarr.open_consolidated(path)
    zarr.open_group(path, use_consolidated=".zmeta")
    return zarr.group(path, overwrite=True)


def whichever_is_there(path: str) -> AnyArray | zarr.Group:
    """`open` gives either, and the program asks."""
    node = zarr.open(path, mode="r")
    assert_type(node, zarr.Array[Any] | zarr.Group)
    if isinstance(node, zarr.Group):
        return node["x"]
    return node


def what_may_be_missing(path: str) -> zarr.Group | None:
    """Errors are caught by their classes."""
    try:
        return zarr.open_group(path, mode="r")
    except GroupNotFoundError:
        return None
    except (ArrayNotFoundError, ContainsArrayError, FileNotFoundError, KeyError) as error:
        print(error)
        raise


def by_synchronizer(path: str) -> None:
    """Locks of a thread or a process."""
    zarr.open_group(path, mode="a", synchronizer=zarr.ThreadSynchronizer())
    zarr.open_array(path, mode="a", synchronizer=zarr.ProcessSynchronizer("locks"))


def by_metadata(array: AnyArray) -> tuple[str, ...]:
    """The metadata tell the format."""
    metadata = array.metadata
    if metadata.zarr_format == 2:
        return (metadata.dimension_separator,)
    print(metadata.chunk_grid, metadata.codecs, metadata.data_type)
    return tuple(name or "" for name in metadata.dimension_names or ())


def by_format(two: ArrayV2, three: ArrayV3) -> None:
    """Arrays of one format have metadata of that format."""
    print(two.metadata.compressor, two.metadata.filters, two.metadata.order)
    print(three.metadata.codecs, three.metadata.chunk_key_encoding)


# -- stores ---------------------------------------------------------------------------------------


def kinds_of_stores(path: Path) -> list[StoreLike]:
    """All that is taken as a store."""
    plain: dict[str, Any] = {}
    memory = MemoryStore()
    return [
        plain,
        memory,
        path,
        str(path),
        "memory://x",
        StorePath(memory, "a/b"),
        LocalStore(path, read_only=True),
        LoggingStore(memory, log_level="INFO"),
        WrapperStore(memory),
        FsspecStore.from_url("memory://x", storage_options={"asynchronous": True}),
    ]


def object_stores() -> None:
    """A client of obstore in a store."""
    from obstore.store import MemoryStore as Client

    store = ObjectStore(Client(), read_only=False)
    zarr.create_group(store)


def file_systems() -> None:
    """Options of file systems."""
    store = FsspecStore.from_url("s3://bucket/key", storage_options={"anon": True})
    zarr.open_group(store, mode="r")
    zarr.open_group("gs://bucket/key", storage_options={"token": "anon"}, mode="r")


def archives(path: Path) -> None:
    """Zip files, in a context."""
    with ZipStore(path / "a.zip", mode="w", compression=0) as store:
        root = zarr.create_group(store)
        root.create_array("x", data=np.arange(3))
    with ZipStore(path / "a.zip", mode="r") as store:
        print(zarr.open_array(store, path="x")[:])


async def values_of_a_store(store: Store) -> int:
    """Keys are read, in parts too, listed and deleted."""
    prototype = default_buffer_prototype()
    whole = await store.get("a/c/0", prototype)
    part = await store.get("a/c/0", prototype, RangeByteRequest(0, 4))
    await store.get("a/c/0", prototype, SuffixByteRequest(4))
    for buffer in await store.get_partial_values(prototype, [("a", RangeByteRequest(0, 1))]):
        print(None if buffer is None else buffer.to_bytes())
    if whole is not None and part is not None:
        await store.set("b", prototype.buffer.from_bytes(whole.to_bytes() + part.to_bytes()))
    names = [name async for name in store.list_dir("a")]
    if await store.exists("b") and store.supports_deletes:
        await store.delete("b")
    return len(names) + await store.getsize_prefix("a")


def synchronously(store: Store) -> tuple[str, ...]:
    """Helpers that step a coroutine."""
    print(sync(store.exists("zarr.json")))
    return collect_aiterator(store.list_prefix(""))


# -- elements -------------------------------------------------------------------------------------


def basic_selections(array: AnyArray, mask: npt.NDArray[np.bool_]) -> None:
    """Integers, slices, an ellipsis, new lists and masks."""
    print(array[0], array[-1, 2], array[1:9:2], array[..., 0], array[...], array[:], array[()])
    print(array[np.int64(3)], array[slice(None, 5), 3:], array[[0, 2]], array[mask])
    array[0] = 1
    array[1:3, ...] = [[1, 2], [3, 4]]
    array[:] = 0.5
    array[mask] = np.nan
    array[...] = array[...]


def orthogonal_selections(array: AnyArray, rows: npt.NDArray[np.intp]) -> None:
    """A list, a mask or a slice for each dimension."""
    print(array.oindex[[0, 2], :], array.oindex[rows, 1:3], array.oindex[rows > 2, [0]])
    array.oindex[rows, [1]] = 7
    print(array.get_orthogonal_selection((rows, slice(None))))
    array.set_orthogonal_selection(([0, 1], slice(0, 2)), np.zeros((2, 2)))


def points(array: AnyArray, rows: npt.NDArray[np.intp]) -> None:
    """A list of points."""
    print(array.vindex[rows, rows], array.vindex[[0, 1], [2, 3]])
    array.vindex[[0, 1], [2, 3]] = [5, 6]
    print(array.get_coordinate_selection((rows, rows)))
    array.set_coordinate_selection(([0], [1]), 3)
    array.set_mask_selection(np.ones((2, 2), bool), 3)


def blocks(array: AnyArray) -> None:
    """Chunks by their place."""
    print(array.blocks[0, 1:3], array.get_block_selection((0, slice(1, 2))))
    array.blocks[0] = 1
    array.set_block_selection((0, 0), 7)


def fields(array: AnyArray) -> None:
    """Fields of records."""
    print(array["a"], array["a", "b"], array.get_basic_selection(slice(3), fields="a"))
    array["a"] = 1
    array.set_basic_selection(slice(3), 1, fields=["a"])


def into_an_array(array: AnyArray) -> npt.NDArray[np.float64]:
    """`out=` takes an array of NumPy, or a buffer."""
    result = np.empty(array.shape, dtype=np.float64)
    prototype = default_buffer_prototype()
    array.get_basic_selection(..., out=prototype.nd_buffer.from_numpy_array(result))
    array.get_basic_selection(slice(3), out=result[:3])
    array.get_orthogonal_selection(([0, 1],), out=result[:2])
    array.get_coordinate_selection([0, 1], out=result[:2])
    return result


def as_numpy(array: AnyArray) -> list[npt.NDArray[np.float64]]:
    """Arrays become arrays of NumPy by several ways."""
    one: npt.NDArray[np.float64] = np.asarray(array)
    two: npt.NDArray[np.float64] = np.array(array[:], dtype="f8")
    three: npt.NDArray[np.float64] = np.asarray(array[:10], dtype=np.float64)
    return [one, two, three]


def in_rows(array: AnyArray) -> Iterator[Any]:
    """Rows in a loop."""
    yield from array


def in_threads(array: AnyArray) -> list[float]:
    """Parts in a pool of threads."""

    def mean(start: int) -> float:
        return float(np.asarray(array[start : start + 10]).mean())

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(mean, range(0, array.shape[0], 10)))


def one_element(array: AnyArray) -> float:
    """A single element as a number of Python."""
    element: float = np.asarray(array[3, 4]).item()
    return element + float(np.asarray(array[0, 0]))


# -- properties of an array, and its changes ------------------------------------------------------


def properties(array: AnyArray) -> None:
    """The properties that programs print."""
    assert_type(array.shape, tuple[int, ...])
    assert_type(array.chunks, tuple[int, ...])
    assert_type(array.ndim, int)
    assert_type(array.size, int)
    assert_type(array.nbytes, int)
    assert_type(array.nchunks, int)
    assert_type(array.name, str)
    assert_type(array.path, str)
    assert_type(array.basename, str)
    assert_type(array.read_only, bool)
    print(array.dtype.itemsize, array.dtype.kind, array.fill_value, array.order, array.shards)
    print(array.info, array.info_complete(), array.nbytes_stored(), array.nchunks_initialized)
    print(array.cdata_shape, array.compressors, array.filters, array.serializer)


def lengthened(array: AnyArray) -> tuple[int, ...]:
    """Arrays grow and shrink."""
    array.resize((20, 20))
    array.resize(20)
    array.append(np.zeros((5, 20)))
    return array.append([[1, 2]], axis=0)


def attributes(node: AnyArray | zarr.Group) -> dict[str, Any]:
    """Attributes are a mapping."""
    node.attrs["units"] = "m"
    node.attrs["scale"] = [1.0, 2.0]
    node.attrs.update({"a": 1}, b="x")
    node.attrs.put({"only": True})
    node.update_attributes({"more": {"deep": [None]}})
    if "units" in node.attrs:
        del node.attrs["units"]
    print(node.attrs.get("scale"), dict(node.attrs), list(node.attrs), len(node.attrs))
    return node.attrs.asdict()


def other_settings(array: AnyArray) -> AnyArray:
    """A handle with other settings."""
    return array.with_config({"write_empty_chunks": True, "order": "F"})


def metadata_of_arrays(array: ArrayV3) -> Mapping[str, Any]:
    """Metadata as a dict, and with a change."""
    metadata = array.metadata
    changed = replace(metadata, attributes={"a": 1})
    print(changed, metadata.to_dict()["shape"])
    return metadata.to_dict()


# -- groups ---------------------------------------------------------------------------------------


def members(group: zarr.Group) -> dict[str, tuple[int, ...]]:
    """Members in loops."""
    for name, member in group.members(max_depth=None):
        print(name, member.path, isinstance(member, zarr.Array))
    for name in group:
        print(name, name in group, len(group))
    assert_type(list(group.keys()), list[str])
    print(sorted(group.array_keys()), list(group.array_values()), list(group.group_values()))
    return {name: array.shape for name, array in group.arrays()}


def one_member(group: zarr.Group) -> AnyArray:
    """A member, and what it must be."""
    member = group["a/b"]
    if not isinstance(member, zarr.Array):
        raise TypeError(member.path)
    found = group.get("c", None)
    print(found is None, group.get("d", 3))
    return member


def made_in_a_group(group: zarr.Group, data: npt.NDArray[np.float32]) -> None:
    """Arrays and groups are made in a group."""
    assert_type(group.create_group("g"), zarr.Group)
    assert_type(group.create_array("a", data=data), zarr.Array[Any])
    group.create_array("b", shape=(3,), dtype=data.dtype, compressors=GzipCodec(level=1))
    assert_type(group.require_group("g"), zarr.Group)
    assert_type(group.require_array("a", shape=(3,), dtype="f4"), zarr.Array[Any])
    group.zeros(name="z", shape=(3,), chunks=(1,))
    group.full(name="f", shape=3, fill_value=1)
    group.empty_like(name="e", data=data)
    group["direct"] = data
    for name in ("a", "b"):
        del group[name]
    group.move("g", "h")


def hierarchies(store: StoreLike) -> None:
    """A hierarchy is made at once."""
    from zarr.core.group import GroupMetadata

    nodes: dict[str, Any] = {"": GroupMetadata(attributes={"a": 1}), "b": GroupMetadata()}
    for path, node in zarr.create_hierarchy(store=MemoryStore(), nodes=nodes):
        print(path, node)
    root = zarr.create_group(store, attributes={"conventions": ["x"]}, overwrite=True)
    print(root.tree(level=2), zarr.tree(root), root.info, root.nmembers())


def consolidated(store: StoreLike) -> zarr.Group:
    """Metadata are consolidated after writing."""
    found = zarr.consolidate_metadata(store, path="a", zarr_format=2)
    assert_type(found, zarr.Group)
    print(found.metadata.consolidated_metadata)
    return zarr.open_consolidated(store)


def multiscales(group: zarr.Group, levels: list[npt.NDArray[np.uint8]]) -> None:
    """Levels of an image, as bioimaging writes them."""
    for number, level in enumerate(levels):
        group.create_array(
            str(number),
            shape=level.shape,
            dtype=level.dtype,
            chunks=tuple(min(64, size) for size in level.shape),
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )[:] = level
    datasets = [{"path": str(number)} for number in range(len(levels))]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"datasets": datasets}]}


# -- files as a whole -----------------------------------------------------------------------------


def saved_and_loaded(path: str, data: npt.NDArray[np.int32]) -> None:
    """Arrays are saved and loaded."""
    zarr.save(path, data)
    zarr.save(path, a=data, b=np.zeros(3))
    zarr.save_array(path, data, compressors=None)
    zarr.save_group(path, x=data)
    print(zarr.load(path))


def copied(source: zarr.Group, target: zarr.Group) -> tuple[int, int, int]:
    """Nodes are copied from one hierarchy to another."""
    zarr.copy_store("a.zarr", "b.zarr", if_exists="skip")
    zarr.copy(source["x"], target, name="y", if_exists="replace", dry_run=True)
    return zarr.copy_all(source, target, log=print)


def settings() -> None:
    """Settings are read, and set for a block."""
    with zarr.config.set({"array.order": "F", "async": {"concurrency": 4}}):
        print(zarr.config.get("array.order"), zarr.config["async.concurrency"])
    zarr.config.set({"default_zarr_format": 2})
    zarr.config.reset()
    zarr.config.enable_gpu()


def registered() -> None:
    """Codecs are looked up and made known."""
    from zarr.registry import get_codec_class, register_codec

    cls = get_codec_class("zstd")
    register_codec("mine", cls)
    print(cls.from_dict({"name": "zstd", "configuration": {"level": 1, "checksum": False}}))
    print(BloscCodec.from_dict({"name": "blosc", "configuration": {"clevel": 1}}).to_dict())


# -- the asynchronous face ------------------------------------------------------------------------


async def arrays_awaited(path: str) -> npt.NDArray[Any]:
    """Arrays are created, written and read."""
    made = await asynchronous.create_array(path, shape=(8,), chunks=(2,), dtype="f4")
    assert_type(made, zarr.AsyncArray[Any])
    await made.setitem(slice(0, 4), np.ones(4))
    await made.setitem(..., 3)
    print(await made.oindex.getitem(([0, 1],)), await made.vindex.getitem(([0],)))
    print(await made.get_orthogonal_selection(([0, 1],)), await made.nchunks_initialized())
    await made.resize((16,))
    await made.append([1.0, 2.0])
    await made.update_attributes({"a": 1})
    return np.asarray(await made.getitem((slice(None),)))


async def groups_awaited(path: str) -> list[str]:
    """Groups are opened and walked."""
    root = await asynchronous.open_group(path, mode="a")
    await root.create_group("g", attributes={"a": 1})
    child = await root.require_group("h")
    assert_type(child, zarr.AsyncGroup)
    await root.delitem("h")
    names = [name async for name in root.array_keys()]
    async for name, array in root.arrays():
        print(name, array.shape)
    return names + [name async for name, _ in root.members(max_depth=2)]


async def either_awaited(path: str) -> AnyAsyncArray | zarr.AsyncGroup:
    """`open` of the asynchronous face gives either."""
    node = await asynchronous.open(store=path, mode="r")
    assert_type(node, zarr.AsyncArray[Any] | zarr.AsyncGroup)
    return node


async def many_at_once(paths: list[str]) -> list[tuple[int, ...]]:
    """Arrays are opened side by side."""
    import asyncio

    found = await asyncio.gather(*(asynchronous.open_array(store=path) for path in paths))
    return [array.shape for array in found]


async def twins(path: str) -> None:
    """Every function has a twin that is awaited."""
    await asynchronous.save(path, np.zeros(3))
    await asynchronous.save_group(path, a=np.zeros(3))
    print(await asynchronous.load(path=None, store=path))
    assert_type(await asynchronous.zeros((3,)), zarr.AsyncArray[Any])
    assert_type(await asynchronous.group(path), zarr.AsyncGroup)
    await asynchronous.consolidate_metadata(path)
    wrapped = zarr.Array(await asynchronous.ones(3))
    print(wrapped[:], wrapped.async_array)
