"""Base classes of codecs: what turns chunks into stored bytes, and back.

To write a codec, subclass one of `ArrayArrayCodec`, `ArrayBytesCodec` and `BytesBytesCodec` as a
frozen dataclass, and define either ``_decode_sync`` and ``_encode_sync``, or ``_decode_single``
and ``_encode_single``, which are asynchronous. All take the data of one chunk and its `ArraySpec`
and return data; an encoder may return None for a chunk that need not be stored. Prefer the
synchronous pair: it runs without an event loop. `zarr.registry.register_codec`, or an entry point
``zarr.codecs``, makes the codec known by its name.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import (
    TYPE_CHECKING,
    Generic,
    Literal,
    Protocol,
    Self,
    TypeAlias,
    TypedDict,
    TypeGuard,
    TypeVar,
    runtime_checkable,
)

from zarr._async.run import bounded
from zarr.abc.metadata import Metadata
from zarr.buffer.core import Buffer, NDBuffer
from zarr.types import NamedConfig

if TYPE_CHECKING:
    from zarr.abc.store import ByteGetter, ByteSetter, Store
    from zarr.dtype.base import AnyDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import ArrayMetadata, SelectorTuple

__all__ = [
    "ArrayArrayCodec",
    "ArrayBytesCodec",
    "ArrayBytesCodecPartialDecodeMixin",
    "ArrayBytesCodecPartialEncodeMixin",
    "BaseCodec",
    "BytesBytesCodec",
    "CodecInput",
    "CodecOutput",
    "CodecPipeline",
    "GetResult",
    "SupportsSyncCodec",
]

CodecInput: TypeAlias = NDBuffer | Buffer
CodecOutput: TypeAlias = NDBuffer | Buffer

CI = TypeVar("CI", bound=CodecInput)
CO = TypeVar("CO", bound=CodecOutput)
T = TypeVar("T")
V = TypeVar("V")
_NameT = TypeVar("_NameT", bound=str)


class CodecJSON_V2(TypedDict, Generic[_NameT]):
    """A codec in a document of format 2; its parameters lie beside the name."""

    id: _NameT


CodecJSON_V3: TypeAlias = str | NamedConfig[str, Mapping[str, object]]
"""A codec in a document of format 3."""
CodecJSON: TypeAlias = str | Mapping[str, object]
"""A codec in a document of either format."""


def _check_codecjson_v2(data: object) -> TypeGuard[CodecJSON_V2[str]]:
    return isinstance(data, Mapping) and isinstance(data.get("id"), str)


class GetResult(TypedDict):
    """The outcome of reading one chunk."""

    status: Literal["present", "missing"]


_SyncIn = TypeVar("_SyncIn", bound=CodecInput)
_SyncOut = TypeVar("_SyncOut", bound=CodecOutput)


@runtime_checkable
class SupportsSyncCodec(Protocol[_SyncIn, _SyncOut]):
    """A codec that works without waiting."""

    def _decode_sync(self, chunk_data: _SyncOut, chunk_spec: ArraySpec) -> _SyncIn: ...

    def _encode_sync(self, chunk_data: _SyncIn, chunk_spec: ArraySpec) -> _SyncOut | None: ...


def _codec_supports_sync(codec: object) -> bool:
    return isinstance(codec, SupportsSyncCodec)


class BaseCodec(Metadata, Generic[CI, CO]):
    """A codec.

    Subclass `ArrayArrayCodec`, `ArrayBytesCodec` or `BytesBytesCodec`, not this class.
    """

    # Whether the encoded size follows from the decoded size. Not a field: this class is
    # no dataclass, though its subclasses are.
    is_fixed_size: bool = False

    @abstractmethod
    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Return how many bytes a chunk has when encoded; asked of codecs of fixed size only.

        Parameters
        ----------
        input_byte_length : int
            How many bytes the chunk has when decoded.
        chunk_spec : ArraySpec
            The chunk.
        """
        raise NotImplementedError(f"{type(self).__name__} does not tell its encoded size")

    def resolve_metadata(self, chunk_spec: ArraySpec) -> ArraySpec:
        """Return what a chunk is after it was encoded; the next codec in the chain gets that.

        Parameters
        ----------
        chunk_spec : ArraySpec
            The chunk when decoded.

        Returns
        -------
        ArraySpec
            The chunk when encoded.
        """
        return chunk_spec

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """Return the codec with all that was left open filled in.

        Parameters
        ----------
        array_spec : ArraySpec
            A chunk of the array that the codec belongs to.

        Returns
        -------
        Self
            The codec; itself if nothing is to be chosen.
        """
        return self

    def validate(
        self,
        *,
        shape: tuple[int, ...],
        dtype: AnyDType,
        chunk_grid: ChunkGridMetadata,
    ) -> None:
        """Raise an error if the codec cannot serve an array.

        Parameters
        ----------
        shape : tuple of int
            The shape of the array.
        dtype : ZDType
            Its data type.
        chunk_grid : ChunkGridMetadata
            Its chunk grid.
        """

    async def _decode_single(self, chunk_data: CO, chunk_spec: ArraySpec) -> CI:
        if isinstance(self, SupportsSyncCodec):
            decoded: CI = self._decode_sync(chunk_data, chunk_spec)
            return decoded
        raise NotImplementedError(
            f"{type(self).__name__} defines neither _decode_sync nor _decode_single"
        )

    async def _encode_single(self, chunk_data: CI, chunk_spec: ArraySpec) -> CO | None:
        if isinstance(self, SupportsSyncCodec):
            encoded: CO | None = self._encode_sync(chunk_data, chunk_spec)
            return encoded
        raise NotImplementedError(
            f"{type(self).__name__} defines neither _encode_sync nor _encode_single"
        )

    async def decode(
        self, chunks_and_specs: Iterable[tuple[CO | None, ArraySpec]]
    ) -> Iterable[CI | None]:
        """Decode several chunks; what is None stays None.

        Parameters
        ----------
        chunks_and_specs : iterable of (data, ArraySpec)
            The chunks as they are stored, and what they are when decoded.

        Returns
        -------
        iterable
            The decoded chunks.
        """
        return await _each(self, self._decode_single, chunks_and_specs)

    async def encode(
        self, chunks_and_specs: Iterable[tuple[CI | None, ArraySpec]]
    ) -> Iterable[CO | None]:
        """Encode several chunks; what is None stays None.

        Parameters
        ----------
        chunks_and_specs : iterable of (data, ArraySpec)
            The chunks, and what they are.

        Returns
        -------
        iterable
            The encoded chunks.
        """
        return await _each(self, self._encode_single, chunks_and_specs)


async def _each(
    codec: object,
    code: Callable[[T, ArraySpec], Awaitable[V]],
    chunks: Iterable[tuple[T | None, ArraySpec]],
) -> list[V | None]:
    async def one(item: tuple[T | None, ArraySpec]) -> V | None:
        return None if item[0] is None else await code(item[0], item[1])

    if isinstance(codec, SupportsSyncCodec):
        # Nothing to wait for: one after the other, which needs no event loop either.
        return [await one(item) for item in chunks]
    return await bounded(chunks, one)


class ArrayArrayCodec(BaseCodec[NDBuffer, NDBuffer]):
    """A codec that makes another array of a chunk, such as its transpose."""


class ArrayBytesCodec(BaseCodec[NDBuffer, Buffer]):
    """A codec that makes bytes of an array; each chain has exactly one."""


class BytesBytesCodec(BaseCodec[Buffer, Buffer]):
    """A codec that makes other bytes of bytes, such as a compressor."""


Codec: TypeAlias = ArrayArrayCodec | ArrayBytesCodec | BytesBytesCodec


class ArrayBytesCodecPartialDecodeMixin:
    """For codecs that can decode a part of a chunk from a part of its bytes.

    The engine does that for sharding by itself; it does not call these methods.
    """

    async def _decode_partial_single(
        self, byte_getter: ByteGetter, selection: SelectorTuple, chunk_spec: ArraySpec
    ) -> NDBuffer | None:
        raise NotImplementedError(f"{type(self).__name__} does not decode parts of a chunk")

    async def decode_partial(
        self, batch_info: Iterable[tuple[ByteGetter, SelectorTuple, ArraySpec]]
    ) -> Iterable[NDBuffer | None]:
        """Decode parts of several chunks.

        Parameters
        ----------
        batch_info : iterable of (ByteGetter, selection, ArraySpec)
            Where each chunk is stored, which part, and what it is.

        Returns
        -------
        iterable of NDBuffer or None
            The parts; None where there is no chunk.
        """

        async def one(item: tuple[ByteGetter, SelectorTuple, ArraySpec]) -> NDBuffer | None:
            return await self._decode_partial_single(*item)

        return await bounded(batch_info, one)


class ArrayBytesCodecPartialEncodeMixin:
    """For codecs that can change a part of a stored chunk.

    The engine does that for sharding by itself; it does not call these methods.
    """

    async def _encode_partial_single(
        self,
        byte_setter: ByteSetter,
        chunk_array: NDBuffer,
        selection: SelectorTuple,
        chunk_spec: ArraySpec,
    ) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not encode parts of a chunk")

    async def encode_partial(
        self, batch_info: Iterable[tuple[ByteSetter, NDBuffer, SelectorTuple, ArraySpec]]
    ) -> None:
        """Change parts of several chunks.

        Parameters
        ----------
        batch_info : iterable of (ByteSetter, NDBuffer, selection, ArraySpec)
            Where each chunk is stored, the new data, which part, and what the chunk is.
        """

        async def one(item: tuple[ByteSetter, NDBuffer, SelectorTuple, ArraySpec]) -> None:
            await self._encode_partial_single(*item)

        await bounded(batch_info, one)


class CodecPipeline:
    """The class by which zarr-python lets users choose what runs the codecs of an array.

    Here a single native engine does that, for all arrays. The class stands for packages that
    name it in annotations and ``isinstance``, and defines what they would have to define.
    """

    @abstractmethod
    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """Return the pipeline with all that was left open filled in."""
        raise NotImplementedError

    @classmethod
    @abstractmethod
    def from_codecs(cls, codecs: Iterable[Codec]) -> Self:
        """Make a pipeline of codecs, in the order of encoding."""
        raise NotImplementedError

    @classmethod
    def from_array_metadata_and_store(cls, array_metadata: ArrayMetadata, store: Store) -> Self:
        """Make a pipeline for an array in a store."""
        raise NotImplementedError(
            f"{cls.__name__!r} does not implement CodecPipeline.from_array_metadata_and_store."
        )

    @property
    @abstractmethod
    def supports_partial_decode(self) -> bool:
        """Whether parts of chunks can be decoded."""
        raise NotImplementedError

    @property
    @abstractmethod
    def supports_partial_encode(self) -> bool:
        """Whether parts of chunks can be encoded."""
        raise NotImplementedError

    @abstractmethod
    def validate(
        self,
        *,
        shape: tuple[int, ...],
        dtype: AnyDType,
        chunk_grid: ChunkGridMetadata,
    ) -> None:
        """Raise an error if the pipeline cannot serve an array."""
        raise NotImplementedError

    @abstractmethod
    def compute_encoded_size(self, byte_length: int, array_spec: ArraySpec) -> int:
        """Return how many bytes a chunk has when encoded."""
        raise NotImplementedError

    @abstractmethod
    async def decode(
        self, chunk_bytes_and_specs: Iterable[tuple[Buffer | None, ArraySpec]]
    ) -> Iterable[NDBuffer | None]:
        """Decode several chunks; what is None stays None."""
        raise NotImplementedError

    @abstractmethod
    async def encode(
        self, chunk_arrays_and_specs: Iterable[tuple[NDBuffer | None, ArraySpec]]
    ) -> Iterable[Buffer | None]:
        """Encode several chunks; what is None stays None."""
        raise NotImplementedError

    @abstractmethod
    async def read(
        self,
        batch_info: Iterable[tuple[ByteGetter, ArraySpec, SelectorTuple, SelectorTuple, bool]],
        out: NDBuffer,
        drop_axes: tuple[int, ...] = (),
    ) -> tuple[GetResult, ...]:
        """Read, decode and place parts of several chunks."""
        raise NotImplementedError

    @abstractmethod
    async def write(
        self,
        batch_info: Iterable[tuple[ByteSetter, ArraySpec, SelectorTuple, SelectorTuple, bool]],
        value: NDBuffer,
        drop_axes: tuple[int, ...] = (),
    ) -> None:
        """Take parts of an array, encode and write them as parts of several chunks."""
        raise NotImplementedError
