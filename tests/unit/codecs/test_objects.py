"""Elements of no fixed size take part in an operation under numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr.codecs.objects import ObjectTable, holds_objects

DTYPES = [np.dtype(object), np.dtypes.StringDType()]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("O", True), (np.dtypes.StringDType(), True), ("U3", False), ("i4", False), ("V2", False)],
)
def test_types_whose_elements_lie_elsewhere_are_told(dtype: Any, expected: bool) -> None:
    assert holds_objects(np.dtype(dtype)) is expected


@given(
    parts=st.lists(st.lists(st.text(max_size=3), max_size=8), max_size=5),
    picks=st.lists(st.integers(min_value=0, max_value=10**6), max_size=30),
    dtype=st.sampled_from(DTYPES),
    writing=st.booleans(),
)
def test_numbers_give_back_their_elements(
    parts: list[list[str]], picks: list[int], dtype: Any, writing: bool
) -> None:
    table = ObjectTable(dtype, "", writing=writing)
    numbers, elements = [0], [""]
    for part in parts:
        numbered = table.number(np.array(part, dtype=dtype))
        numbers += numbered.tolist()
        elements += part
    chosen = [pick % len(numbers) for pick in picks]
    found = table.elements(np.array([numbers[place] for place in chosen], np.int64))
    assert found.dtype == dtype
    assert found.tolist() == [elements[place] for place in chosen]
    if writing:
        assert all(
            (number == 0) == (element == "")
            for number, element in zip(numbers, elements, strict=True)
        )


def test_shapes_are_kept() -> None:
    table = ObjectTable(np.dtype(object), None)
    array = np.array([["a", "b"], ["c", "d"]], dtype=object)
    numbers = table.number(array)
    assert numbers.shape == (2, 2)
    assert table.elements(numbers.T).tolist() == array.T.tolist()
    assert table.elements(np.empty((0, 3), np.int64)).shape == (0, 3)


@pytest.mark.parametrize("fill", ["", b"", 0, None, 1.5, ("a",)])
def test_elements_of_any_kind_may_meet_a_fill_value(fill: Any) -> None:
    table = ObjectTable(np.dtype(object), fill, writing=True)
    array = np.empty(6, dtype=object)
    array[:] = ["", b"", None, np.arange(3), 1.5, 0]
    found = table.elements(table.number(array))
    assert found[0] == ""
    np.testing.assert_array_equal(found[3], np.arange(3))
    assert table.elements(np.zeros(1, np.int64))[0] == fill
