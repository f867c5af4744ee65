"""The codec pipelines encode and decode chunks for programs that call them directly."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.codecs import BytesCodec, ShardingCodec, TransposeCodec, ZstdCodec
from zarr.core.array_spec import ArrayConfig, ArraySpec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.codec_pipeline import BatchedCodecPipeline, FusedCodecPipeline, create_codec_pipeline
from zarr.core.common import concurrent_foreach, concurrent_iter, concurrent_map
from zarr.storage import MemoryStore, StorePath

CODECS = (TransposeCodec(order=(1, 0)), BytesCodec(), ZstdCodec())
PIPELINES = pytest.mark.parametrize("pipeline_class", [BatchedCodecPipeline, FusedCodecPipeline])


def spec_of(array: Any) -> ArraySpec:
    dtype = zarr.dtype.parse_dtype(array.dtype, zarr_format=3)
    config = ArrayConfig(order="C", write_empty_chunks=False)
    return ArraySpec(array.shape, dtype, dtype.default_scalar(), config, default_buffer_prototype())


@PIPELINES
def test_a_pipeline_has_the_codecs_that_it_is_made_of(pipeline_class: Any) -> None:
    pipeline = pipeline_class.from_codecs(CODECS, batch_size=3)
    assert pipeline.array_array_codecs == CODECS[:1]
    assert pipeline.array_bytes_codec == CODECS[1]
    assert pipeline.bytes_bytes_codecs == CODECS[2:]
    assert pipeline.batch_size == 3
    assert tuple(pipeline) == pipeline.codecs == CODECS
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    assert pipeline_class(CODECS[:1], CODECS[1], CODECS[2:], 3) == pipeline
    assert pipeline.evolve_from_array_spec(spec_of(np.zeros((2, 3)))).batch_size == 3


@PIPELINES
@pytest.mark.parametrize("codecs", [CODECS, [ShardingCodec(chunk_shape=(1, 2))]])
def test_chunks_come_back_as_they_were(pipeline_class: Any, codecs: Any) -> None:
    array = np.arange(8, dtype="i4").reshape(2, 4)
    spec = spec_of(array)
    pipeline = pipeline_class.from_codecs(codecs).evolve_from_array_spec(spec)
    value = spec.prototype.nd_buffer.from_numpy_array(array)

    async def both_ways() -> list[Any]:
        encoded = await pipeline.encode([(value, spec), (None, spec)])
        return list(await pipeline.decode([(each, spec) for each in encoded]))

    decoded, nothing = asyncio.run(both_ways())
    np.testing.assert_array_equal(decoded.as_numpy_array(), array)
    assert nothing is None


@PIPELINES
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_pipeline_of_an_array_codes_its_chunks(pipeline_class: Any, zarr_format: Any) -> None:
    data = np.arange(6, dtype="i2").reshape(2, 3)
    store = MemoryStore()
    array = zarr.create_array(store, data=data, chunks=data.shape, zarr_format=zarr_format)
    name = f"zarr.core.codec_pipeline.{pipeline_class.__name__}"
    with zarr.config.set({"codec_pipeline.path": name}):
        pipeline = create_codec_pipeline(array.metadata, store=store)
        assert type(pipeline) is pipeline_class
        assert array.async_array.codec_pipeline == pipeline
    key = StorePath(store, "0.0" if zarr_format == 2 else "c/0/0")
    spec = spec_of(data)
    whole = (slice(None), slice(None))

    async def change() -> np.ndarray[Any, Any]:
        out = spec.prototype.nd_buffer.create(shape=data.shape, dtype=data.dtype)
        (result,) = await pipeline.read([(key, spec, whole, whole, True)], out)
        assert result["status"] == "present"
        part = spec.prototype.nd_buffer.from_numpy_array(np.array([[7]], dtype="i2"))
        one = (slice(0, 1), slice(0, 1))
        await pipeline.write([(key, spec, one, one, False)], part)
        return out.as_numpy_array()

    np.testing.assert_array_equal(asyncio.run(change()), data)
    assert array[:].tolist() == [[7, 1, 2], [3, 4, 5]]


def test_calls_are_made_at_once_and_within_a_limit() -> None:
    busy = most = 0

    async def call(a: int, b: int) -> int:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.001)
        busy -= 1
        return a * b

    items = [(i, 2) for i in range(6)]

    async def work() -> None:
        nonlocal most
        assert await concurrent_map(items, call) == [0, 2, 4, 6, 8, 10]
        assert most == 6
        for limited in (
            lambda: concurrent_map(items, call, 2),
            lambda: concurrent_foreach(items, call, 2),
            lambda: asyncio.gather(*concurrent_iter(items, call, 2)),
        ):
            most = 0
            await limited()
            assert most == 2
        assert await asyncio.gather(*concurrent_iter(items[1:3], call)) == [2, 4]

    asyncio.run(work())
