"""The transpose codec permutes axes, and takes only orders that name each axis once."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.codecs import ReshapeCodec, TransposeCodec


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_axes_are_permuted_and_come_back(coding: Any, order: tuple[int, ...]) -> None:
    array = np.arange(24).reshape(2, 3, 4)
    code = coding(TransposeCodec(order=order), (2, 3, 4), "i8")
    encoded = code.encode(array)
    np.testing.assert_array_equal(encoded, array.transpose(order))
    assert encoded.shape == code.codec.resolve_metadata(code.chunk).shape
    np.testing.assert_array_equal(code.decode(encoded), array)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ((1,), "as many entries"),
        ((0, 1, 2), "as many entries"),
        ((1, 1), "duplicates"),
        ((2, 0), "between 0"),
        ((-1, 0), "between 0"),
    ],
)
def test_an_order_that_is_none_of_these_axes_is_refused(
    spec: Any, order: tuple[int, ...], message: str
) -> None:
    chunk = spec((4, 5), "u1")
    codec = TransposeCodec(order=order)
    with pytest.raises(ValueError, match=message):
        codec.evolve_from_array_spec(chunk)
    with pytest.raises(ValueError, match=message):
        codec.validate(shape=chunk.shape, dtype=chunk.dtype, chunk_grid=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("letter", "order"), [("C", (0, 1, 2)), ("F", (2, 1, 0))])
def test_the_letters_of_early_drafts_are_read(
    spec: Any, letter: str, order: tuple[int, ...]
) -> None:
    codec = TransposeCodec.from_dict({"name": "transpose", "configuration": {"order": letter}})
    assert codec.evolve_from_array_spec(spec((2, 3, 4), "u1")) == TransposeCodec(order=order)


@pytest.mark.parametrize(
    "options",
    [
        {"filters": [TransposeCodec(order=())]},
        {"filters": [ReshapeCodec(shape=())]},
        {"zarr_format": 2, "order": "F"},
    ],
)
def test_an_array_without_dimensions_has_an_empty_order_and_shape(options: Any) -> None:
    array: Any = zarr.create_array({}, shape=(), dtype="i4", **options)
    array[...] = 5
    assert zarr.open_array(array.store)[...] == 5
