"""Records: fields, nested, with small arrays, in either byte order."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import numpy as np
import pytest

from zarr.dtype import (
    Float32,
    Int8,
    Int16,
    RawBytes,
    Struct,
    Structured,
    VariableLengthUTF8,
    data_type_registry,
    parse_dtype,
)
from zarr.dtype.structured import SubArray
from zarr.errors import DataTypeValidationError, ZarrUserWarning

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")

NATIVES = [
    [("a", "i1")],
    [("a", "<i2"), ("b", ">f4")],
    [("a", "S3"), ("b", "V2"), ("c", "<U2"), ("d", ">M8[s]"), ("e", "?")],
    [("a", [("b", ">i2"), ("c", [("d", "c8")])]), ("f", "<m8[7ns]")],
    [("a", "<i4", (2,)), ("b", "i1")],
    [("a", [("b", ">f4", (2, 3))], (2,)), ("c", "S2", (4,))],
]


@pytest.mark.parametrize("spec", NATIVES)
def test_records_round_trip(spec: Any) -> None:
    native = np.dtype(spec)
    zdtype = parse_dtype(native, zarr_format=2)
    assert isinstance(zdtype, Struct)
    assert zdtype.to_native_dtype() == native
    assert zdtype.item_size == native.itemsize
    v2 = json.loads(json.dumps(zdtype.to_json(2)))
    assert data_type_registry.match_json(v2, zarr_format=2) == zdtype
    v3 = json.loads(json.dumps(zdtype.to_json(3)))
    again = data_type_registry.match_json(v3, zarr_format=3)
    # Zarr v3 leaves the byte order to the codecs.
    assert again.to_native_dtype() == native.newbyteorder("<")


@pytest.mark.parametrize("spec", NATIVES)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_every_bit_of_a_scalar_is_kept(spec: Any, zarr_format: Any) -> None:
    native = np.dtype(spec)
    zdtype = parse_dtype(native, zarr_format=2)
    # Characters and booleans have no other bits than these.
    raw = bytes(i % 2 for i in range(native.itemsize))
    scalar = np.frombuffer(raw, native)[0]
    if any(name in str(spec) for name in ("U2",)):
        scalar = zdtype.default_scalar()
    form = json.loads(json.dumps(zdtype.to_json_scalar(scalar, zarr_format=zarr_format)))
    assert zdtype.from_json_scalar(form, zarr_format=zarr_format).tobytes() == scalar.tobytes()


def test_zarr_v2_writes_small_arrays_as_numpy_does() -> None:
    zdtype = parse_dtype(np.dtype([("a", "<i4", (2, 3))]), zarr_format=2)
    assert zdtype.to_json(2)["name"] == [["a", "<i4", [2, 3]]]
    assert zdtype.fields == (("a", SubArray(base=parse_dtype("<i4", zarr_format=2), shape=(2, 3))),)


def test_zarr_v3_writes_small_arrays_as_lists() -> None:
    zdtype = parse_dtype(np.dtype([("a", ">f4", (2, 2))]), zarr_format=3)
    assert zdtype.to_json(3)["configuration"]["fields"] == [
        {
            "name": "a",
            "data_type": {
                "name": "subarray",
                "configuration": {"data_type": "float32", "shape": [2, 2]},
            },
        }
    ]
    scalar = zdtype.cast_scalar((np.array([[1, 2], [3, np.nan]]),))
    form = zdtype.to_json_scalar(scalar, zarr_format=3)
    assert form == {"a": [[1.0, 2.0], [3.0, "NaN"]]}
    assert zdtype.from_json_scalar(form, zarr_format=3).tobytes() == scalar.tobytes()
    for wrong in ([[1, 2], [3]], [[1, 2]], 1, "x", [[1, 2], [3, "x"]]):
        with pytest.raises(TypeError):
            zdtype.from_json_scalar({"a": wrong}, zarr_format=3)


def test_a_small_array_alone_is_no_data_type() -> None:
    with pytest.raises(ValueError, match="No Zarr data type"):
        parse_dtype(np.dtype(("<i4", (2,))), zarr_format=3)
    for shape in ([], [0], [-1], ["2"], "2", None):
        form = [["a", "<i4", shape]]
        with pytest.raises(ValueError, match="shape"):
            data_type_registry.match_json({"name": form, "object_codec_id": None}, zarr_format=2)


def test_older_documents_are_read() -> None:
    fields = [["a", "int8"], ["b", "float32"]]
    older = {"name": "structured", "configuration": {"fields": fields}}
    expected = Struct(fields=(("a", Int8()), ("b", Float32())))
    assert data_type_registry.match_json(older, zarr_format=3) == expected
    assert Structured.from_json(older, zarr_format=3) == Structured(fields=expected.fields)
    assert Structured(fields=expected.fields).to_json(3) == older
    # In these, bytes are of the byte order that Zarr v3 stores by default.
    raw = b64encode(np.array([(1, 2.5)], "i1,<f4").tobytes()).decode()
    for endianness in ("little", "big"):
        for cls in (Struct, Structured):
            zdtype = cls(fields=(("a", Int8()), ("b", Float32(endianness=endianness))))  # type: ignore[arg-type]
            assert zdtype.from_json_scalar(raw, zarr_format=3).item() == (1, 2.5)


def test_zarr_v2_bytes_have_the_order_of_the_fields() -> None:
    zdtype = Struct(fields=(("a", Float32(endianness="big")),))
    raw = b64encode(np.array([2.5], ">f4").tobytes()).decode()
    assert zdtype.from_json_scalar(raw, zarr_format=2).item() == (2.5,)
    assert zdtype.to_json_scalar((2.5,), zarr_format=2) == raw
    assert zdtype.from_json_scalar(0, zarr_format=2).item() == (0.0,)


def test_a_field_without_a_value_has_its_default() -> None:
    zdtype = Struct(fields=(("a", Int8()), ("b", Int16())))
    assert zdtype.from_json_scalar({"b": 3}, zarr_format=3).item() == (0, 3)
    with pytest.raises(ValueError, match="no fields"):
        zdtype.from_json_scalar({"a": 1, "c": 2}, zarr_format=3)
    with pytest.raises(OverflowError):
        zdtype.from_json_scalar({"a": 300}, zarr_format=3)


def test_bytes_of_the_wrong_size_are_refused() -> None:
    zdtype = Struct(fields=(("a", Int8()), ("b", Int16())))
    for size in (0, 2, 4):
        with pytest.raises(ValueError, match="3 bytes"):
            zdtype.cast_scalar(bytes(size))


def test_gaps_are_not_stored() -> None:
    aligned = np.dtype([("a", "i1"), ("b", "<i4")], align=True)
    for _ in range(2):
        with pytest.warns(ZarrUserWarning, match="without gaps"):
            zdtype = parse_dtype(aligned, zarr_format=3)
    assert zdtype.item_size == 5
    with pytest.raises(ValueError, match="titles"):
        parse_dtype(np.dtype([(("title", "a"), "i1")]), zarr_format=3)


@pytest.mark.parametrize(
    "fields",
    [
        [],
        "int8",
        None,
        [["a"]],
        [["a", "int8", 1, 2]],
        [[1, "int8"]],
        [["a", "nope"]],
        [{"name": "a"}],
        [{"name": "a", "data_type": "int8", "x": 1}],
        [["a", "int8"], ["a", "int8"]],
        [["a", {"name": "struct", "configuration": {"fields": [["b", "nope"]]}}]],
    ],
)
def test_other_fields_are_refused(fields: Any) -> None:
    document = {"name": "struct", "configuration": {"fields": fields}}
    with pytest.raises(ValueError, match=r".*"):
        data_type_registry.match_json(document, zarr_format=3)


def test_an_error_names_the_field() -> None:
    form = {"name": [["a", [["b", "<i4"], ["c", "|nope"]]]], "object_codec_id": None}
    with pytest.raises(DataTypeValidationError, match=r"'c', '\|nope'"):
        data_type_registry.match_json(form, zarr_format=2)


def test_fields_have_a_fixed_size() -> None:
    zdtype = Struct(fields=(("a", VariableLengthUTF8()),))
    with pytest.raises(TypeError, match="fixed size"):
        _ = zdtype.item_size
    with pytest.raises(TypeError):
        zdtype.to_native_dtype()


def test_a_field_of_several_bytes_is_told() -> None:
    assert not Struct(fields=(("a", Int8()), ("b", RawBytes(length=1)))).has_multi_byte_fields()
    assert Struct(fields=(("a", Int8()), ("b", Int16()))).has_multi_byte_fields()


def test_documents_may_be_deep_and_large() -> None:
    deep: Any = "int8"
    for _ in range(5000):
        deep = {"name": "struct", "configuration": {"fields": [["a", deep]]}}
    other: Any = "int8"
    for _ in range(5000):
        other = {"name": "other", "configuration": [other]}
    wide = {"name": "other", "configuration": {"fields": ["x" * 1000] * 10_000}}
    for document in (deep, other, wide, {"name": "struct", "configuration": {"fields": [deep]}}):
        with pytest.raises(ValueError, match=r"deep|No Zarr data type|Invalid") as caught:
            data_type_registry.match_json(document, zarr_format=3)
        assert len(str(caught.value)) < 10_000
