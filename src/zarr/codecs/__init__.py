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

from importlib import import_module

BUILT_IN = {
    "arrow-ipc": "external.ArrowIPCCodec",
    "bitround": "bits.BitRoundCodec",
    "blosc": "blosc.BloscCodec",
    "bytes": "bytes.BytesCodec",
    "cast_value": "cast_value.CastValue",
    "crc32c": "crc32c_.Crc32cCodec",
    "gzip": "gzip.GzipCodec",
    "jpeg": "external.JpegCodec",
    "jpegxl": "external.JpegXLCodec",
    "label_multiset": "vlen_arrays.LabelMultisetCodec",
    "lzw": "external.LzwCodec",
    "n5_default": "framing.N5DefaultCodec",
    "n5_label_multiset": "vlen_arrays.N5LabelMultisetCodec",
    "n5_varlen": "framing.N5VarlenCodec",
    "offset": "framing.OffsetCodec",
    "optional": "framing.OptionalCodec",
    "packbits": "bits.PackBitsCodec",
    "pad": "framing.PadCodec",
    "reshape": "transpose.ReshapeCodec",
    "scale_offset": "scale_offset.ScaleOffset",
    "sharding_indexed": "sharding.ShardingCodec",
    "singleton_dim": "transpose.SingletonDimCodec",
    "transpose": "transpose.TransposeCodec",
    "vlen-bytes": "vlen_utf8.VLenBytesCodec",
    "vlen-ndarray": "vlen_arrays.VLenNDArrayCodec",
    "vlen-utf8": "vlen_utf8.VLenUTF8Codec",
    "zfp": "external.ZfpCodec",
    "zstd": "zstd.ZstdCodec",
}
"""The codecs by their names in metadata: the module and the class. `__init__.pyi` lists the same
for type checkers."""

_OPTIONS = (
    "blosc.BloscCname",
    "blosc.BloscShuffle",
    "bytes.Endian",
    "sharding.ShardingCodecIndexLocation",
    "sharding.SubchunkWriteOrder",
)
_HOMES = {
    name: module for module, name in (path.split(".") for path in (*BUILT_IN.values(), *_OPTIONS))
}
_MODULES = {*_HOMES.values(), "numcodecs"}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name[0].isupper():  # older programs expect the codecs of numcodecs here, too
        numcodecs = import_module(f"{__name__}.numcodecs")
        if name in numcodecs.__all__:
            found: object = getattr(numcodecs, name)
            return found
    raise import_module("zarr.successors").missing(f"module {__name__!r}", name, __dir__())


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
