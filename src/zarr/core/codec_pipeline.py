"""The codecs of an array as a pipeline, for programs that code single chunks themselves.

Arrays do not use it: a single native engine codes their chunks. zarr-python's pipelines differ in
how they schedule their work; here they do the same, under each of the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from zarr.abc.codec import ArrayBytesCodec, CodecPipeline, GetResult
from zarr.codecs.base import OneChunk
from zarr.codecs.chain import codecs_from_list as codecs_from_list
from zarr.codecs.chain import evolve, split, v2_chain
from zarr.registry import get_pipeline_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zarr.abc.codec import ArrayArrayCodec, BytesBytesCodec, Codec
    from zarr.abc.numcodec import Numcodec
    from zarr.abc.store import ByteGetter, ByteSetter, Store
    from zarr.buffer.core import Buffer, NDBuffer
    from zarr.dtype.base import AnyDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import ArrayMetadata, SelectorTuple


@dataclass(frozen=True)
class V2Codec(ArrayBytesCodec):
    """The filters and the compressor of an array of format 2.

    Arrays do not need it: it stands for programs that code chunks themselves.

    Parameters
    ----------
    filters : tuple of numcodecs codecs, optional
        The filters, applied first, in order.
    compressor : numcodecs codec, optional
        The compressor, applied last.
    """

    filters: tuple[Numcodec, ...] | None
    compressor: Numcodec | None

    is_fixed_size = False

    def compute_encoded_size(self, _input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("The size of a compressed chunk depends on its content.")

    def _chunk(self, spec: ArraySpec) -> OneChunk:
        dtype = spec.dtype.to_native_dtype()
        chain = v2_chain(self.filters, self.compressor, dtype, spec.order, len(spec.shape))
        return OneChunk(chain, spec)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = self._chunk(chunk_spec).decode(chunk_data)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        return self._chunk(chunk_spec).encode(chunk_data.as_numpy_array())


@dataclass(frozen=True)
class BatchedCodecPipeline(CodecPipeline):
    """A chain of codecs that is applied to one chunk after the other.

    Arrays do not use it, whatever the setting ``codec_pipeline.path`` says: there is a single
    engine. Its callers get what the codecs themselves make of a chunk.

    Parameters
    ----------
    array_array_codecs : tuple of ArrayArrayCodec
        The filters, in the order in which they encode.
    array_bytes_codec : ArrayBytesCodec
        The serializer.
    bytes_bytes_codecs : tuple of BytesBytesCodec
        The compressors, in the order in which they encode.
    batch_size : int, optional
        Without effect.
    """

    array_array_codecs: tuple[ArrayArrayCodec, ...]
    array_bytes_codec: ArrayBytesCodec
    bytes_bytes_codecs: tuple[BytesBytesCodec, ...]
    batch_size: int = 1

    @classmethod
    def from_codecs(cls, codecs: Iterable[Codec], *, batch_size: int | None = None) -> Self:
        return cls(*split(codecs), 1 if batch_size is None else batch_size)

    @classmethod
    def from_array_metadata_and_store(
        cls, array_metadata: ArrayMetadata, store: Store | None
    ) -> Self:
        codecs: Any = getattr(array_metadata, "codecs", None)
        if codecs is None:
            metadata: Any = array_metadata
            codecs = (V2Codec(filters=metadata.filters, compressor=metadata.compressor),)
        return cls.from_codecs(codecs)

    @property
    def codecs(self) -> tuple[Codec, ...]:
        """All codecs, in the order in which they encode."""
        return (*self.array_array_codecs, self.array_bytes_codec, *self.bytes_bytes_codecs)

    def __iter__(self) -> Iterator[Codec]:
        return iter(self.codecs)

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        return self.from_codecs(evolve(self.codecs, array_spec), batch_size=self.batch_size)

    @property
    def supports_partial_decode(self) -> bool:
        """Whether parts of chunks can be decoded: the engine does that, not this class."""
        return False

    @property
    def supports_partial_encode(self) -> bool:
        """Whether parts of chunks can be encoded."""
        return False

    def validate(
        self,
        *,
        shape: tuple[int, ...],
        dtype: AnyDType,
        chunk_grid: ChunkGridMetadata,
    ) -> None:
        for codec in self.codecs:
            codec.validate(shape=shape, dtype=dtype, chunk_grid=chunk_grid)

    def compute_encoded_size(self, byte_length: int, array_spec: ArraySpec) -> int:
        for codec in self.codecs:
            byte_length = codec.compute_encoded_size(byte_length, array_spec)
            array_spec = codec.resolve_metadata(array_spec)
        return byte_length

    def _specs(self, spec: ArraySpec) -> list[tuple[Codec, ArraySpec]]:
        """Each codec, fitted, with what it is given when it encodes."""
        steps = []
        for codec in self.codecs:
            fitted = codec.evolve_from_array_spec(spec)
            steps.append((fitted, spec))
            spec = fitted.resolve_metadata(spec)
        return steps

    async def decode(
        self, chunk_bytes_and_specs: Iterable[tuple[Buffer | None, ArraySpec]]
    ) -> Iterable[NDBuffer | None]:
        decoded: list[Any] = []
        for chunk, spec in chunk_bytes_and_specs:
            value: Any = chunk
            for codec, given in reversed(self._specs(spec)):
                if value is not None:
                    (value,) = await codec.decode([(value, given)])
            decoded.append(value)
        return decoded

    async def encode(
        self, chunk_arrays_and_specs: Iterable[tuple[NDBuffer | None, ArraySpec]]
    ) -> Iterable[Buffer | None]:
        encoded: list[Any] = []
        for chunk, spec in chunk_arrays_and_specs:
            value: Any = chunk
            for codec, given in self._specs(spec):
                if value is not None:
                    (value,) = await codec.encode([(value, given)])
            encoded.append(value)
        return encoded

    async def read(
        self,
        batch_info: Iterable[tuple[ByteGetter, ArraySpec, SelectorTuple, SelectorTuple, bool]],
        out: NDBuffer,
        drop_axes: tuple[int, ...] = (),
    ) -> tuple[GetResult, ...]:
        results: list[GetResult] = []
        for getter, spec, inside, outside, _ in batch_info:
            stored = await getter.get(spec.prototype)
            if stored is None:
                out[outside] = spec.fill_value
                results.append(GetResult(status="missing"))
                continue
            (chunk,) = await self.decode([(stored, spec)])
            part = chunk[inside]  # type: ignore[index]
            out[outside] = part.squeeze(axis=drop_axes) if drop_axes else part
            results.append(GetResult(status="present"))
        return tuple(results)

    async def write(
        self,
        batch_info: Iterable[tuple[ByteSetter, ArraySpec, SelectorTuple, SelectorTuple, bool]],
        value: NDBuffer,
        drop_axes: tuple[int, ...] = (),
    ) -> None:
        for setter, spec, inside, outside, is_complete in batch_info:
            stored = None if is_complete else await setter.get(spec.prototype)
            if stored is None:
                chunk = spec.prototype.nd_buffer.create(
                    shape=spec.shape,
                    dtype=spec.dtype.to_native_dtype(),
                    order=spec.order,
                    fill_value=spec.fill_value,
                )
            else:
                (decoded,) = await self.decode([(stored, spec)])
                array = np.array(decoded.as_numpy_array())  # type: ignore[union-attr]
                chunk = spec.prototype.nd_buffer.from_numpy_array(array)
            part = value[outside]
            if drop_axes:
                part = spec.prototype.nd_buffer.from_numpy_array(
                    np.expand_dims(part.as_numpy_array(), drop_axes)
                )
            chunk[inside] = part
            is_empty = not spec.config.write_empty_chunks and chunk.all_equal(spec.fill_value)
            (encoded,) = await self.encode([(chunk, spec)])
            if encoded is None or is_empty:
                await setter.delete()
            else:
                await setter.set(encoded)


class FusedCodecPipeline(BatchedCodecPipeline):
    """The same under the name of zarr-python's other pipeline."""


def create_codec_pipeline(metadata: ArrayMetadata, *, store: Store | None = None) -> CodecPipeline:
    """Return the codecs of an array as a pipeline, of the class that the settings name.

    Parameters
    ----------
    metadata : ArrayV2Metadata or ArrayV3Metadata
        Of the array.
    store : Store, optional
        Where the array is, for pipelines that ask for it.
    """
    # Without a store there is nothing to say about one; our own pipelines need none.
    return get_pipeline_class().from_array_metadata_and_store(metadata, cast("Store", store))
