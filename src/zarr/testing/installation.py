"""An hour's use in a minute: whether an installation works.

``python -c "import zarr.testing; zarr.testing.smoke()"`` prints each step and fails at the first
that does not hold. It needs no package for tests, so that a wheel can be tried where it was just
installed.
"""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zarr

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["smoke"]


def smoke(
    directory: str | Path | None = None, report: Callable[[str], object] = print
) -> dict[str, float]:
    """Use all parts of the package for a minute, and check what they return.

    Parameters
    ----------
    directory : str or Path, optional
        Where files are written; by default a temporary directory, which is deleted in the end.
    report : callable, default: print
        Receives a line about each step when it has passed.

    Returns
    -------
    dict of str to float
        The seconds of each step.

    Raises
    ------
    AssertionError
        If a result is wrong. Other errors mean that something does not work at all.

    Examples
    --------
    >>> from zarr.testing import smoke
    >>> took = smoke(report=lambda line: None)
    >>> "codecs of format 3" in took
    True
    """
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary if directory is None else directory)
        for name, step in _STEPS.items():
            place = root / name.replace(" ", "-")
            place.mkdir(parents=True, exist_ok=True)
            begin = time.monotonic()
            step(place)
            took[name] = time.monotonic() - begin
            report(f"passed: {name} ({took[name]:.2f} s)")
    return took


def _array(group: zarr.Group, path: str) -> zarr.Array[Any]:
    node = group[path]
    assert isinstance(node, zarr.Array), node
    return node


def _same(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def _codecs_v3(place: Path) -> None:
    from zarr import codecs

    data = np.arange(10_000, dtype="i4").reshape(100, 100)
    chains: list[Any] = [
        None,
        codecs.GzipCodec(level=3),
        codecs.ZstdCodec(level=3, checksum=True),
        codecs.Crc32cCodec(),
        *(codecs.BloscCodec(cname=name) for name in ("blosclz", "lz4", "lz4hc", "zlib", "zstd")),
        [codecs.BloscCodec(shuffle="bitshuffle"), codecs.Crc32cCodec()],
    ]
    for number, chain in enumerate(chains):
        for endian in ("little", "big"):
            for shards in (None, (50, 100)):
                array = zarr.create_array(
                    place / f"{number}-{endian}-{shards is None}",
                    data=data,
                    chunks=(25, 50),
                    shards=shards,
                    compressors=chain,
                    serializer=codecs.BytesCodec(endian=endian),
                    filters=[codecs.TransposeCodec(order=(1, 0))],
                )
                _same(array[:], data)
                _same(array[3:70:3, 49:51], data[3:70:3, 49:51])


def _codecs_v2(place: Path) -> None:
    import numcodecs

    data = np.arange(10_000, dtype=">f4").reshape(100, 100)
    for number, compressor in enumerate(
        (
            None,
            numcodecs.Zlib(),
            numcodecs.Zstd(),
            numcodecs.LZ4(),
            numcodecs.Blosc(),
            numcodecs.BZ2(),
        )
    ):
        for order in ("C", "F"):
            array = zarr.create_array(
                place / f"{number}{order}",
                data=data,
                chunks=(30, 30),
                compressors=compressor,
                filters=[numcodecs.Delta(dtype=">f4")],
                order=order,
                zarr_format=2,
            )
            _same(array[:], data)


def _data_types(place: Path) -> None:
    names = ["bool", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "c16", "M8[ns]", "m8[s]", "S5"]
    fields = np.dtype([("x", "f4"), ("y", "i2", (2,))])
    for zarr_format in (2, 3):
        group = zarr.open_group(place / str(zarr_format), mode="w", zarr_format=zarr_format)
        for number, name in enumerate(names):
            data = np.arange(50).astype("i8" if name[0] == "M" else "u1").astype(name)
            with warnings.catch_warnings():
                # Some have no specification in format 3 yet.
                warnings.simplefilter("ignore", zarr.errors.UnstableSpecificationWarning)
                _same(group.create_array(f"a{number}", data=data, chunks=(7,))[:], data)
        words = ["", "a", "naïve", "数" * 40, "\N{SNOWMAN}"]
        text = np.array(words, dtype=np.dtypes.StringDType())
        _same(group.create_array("text", data=text, chunks=(2,))[:], text)
    data = np.zeros(10, dtype=fields)
    data["x"] = np.linspace(0, 1, 10)
    array = zarr.create_array(place / "fields", data=data, chunks=(4,), zarr_format=2)
    assert np.asarray(array[:]).tobytes() == data.tobytes()


def _selections(place: Path) -> None:
    data = np.random.default_rng(0).integers(0, 1000, (40, 30, 20))
    for shards in (None, (20, 20, 20)):
        array = zarr.create_array(
            place / str(shards is None), data=data, chunks=(10, 10, 10), shards=shards
        )
        _same(array[5, ::3, -4:], data[5, ::3, -4:])
        _same(array.oindex[[1, 8, 30], :, [3, 3]], data[np.ix_([1, 8, 30], range(30), [3, 3])])
        _same(array.vindex[[1, 8], [2, 9], [3, 19]], data[[1, 8], [2, 9], [3, 19]])
        mask = data > 900
        _same(array.get_mask_selection(mask), data[mask])
        edge = 10 if shards is None else 20
        _same(array.blocks[1, 0], data[edge : 2 * edge, :edge])
        view = array.lazy[::2, 5:, ::-1]
        _same(view.result(), data[::2, 5:, ::-1])
        first, second = array.read_many([np.s_[:3], np.s_[10:20, 0]])
        _same(first, data[:3])
        _same(second, data[10:20, 0])
        changed = data.copy()
        array[3:17, 1:9:2] = changed[3:17, 1:9:2] = 7
        array.vindex[[0, 39], [0, 29], [0, 19]] = changed[[0, 39], [0, 29], [0, 19]] = [-1, -2]
        _same(array[:], changed)
        array.resize((45, 30, 20))
        assert not np.any(array[40:])
        array.append(data[:2])
        _same(array[45:], data[:2])


def _stores(place: Path) -> None:
    from zarr.storage import LocalStore, MemoryStore, ZipStore

    data = np.arange(100).reshape(10, 10)
    made: list[Any] = [
        MemoryStore(),
        LocalStore(place / "local"),
        ZipStore(place / "a.zip", mode="w"),
    ]
    try:
        from zarr.storage import SQLiteStore
    except ImportError:
        pass  # a Python without SQLite
    else:
        made.append(SQLiteStore(place / "a.sqlite"))
    for store in made:
        root = zarr.create_group(store, attributes={"title": "smoke"})
        root.create_group("a/b").create_array("c", data=data, chunks=(5, 5))
        root["a"].attrs["n"] = 1
        assert sorted(name for name, _ in root.members(max_depth=None)) == ["a", "a/b", "a/b/c"]
        _same(zarr.open_array(store, path="a/b/c", mode="r")[:], data)
        assert dict(zarr.open_group(store, path="a", mode="r").attrs) == {"n": 1}
        store.close()
    root = zarr.open_group(place / "local", mode="r+")
    with warnings.catch_warnings():
        # Consolidated metadata are no part of the specification of format 3.
        warnings.simplefilter("ignore", zarr.errors.ZarrUserWarning)
        zarr.consolidate_metadata(root.store)
    assert _array(zarr.open_consolidated(place / "local"), "a/b/c").shape == (10, 10)
    copied = zarr.create_group(place / "copied")
    assert zarr.copy_all(root, copied)[0] >= 3
    _same(_array(copied, "a/b/c")[:], data)
    root.move("a/b", "d")
    _same(zarr.open_array(place / "local" / "d" / "c", mode="r")[:], data)
    del root["d"]
    assert "d" not in zarr.open_group(place / "local", mode="r", use_consolidated=False)


def _asynchronous(place: Path) -> None:
    from zarr.api import asynchronous

    async def work() -> None:
        array = await asynchronous.create_array(place, shape=(64, 64), chunks=(8, 8), dtype="i4")
        await asyncio.gather(*(array.setitem((slice(i, i + 1),), i) for i in range(64)))
        rows = await asyncio.gather(*(array.getitem((i,)) for i in range(64)))
        _same(rows, np.repeat(np.arange(64)[:, None], 64, axis=1))

    asyncio.run(work())


def _threads(place: Path) -> None:
    array = zarr.create_array(place, shape=(1000,), chunks=(100,), shards=(500,), dtype="i8")

    def write(number: int) -> None:
        array[number::16] = number

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
        parts = list(pool.map(lambda start: array[start : start + 10], range(0, 1000, 10)))
    _same(np.concatenate(parts), np.arange(1000) % 16)


def _processes(place: Path) -> None:
    data = np.arange(1000)
    array = zarr.create_array(place, data=data, chunks=(100,))
    _same(pickle.loads(pickle.dumps(array))[:], data)
    program = "import sys, zarr; print(zarr.open_array(sys.argv[1], mode='r')[:].sum())"
    told = subprocess.run(
        [sys.executable, "-c", program, str(place)], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) == data.sum(), told.stdout


def _errors(place: Path) -> None:
    array = zarr.create_array(place, data=np.arange(100), chunks=(10,))
    chunk = place / "c" / "3"
    chunk.write_bytes(chunk.read_bytes()[:-3])
    told = ""
    try:
        array[:]
    except zarr.errors.ChunkDecodeError as error:
        told = str(error)
    assert "c/3" in told, "a chunk that was cut was read"
    _same(array[:30], np.arange(30))
    try:
        zarr.open_array(place / "nothing", mode="r")
    except FileNotFoundError:
        pass
    else:
        raise AssertionError("an array was opened where there is none")


def _cache(place: Path) -> None:
    data = np.arange(10_000).reshape(100, 100)
    zarr.create_array(place, data=data, chunks=(10, 10))
    cache = zarr.ChunkCache("1 MB")
    array = zarr.open_array(place, mode="r+", config={"cache": cache})
    for _ in range(3):
        _same(array[5:25, 5:25], data[5:25, 5:25])
    array[6, 6] = -1
    assert array[6, 6] == -1
    assert cache.stats().hits > 0


_STEPS: dict[str, Callable[[Path], None]] = {
    "codecs of format 3": _codecs_v3,
    "codecs of format 2": _codecs_v2,
    "data types": _data_types,
    "selections": _selections,
    "stores and hierarchies": _stores,
    "the asynchronous face": _asynchronous,
    "threads": _threads,
    "processes": _processes,
    "errors": _errors,
    "a cache of chunks": _cache,
}
