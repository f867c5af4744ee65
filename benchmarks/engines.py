"""The implementations that are measured, behind one face."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from benchmarks.workloads import Layout


CACHED = 1 << 30
"""The bytes of a cache of decoded chunks."""


class ZarrLike:
    """This library and zarr-python, whose pipeline may be another's."""

    def __init__(self, pipeline: str | None = None) -> None:
        import zarr

        self.zarr: Any = zarr
        if pipeline is not None:
            zarr.config.set({"codec_pipeline.path": pipeline})

    def _compressors(self, codec: str) -> Any:
        codecs = self.zarr.codecs
        return {
            "none": lambda: None,
            "zstd": lambda: codecs.ZstdCodec(level=1),
            "gzip": lambda: codecs.GzipCodec(level=5),
            "blosc": lambda: codecs.BloscCodec(
                cname="lz4", clevel=5, shuffle="shuffle", typesize=4
            ),
            "blosc bits": lambda: codecs.BloscCodec(
                cname="lz4", clevel=5, shuffle="bitshuffle", typesize=4
            ),
        }[codec]()

    def _filters(self, layout: Layout) -> Any:
        if not layout.transposed:
            return "auto"
        order = tuple(reversed(range(len(layout.shape))))
        return [self.zarr.codecs.TransposeCodec(order=order)]

    def memory(self) -> Any:
        return self.zarr.storage.MemoryStore()

    def create(self, store: Any, layout: Layout) -> Any:
        return self.zarr.create_array(
            store,
            shape=layout.shape,
            chunks=layout.chunks,
            shards=layout.shards,
            dtype=layout.dtype,
            filters=self._filters(layout),
            compressors=self._compressors(layout.codec),
            overwrite=True,
        )

    def open(self, store: Any, *, write: bool = False) -> Any:
        return self.zarr.open_array(store, mode="r+" if write else "r")

    def open_cached(self, store: Any) -> Any:
        """Open with a cache of decoded chunks, where there is one."""
        if not hasattr(self.zarr, "ChunkCache"):
            return self.open(store)
        cache = self.zarr.ChunkCache(CACHED)
        return self.zarr.open_array(store, mode="r", config={"cache": cache})

    def read(self, array: Any, selection: Any) -> Any:
        return array[selection]

    def write(self, array: Any, selection: Any, value: Any) -> None:
        array[selection] = value

    def vindex(self, array: Any, points: tuple[Any, ...]) -> Any:
        return array.vindex[points]

    def mask(self, array: Any, mask: Any) -> Any:
        return array.vindex[mask]

    def write_points(self, array: Any, selection: Any, value: Any) -> None:
        array.vindex[selection] = value

    def oindex(self, array: Any, lists: tuple[Any, ...]) -> Any:
        return array.oindex[lists]

    def gather(self, array: Any, selections: list[Any]) -> None:
        source = array.async_array if hasattr(array, "async_array") else array._async_array

        async def run() -> None:
            await asyncio.gather(*(source.getitem(selection) for selection in selections))

        asyncio.run(run())

    def hierarchy(self, store: Any, layout: Layout, groups: int, arrays: int) -> None:
        """Make groups of arrays, list them, consolidate, open them again."""
        root = self.zarr.create_group(store)
        for number in range(groups):
            group = root.create_group(f"g{number}")
            for name in range(arrays):
                group.create_array(
                    f"a{name}", shape=layout.shape, chunks=layout.chunks, dtype="float32"
                )
        expected = groups * (1 + arrays)
        assert len(root.members(max_depth=None)) == expected
        self.zarr.consolidate_metadata(store)
        assert len(self.zarr.open_consolidated(store).members(max_depth=None)) == expected


class TensorStore:
    """TensorStore's zarr3 driver."""

    def __init__(self) -> None:
        import tensorstore as ts

        self.ts: Any = ts
        self.context = ts.Context()

    def memory(self) -> Any:
        return {"driver": "memory", "path": "array/"}

    def _kvstore(self, store: Any) -> Any:
        return store if isinstance(store, dict) else {"driver": "file", "path": f"{store}/"}

    def create(self, store: Any, layout: Layout) -> Any:
        def blosc(shuffle: str) -> list[Any]:
            settings = {"cname": "lz4", "clevel": 5, "typesize": 4, "blocksize": 0}
            return [{"name": "blosc", "configuration": {**settings, "shuffle": shuffle}}]

        outer = {
            "none": [],
            "zstd": [{"name": "zstd", "configuration": {"level": 1}}],
            "gzip": [{"name": "gzip", "configuration": {"level": 5}}],
            "blosc": blosc("shuffle"),
            "blosc bits": blosc("bitshuffle"),
        }[layout.codec]
        codecs: list[Any] = [{"name": "bytes", "configuration": {"endian": "little"}}, *outer]
        if layout.transposed:
            order = list(reversed(range(len(layout.shape))))
            codecs.insert(0, {"name": "transpose", "configuration": {"order": order}})
        if layout.shards:
            sharding = {"chunk_shape": layout.chunks, "codecs": codecs}
            codecs = [{"name": "sharding_indexed", "configuration": sharding}]
        chunk_shape = layout.shards or layout.chunks
        metadata = {
            "shape": layout.shape,
            "data_type": layout.dtype,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk_shape}},
            "codecs": codecs,
        }
        spec = {"driver": "zarr3", "kvstore": self._kvstore(store), "metadata": metadata}
        return self.ts.open(spec, create=True, delete_existing=True, context=self.context).result()

    def open(self, store: Any, *, write: bool = False) -> Any:
        spec = {"driver": "zarr3", "kvstore": self._kvstore(store)}
        return self.ts.open(spec, open=True, read=True, write=write, context=self.context).result()

    def open_cached(self, store: Any) -> Any:
        """Open with a pool for decoded chunks, which are looked at once."""
        spec = {
            "driver": "zarr3",
            "kvstore": self._kvstore(store),
            "recheck_cached_data": "open",
            "recheck_cached_metadata": "open",
        }
        context = self.ts.Context({"cache_pool": {"total_bytes_limit": CACHED}})
        return self.ts.open(spec, open=True, read=True, context=context).result()

    def read(self, array: Any, selection: Any) -> Any:
        return array[selection].read().result()

    def write(self, array: Any, selection: Any, value: Any) -> None:
        array[selection].write(value).result()

    def vindex(self, array: Any, points: tuple[Any, ...]) -> Any:
        return array.vindex[points].read().result()

    def mask(self, array: Any, mask: Any) -> Any:
        return array.vindex[mask].read().result()

    def write_points(self, array: Any, selection: Any, value: Any) -> None:
        array.vindex[selection].write(value).result()

    def oindex(self, array: Any, lists: tuple[Any, ...]) -> Any:
        return array.oindex[lists].read().result()

    def gather(self, array: Any, selections: list[Any]) -> None:
        async def run() -> None:
            await asyncio.gather(*(array[selection].read() for selection in selections))

        asyncio.run(run())


ENGINES: dict[str, Any] = {
    "ours": ZarrLike,
    "zarr-python": ZarrLike,
    "fused": lambda: ZarrLike("zarr.core.codec_pipeline.FusedCodecPipeline"),
    "zarrs": lambda: ZarrLike("zarrs.ZarrsCodecPipeline"),
    "tensorstore": TensorStore,
}
IMPORTS = {
    "ours": "import zarr; zarr.open_array",
    "zarr-python": "import zarr; zarr.open_array",
    "zarrs": "import zarr, zarrs; zarr.open_array",
    "tensorstore": "import tensorstore; tensorstore.open",
}
"""Code that imports each library as far as opening an array needs it."""


def versions() -> dict[str, str]:
    """Which of the implementations are installed here, and in which version."""
    found = {}
    for name in ("zarr", "tensorstore", "zarrs"):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found["zarr-python" if name == "zarr" and "native" not in version else name] = version
    return found


def values(layout: Layout) -> np.ndarray[Any, Any]:
    """The contents of the array of a layout."""
    if layout.dtype == "float32":
        return field(layout.shape)
    names = [
        f"name {number * 7919 % 99_991}" for number in range(layout.shape[0] * layout.shape[1])
    ]
    return np.array(names, np.dtypes.StringDType()).reshape(layout.shape)


def field(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """A smooth float32 field with noise, the same each time.

    It takes seconds to make, and is kept as a file in the directory that BENCHMARK_FIELDS names.
    """
    directory = os.environ.get("BENCHMARK_FIELDS")
    if directory is None:
        return _field(shape)
    path = Path(directory, f"{'x'.join(map(str, shape))}.npy")
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        np.save(path, _field(shape))
    return np.load(path)


def _field(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(20)
    *_, rows, columns = np.ogrid[tuple(slice(0, extent) for extent in shape)]
    smooth = 280 + 15 * np.sin(rows / 61) * np.cos(columns / 47)
    return (smooth + rng.normal(scale=0.1, size=shape)).astype(np.float32)
