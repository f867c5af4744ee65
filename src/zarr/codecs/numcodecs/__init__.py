"""The codecs of numcodecs in arrays of format 3, under the names ``numcodecs.<codec>``.

Those that the engine has are coded by it; the others need the package ``numcodecs``, which is
imported when the first chunk is coded. Where format 3 has a codec of its own with the same
meaning, such as :class:`zarr.codecs.BloscCodec`, other implementations are more likely to read it.

Examples
--------
>>> from zarr.codecs.numcodecs import Delta, Zlib
>>> Zlib(level=3).to_dict()
{'name': 'numcodecs.zlib', 'configuration': {'level': 3}}
>>> Delta(dtype="<i4").codec_config["dtype"]
'<i4'
"""

from __future__ import annotations

from zarr.codecs.numcodecs._codecs import (
    BZ2,
    CRC32,
    CRC32C,
    LZ4,
    LZMA,
    ZFPY,
    Adler32,
    AsType,
    BitRound,
    Blosc,
    Delta,
    FixedScaleOffset,
    Fletcher32,
    GZip,
    JenkinsLookup3,
    PackBits,
    PCodec,
    Quantize,
    Shuffle,
    Zlib,
    Zstd,
    _NumcodecsArrayArrayCodec,
    _NumcodecsArrayBytesCodec,
    _NumcodecsBytesBytesCodec,
    _NumcodecsCodec,
)

__all__ = [
    "BZ2",
    "CRC32",
    "CRC32C",
    "LZ4",
    "LZMA",
    "ZFPY",
    "Adler32",
    "AsType",
    "BitRound",
    "Blosc",
    "Delta",
    "FixedScaleOffset",
    "Fletcher32",
    "GZip",
    "JenkinsLookup3",
    "PCodec",
    "PackBits",
    "Quantize",
    "Shuffle",
    "Zlib",
    "Zstd",
    "_NumcodecsArrayArrayCodec",
    "_NumcodecsArrayBytesCodec",
    "_NumcodecsBytesBytesCodec",
    "_NumcodecsCodec",
]
