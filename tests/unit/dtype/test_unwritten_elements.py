"""The value of elements that were never written."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.buffer import default_buffer_prototype

NAT = -(2**63)


def _v2_array(dtype: Any, filters: Any = None) -> zarr.Array:
    document = {
        "zarr_format": 2,
        "shape": [4],
        "chunks": [3],
        "dtype": dtype,
        "fill_value": None,
        "order": "C",
        "compressor": None,
        "filters": filters,
    }
    make = default_buffer_prototype().buffer.from_bytes
    return zarr.open_array({".zarray": make(json.dumps(document).encode())}, mode="r+")


@pytest.mark.parametrize("dtype", ["<M8[ns]", ">M8[25s]", "<M8", "<m8[s]", ">m8", ">m8[5generic]"])
def test_a_time_for_which_null_stands_is_no_time(dtype: str) -> None:
    def counts(read: np.ndarray) -> list[int]:
        # By their counts: NumPy's isnat mistakes big-endian times without a unit.
        return read.view(f"{read.dtype.str[0]}i8").tolist()

    array = _v2_array(dtype)
    assert counts(array[:]) == [NAT] * 4
    assert array.fill_value is None
    array[0] = np.int64(5).view(array.dtype.newbyteorder("="))
    # Of the chunk that was written in part, too.
    assert counts(zarr.open_array(array.store, mode="r")[:]) == [5] + [NAT] * 3
    array.resize((7,))
    assert counts(array[:]) == [5] + [NAT] * 6


def test_a_time_in_a_record_for_which_null_stands_is_no_time() -> None:
    inner = [["at", "<M8[s]"], ["x", "<f4"]]
    array = _v2_array([["n", "<i4"], ["span", ">m8[2s]"], ["in", inner], ["two", "<M8[D]", [2]]])
    for read in (array[:], array[3:]):
        assert np.isnat(read["span"]).all()
        assert np.isnat(read["in"]["at"]).all()
        assert np.isnat(read["two"]).all()
        assert not read["n"].any()
        assert not read["in"]["x"].any()
    array.set_basic_selection(slice(0, 1), np.array([7], "i4"), fields="n")
    assert array[:]["n"].tolist() == [7, 0, 0, 0]
    assert np.isnat(array[:]["span"]).all()


@pytest.mark.parametrize("dtype", ["|b1", ">i4", "<u8", "<f2", ">c16", "<U3", "|S3", "|V3"])
def test_other_elements_for_which_null_stands_are_zero_or_empty(dtype: str) -> None:
    read = _v2_array(dtype)[:]
    assert not read.view("u1").any()


@pytest.mark.parametrize(("codec", "empty"), [("vlen-utf8", ""), ("vlen-bytes", b"")])
def test_strings_and_bytes_for_which_null_stands_are_empty(codec: str, empty: object) -> None:
    array = _v2_array("|O", [{"id": codec}])
    assert array[:].tolist() == [empty] * 4
    array[0] = "x" if codec == "vlen-utf8" else b"x"
    assert array[1:].tolist() == [empty] * 3


def test_a_chunk_of_what_null_stands_for_is_not_stored() -> None:
    array = _v2_array("<M8[s]")
    array[:] = np.array(["NaT"] * 3 + ["1970-01-01"], "M8[s]")
    assert sorted(array.store._store_dict) == [".zarray", "1"]  # type: ignore[attr-defined]
    assert array[:].astype("i8").tolist()[3] == 0


def test_the_meaning_of_null_stays_when_an_array_is_copied_or_migrated() -> None:
    array = _v2_array("<M8[s]")
    array[0] = 5
    copy = zarr.from_array({}, data=array, zarr_format=3)
    assert np.isnat(copy[1:]).all()
    assert np.isnat(copy.fill_value)
