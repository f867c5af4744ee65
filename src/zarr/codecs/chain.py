"""Chains: the codecs of an array, in order, as the links of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr._async.warnings import warn
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.codecs.base import Link, native_link
from zarr.codecs.foreign import foreign_link
from zarr.codecs.v2_chain import v2_chain
from zarr.errors import ZarrUserWarning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.abc.codec import Codec
    from zarr.metadata.spec import ArraySpec

__all__ = ["check_order", "codecs_from_list", "evolve", "split", "v2_chain", "v3_chain"]


def split(
    codecs: Iterable[Codec],
) -> tuple[tuple[ArrayArrayCodec, ...], ArrayBytesCodec, tuple[BytesBytesCodec, ...]]:
    """The three parts of a chain: array to array, array to bytes, bytes to bytes.

    Raises
    ------
    TypeError
        If an item is no codec, or stands where its kind cannot.
    ValueError
        If there is not exactly one codec from array to bytes.
    """
    filters: list[ArrayArrayCodec] = []
    serializer: ArrayBytesCodec | None = None
    compressors: list[BytesBytesCodec] = []
    before: Any = None
    for codec in codecs:
        if isinstance(codec, ArrayArrayCodec):
            if serializer is not None or compressors:
                raise TypeError(_misplaced("ArrayArrayCodec", codec, "an ArrayArrayCodec", before))
            filters.append(codec)
        elif isinstance(codec, ArrayBytesCodec):
            if compressors:
                raise TypeError(_misplaced("ArrayBytesCodec", codec, "an ArrayArrayCodec", before))
            if serializer is not None:
                raise ValueError("Only one ArrayBytesCodec is allowed.")
            serializer = codec
        elif isinstance(codec, BytesBytesCodec):
            if filters and serializer is None:
                wanted = "a BytesBytesCodec or an ArrayBytesCodec"
                raise TypeError(_misplaced("BytesBytesCodec", codec, wanted, before))
            compressors.append(codec)
        else:
            raise TypeError(f"Expected a codec, got {codec!r} of {type(codec)}.")
        before = codec
    if serializer is None:
        raise ValueError("At least one ArrayBytesCodec is required.")
    return tuple(filters), serializer, tuple(compressors)


def _misplaced(kind: str, codec: object, wanted: str, before: object) -> str:
    return (
        f"Invalid codec order. {kind} {codec} must be preceded by {wanted}. "
        f"Got {type(before)} instead."
    )


def check_order(codecs: Iterable[Codec]) -> None:
    """Raise an error if codecs make no chain (see `split`)."""
    split(codecs)


def codecs_from_list(
    codecs: Iterable[Codec],
) -> tuple[tuple[ArrayArrayCodec, ...], ArrayBytesCodec, tuple[BytesBytesCodec, ...]]:
    """`split`, with a warning where a chain makes parts of shards inaccessible."""
    filters, serializer, compressors = split(codecs)
    if (filters or compressors) and getattr(serializer, "index_codecs", None) is not None:
        warn(
            "Combining a `sharding_indexed` codec disables partial reads and writes, which may "
            "lead to inefficient performance.",
            ZarrUserWarning,
        )
    return filters, serializer, compressors


def evolve(codecs: Iterable[Codec], spec: ArraySpec) -> tuple[Codec, ...]:
    """The codecs fitted to chunks of `spec`: each to what those before it make of them."""
    evolved: list[Codec] = []
    for codec in codecs:
        fitted = codec.evolve_from_array_spec(spec)
        evolved.append(fitted)
        spec = fitted.resolve_metadata(spec)
    return tuple(evolved)


def v3_chain(codecs: Iterable[Codec], spec: ArraySpec) -> tuple[Link, ...]:
    """The links for chunks of `spec`, coded by `codecs` of format 3.

    Parameters
    ----------
    codecs
        In the order in which they encode; they need not be fitted to the spec.
    spec
        What the first codec is given: shape and data type of a chunk, fill value, configuration.

    Raises
    ------
    TypeError, ValueError
        If the codecs make no chain, or one of them does not fit what it is given.
    """
    filters, serializer, compressors = split(codecs)
    links: list[Link] = []
    chain: tuple[Codec, ...] = (*filters, serializer, *compressors)
    for codec in chain:
        fitted = codec.evolve_from_array_spec(spec)
        links.append(native_link(fitted, spec) or foreign_link(fitted, spec))
        spec = fitted.resolve_metadata(spec)
    return tuple(links)
