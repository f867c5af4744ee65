"""The layout of elements that the engine is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zarr.dtype import (
    DateTime64,
    Float32,
    PythonObject,
    VariableLengthBytes,
    VariableLengthUTF8,
    parse_dtype,
)
from zarr.dtype.storage import buffer_view, fill_bytes, is_object_like, storage_of, swap_words


@pytest.mark.parametrize(
    ("spec", "swap"),
    [
        ("?", 0),
        ("i1", 0),
        (">i2", 2),
        ("f8", 8),
        ("c8", 4),
        ("c16", 8),
        ("M8[s]", 8),
        ("<m8[ns]", 8),
        ("U5", 4),
        ("S5", 0),
        ("V8", 0),
        ([("a", "i1"), ("b", "S4")], 0),
        ([("a", "i1"), ("b", ">f4")], ((1, 4),)),
        ([("a", "c8"), ("b", "U2")], ((0, 4), (4, 4), (8, 4), (12, 4))),
        ([("a", "i1"), ("b", [("c", "i2", (2,))], (2,))], ((1, 2), (3, 2), (5, 2), (7, 2))),
    ],
)
def test_words_are_found(spec: Any, swap: Any) -> None:
    dtype = np.dtype(spec)
    assert swap_words(dtype) == swap
    assert parse_dtype(dtype, zarr_format=2)._storage() == (dtype.itemsize, swap)


def test_words_of_machine_learning_types_are_found() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert swap_words(np.dtype(ml_dtypes.bfloat16)) == 2
    assert swap_words(np.dtype(ml_dtypes.float8_e5m2)) == 0
    assert parse_dtype("complex_bfloat16", zarr_format=3)._storage() == (4, ((0, 2), (2, 2)))


def test_objects_have_no_size() -> None:
    for zdtype in (
        VariableLengthUTF8(),
        VariableLengthBytes(),
        PythonObject(object_codec_id="pickle"),
    ):
        assert is_object_like(zdtype)
        with pytest.raises(TypeError, match="no fixed size"):
            storage_of(zdtype)
    assert not is_object_like(Float32())
    assert not is_object_like(DateTime64())


@pytest.mark.parametrize(
    "spec", ["?", ">i2", "f2", "c16", "M8[s]", ">m8", "U3", "S3", "V3", [("a", "M8[s]")]]
)
def test_every_array_has_a_view_with_a_buffer(spec: Any) -> None:
    array = np.zeros((4, 3), spec)
    for part in (array, array[::-2, 1:], array[0, 0, ...], array.T, array[:0]):
        view = buffer_view(part)
        assert memoryview(view).itemsize == array.itemsize
        assert view.shape == part.shape
        assert view.strides == part.strides
    assert np.shares_memory(buffer_view(array), array)


def test_every_machine_learning_array_has_a_view_with_a_buffer() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    # The characters of some are those of types that NumPy has itself.
    for name in ("bfloat16", "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2", "int2"):
        array = np.zeros(3, getattr(ml_dtypes, name))
        assert memoryview(buffer_view(array)).itemsize == array.itemsize


@pytest.mark.parametrize("bits", [0x7FC00001, 0x7F800001, 0xFFC00000, 0x80000000])
def test_the_fill_value_has_all_its_bits(bits: int) -> None:
    scalar = np.uint32(bits).view(np.float32)
    assert fill_bytes(scalar, np.dtype("<f4")) == bits.to_bytes(4, "little")
    assert fill_bytes(scalar, np.dtype(">f4")) == bits.to_bytes(4, "big")


def test_the_fill_value_has_the_size_of_an_element() -> None:
    assert fill_bytes(None, np.dtype("f8")) == bytes(8)
    assert fill_bytes(np.str_("ab"), np.dtype(">U3")) == "ab\0".encode("utf-32-be")
    assert fill_bytes(np.bytes_(b"ab"), np.dtype("S3")) == b"ab\0"
    assert fill_bytes(np.void(b"ab"), np.dtype("V3")) == b"ab\0"
    assert fill_bytes(np.datetime64(1, "D"), np.dtype(">M8[s]")) == (86400).to_bytes(8, "big")
    record = np.dtype([("a", "i1"), ("b", ">i2", (2,))])
    value = np.array([(1, [2, 3])], [("a", "i1"), ("b", "<i2", (2,))])[0]
    assert fill_bytes(value, record) == b"\1\0\2\0\3"
