"""Numbers are shifted and scaled, integers exactly or not at all."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.codecs import ScaleOffset
from zarr.codecs.configuration import InnerGrid
from zarr.dtype import parse_dtype

INTEGERS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2", "i4", "u8"])
def test_values_are_shifted_and_scaled(coding: Any, dtype: str, order: str) -> None:
    code = coding(ScaleOffset(offset=1, scale=2), (3,), dtype)
    array = np.array([1, 2, 3], dtype=order + dtype)
    encoded = code.encode(array)
    assert encoded.dtype == array.dtype
    assert encoded.tolist() == [0, 2, 4]
    np.testing.assert_array_equal(code.decode(encoded), array)


def test_floats_are_computed_in_their_own_type(coding: Any) -> None:
    array = np.array([1, 2, 1e30], "f4")
    code = coding(ScaleOffset(offset=0.1, scale=3), (3,), "f4")
    expected = (array - np.float32(0.1)) * np.float32(3)
    assert code.encode(array).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("offset", "expected"),
    [("NaN", [nan, nan]), ("0x3f800000", [0.0, 1.0]), ("Infinity", [-np.inf] * 2)],
)
def test_parameters_may_be_strings_as_in_json(coding: Any, offset: str, expected: Any) -> None:
    if offset.startswith("0x") and not hasattr(parse_dtype("f4", zarr_format=3), "endianness"):
        pytest.skip("needs the real data types")
    code = coding(ScaleOffset(offset=offset), (2,), "f4", None)
    np.testing.assert_array_equal(code.encode(np.array([1, 2], "f4")), np.array(expected, "f4"))


@given(
    values=st.lists(st.integers(-(2**64), 2**65), min_size=1, max_size=6),
    offset=st.integers(-(2**63), 2**64 - 1),
    scale=st.one_of(st.integers(-4, 4), st.integers(-(2**63), 2**64 - 1)),
    dtype=st.sampled_from(INTEGERS),
)
def test_integers_are_computed_exactly_or_refused(
    values: list[int], offset: int, scale: int, dtype: str
) -> None:
    limits = np.iinfo(dtype)
    span = 2**limits.bits

    def wrapped(number: int) -> int:
        return (number - limits.min) % span + limits.min

    values, offset, scale = [wrapped(v) for v in values], wrapped(offset), wrapped(scale) or 1
    zdtype = parse_dtype(dtype, zarr_format=3)
    codec = ScaleOffset(offset=offset, scale=scale)
    array = np.array(values, dtype)
    expected = [(value - offset) * scale for value in values]
    if any(not limits.min <= number <= limits.max for number in expected):
        with pytest.raises(ValueError, match="outside the range"):
            codec._encoded(array, zdtype)
    else:
        encoded = codec._encoded(array, zdtype)
        assert encoded.tolist() == expected
        assert codec._decoded(encoded, zdtype).tolist() == values


@pytest.mark.parametrize(
    ("parameters", "stored", "message"),
    [
        ({"offset": 1, "scale": 2}, [0, 3], "non-zero remainder when dividing by scale=2"),
        ({"offset": 250, "scale": 2}, [0, 20], "outside the range of dtype uint8"),
    ],
)
def test_values_that_were_not_encoded_so_are_refused(
    coding: Any, parameters: Any, stored: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        coding(ScaleOffset(**parameters), (2,), "u1").decode(np.array(stored, "u1"))


@pytest.mark.parametrize(
    ("parameters", "dtype", "message"),
    [
        ({"offset": 1.5}, "i4", "offset value 1.5 is not representable in dtype int32"),
        ({"scale": 2.5}, "i4", "scale value 2.5 is not representable in dtype int32"),
        ({"offset": 300}, "u1", "offset value 300 is not representable"),
        ({"offset": "NaN"}, "i1", "offset value 'NaN'"),
        ({"offset": "abc"}, "f4", "offset value 'abc'"),
        ({"scale": 0}, "f4", "non-zero"),
        ({"offset": 1}, "bool", "only supports integer and floating-point"),
        ({"offset": 1}, "c8", "only supports integer and floating-point"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(
    spec: Any, parameters: Any, dtype: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ScaleOffset(**parameters).validate(
            shape=(4,),
            dtype=spec((4,), dtype).dtype,
            chunk_grid=InnerGrid((4,)),  # type: ignore[arg-type]
        )


def test_the_fill_value_is_encoded_too(spec: Any) -> None:
    codec = ScaleOffset(offset=1, scale=2)
    assert codec.resolve_metadata(spec((4,), "f4", 3)).fill_value == 4
    assert codec.resolve_metadata(spec((4,), "f4", None)).fill_value is None
    with pytest.raises(ValueError, match="outside the range"):
        codec.resolve_metadata(spec((4,), "u1", 0))


def test_empty_chunks_are_coded(coding: Any) -> None:
    code = coding(ScaleOffset(offset=5), (0, 2), "i4")
    assert code.decode(code.encode(np.zeros((0, 2), "i4"))).shape == (0, 2)


@pytest.mark.parametrize("dtype", ["c8", "bool", "m8[s]", "S3", "U2"])
def test_other_types_are_refused_when_the_array_is_made(dtype: str) -> None:
    store: dict[str, Any] = {}
    with pytest.raises(ValueError, match="only supports integer and floating-point data types"):
        zarr.create_array(store, shape=4, dtype=dtype, filters=[ScaleOffset(offset=1, scale=2)])
    assert not store


@pytest.mark.parametrize(("dtype", "scale"), [("int32", "2"), ("int64", str(2**60)), ("u1", "3")])
def test_integers_may_be_written_as_digits(dtype: str, scale: str) -> None:
    array = zarr.create_array(
        {}, shape=4, dtype=dtype, filters=[ScaleOffset(offset="1", scale=scale)], fill_value=1
    )
    array[:] = [1, 2, 3, 4]
    assert array.metadata.codecs[0].to_dict()["configuration"]["scale"] == scale
    assert zarr.open_array(array.store)[:].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("text", ["1.5", "x", "", "NaN"])
def test_other_strings_are_no_integers(text: str) -> None:
    with pytest.raises(ValueError, match="not representable"):
        zarr.create_array({}, shape=4, dtype="i4", filters=[ScaleOffset(scale=text)])
