"""The bytes codec stores elements in C order, in the byte order that it was told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zarr.codecs import BytesCodec
from zarr.codecs.bytes import stored_swap, swap_words

RECORD = np.dtype([("a", "u1"), ("b", "<i4"), ("c", ">f8"), ("d", "<i2", (2,)), ("e", "S3")])


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize(
    "dtype", ["i2", "u4", "i8", "f2", "f4", "f8", "c8", "c16", "U3", "M8[s]", "m8[ms]"]
)
def test_elements_are_stored_in_the_byte_order(coding: Any, dtype: str, endian: Any) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    if array.dtype.kind == "c":
        array += 2j
    code = coding(BytesCodec(endian=endian), (2, 3), array.dtype, np.zeros((), array.dtype)[()])
    stored = code.encode(array)
    assert (
        stored
        == array.astype(array.dtype.newbyteorder({"little": "<", "big": ">"}[endian])).tobytes()
    )
    decoded = code.decode(stored)
    assert decoded.dtype == array.dtype
    np.testing.assert_array_equal(decoded, array)


def test_elements_are_stored_in_c_order(coding: Any) -> None:
    array = np.arange(24, dtype="i4").reshape(4, 6)
    code = coding(BytesCodec(), (3, 2), "i4")
    for view in (array[::-1, ::3][:3], np.asfortranarray(array[:3, :2])):
        assert code.encode(view) == np.ascontiguousarray(view).tobytes()


def test_an_array_in_the_other_byte_order_is_stored_as_told(coding: Any) -> None:
    array = np.arange(4, dtype=">i4")
    assert (
        coding(BytesCodec(endian="little"), (4,), "i4").encode(array)
        == array.astype("<i4").tobytes()
    )


@pytest.mark.parametrize("dtype", ["u1", "i1", "bool", "S3", "V4"])
def test_elements_of_single_bytes_have_no_byte_order(spec: Any, dtype: str) -> None:
    fill = np.zeros((), dtype)[()]
    assert BytesCodec().evolve_from_array_spec(spec((4,), dtype, fill)) == BytesCodec(endian=None)


def test_a_byte_order_must_be_given_for_larger_elements(spec: Any) -> None:
    with pytest.raises(ValueError, match="`endian` configuration needs to be specified"):
        BytesCodec(endian=None).evolve_from_array_spec(spec((4,), "u2"))


@pytest.mark.parametrize("endian", ["little", "big"])
def test_each_word_of_a_record_is_stored_in_the_byte_order(endian: Any) -> None:
    order = {"little": "<", "big": ">"}[endian]
    array = np.zeros(3, RECORD)
    array["b"], array["c"], array["d"], array["e"] = 1, 2.5, [[3, 4]] * 3, b"xyz"
    swap = stored_swap(RECORD, endian)
    stored = swap_words(array.view(np.uint8), RECORD.itemsize, swap).tobytes()
    assert stored == array.astype(RECORD.newbyteorder(order)).tobytes()
    back = swap_words(np.frombuffer(stored, np.uint8), RECORD.itemsize, swap)
    np.testing.assert_array_equal(back.view(RECORD), array)


@pytest.mark.parametrize("size", [0, 1, 60, 63, 65, 128])
def test_a_chunk_of_another_size_is_refused(coding: Any, size: int) -> None:
    with pytest.raises(ValueError, match=rf"'bytes' expects 64 bytes .* found {size}"):
        coding(BytesCodec(), (4, 4), "i4").decode(bytes(size))


def test_a_chunk_without_axes_or_elements_is_coded(coding: Any) -> None:
    assert coding(BytesCodec(endian="big"), (), "i4").encode(np.array(1, "i4")) == b"\0\0\0\1"
    assert coding(BytesCodec(endian="big"), (), "i4").decode(b"\0\0\0\1")[()] == 1
    assert coding(BytesCodec(), (0, 3), "i4").decode(b"").shape == (0, 3)
