"""The codecs that every zarr array can use.

Each name is imported when it is first asked for: a program that reads one kind of array pays for
the codecs of that array only.

Examples
--------
>>> from zarr.codecs import BloscCodec, ZstdCodec
>>> ZstdCodec(level=3)
ZstdCodec(level=3, checksum=False)
>>> BloscCodec(cname="lz4", shuffle="shuffle", typesize=4).to_dict()["name"]
'blosc'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zarr.codecs.bits import BitRoundCodec, PackBitsCodec
    from zarr.codecs.blosc import BloscCname, BloscCodec, BloscShuffle
    from zarr.codecs.bytes import BytesCodec, Endian
    from zarr.codecs.cast_value import CastValue
    from zarr.codecs.crc32c_ import Crc32cCodec
    from zarr.codecs.external import ArrowIPCCodec, JpegCodec, JpegXLCodec, LzwCodec, ZfpCodec
    from zarr.codecs.framing import (
        N5DefaultCodec,
        N5VarlenCodec,
        OffsetCodec,
        OptionalCodec,
        PadCodec,
    )
    from zarr.codecs.gzip import GzipCodec
    from zarr.codecs.reshape import ReshapeCodec, SingletonDimCodec
    from zarr.codecs.scale_offset import ScaleOffset
    from zarr.codecs.sharding import ShardingCodec, ShardingCodecIndexLocation, SubchunkWriteOrder
    from zarr.codecs.transpose import TransposeCodec
    from zarr.codecs.vlen_arrays import LabelMultisetCodec, N5LabelMultisetCodec, VLenNDArrayCodec
    from zarr.codecs.vlen_utf8 import VLenBytesCodec, VLenUTF8Codec
    from zarr.codecs.zstd import ZstdCodec

__all__ = [
    "ArrowIPCCodec",
    "BitRoundCodec",
    "BloscCname",
    "BloscCodec",
    "BloscShuffle",
    "BytesCodec",
    "CastValue",
    "Crc32cCodec",
    "Endian",
    "GzipCodec",
    "JpegCodec",
    "JpegXLCodec",
    "LabelMultisetCodec",
    "LzwCodec",
    "N5DefaultCodec",
    "N5LabelMultisetCodec",
    "N5VarlenCodec",
    "OffsetCodec",
    "OptionalCodec",
    "PackBitsCodec",
    "PadCodec",
    "ReshapeCodec",
    "ScaleOffset",
    "ShardingCodec",
    "ShardingCodecIndexLocation",
    "SingletonDimCodec",
    "SubchunkWriteOrder",
    "TransposeCodec",
    "VLenBytesCodec",
    "VLenNDArrayCodec",
    "VLenUTF8Codec",
    "ZfpCodec",
    "ZstdCodec",
]

_HOMES = {
    "ArrowIPCCodec": "external",
    "BitRoundCodec": "bits",
    "BloscCname": "blosc",
    "BloscCodec": "blosc",
    "BloscShuffle": "blosc",
    "BytesCodec": "bytes",
    "CastValue": "cast_value",
    "Crc32cCodec": "crc32c_",
    "Endian": "bytes",
    "GzipCodec": "gzip",
    "JpegCodec": "external",
    "JpegXLCodec": "external",
    "LabelMultisetCodec": "vlen_arrays",
    "LzwCodec": "external",
    "N5DefaultCodec": "framing",
    "N5LabelMultisetCodec": "vlen_arrays",
    "N5VarlenCodec": "framing",
    "OffsetCodec": "framing",
    "OptionalCodec": "framing",
    "PackBitsCodec": "bits",
    "PadCodec": "framing",
    "ReshapeCodec": "reshape",
    "ScaleOffset": "scale_offset",
    "ShardingCodec": "sharding",
    "ShardingCodecIndexLocation": "sharding",
    "SingletonDimCodec": "reshape",
    "SubchunkWriteOrder": "sharding",
    "TransposeCodec": "transpose",
    "VLenBytesCodec": "vlen_utf8",
    "VLenNDArrayCodec": "vlen_arrays",
    "VLenUTF8Codec": "vlen_utf8",
    "ZfpCodec": "external",
    "ZstdCodec": "zstd",
}
_MODULES = frozenset(_HOMES.values()) | {"numcodecs"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name[0].isupper():  # older programs expect the codecs of numcodecs here, too
        numcodecs = import_module(f"{__name__}.numcodecs")
        if name in numcodecs.__all__:
            return getattr(numcodecs, name)
    raise import_module("zarr.successors").missing(f"module {__name__!r}", name, __dir__())


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
