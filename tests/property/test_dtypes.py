"""Data types keep their laws for any NumPy type and any value."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from zarr.dtype import data_type_registry, parse_dtype
from zarr.dtype.storage import fill_bytes, swap_words

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")

ORDER = st.sampled_from("<>")
PLAIN = st.one_of(
    npst.boolean_dtypes(),
    ORDER.flatmap(lambda order: npst.integer_dtypes(endianness=order)),
    ORDER.flatmap(lambda order: npst.unsigned_integer_dtypes(endianness=order)),
    ORDER.flatmap(lambda order: npst.floating_dtypes(endianness=order, sizes=(16, 32, 64))),
    ORDER.flatmap(lambda order: npst.complex_number_dtypes(endianness=order, sizes=(64, 128))),
    ORDER.flatmap(
        lambda order: npst.datetime64_dtypes(endianness=order, max_period="Y", min_period="as")
    ),
    ORDER.flatmap(
        lambda order: npst.timedelta64_dtypes(endianness=order, max_period="Y", min_period="as")
    ),
    npst.byte_string_dtypes(min_len=1),
    ORDER.flatmap(lambda order: npst.unicode_string_dtypes(endianness=order, min_len=1)),
    st.integers(1, 20).map(lambda length: np.dtype(f"V{length}")),
)
NAMES = st.text("abcdefgäµ_ 0", min_size=1, max_size=5)


def _records(fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    field = st.tuples(NAMES, fields) | st.tuples(
        NAMES, fields, npst.array_shapes(max_dims=2, max_side=3)
    )
    return st.lists(field, min_size=1, max_size=4, unique_by=lambda field: field[0]).map(np.dtype)


DTYPES = st.recursive(PLAIN, _records, max_leaves=6)


def _has_text(dtype: Any) -> bool:
    """Whether an element may hold bits that stand for no value, in a string or a boolean."""
    if dtype.subdtype is not None:
        return _has_text(dtype.subdtype[0])
    if dtype.fields is not None:
        return any(_has_text(dtype.fields[name][0]) for name in dtype.names)
    return dtype.kind in "USb"


def _documented(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(DTYPES)
def test_forms_in_metadata_stand_for_the_data_type(dtype: np.dtype[Any]) -> None:
    zdtype = data_type_registry.match_dtype(dtype)
    assert zdtype.to_native_dtype() == dtype
    assert parse_dtype(dtype, zarr_format=3) == zdtype
    assert hash(parse_dtype(dtype, zarr_format=2)) == hash(zdtype)
    v2 = data_type_registry.match_json(_documented(zdtype.to_json(2)), zarr_format=2)
    assert v2 == zdtype
    v3 = data_type_registry.match_json(_documented(zdtype.to_json(3)), zarr_format=3)
    assert v3.to_native_dtype() == dtype.newbyteorder("<")
    assert v3.to_json(3) == zdtype.to_json(3)


@given(st.data())
def test_every_bit_of_a_fill_value_is_kept(data: st.DataObject) -> None:
    dtype = data.draw(DTYPES.filter(lambda dtype: not _has_text(dtype)))
    raw = data.draw(st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize))
    scalar = np.frombuffer(raw, dtype)[0]
    zdtype = data_type_registry.match_dtype(dtype)
    assert fill_bytes(zdtype.cast_scalar(scalar), dtype) == raw
    # Zarr v2 has one form for all NaNs that stand alone.
    for zarr_format in (3,) if dtype.kind in "fc" else (2, 3):
        form = _documented(zdtype.to_json_scalar(scalar, zarr_format=zarr_format))
        assert fill_bytes(zdtype.from_json_scalar(form, zarr_format=zarr_format), dtype) == raw


@given(st.data())
def test_texts_are_kept(data: st.DataObject) -> None:
    text = npst.byte_string_dtypes(min_len=1) | npst.unicode_string_dtypes(min_len=1)
    dtype = data.draw(text)
    element = data.draw(npst.arrays(dtype, 1))
    zdtype = data_type_registry.match_dtype(dtype)
    scalar = zdtype.cast_scalar(element[0])
    for zarr_format in (2, 3):
        form = _documented(zdtype.to_json_scalar(scalar, zarr_format=zarr_format))
        again = zdtype.from_json_scalar(form, zarr_format=zarr_format)
        assert fill_bytes(again, dtype) == element.tobytes()


@given(st.data())
def test_swapping_words_is_what_numpy_does(data: st.DataObject) -> None:
    dtype = data.draw(DTYPES)
    raw = data.draw(st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize))
    swap = swap_words(dtype)
    swapped = bytearray(raw)
    words = swap if isinstance(swap, tuple) else _repeated(swap, dtype.itemsize)
    for offset, size in words:
        swapped[offset : offset + size] = swapped[offset : offset + size][::-1]
    other = np.frombuffer(raw, dtype.newbyteorder("<"))
    # Bytes are moved, so bits that stand for no value move too.
    expected = _as_raw(other).astype(_as_raw(other).dtype.newbyteorder(">"))
    assert bytes(swapped) == expected.tobytes()


def _repeated(size: int, itemsize: int) -> list[tuple[int, int]]:
    return [(start, size) for start in range(0, itemsize, size)] if size else []


def _raw(dtype: Any) -> Any:
    """The same places, as unsigned integers, of which NumPy changes nothing but the order."""
    if dtype.subdtype is not None:
        return np.dtype((_raw(dtype.subdtype[0]), dtype.shape))
    if dtype.fields is not None:
        return np.dtype([(name, _raw(dtype.fields[name][0])) for name in dtype.names])
    size = {"U": 4, "S": 1, "V": 1, "c": dtype.itemsize // 2}.get(dtype.kind, dtype.itemsize)
    return np.dtype((np.dtype(f"<u{size}"), (dtype.itemsize // size,)))


def _as_raw(array: Any) -> Any:
    return np.frombuffer(array.tobytes(), np.dtype([("a", _raw(array.dtype))]))


KEYS = [
    "name",
    "configuration",
    "fields",
    "data_type",
    "unit",
    "scale_factor",
    "shape",
    "a",
    "length_bytes",
    "object_codec_id",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(
        ["NaN", "Infinity", "NaT", "0x7fc00001", "0x", "AAAA", "int8", "struct", "r16", "<i4", "|O"]
    )
    | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(JSON, st.sampled_from([2, 3]))
def test_any_document_is_a_data_type_or_refused(data: Any, zarr_format: Any) -> None:
    for form in (data, {"name": data, "object_codec_id": None}):
        try:
            found = data_type_registry.match_json(form, zarr_format=zarr_format)
        except ValueError:
            continue
        again = data_type_registry.match_json(found.to_json(zarr_format), zarr_format=zarr_format)
        assert again == found


@given(DTYPES, JSON, st.sampled_from([2, 3]))
def test_any_form_is_a_scalar_or_refused(dtype: np.dtype[Any], data: Any, zarr_format: Any) -> None:
    zdtype = data_type_registry.match_dtype(dtype)
    with warnings.catch_warnings():
        # A number may be too large for a floating point number, which makes it infinite.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            scalar = zdtype.from_json_scalar(data, zarr_format=zarr_format)
        except (TypeError, ValueError, OverflowError):
            return
    assert len(fill_bytes(scalar, dtype)) == dtype.itemsize
