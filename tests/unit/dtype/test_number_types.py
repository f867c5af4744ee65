"""Booleans, integers, floating point and complex numbers."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from zarr.dtype import (
    Bool,
    Complex64,
    Complex128,
    Float16,
    Float32,
    Float64,
    Int8,
    Int16,
    Int64,
    UInt8,
    UInt64,
    data_type_registry,
)
from zarr.dtype.numeric import NUMBERS

NAMES = [cls.__name__.lower() for cls in NUMBERS]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", "<>")
def test_each_stands_for_one_type_of_numpy_in_each_order(name: str, order: str) -> None:
    native = np.dtype(name).newbyteorder(order)
    found = data_type_registry.match_dtype(native)
    assert found.to_native_dtype() == native
    assert data_type_registry.match_json(found.to_json(2), zarr_format=2) == found
    little = data_type_registry.match_dtype(native.newbyteorder("<"))
    assert data_type_registry.match_json(found.to_json(3), zarr_format=3) == little
    assert found.item_size == native.itemsize


def test_they_are_frozen_values() -> None:
    one = Float32(endianness="big")
    assert one == Float32(endianness="big") != Float32()
    assert Float32() != Int8()
    assert len({one, Float32(endianness="big"), Float32(), Int8(), Int8()}) == 3
    assert repr(one) == "Float32(endianness='big')"
    assert repr(Int8()) == "Int8()"
    assert pickle.loads(pickle.dumps(one)) == one
    assert dataclasses.replace(one, endianness="little") == Float32()
    assert [field.name for field in dataclasses.fields(one)] == ["endianness"]
    for name in ("endianness", "other"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(one, name, "little")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Int8().endianness = "big"  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="byte order"):
        Float32(endianness="middle")  # type: ignore[arg-type]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    ("zdtype", "number"),
    [
        (Int8(), 128),
        (Int8(), -129),
        (UInt8(), 256),
        (UInt8(), -1),
        (Int16(), 70000),
        (Int64(), 2**63),
        (UInt64(), 2**64),
        (UInt64(), -1),
    ],
)
def test_integers_out_of_range_are_refused(zdtype: Int8, number: int, zarr_format: int) -> None:
    with pytest.raises(OverflowError):
        zdtype.from_json_scalar(number, zarr_format=zarr_format)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        zdtype.cast_scalar(number)
    if -(2**63) <= number < 2**63:
        with pytest.raises(OverflowError):
            zdtype.cast_scalar(np.int64(number))


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**53 + 1])
def test_large_integers_are_exact(number: int) -> None:
    for zarr_format in (2, 3):
        scalar = UInt64().from_json_scalar(number, zarr_format=zarr_format)
        assert int(scalar) == number
        assert UInt64().to_json_scalar(scalar, zarr_format=zarr_format) == number


def test_a_value_that_is_no_number_is_refused() -> None:
    for data in (None, [1], {}, "abc", 1.5):
        with pytest.raises(TypeError):
            Int8().from_json_scalar(data, zarr_format=3)
    for data in (None, [1.0], {}, "abc"):
        with pytest.raises(TypeError):
            Float32().from_json_scalar(data, zarr_format=3)
    for data in (None, 1.0, [1.0], [1.0, 2.0, 3.0], ["1", 2], "abc"):
        with pytest.raises(TypeError):
            Complex64().from_json_scalar(data, zarr_format=3)
    for data in (None, "true", [], {}):
        with pytest.raises(TypeError):
            Bool().from_json_scalar(data, zarr_format=3)


@pytest.mark.parametrize(
    ("zdtype", "text", "bits"),
    [
        (Float16(), "0x7e01", 0x7E01),
        (Float16(), "NaN", 0x7E00),
        (Float32(), "0x7fc00001", 0x7FC00001),
        (Float32(), "0xffc00000", 0xFFC00000),
        (Float32(), "0x7f800001", 0x7F800001),
        (Float32(), "NaN", 0x7FC00000),
        (Float32(), "-Infinity", 0xFF800000),
        (Float32(endianness="big"), "0x7fc00001", 0x7FC00001),
        (Float64(), "0x7ff8000000000123", 0x7FF8000000000123),
        (Float64(), "0xfff0000000000001", 0xFFF0000000000001),
        (Float64(), "Infinity", 0x7FF0000000000000),
    ],
)
def test_every_nan_has_a_form(zdtype: Float32, text: str, bits: int) -> None:
    scalar = zdtype.from_json_scalar(text, zarr_format=3)
    size = zdtype.item_size
    assert int.from_bytes(scalar.astype(scalar.dtype.newbyteorder("<")).tobytes(), "little") == bits
    assert len(scalar.tobytes()) == size
    assert zdtype.to_json_scalar(scalar, zarr_format=3) == text


def test_numbers_may_be_given_by_their_bits_too() -> None:
    assert Float32().from_json_scalar("0x3f800000", zarr_format=3) == 1
    assert Float64().from_json_scalar("0x3f800000", zarr_format=3) == 1
    for text in ("0x", "0x1", "0xzzzzzzzz", "0x-fc00001", "0x7fc000011"):
        with pytest.raises(ValueError, match=r"0x|base 16"):
            Float32().from_json_scalar(text, zarr_format=3)
    with pytest.raises(TypeError):
        Float32().from_json_scalar("0x3f800000", zarr_format=2)


def test_zarr_v2_names_one_nan_only() -> None:
    payload = np.uint32(0x7FC00001).view(np.float32)
    assert Float32().to_json_scalar(payload, zarr_format=2) == "NaN"
    assert Float32().to_json_scalar(payload, zarr_format=3) == "0x7fc00001"


def test_zero_has_a_sign() -> None:
    for zdtype in (Float16(), Float32(), Float64()):
        for zarr_format in (2, 3):
            form = zdtype.to_json_scalar(-0.0, zarr_format=zarr_format)
            scalar = zdtype.from_json_scalar(form, zarr_format=zarr_format)
            assert np.signbit(scalar)


def test_parts_of_complex_numbers_are_exact() -> None:
    bits = np.array([0x7FC00001, 0x80000000], np.uint32)
    number = bits.view(np.complex64)[0]
    form = Complex64().to_json_scalar(number, zarr_format=3)
    assert form == ("0x7fc00001", -0.0)
    assert Complex64().from_json_scalar(list(form), zarr_format=3).tobytes() == bits.tobytes()
    assert Complex128().to_json_scalar(complex("nan-infj"), zarr_format=2) == ("NaN", "-Infinity")


def test_registered_aliases_of_complex_numbers_are_read() -> None:
    assert data_type_registry.match_json("complex_float32", zarr_format=3) == Complex64()
    assert data_type_registry.match_json("complex_float64", zarr_format=3) == Complex128()


def test_only_two_formats_are_known() -> None:
    for call in (
        lambda: Float32().to_json(4),  # type: ignore[arg-type]
        lambda: Float32.from_json("float32", zarr_format=4),  # type: ignore[arg-type]
        lambda: Float32().to_json_scalar(1, zarr_format=4),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match="2 or 3"):
            call()
