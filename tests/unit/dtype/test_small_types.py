"""Numbers for machine learning."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import zarr.dtype
from zarr.dtype import data_type_registry, parse_dtype
from zarr.dtype.ml_dtypes import SMALL, SmallComplex, SmallFloat, SmallInt, SmallNumber

ml_dtypes = pytest.importorskip("ml_dtypes")

NUMBERS = [cls for cls in SMALL.values() if issubclass(cls, SmallNumber)]
FLOATS = [
    "bfloat16",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float6_e2m3fn",
    "float6_e3m2fn",
    "float4_e2m1fn",
]
COMPLEX = [cls for cls in SMALL.values() if issubclass(cls, SmallComplex)]


@pytest.mark.parametrize("cls", SMALL.values())
def test_each_is_known_by_its_registered_name(cls: Any) -> None:
    zdtype = cls()
    name = zdtype.to_json(3)
    assert data_type_registry.match_json(name, zarr_format=3) == zdtype
    assert parse_dtype(name, zarr_format=3) == zdtype
    assert pickle.loads(pickle.dumps(zdtype)) == zdtype
    assert getattr(zarr.dtype, cls.__name__) is cls
    assert zdtype.item_size == zdtype.to_native_dtype().itemsize
    with pytest.raises(ValueError, match="v2"):
        zdtype.to_json(2)


def test_the_registered_names_are_all_there() -> None:
    expected = {*FLOATS, "int2", "int4", "uint2", "uint4", "complex_float16"}
    expected |= {f"complex_{name}" for name in FLOATS}
    assert {cls._zarr_v3_name for cls in SMALL.values()} == expected


@pytest.mark.parametrize("cls", NUMBERS)
def test_each_stands_for_its_type_of_numpy(cls: Any) -> None:
    native = np.dtype(getattr(ml_dtypes, cls._zarr_v3_name))
    assert cls().to_native_dtype() == native
    assert data_type_registry.match_dtype(native) == cls()
    assert parse_dtype(native, zarr_format=3) == cls()
    assert parse_dtype(native.type, zarr_format=3) == cls()


@pytest.mark.parametrize("cls", NUMBERS)
def test_every_bit_pattern_has_a_form(cls: Any) -> None:
    zdtype = cls()
    native = zdtype.to_native_dtype()
    for scalar in np.arange(1 << cls._bits, dtype=f"u{native.itemsize}").view(native):
        form = json.loads(json.dumps(zdtype.to_json_scalar(scalar, zarr_format=3)))
        assert zdtype.from_json_scalar(form, zarr_format=3).tobytes() == scalar.tobytes()


@pytest.mark.parametrize("cls", COMPLEX)
def test_complex_numbers_are_records_of_two_parts(cls: Any) -> None:
    zdtype = cls()
    part = cls._part.to_native_dtype()
    assert zdtype.to_native_dtype() == np.dtype([("re", part), ("im", part)])
    scalar = zdtype.cast_scalar(1 + 2j)
    assert (float(scalar["re"]), float(scalar["im"])) == (1, 2)
    assert zdtype.to_json_scalar(scalar, zarr_format=3) == (1.0, 2.0)
    for same in ([1, 2], (1, 2), scalar, "1+2j", np.complex64(1 + 2j)):
        assert zdtype.cast_scalar(same).tobytes() == scalar.tobytes()
    assert zdtype.from_json_scalar([1, 2], zarr_format=3).tobytes() == scalar.tobytes()
    for wrong in (None, 1, [1], [1, 2, 3], "1"):
        with pytest.raises(TypeError):
            zdtype.from_json_scalar(wrong, zarr_format=3)


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("bfloat16", 0x7FC0),
        ("float8_e3m4", 0x78),
        ("float8_e4m3", 0x7C),
        ("float8_e4m3b11fnuz", 0x80),
        ("float8_e4m3fn", 0x7F),
        ("float8_e4m3fnuz", 0x80),
        ("float8_e5m2", 0x7E),
        ("float8_e5m2fnuz", 0x80),
        ("float8_e8m0fnu", 0xFF),
    ],
)
def test_nan_is_the_registered_one(name: str, bits: int) -> None:
    zdtype = data_type_registry.match_json(name, zarr_format=3)
    scalar = zdtype.from_json_scalar("NaN", zarr_format=3)
    assert int.from_bytes(scalar.tobytes(), sys.byteorder) == bits
    assert zdtype.to_json_scalar(scalar, zarr_format=3) == "NaN"


def test_a_value_that_a_type_cannot_hold_is_refused() -> None:
    def refused(name: str, *data: Any) -> None:
        zdtype = SMALL[name]()
        for item in data:
            with pytest.raises((OverflowError, ValueError)):
                zdtype.from_json_scalar(item, zarr_format=3)

    refused("Float4E2M1FN", "NaN", "Infinity", 7, -1e9, "0x10", "0x7", "0x007")
    refused("Float6E2M3FN", "NaN", "-Infinity", 8, "0x40")
    refused("Float8E4M3FN", "Infinity", 500, "0x7ff")
    refused("Float8E8M0FNU", 0, -1, "Infinity")
    refused("Int2", 2, -3)
    refused("Int4", 8, -9)
    refused("UInt2", 4, -1)
    refused("UInt4", 16, -1)


@pytest.mark.parametrize("cls", NUMBERS)
def test_a_value_that_is_no_number_is_refused(cls: Any) -> None:
    zdtype = cls()
    for data in (None, [1], {}, "abc"):
        with pytest.raises(TypeError):
            zdtype.from_json_scalar(data, zarr_format=3)
    for data in (None, [1], object(), np.array([1, 2])):
        with pytest.raises(TypeError):
            zdtype.cast_scalar(data)
    # The scalar types of ml_dtypes crash on these.
    for data in ("abc", b"abc", ""):
        with pytest.raises(ValueError, match=r".*"):
            zdtype.cast_scalar(data)


def test_scalars_keep_their_bits() -> None:
    scalar = np.array([0x7FC1], np.uint16).view(ml_dtypes.bfloat16)[0]
    zdtype = SMALL["BFloat16"]()
    assert zdtype.cast_scalar(scalar) is scalar
    assert zdtype.to_json_scalar(scalar, zarr_format=3) == "0x7fc1"
    assert isinstance(zdtype, SmallFloat)
    assert isinstance(SMALL["Int4"](), SmallInt)


def test_the_package_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    zdtype = data_type_registry.match_json("bfloat16", zarr_format=3)
    with pytest.raises(ModuleNotFoundError, match=r"zarr\[ml-dtypes\]"):
        zdtype.to_native_dtype()


def test_importing_zarr_does_not_import_it() -> None:
    code = "import zarr.dtype, sys; sys.exit('ml_dtypes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
