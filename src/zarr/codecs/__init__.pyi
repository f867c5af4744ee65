from typing import Final

from zarr.codecs.bits import BitRoundCodec, PackBitsCodec
from zarr.codecs.blosc import BloscCname, BloscCodec, BloscShuffle
from zarr.codecs.bytes import BytesCodec, Endian
from zarr.codecs.cast_value import CastValue
from zarr.codecs.crc32c_ import Crc32cCodec
from zarr.codecs.external import ArrowIPCCodec, JpegCodec, JpegXLCodec, LzwCodec, ZfpCodec
from zarr.codecs.framing import N5DefaultCodec, N5VarlenCodec, OffsetCodec, OptionalCodec, PadCodec
from zarr.codecs.gzip import GzipCodec
from zarr.codecs.scale_offset import ScaleOffset
from zarr.codecs.sharding import ShardingCodec, ShardingCodecIndexLocation, SubchunkWriteOrder
from zarr.codecs.transpose import ReshapeCodec, SingletonDimCodec, TransposeCodec
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
BUILT_IN: Final[dict[str, str]]
