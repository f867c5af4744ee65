"""Strings and byte strings are stored as numcodecs stores them, and read with care."""

from __future__ import annotations

import struct
from typing import Any

import numcodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.codecs import VLenBytesCodec, VLenUTF8Codec, vlen
from zarr.errors import ChunkDecodeError

STRING = np.dtypes.StringDType()
OBJECT = np.dtype(object)


@given(texts=st.lists(st.text(), min_size=1), dtype=st.sampled_from([STRING, OBJECT]))
def test_text_is_stored_as_numcodecs_stores_it(texts: list[str], dtype: Any) -> None:
    objects = np.array(texts, dtype=object)
    encoded = vlen.encode("vlen-utf8", np.array(texts, dtype=dtype))
    assert encoded == numcodecs.VLenUTF8().encode(objects)
    decoded = vlen.decode("vlen-utf8", encoded, len(texts), dtype)
    assert decoded.dtype == dtype
    assert decoded.tolist() == texts


@given(items=st.lists(st.binary(), min_size=1))
def test_bytes_are_stored_as_numcodecs_stores_them(items: list[bytes]) -> None:
    array = np.empty(len(items), object)
    array[:] = items
    encoded = vlen.encode("vlen-bytes", array)
    assert encoded == numcodecs.VLenBytes().encode(array)
    assert vlen.decode("vlen-bytes", encoded, len(items), OBJECT).tolist() == items


def test_codecs_keep_the_shape_and_the_type(coding: Any) -> None:
    code = coding(VLenUTF8Codec(), (2, 2), str, "")
    array = np.array([["a", "bc"], ["", "é"]], dtype=STRING)
    expected = b"\x04\0\0\0\x01\0\0\0a\x02\0\0\0bc\0\0\0\0\x02\0\0\0\xc3\xa9"
    for given_array in (array, array.astype(object), array.astype("U2")):
        assert code.encode(given_array) == expected
    decoded = code.decode(expected)
    assert decoded.dtype == code.chunk.dtype.to_native_dtype()
    assert decoded.tolist() == array.tolist()


def test_elements_that_were_never_set_are_empty() -> None:
    array = np.empty(3, object)
    array[2] = 0
    for name, empty in (("vlen-utf8", ""), ("vlen-bytes", b"")):
        assert vlen.decode(name, vlen.encode(name, array), 3, OBJECT).tolist() == [empty] * 3


@pytest.mark.parametrize(
    ("codec", "items", "message"),
    [
        (VLenUTF8Codec(), [1, "a"], "Expected str, got int"),
        (VLenUTF8Codec(), [b"a", "a"], "Expected str, got bytes"),
        (VLenBytesCodec(), ["a", b"a"], "Expected bytes, got str"),
    ],
)
def test_elements_of_another_kind_are_refused(
    coding: Any, codec: Any, items: list[Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        coding(codec, (2,), str, "").encode(np.array(items, dtype=object))


def _number(value: int) -> bytes:
    return struct.pack("<I", value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "number of elements"),
        (b"\x02\0\0", "number of elements"),
        (_number(2**32 - 1), "expected 2, found 4294967295"),
        (_number(3) + _number(0) * 3, "expected 2, found 3"),
        (_number(2), "ends early: expected 2 elements, found 0"),
        (_number(2) + _number(2**32 - 1) + _number(0), "element 0 .* expected 4294967295 bytes"),
        (_number(2) + _number(4) + b"abcd", "expected 2 elements, found 1"),
        (_number(2) + _number(1) + b"a" + _number(5) + b"abcd", "element 1 .* expected 5 bytes"),
        (_number(2) + _number(0) * 2 + b"x", "after the last .* expected 12 bytes, found 13"),
        (_number(2) + _number(1) + b"\xff" + _number(0), "UTF-8"),
    ],
)
def test_bytes_that_are_cut_or_made_up_are_an_error(coding: Any, data: bytes, message: str) -> None:
    with pytest.raises(ChunkDecodeError, match=message):
        coding(VLenUTF8Codec(), (2,), str, "").decode(data)


@given(data=st.binary(max_size=60), count=st.integers(0, 5))
def test_any_bytes_are_decoded_or_refused(data: bytes, count: int) -> None:
    try:
        items = vlen.decode("vlen-bytes", data, count, OBJECT)
    except ChunkDecodeError:
        return
    assert vlen.encode("vlen-bytes", items) == data


def test_numbers_are_no_strings() -> None:
    with pytest.raises(ValueError, match="any length"):
        zarr.create_array({}, shape=3, dtype="i4", serializer=VLenUTF8Codec())
