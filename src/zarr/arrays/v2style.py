"""Parameters of ``create`` that only one of the formats has, or that have other names elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.abc.numcodec import _is_numcodec
from zarr.codecs.chain import split
from zarr.codecs.parsing import parse_codecs
from zarr.dtype import data_type_registry, parse_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.dtype import ZDType
    from zarr.types import ZarrFormat

# What is to be used instead, by format and parameter.
_INSTEAD = {
    (3, "compressor"): "Use bytes-to-bytes codecs instead.",
    (3, "filters"): "Use array-to-array codecs instead.",
    (3, "dimension_separator"): "Use chunk_key_encoding instead.",
    (3, "object_codec"): "Name the data type of the objects, such as dtype=str.",
    (2, "codecs"): "Use filters and compressor instead.",
    (2, "chunk_key_encoding"): "Use dimension_separator instead.",
    (2, "dimension_names"): "They are stored in format 3 only.",
}


def check_format_parameters(zarr_format: ZarrFormat, **given: Any) -> None:
    """Refuse parameters that belong to the other format."""
    for name, value in given.items():
        instead = _INSTEAD.get((zarr_format, name))
        if value is not None and instead is not None:
            raise ValueError(
                f"{name} cannot be used for arrays with zarr_format {zarr_format}. {instead}"
            )


def chunks_or_auto(chunks: Any, zarr_format: ZarrFormat) -> Any:
    """Chunks, with "auto" for the values that mean a choice by shape and data type."""
    if chunks is None or chunks is True:
        return "auto"
    # In format 2 programs write 0, False or () for it.
    nothing = zarr_format == 2 and not isinstance(chunks, np.ndarray) and not chunks
    return "auto" if nothing else chunks


def path_text(path: Any) -> str | None:
    """The path of a node as text."""
    return path.decode("ascii") if isinstance(path, bytes) else path


def dtype_for(dtype: Any, object_codec: Any, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
    """The data type that is named, objects being told apart by their codec."""
    if dtype is None:
        dtype = "float64"
    if object_codec is None:
        return parse_dtype(dtype, zarr_format=zarr_format)
    is_object = dtype is object or (isinstance(dtype, str | np.dtype) and np.dtype(dtype) == object)
    if not is_object:
        raise ValueError(f"object_codec is for dtype=object only, and the dtype is {dtype!r}")
    name = {"name": "|O", "object_codec_id": _codec_id(object_codec)}
    return data_type_registry.match_json(name, zarr_format=2)


def _codec_id(codec: Any) -> str:
    found = codec.get("id") if isinstance(codec, dict) else getattr(codec, "codec_id", None)
    if not isinstance(found, str) or not (isinstance(codec, dict) or _is_numcodec(codec)):
        raise TypeError(
            "object_codec must be a codec of numcodecs or the configuration of one. "
            f"Got an instance of {type(codec)} instead."
        )
    return found


def codec_parameters(
    zarr_format: ZarrFormat,
    codecs: Iterable[Any] | None,
    filters: Iterable[Any] | None,
    compressor: Any,
    object_codec: Any,
) -> dict[str, Any]:
    """The codecs as ``create_array`` names them."""
    if zarr_format == 2:
        chosen: Any = "auto" if filters is None else tuple(filters)
        if object_codec is not None:
            # Objects become bytes first; filters work on these.
            chosen = (object_codec,) if chosen == "auto" else (object_codec, *chosen)
        return {"filters": chosen, "compressors": compressor}
    if codecs is None:
        return {}
    array_array, array_bytes, bytes_bytes = split(parse_codecs(codecs))
    return {"filters": array_array, "serializer": array_bytes, "compressors": bytes_bytes}


def key_encoding(zarr_format: ZarrFormat, encoding: Any, separator: str | None) -> Any:
    """How keys are made, from either parameter that says so."""
    if zarr_format == 2:
        return None if separator is None else {"name": "v2", "separator": separator}
    if isinstance(encoding, tuple):
        name, separator = encoding
        return {"name": name, "separator": separator}
    return encoding
