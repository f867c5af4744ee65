"""Strings and bytes, of a fixed length and of any."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

import zarr.dtype.base
from zarr.dtype import (
    FixedLengthUTF32,
    Int8,
    NullTerminatedBytes,
    PythonObject,
    RawBytes,
    Structured,
    VariableLengthBytes,
    VariableLengthUTF8,
    data_type_registry,
    parse_dtype,
)
from zarr.errors import UnstableSpecificationWarning

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")


@pytest.mark.parametrize("code", ["<U1", ">U7", "|S1", "|S12", "|V1", "|V9", "<U100"])
def test_lengths_round_trip(code: str) -> None:
    native = np.dtype(code)
    zdtype = data_type_registry.match_dtype(native)
    assert zdtype.to_native_dtype() == native
    assert zdtype.item_size == native.itemsize
    assert zdtype.to_json(2) == {"name": code, "object_codec_id": None}
    assert data_type_registry.match_json(zdtype.to_json(2), zarr_format=2) == zdtype
    again = data_type_registry.match_json(zdtype.to_json(3), zarr_format=3)
    assert again.to_native_dtype().newbyteorder("<") == native.newbyteorder("<")


@pytest.mark.parametrize("cls", [FixedLengthUTF32, NullTerminatedBytes, RawBytes])
def test_elements_have_a_size_that_numpy_knows(cls: type[RawBytes]) -> None:
    for length in (0, -1, 2**31, 10**30):
        with pytest.raises(ValueError, match="length"):
            cls(length=length)


@pytest.mark.parametrize(
    ("zdtype", "value"),
    [
        (FixedLengthUTF32(length=3), "äö"),
        (FixedLengthUTF32(length=3), "𝄞x"),
        (NullTerminatedBytes(length=4), b"a\xff"),
        (RawBytes(length=3), b"\0\xff\0"),
        (VariableLengthUTF8(), "ein ‚Wort‘\0"),
        (VariableLengthBytes(), b"\0\xff" * 9),
    ],
)
def test_scalars_round_trip(zdtype: RawBytes, value: str | bytes) -> None:
    scalar = zdtype.cast_scalar(value)
    for zarr_format in (2, 3):
        form = zdtype.to_json_scalar(scalar, zarr_format=zarr_format)
        assert isinstance(form, str)
        again = zdtype.from_json_scalar(form, zarr_format=zarr_format)
        assert again == scalar
        assert type(again) is type(scalar)


def test_bytes_are_in_base64_and_nothing_else() -> None:
    for zdtype in (NullTerminatedBytes(length=3), RawBytes(length=3), VariableLengthBytes()):
        assert bytes(zdtype.from_json_scalar("AAEC", zarr_format=2)) == b"\0\1\2"
        for text in ("AAE", "A-E=", "AAEC\n", "äöüß", "AA==" + "AAEC"):
            with pytest.raises(ValueError, match=r".*"):
                zdtype.from_json_scalar(text, zarr_format=2)
        for data in (None, 1.5, {}):
            with pytest.raises(TypeError):
                zdtype.from_json_scalar(data, zarr_format=2)


def test_raw_bits_of_the_core_specification_stay_what_they_are() -> None:
    zdtype = data_type_registry.match_json("r16", zarr_format=3)
    assert zdtype == RawBytes(length=2)
    for again in (zdtype, pickle.loads(pickle.dumps(zdtype))):
        assert again.to_json(3) == "r16"
        assert again.to_json_scalar(b"\1\2", zarr_format=3) == [1, 2]
        assert again.to_json_scalar(b"\1\2", zarr_format=2) == "AQI="
    assert zdtype.from_json_scalar([1, 255], zarr_format=3).tobytes() == b"\1\xff"
    assert RawBytes(length=2).to_json(3)["name"] == "raw_bytes"
    for data in ([1], [1, 2, 3], [1, "2"], [1, 2.0]):
        with pytest.raises(TypeError):
            zdtype.from_json_scalar(data, zarr_format=3)
    with pytest.raises(ValueError, match="range"):
        zdtype.from_json_scalar([1, 256], zarr_format=3)
    for name in ("r0", "r7", "r-8", "r", "r8x", "r٨"):
        with pytest.raises(ValueError, match="No Zarr data type"):
            data_type_registry.match_json(name, zarr_format=3)


def test_objects_are_told_apart_by_their_codec() -> None:
    for codec, zdtype in (
        ("vlen-utf8", VariableLengthUTF8()),
        ("vlen-bytes", VariableLengthBytes()),
        ("pickle", PythonObject(object_codec_id="pickle")),
        ("json2", PythonObject(object_codec_id="json2")),
        ("vlen-array", PythonObject(object_codec_id="vlen-array")),
    ):
        form = {"name": "|O", "object_codec_id": codec}
        assert data_type_registry.match_json(form, zarr_format=2) == zdtype
        assert zdtype.to_json(2) == form
        assert zdtype.object_codec_id == codec
    with pytest.raises(ValueError, match="object codec"):
        data_type_registry.match_json({"name": "|O", "object_codec_id": None}, zarr_format=2)
    for spec in (object, "O", np.dtype(object)):
        with pytest.raises(ValueError, match="Object"):
            parse_dtype(spec, zarr_format=2)


def test_objects_stand_in_metadata_as_they_are() -> None:
    objects = PythonObject(object_codec_id="json2")
    for value in (None, "a", 1, [1, {"b": None}]):
        assert objects.from_json_scalar(value, zarr_format=2) == value
        assert objects.to_json_scalar(value, zarr_format=2) == value
    with pytest.raises(TypeError, match="fill value"):
        objects.to_json_scalar(object(), zarr_format=2)
    with pytest.raises(ValueError, match="v3"):
        objects.to_json(3)


def test_strings_that_may_be_missing_are_refused() -> None:
    with pytest.raises(ValueError, match="na_object"):
        parse_dtype(np.dtypes.StringDType(na_object=None), zarr_format=3)
    assert parse_dtype(np.dtypes.StringDType(coerce=False), zarr_format=3) == VariableLengthUTF8()


def test_zero_is_an_empty_object_as_old_writers_meant() -> None:
    assert VariableLengthBytes().from_json_scalar(0, zarr_format=2) == b""
    assert VariableLengthUTF8().from_json_scalar(0, zarr_format=2) == "0"
    assert VariableLengthBytes().cast_scalar(0) == b""
    with pytest.raises(TypeError):
        VariableLengthBytes().cast_scalar(7)


def test_an_unstable_specification_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zarr.dtype.base, "_warned", set())
    for zdtype in (
        NullTerminatedBytes(length=3),
        RawBytes(length=3),
        VariableLengthBytes(),
        Structured(fields=(("a", Int8()),)),
    ):
        with pytest.warns(UnstableSpecificationWarning, match=zdtype._zarr_v3_name):
            zdtype.to_json(3)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            zdtype.to_json(3)
            zdtype.to_json(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FixedLengthUTF32(length=3).to_json(3)
        VariableLengthUTF8().to_json(3)
