"""The workloads: one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Codec = Literal["zstd", "none", "gzip", "blosc", "blosc bits"]
Where = Literal["local", "memory"]


@dataclass(frozen=True)
class Layout:
    """An array that looks like data: a smooth field of float32 with noise, or short strings."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None = None
    codec: Codec = "zstd"
    dtype: Literal["float32", "string"] = "float32"
    transposed: bool = False
    """Whether the first dimension is the one that runs fastest in a chunk."""


@dataclass(frozen=True)
class Workload:
    """One line of the table."""

    name: str
    does: str
    layout: Layout
    where: Where = "local"
    reach: float | None = None
    """How many times faster than the fastest peer it is to be."""
    repeat: int = 5
    floor: bool = False
    short: bool = False
    """Whether it is in the short table."""


SMALL = Layout((2048, 2048), (32, 32))
SHARDED = Layout((4096, 4096), (64, 64), (2048, 1024))
LARGE_SHARDS = Layout((8192, 8192), (256, 128), (4096, 2048))
LARGE_SHARDS_RAW = Layout((8192, 8192), (256, 128), (4096, 2048), "none")
ONE_SHARD = Layout((8192, 4096), (256, 128), (8192, 4096))
LARGE = Layout((8192, 8192), (512, 512))
LARGE_RAW = Layout((8192, 8192), (512, 512), codec="none")
LARGE_BITS = Layout((8192, 8192), (512, 512), codec="blosc bits")
LARGE_BLOSC = Layout((8192, 8192), (512, 512), codec="blosc")
GZIP = Layout((4096, 4096), (512, 512), codec="gzip")
COLUMNS = Layout((2_097_152, 8), (2_097_152, 1), codec="none")
ROWS = Layout((4_194_304, 4), (4_194_304, 4), codec="none")
ONE_BLOSC = Layout((2048, 4096), (2048, 2048), codec="blosc")
FORTRAN = Layout((4096, 4096), (2048, 2048), codec="none", transposed=True)
FORTRAN_3D = Layout((256, 256, 256), (128, 128, 128), codec="none", transposed=True)
FORTRAN_4D = Layout((64, 64, 64, 64), (32, 32, 64, 64), codec="none", transposed=True)
VOLUME = Layout((256, 256, 256), (16, 16, 16), (128, 128, 128), "none")
VOLUME_32 = Layout((256, 256, 256), (32, 32, 32), (128, 256, 256), "none")
VOLUME_ZSTD = Layout((256, 256, 256), (16, 16, 16), (128, 128, 128))
VOLUME_32_ZSTD = Layout((256, 256, 256), (32, 32, 32), (128, 256, 256))
CHUNKS_3D = Layout((256, 256, 256), (64, 64, 64))
"""Chunks of 1 MiB."""
CHUNKS_4D = Layout((32, 16, 128, 256), (8, 4, 64, 64))
"""Time, level, latitude, longitude, in chunks of 512 KiB."""
SHARDS_4D = Layout((32, 16, 128, 256), (4, 4, 32, 32), (16, 16, 128, 128))
"""Inner chunks of 64 KiB in shards of 16 MiB."""
STRINGS = Layout((1000, 1000), (100, 1000), dtype="string")
NODE = Layout((100, 10), (10, 10))

MAKES = ("write", "hierarchy")
"""Workloads that make their files themselves."""

WORKLOADS = (
    Workload("read 4,096 chunks of 4 KiB, local", "read", SMALL, reach=1.3, floor=True, short=True),
    Workload("read 4,096 chunks of 4 KiB, memory", "read", SMALL, "memory", 2),
    Workload(
        "write 4,096 chunks of 4 KiB, local",
        "write",
        SMALL,
        reach=1.5,
        repeat=3,
        floor=True,
        short=True,
    ),
    Workload("write 4,096 chunks of 4 KiB, memory", "write", SMALL, "memory", 2, 3),
    Workload(
        "read 64 MiB, 8 MiB shards of 16 KiB, local",
        "read",
        SHARDED,
        reach=2,
        floor=True,
        short=True,
    ),
    Workload("read 64 MiB, 8 MiB shards of 16 KiB, memory", "read", SHARDED, "memory", 2.5),
    Workload(
        "write 64 MiB, 8 MiB shards of 16 KiB, local",
        "write",
        SHARDED,
        reach=1.5,
        repeat=3,
        floor=True,
    ),
    Workload(
        "read 256 MiB, 32 MiB shards of 128 KiB",
        "read",
        LARGE_SHARDS,
        reach=1.15,
        floor=True,
    ),
    Workload(
        "write 256 MiB, 32 MiB shards of 128 KiB",
        "write",
        LARGE_SHARDS,
        reach=1.15,
        repeat=3,
        floor=True,
    ),
    Workload(
        "read 256 MiB, 32 MiB shards of 128 KiB, uncompressed",
        "read",
        LARGE_SHARDS_RAW,
        reach=1.15,
        floor=True,
    ),
    Workload(
        "write 256 MiB, 32 MiB shards of 128 KiB, uncompressed",
        "write",
        LARGE_SHARDS_RAW,
        reach=1.15,
        repeat=3,
        floor=True,
    ),
    Workload("read 256 MiB, 1 MiB chunks", "read", LARGE, reach=1.15, floor=True, short=True),
    Workload("write 256 MiB, 1 MiB chunks", "write", LARGE, reach=1.15, repeat=3, floor=True),
    Workload("read 256 MiB, 1 MiB chunks, uncompressed", "read", LARGE_RAW, reach=1.15, floor=True),
    Workload(
        "write 256 MiB, 1 MiB chunks, uncompressed",
        "write",
        LARGE_RAW,
        reach=1.15,
        repeat=3,
        floor=True,
    ),
    Workload("read 256 MiB, 1 MiB chunks, blosc lz4", "read", LARGE_BLOSC, reach=1.15, floor=True),
    Workload(
        "write 256 MiB, 1 MiB chunks, blosc lz4",
        "write",
        LARGE_BLOSC,
        reach=1.15,
        repeat=3,
        floor=True,
    ),
    Workload("read 256 MiB, 1 MiB chunks, blosc lz4, bitshuffle", "read", LARGE_BITS, reach=1.15),
    Workload(
        "write 256 MiB, 1 MiB chunks, blosc lz4, bitshuffle",
        "write",
        LARGE_BITS,
        reach=1.15,
        repeat=3,
    ),
    Workload("read 64 MiB, 1 MiB chunks, gzip 5", "read", GZIP, reach=1.15, floor=True),
    Workload("write 64 MiB, 1 MiB chunks, gzip 5", "write", GZIP, reach=1.15, repeat=3, floor=True),
    Workload("one element, 4 KiB chunk, memory", "element", SMALL, "memory", 3, 500),
    Workload("one element, 4 KiB chunk, local", "element", SMALL, reach=4, repeat=500, short=True),
    Workload("one element of a shard, local", "element", SHARDED, reach=4, repeat=500),
    Workload("one element, inner chunk of 16 x 16 x 16", "element", VOLUME_ZSTD, repeat=500),
    Workload("one element, 4-D, inner chunk of 64 KiB", "element", SHARDS_4D, repeat=500),
    Workload("one element, 1 MiB uncompressed chunk, local", "element", LARGE_RAW, repeat=500),
    Workload("one element, 16 MiB Blosc chunk, memory", "element", ONE_BLOSC, "memory", repeat=500),
    Workload("one element, 16 MiB Blosc chunk, local", "element", ONE_BLOSC, repeat=500),
    Workload("read 64 MiB, uncompressed chunks of one column", "read", COLUMNS),
    Workload("one column of an uncompressed chunk of 64 MiB", "column", ROWS),
    Workload("read 64 MiB, transposed chunks, 2-D", "read", FORTRAN, "memory"),
    Workload("read 64 MiB, transposed chunks, 3-D", "read", FORTRAN_3D, "memory"),
    Workload("read 64 MiB, transposed chunks, 4-D", "read", FORTRAN_4D, "memory"),
    Workload("read 64 MiB, inner chunks of 16 x 16 x 16", "read", VOLUME, "memory"),
    Workload("read 64 MiB, inner chunks of 32 x 32 x 32", "read", VOLUME_32, "memory"),
    Workload("read 64 MiB, 3-D chunks of 1 MiB", "read", CHUNKS_3D, reach=1.15),
    Workload("write 64 MiB, 3-D chunks of 1 MiB", "write", CHUNKS_3D, reach=1.15, repeat=3),
    Workload("read 64 MiB, 4-D chunks of 512 KiB", "read", CHUNKS_4D, reach=1.15),
    Workload("write 64 MiB, 4-D chunks of 512 KiB", "write", CHUNKS_4D, reach=1.15, repeat=3),
    Workload("read 64 MiB, 4-D, inner chunks of 64 KiB", "read", SHARDS_4D, reach=1.15),
    Workload("write 64 MiB, 4-D, inner chunks of 64 KiB", "write", SHARDS_4D, reach=1.1, repeat=3),
    Workload(
        "write 64 MiB, inner chunks of 16 x 16 x 16", "write", VOLUME_ZSTD, "memory", 1.1, repeat=3
    ),
    Workload(
        "write 64 MiB, inner chunks of 32 x 32 x 32", "write", VOLUME_32_ZSTD, "memory", 1.1, 3
    ),
    Workload(
        "one element of a kept 16 MiB Blosc chunk, with a cache of decoded chunks",
        "cached element",
        ONE_BLOSC,
        repeat=500,
    ),
    Workload(
        "56 overlapping slabs, 1 MiB chunks, with a cache of decoded chunks", "cached slabs", LARGE
    ),
    Workload(
        "56 overlapping slabs, 16 KiB inner chunks, with a cache of decoded chunks",
        "cached slabs",
        SHARDED,
    ),
    Workload("50 random boxes, 128 KiB inner chunks", "boxes", LARGE_SHARDS, reach=1.5),
    Workload("50 random boxes, 16 KiB inner chunks", "boxes", SHARDED, reach=1.5),
    Workload("50 random boxes, 3-D chunks of 1 MiB", "boxes", CHUNKS_3D, reach=1.5),
    Workload("50 random boxes, inner chunks of 16 x 16 x 16", "boxes", VOLUME_ZSTD, reach=1.5),
    Workload("50 random boxes, inner chunks of 32 x 32 x 32", "boxes", VOLUME_32_ZSTD, reach=1.5),
    Workload("50 random boxes, 4-D chunks of 512 KiB", "boxes", CHUNKS_4D, reach=1.5),
    Workload("50 random boxes, 4-D, inner chunks of 64 KiB", "boxes", SHARDS_4D, reach=1.5),
    Workload("8 planes, inner chunks of 32 x 32 x 32", "planes", VOLUME_32_ZSTD, reach=1.5),
    Workload("20 series in time, 4-D, inner chunks of 64 KiB", "series", SHARDS_4D, reach=1.5),
    Workload("10,000 points by vindex, 4 KiB chunks", "vindex", SMALL, reach=2),
    Workload("10,000 points by vindex, inner chunks of 16 x 16 x 16", "vindex", VOLUME_ZSTD),
    Workload("10,000 points by vindex, 4-D, inner chunks of 64 KiB", "vindex", SHARDS_4D),
    Workload("1,000,000 points by vindex, 4 KiB chunks", "many points", SMALL, "memory"),
    Workload("a mask of every second element, 4 KiB chunks", "mask", SMALL, "memory"),
    Workload("a mask of 1 in 1,000 elements, 4 KiB chunks", "sparse mask", SMALL, "memory", 2),
    Workload("write 100,000 points by vindex, 4 KiB chunks", "point writes", SMALL, "memory", 2, 3),
    Workload(
        "write to a mask of every second element, 4 KiB chunks",
        "mask writes",
        SMALL,
        "memory",
        repeat=3,
    ),
    Workload(
        "a mask of every second element, inner chunks of 16 x 16 x 16",
        "mask",
        VOLUME_ZSTD,
        "memory",
    ),
    Workload("a mask of 1 in 1,000 elements, 4-D chunks of 512 KiB", "sparse mask", CHUNKS_4D),
    Workload("200 x 100 by oindex, 4 KiB chunks", "oindex", SMALL, reach=2),
    Workload("100 x 50 x 20 by oindex, inner chunks of 32 x 32 x 32", "oindex", VOLUME_32_ZSTD),
    Workload("20 x 10 x 15 x 10 by oindex, 4-D chunks of 512 KiB", "oindex", CHUNKS_4D),
    Workload("100,000 x 16 by oindex, 4 KiB chunks", "long lists", SMALL, "memory", 2),
    Workload("50 unaligned box writes, 1 MiB chunks", "box writes", LARGE, reach=1.3, repeat=3),
    Workload(
        "50 unaligned box writes, 32 MiB shards",
        "box writes",
        LARGE_SHARDS,
        reach=3,
        repeat=3,
    ),
    Workload("50 unaligned box writes, 3-D chunks of 1 MiB", "box writes", CHUNKS_3D, repeat=3),
    Workload("50 unaligned box writes, 4-D, 16 MiB shards", "box writes", SHARDS_4D, repeat=3),
    Workload(
        "20 writes of one inner chunk of 128 KiB, 128 MiB shard",
        "chunk writes",
        ONE_SHARD,
        reach=1.5,
        repeat=3,
    ),
    Workload("4 threads x 500 one-chunk reads, 4 KiB", "threads", SMALL, reach=2.5, short=True),
    Workload("4 threads x 500 one-chunk reads, 16 KiB inner", "threads", SHARDED, reach=2.5),
    Workload(
        "4 threads x 500 one-chunk reads, inner chunks of 16 x 16 x 16",
        "threads",
        VOLUME_ZSTD,
        reach=2.5,
    ),
    Workload("2,000 one-chunk reads by asyncio.gather, memory", "gather", SMALL, "memory", 8),
    Workload("open one array, local", "open", SMALL, reach=1.2, repeat=500, short=True),
    Workload(
        "550 nodes made, listed, consolidated, reopened, local",
        "hierarchy",
        NODE,
        reach=7.2,
        repeat=2,
        short=True,
    ),
    Workload("read 1,000,000 short strings, local", "read", STRINGS, reach=3, short=True),
    Workload("write 1,000,000 short strings, local", "write", STRINGS, reach=1, repeat=3),
    Workload("import, until open_array is there, beyond NumPy", "import", SMALL, repeat=3),
)
