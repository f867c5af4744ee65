"""zarr-any-numcodecs: codecs of numcodecs under one name, found by their entry points."""

from __future__ import annotations

import numpy as np
import pytest

import zarr

pytest.importorskip("zarr_any_numcodecs")
pytest.importorskip("numcodecs")


def named(kind: str, **configuration: object) -> dict[str, object]:
    return {"name": f"any-numcodecs.{kind}", "configuration": configuration}


@pytest.mark.parametrize("shards", [None, (50,)])
@pytest.mark.parametrize(
    ("kinds", "lossless"),
    [
        ({"compressors": [named("bytes-bytes", id="zstd", level=3)]}, True),
        ({"serializer": named("array-bytes", id="crc32")}, True),
        ({"filters": [named("array-array", id="bitround", keepbits=6)]}, False),
        (
            {
                "filters": [named("array-array", id="delta", dtype="<f8")],
                "serializer": named("array-bytes", id="zlib", level=1),
                "compressors": [named("bytes-bytes", id="lz4")],
            },
            True,
        ),
    ],
)
def test_values_come_back(kinds: dict[str, object], lossless: bool, shards: object) -> None:
    data = np.arange(100) / 4
    store = zarr.storage.MemoryStore()
    made = zarr.create_array(
        store, shape=100, chunks=10, shards=shards, dtype="f8", **{"compressors": None, **kinds}
    )
    made[:] = data
    found = zarr.open_array(store, mode="r")[:]
    assert np.allclose(found, data, rtol=0 if lossless else 2.0**-6, atol=0)
    made[5:15] = 1
    assert (zarr.open_array(store, mode="r")[5:15] == 1).all()
