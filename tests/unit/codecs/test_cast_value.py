"""Numbers are cast by value: rounded, clamped, wrapped or refused as the codec was told."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, inf, isinf, nan, trunc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.codecs import CastValue
from zarr.codecs.cast_value import ROUNDING_MODES, cast_elements
from zarr.codecs.configuration import InnerGrid

INTEGERS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
FLOATS = ["f2", "f4", "f8"]

ENCODED: list[tuple[dict[str, Any], str, list[Any], list[Any]]] = [
    ({"data_type": "uint8"}, "f4", [1.0, 2.5, 3.5, -0.0], [1, 2, 4, 0]),
    ({"data_type": "int8", "rounding": "towards-zero"}, "f4", [2.5, 3.7, -1.5], [2, 3, -1]),
    ({"data_type": "int8", "rounding": "towards-positive"}, "f4", [2.5, 3.7, -1.5], [3, 4, -1]),
    ({"data_type": "int8", "rounding": "towards-negative"}, "f4", [2.5, 3.7, -1.5], [2, 3, -2]),
    ({"data_type": "int8", "rounding": "nearest-away"}, "f4", [2.5, 3.7, -1.5], [3, 4, -2]),
    ({"data_type": "uint8", "out_of_range": "clamp"}, "f4", [2.5, -5, 300], [2, 0, 255]),
    ({"data_type": "uint8", "out_of_range": "wrap"}, "f4", [2.5, -5, 300], [2, 251, 44]),
    ({"data_type": "int8", "out_of_range": "clamp"}, "f4", [inf, -inf, 2.5], [127, -128, 2]),
    ({"data_type": "uint64", "out_of_range": "clamp"}, "f8", [inf, -inf], [2**64 - 1, 0]),
    ({"data_type": "int8", "out_of_range": "wrap"}, "i4", [1, 129, -129], [1, -127, 127]),
    ({"data_type": "int8", "out_of_range": "clamp"}, "i4", [1, 129, -129], [1, 127, -128]),
    (
        {"data_type": "int64", "out_of_range": "clamp"},
        "f8",
        [2.0**63, -(2.0**64)],
        [2**63 - 1, -(2**63)],
    ),
    ({"data_type": "int64", "out_of_range": "wrap"}, "f8", [2.0**63, -(2.0**64)], [-(2**63), 0]),
    ({"data_type": "uint64", "out_of_range": "wrap"}, "i8", [5, -1], [5, 2**64 - 1]),
    ({"data_type": "int8", "out_of_range": "wrap"}, "f8", [1e300, 2.5e9], [0, 0]),
    (
        {"data_type": "float32", "out_of_range": "clamp"},
        "f8",
        [1e300, -1e300, 1.0],
        [inf, -inf, 1.0],
    ),
    ({"data_type": "float16"}, "f8", [65519.9, 65519.999], [65504.0, 65504.0]),
    ({"data_type": "float16", "rounding": "towards-zero"}, "f8", [65535.9], [65504.0]),
    ({"data_type": "float32"}, "f8", [inf, -inf, -0.0], [inf, -inf, -0.0]),
    ({"data_type": "float32", "rounding": "nearest-away"}, "i8", [2**24 + 1], [2.0**24 + 2]),
    (
        {"data_type": "uint8", "scalar_map": {"encode": [["NaN", 0], ["Infinity", 255]]}},
        "f8",
        [nan, inf, 3],
        [0, 255, 3],
    ),
    ({"data_type": "int8", "scalar_map": {"encode": [[1000, 7]]}}, "i4", [1000, 1], [7, 1]),
    ({"data_type": "int8", "scalar_map": {"encode": [[0.1, 7], [0.1, 8]]}}, "f4", [0.1], [8]),
    (
        {"data_type": "float32", "scalar_map": {"encode": [[3, "Infinity"]]}},
        "i4",
        [3, 4],
        [inf, 4.0],
    ),
]


@pytest.mark.parametrize(("parameters", "dtype", "values", "expected"), ENCODED)
@pytest.mark.parametrize("order", ["<", ">"])
def test_values_are_encoded(
    coding: Any, parameters: Any, dtype: str, values: Any, expected: Any, order: str
) -> None:
    code = coding(CastValue(**parameters), (len(values),), dtype)
    encoded = code.encode(np.array(values, dtype=order + dtype))
    assert encoded.dtype == code.codec.dtype.to_native_dtype()
    assert encoded.tolist() == expected


REFUSED: list[tuple[dict[str, Any], str, float, str]] = [
    ({"data_type": "uint8"}, "f4", 256, r"Value 256.0 out of range \[0, 255\]"),
    ({"data_type": "uint8"}, "f4", -0.51, "out of range"),
    ({"data_type": "uint8"}, "f4", nan, "Cannot cast NaN"),
    ({"data_type": "uint8"}, "f4", inf, "Cannot cast inf"),
    ({"data_type": "uint8", "out_of_range": "wrap"}, "f4", -inf, "Cannot cast -inf"),
    ({"data_type": "uint8", "out_of_range": "clamp"}, "f4", nan, "Cannot cast NaN"),
    ({"data_type": "uint8", "out_of_range": "wrap"}, "f4", nan, "Cannot cast NaN"),
    ({"data_type": "int8"}, "i4", 128, r"Value 128 out of range \[-128, 127\]"),
    ({"data_type": "int64"}, "f8", 2.0**63, "out of range"),
    ({"data_type": "int64"}, "u8", 2**63, "out of range"),
    ({"data_type": "float32"}, "f8", 1e300, "out_of_range='clamp' to map it to"),
    ({"data_type": "float16"}, "i4", 65520, "out of range"),
]


@pytest.mark.parametrize(("parameters", "dtype", "value", "message"), REFUSED)
def test_a_value_that_does_not_fit_is_refused(
    coding: Any, parameters: Any, dtype: str, value: float, message: str
) -> None:
    code = coding(CastValue(**parameters), (2,), dtype)
    with pytest.raises(ValueError, match=message):
        code.encode(np.array([1, value], dtype=dtype))


def test_decoding_casts_back_with_its_own_map(coding: Any) -> None:
    scalar_map = {"encode": [["NaN", 0]], "decode": [[0, "NaN"], [255, "Infinity"]]}
    code = coding(CastValue(data_type="uint8", scalar_map=scalar_map), (3,), "f8")
    decoded = code.decode(np.array([0, 255, 3], "u1"))
    np.testing.assert_array_equal(decoded, [nan, inf, 3])
    assert decoded.dtype == np.float64
    with pytest.raises(ValueError, match="out of range"):
        coding(CastValue(data_type="float64"), (1,), "u1").decode(np.array([256.0]))


def test_later_codecs_are_told_the_type_and_the_fill_value(spec: Any) -> None:
    codec = CastValue(data_type="uint8", scalar_map={"encode": [["NaN", 7]]})
    resolved = codec.resolve_metadata(spec((4,), "f4", nan))
    assert resolved.dtype == codec.dtype
    assert resolved.fill_value == 7
    assert codec.resolve_metadata(spec((4,), "f4", None)).fill_value is None
    assert codec.compute_encoded_size(16, spec((4,), "f4")) == 4
    with pytest.raises(ValueError, match="NaN"):
        CastValue(data_type="uint8").resolve_metadata(spec((4,), "f4", nan))


@pytest.mark.parametrize(
    ("parameters", "dtype", "message"),
    [
        ({"data_type": "uint8"}, "bool", "source dtype"),
        ({"data_type": "uint8"}, "c8", "source dtype"),
        ({"data_type": "bool"}, "u1", "Invalid target data type 'bool'"),
        ({"data_type": "float32", "out_of_range": "wrap"}, "f8", "only valid for integer"),
        ({"data_type": "int8", "scalar_map": {"encode": [["NaN", 300]]}}, "f8", "encode value 300"),
        ({"data_type": "int8", "scalar_map": {"encode": [[1.5, 3]]}}, "i2", "encode key 1.5"),
        ({"data_type": "int8", "scalar_map": {"decode": [[1000, 3]]}}, "i2", "decode key 1000"),
        ({"data_type": "int8", "scalar_map": {"encode": [["abc", 7]]}}, "f4", "key 'abc'"),
        ({"data_type": "int8", "scalar_map": {"encode": [[None, 7]]}}, "f4", "key None"),
        ({"data_type": "int8", "scalar_map": {"encode": [["NaN", 7]]}}, "i4", "key 'NaN'"),
    ],
)
def test_parameters_that_do_not_fit_the_types_are_refused(
    spec: Any, parameters: Any, dtype: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        CastValue(**parameters).validate(
            shape=(4,),
            dtype=spec((4,), dtype).dtype,
            chunk_grid=InnerGrid((4,)),  # type: ignore[arg-type]
        )


def test_the_default_may_be_said_as_the_specification_says_it() -> None:
    assert CastValue(data_type="int8", out_of_range="error") == CastValue(data_type="int8")


@pytest.mark.parametrize("shape", [(), (0, 3), (2, 0), (2, 3)])
def test_arrays_of_any_shape_are_cast(coding: Any, shape: tuple[int, ...]) -> None:
    code = coding(CastValue(data_type="uint8"), shape, "f4")
    array = np.zeros(shape, "f4")
    assert code.encode(array).shape == shape
    assert code.decode(code.encode(array)).shape == shape


def test_values_that_both_types_have_come_back(coding: Any) -> None:
    values = np.array([0, 1, 2, 3, 100, 127])
    for source in INTEGERS + FLOATS:
        for target in INTEGERS + FLOATS:
            code = coding(CastValue(data_type=str(np.dtype(target))), (6,), source)
            array = values.astype(source)
            np.testing.assert_array_equal(code.decode(code.encode(array)), array)


# -- rounding, against exact arithmetic ---------------------------------------------------------


def _integral(value: Fraction, rounding: str) -> int:
    if rounding == "nearest-even":
        return round(value)
    if rounding == "nearest-away":
        return floor(value + Fraction(1, 2)) if value >= 0 else ceil(value - Fraction(1, 2))
    return {"towards-zero": trunc, "towards-positive": ceil, "towards-negative": floor}[rounding](
        value
    )


def _floating(value: Fraction, dtype: Any, rounding: str) -> float:
    """A fraction as the binary floating point number that a mode chooses; the definition itself."""
    limits = np.finfo(dtype)
    if value == 0:
        return 0.0
    exponent = max(_exponent(abs(value)), int(limits.minexp))
    unit = Fraction(2) ** (exponent - limits.nmant)
    result = _integral(value / unit, rounding) * unit
    if abs(result) > Fraction(float(limits.max)):
        return inf if value > 0 else -inf
    return float(result)


def _exponent(value: Fraction) -> int:
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    return exponent if Fraction(2) ** exponent <= value else exponent - 1


@given(
    value=st.one_of(
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(-70000, 70000),
        st.floats(min_value=-1e-6, max_value=1e-6),
    ),
    dtype=st.sampled_from(["f2", "f4"]),
    rounding=st.sampled_from(ROUNDING_MODES),
)
def test_floats_are_rounded_as_defined(value: float, dtype: str, rounding: Any) -> None:
    expected = _floating(Fraction(value), np.dtype(dtype), rounding)
    found = cast_elements(np.array([value]), np.dtype(dtype), rounding, "clamp", [])[0]
    assert found == expected
    if isinf(expected):
        with pytest.raises(ValueError, match="out of range"):
            cast_elements(np.array([value]), np.dtype(dtype), rounding, None, [])


@given(
    value=st.one_of(st.integers(-(2**63), 2**64 - 1), st.integers(-70000, 70000)),
    dtype=st.sampled_from(FLOATS),
    rounding=st.sampled_from(ROUNDING_MODES),
)
def test_integers_are_rounded_as_defined(value: int, dtype: str, rounding: Any) -> None:
    source = np.array([value], "u8" if value >= 0 else "i8")
    expected = _floating(Fraction(value), np.dtype(dtype), rounding)
    assert cast_elements(source, np.dtype(dtype), rounding, "clamp", [])[0] == expected


@given(
    value=st.one_of(
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(-300, 300),
        st.floats(-1e20, 1e20),
    ),
    dtype=st.sampled_from(INTEGERS),
    rounding=st.sampled_from(ROUNDING_MODES),
    out_of_range=st.sampled_from([None, "clamp", "wrap"]),
)
def test_floats_become_integers_as_defined(
    value: float, dtype: str, rounding: Any, out_of_range: Any
) -> None:
    limits = np.iinfo(dtype)
    expected = _integral(Fraction(value), rounding)
    if not limits.min <= expected <= limits.max:
        if out_of_range is None:
            with pytest.raises(ValueError, match="out of range"):
                cast_elements(np.array([value]), np.dtype(dtype), rounding, None, [])
            return
        if out_of_range == "clamp":
            expected = limits.min if expected < 0 else limits.max
        else:
            span = 2**limits.bits
            expected = (expected - limits.min) % span + limits.min
    assert (
        cast_elements(np.array([value]), np.dtype(dtype), rounding, out_of_range, [])[0] == expected
    )


@pytest.mark.parametrize("dtype", ["c8", "bool", "m8[s]", "S3", "U2"])
def test_other_types_are_refused_when_the_array_is_made(dtype: str) -> None:
    store: dict[str, Any] = {}
    with pytest.raises(ValueError, match="only supports integer and floating-point data types"):
        zarr.create_array(store, shape=4, dtype=dtype, filters=[CastValue(data_type="int8")])
    assert not store
