"""A fill value is the value that the user gave, or is refused."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.buffer import default_buffer_prototype
from zarr.dtype import VariableLengthBytes

NAN, INF = float("nan"), float("inf")
RECORD = np.dtype([("a", "i4"), ("t", "M8[s]"), ("s", "U2"), ("p", "i2", (2,))])
CHANGED: list[tuple[Any, Any]] = [
    *[(code, value) for code in ("i1", ">i4", "u8") for value in (1.5, NAN, INF, 1 + 1j, -(2**70))],
    ("u1", -1),
    ("i4", np.float32(0.1)),
    ("i8", np.datetime64("2020-01-01")),
    ("i8", np.timedelta64(5, "s")),
    *[("bool", value) for value in (2, -1, 0.5, NAN, "no", b"x", np.timedelta64(1, "s"))],
    ("f2", 70000),
    ("f4", 1e39),
    ("f4", -1e300),
    ("f8", 1 + 1j),
    ("f8", np.complex64(1j)),
    ("f8", np.datetime64("2020-01-01")),
    ("c8", 1e39j),
    ("U3", "abcd"),
    ("U3", b"ab"),
    ("S3", b"abcd"),
    ("S3", "abcd"),
    ("V3", b"abcd"),
    (str, b"ab"),
    ("M8[s]", np.datetime64("2020-01-01T00:00:00.5")),
    ("M8[D]", "2020-01-01T12:00"),
    ("M8[D]", datetime(2020, 1, 1, 12)),
    ("m8[s]", np.timedelta64(1500, "ms")),
    ("m8[s]", timedelta(milliseconds=5)),
    (RECORD, (1.5, 0, "", (0, 0))),
    (RECORD, (1, np.datetime64("2020-01-01T00:00:00.5"), "", (0, 0))),
    (RECORD, (1, 0, "abc", (0, 0))),
    (RECORD, (1, 0, "", (0, 1.5))),
]
KEPT: list[tuple[Any, Any, Any]] = [
    ("i4", 1.0, 1),
    ("i4", True, 1),
    ("u8", 2**64 - 1, 2**64 - 1),
    ("i4", "7", 7),
    ("bool", 1.0, True),
    ("f4", 0.1, np.float32(0.1)),
    ("f4", INF, INF),
    ("f4", "Infinity", INF),
    ("f8", 2**60, 2.0**60),
    ("c8", 1e39 * 0, 0),
    ("U3", "abc", "abc"),
    ("U3", 0, "0"),
    ("S3", b"abc", b"abc"),
    (str, 1.5, "1.5"),
    (VariableLengthBytes(), b"ab", b"ab"),
    ("M8[s]", date(2020, 1, 1), np.datetime64("2020-01-01")),
    ("M8[ns]", "2020-01-01T00:00:00.5", np.datetime64("2020-01-01T00:00:00.5")),
    ("m8[s]", np.timedelta64(2, "m"), np.timedelta64(120, "s")),
    ("m8[s]", 5, np.timedelta64(5, "s")),
]


@pytest.mark.filterwarnings("ignore:The data type")
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(("dtype", "value"), CHANGED, ids=str)
def test_a_value_that_the_data_type_would_change_is_refused(
    dtype: Any, value: Any, zarr_format: Any
) -> None:
    store = zarr.storage.MemoryStore()
    zarr.create_array(store, data=np.arange(3), zarr_format=zarr_format)
    before = dict(store._store_dict)
    for make in (
        lambda: zarr.create_array(
            store, shape=2, dtype=dtype, fill_value=value, zarr_format=zarr_format, overwrite=True
        ),
        lambda: zarr.open(
            store, mode="w", shape=2, dtype=dtype, fill_value=value, zarr_format=zarr_format
        ),
        lambda: zarr.full((2,), value, store=store, dtype=dtype, zarr_format=zarr_format),
    ):
        with pytest.raises((ValueError, TypeError, OverflowError)):
            make()
    assert store._store_dict == before


@pytest.mark.filterwarnings("ignore:The data type")
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(("dtype", "value", "expected"), KEPT, ids=str)
def test_a_value_that_the_data_type_has_is_taken(
    dtype: Any, value: Any, expected: Any, zarr_format: Any
) -> None:
    array = zarr.create_array({}, shape=2, dtype=dtype, fill_value=value, zarr_format=zarr_format)
    assert array.fill_value == expected
    assert zarr.open_array(array.store).fill_value == expected


def test_the_error_says_what_would_become_of_the_value() -> None:
    with pytest.raises(ValueError, match=r"fill_value 1\.5 .*Int32.*np\.int32\(1\)"):
        zarr.create_array({}, shape=2, dtype="i4", fill_value=1.5)


@pytest.mark.parametrize(("dtype", "written"), [("<U3", "abcdef"), ("|b1", 2)])
def test_documents_of_others_with_such_values_are_read(dtype: str, written: Any) -> None:
    document = {
        "zarr_format": 2,
        "shape": [2],
        "chunks": [2],
        "dtype": dtype,
        "fill_value": written,
        "order": "C",
        "compressor": None,
        "filters": None,
    }
    value = default_buffer_prototype().buffer.from_bytes(json.dumps(document).encode())
    assert zarr.open_array({".zarray": value}, mode="r")[:].shape == (2,)
