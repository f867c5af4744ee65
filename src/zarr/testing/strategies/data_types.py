"""Data types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from zarr.dtype import RawBytes, Struct, VariableLengthBytes, VariableLengthUTF8, parse_dtype

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from zarr.dtype import ZDType

DATETIME_UNIT = (
    *("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "μs", "ns", "ps", "fs", "as", "generic"),
)
"""The units of dates and times."""

_letters = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=4)


def _plain(endianness: Any) -> SearchStrategy[np.dtype[Any]]:
    return st.one_of(
        npst.boolean_dtypes(),
        npst.integer_dtypes(endianness=endianness),
        npst.unsigned_integer_dtypes(endianness=endianness),
        npst.floating_dtypes(endianness=endianness, sizes=(16, 32, 64)),
        npst.complex_number_dtypes(endianness=endianness, sizes=(64, 128)),
        npst.byte_string_dtypes(endianness=endianness),
        npst.unicode_string_dtypes(endianness=endianness),
        npst.datetime64_dtypes(endianness=endianness),
        npst.timedelta64_dtypes(endianness=endianness),
    )


def v3_dtypes() -> SearchStrategy[np.dtype[Any]]:
    """NumPy's data types that arrays of format 3 can have."""
    return _plain("=")


def v2_dtypes() -> SearchStrategy[np.dtype[Any]]:
    """NumPy's data types that arrays of format 2 can have."""
    return _plain("=")


def dtypes() -> SearchStrategy[np.dtype[Any]]:
    """NumPy's data types that arrays of both formats can have."""
    return v3_dtypes() | v2_dtypes()


def safe_unicode_for_dtype(dtype: np.dtype[np.str_]) -> SearchStrategy[str]:
    """Texts that an element of a data type can hold, and that come back as they were.

    Parameters
    ----------
    dtype : dtype
        A data type of texts of one length.
    """
    # NumPy drops NULs at the end; surrogates have no encoding.
    character = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(character, min_size=1, max_size=max(1, dtype.itemsize // 4))


@st.composite
def structured_dtypes(
    draw: st.DrawFn, *, allow_extended: bool = False, max_depth: int = 3
) -> np.dtype[np.void]:
    """Data types of several fields.

    Parameters
    ----------
    allow_extended : bool, optional
        Whether there may be what Zarr cannot describe: titles, subarrays, padding.
    max_depth : int, optional
        How deep they may be nested.
    """
    fields: list[Any] = []
    for number in range(draw(st.integers(1, 4))):
        name: Any = f"{draw(_letters)}{number}"
        if max_depth > 1 and draw(st.integers(0, 3)) == 0:
            nested = structured_dtypes(allow_extended=allow_extended, max_depth=max_depth - 1)
            dtype = draw(nested)
        else:
            dtype = draw(_plain("?") | st.integers(1, 8).map(lambda n: np.dtype(f"V{n}")))
        if not allow_extended:
            fields.append((name, dtype))
            continue
        if draw(st.booleans()):
            name = (f"{draw(_letters).upper()}{number}", name)
        shape = draw(st.sampled_from([(), (), (3,), (1, 2)]))
        fields.append((name, dtype, shape) if shape else (name, dtype))
    return np.dtype(fields, align=allow_extended and draw(st.booleans()))


@st.composite
def zdtypes(draw: st.DrawFn, *, max_leaves: int = 6) -> ZDType[Any, Any]:
    """Data types as Zarr has them.

    Parameters
    ----------
    max_leaves : int, optional
        About how many fields there are in one of several fields, nested ones included.
    """
    fixed: SearchStrategy[ZDType[Any, Any]] = st.one_of(
        _plain("?").map(lambda dtype: parse_dtype(dtype, zarr_format=3)),
        st.integers(1, 16).map(lambda length: RawBytes(length=length)),
    )
    nested = st.recursive(fixed, _structs, max_leaves=max_leaves)
    variable = st.sampled_from([VariableLengthUTF8(), VariableLengthBytes()])
    return draw(st.one_of(nested, variable))


def _structs(fields: SearchStrategy[ZDType[Any, Any]]) -> SearchStrategy[ZDType[Any, Any]]:
    named = st.lists(st.tuples(_letters, fields), min_size=1, max_size=4)
    return named.map(
        lambda items: Struct(
            fields=tuple((f"{name}{i}", dtype) for i, (name, dtype) in enumerate(items))
        )
    )
