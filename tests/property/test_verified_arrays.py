"""Any array is whole as it is written, any flipped byte is found, and any index is rebuilt."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.broken import data_of, store_of

import zarr
from zarr import tools
from zarr.codecs import BytesCodec, Crc32cCodec, ZstdCodec
from zarr.testing.strategies import arrays, simple_arrays

pytestmark = [
    pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning"),
    pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning"),
]


@settings(max_examples=20, deadline=None)
@given(array=arrays())
def test_nothing_is_wrong_with_an_array_that_was_written(array: zarr.Array[Any]) -> None:
    report = tools.verify(array)
    # Names that strategies make may be those that some file systems refuse.
    assert {each.code for each in report.findings} <= {"document-nonstandard-number"}
    assert report.decoded == report.stored


@st.composite
def layouts(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    chunks = tuple(draw(st.integers(1, 4)) for _ in shape)
    many = tuple(draw(st.integers(1, 3)) for _ in shape)
    data = np.arange(1, np.prod(shape) + 1, dtype="i4").reshape(shape)
    shards = tuple(size * count for size, count in zip(chunks, many, strict=True))
    compressors = [ZstdCodec(), Crc32cCodec()] if draw(st.booleans()) else [Crc32cCodec()]
    made: dict[str, Any] = {
        "chunks": chunks,
        "serializer": BytesCodec(),
        "compressors": compressors,
    }
    if draw(st.booleans()):
        made["shards"] = shards
    return data, made


@settings(max_examples=60, deadline=None)
@given(layout=layouts(), data=st.data())
def test_any_flipped_bit_is_found(layout: Any, data: st.DataObject) -> None:
    elements, parameters = layout
    array = zarr.create_array({}, data=elements, **parameters)
    values = data_of(array.store)  # type: ignore[arg-type]
    key = data.draw(st.sampled_from(sorted(key for key in values if key.startswith("c"))))
    value = bytearray(values[key])
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    values[key] = bytes(value)
    report = tools.verify(store_of(values))
    assert not report.ok
    assert {each.key for each in report.findings} == {key}


@settings(max_examples=40, deadline=None)
@given(layout=layouts(), data=st.data())
def test_a_mended_array_has_the_elements_that_it_had(layout: Any, data: st.DataObject) -> None:
    elements, parameters = layout
    array = zarr.create_array({}, data=elements, **parameters)
    second = store_of(data_of(array.store))  # type: ignore[arg-type]
    values = data_of(array.store)  # type: ignore[arg-type]
    for key in sorted(key for key in values if key.startswith("c")):
        if data.draw(st.booleans()):
            value = bytearray(values[key])
            for at in data.draw(st.lists(st.integers(0, len(value) - 1), max_size=3)):
                value[at] ^= 0x55
            values[key] = bytes(value[: data.draw(st.integers(0, len(value)))])
    store = store_of(values)
    with tempfile.TemporaryDirectory() as directory:
        alone = store_of(values)
        tools.repair(alone, apply=True, keep=Path(directory) / "one")
        # Without a second copy, no element becomes another: it is right, or still an error.
        left = {each.key for each in tools.verify(alone).findings}
        for key in values.keys() - left:
            coords = tuple(map(int, key.split("/")[1:])) if key.startswith("c") else None
            if coords is not None:
                box = zarr.open_array(alone, mode="r").blocks[coords]
                np.testing.assert_array_equal(box, array.blocks[coords])
        tools.repair(store, apply=True, keep=Path(directory) / "two", second=second)
    assert tools.verify(store).ok
    np.testing.assert_array_equal(zarr.open_array(store, mode="r")[...], elements)


@settings(max_examples=40, deadline=None)
@given(array=simple_arrays(), data=st.data())
def test_a_copy_of_other_chunks_has_the_same_digest(
    array: zarr.Array[Any], data: st.DataObject
) -> None:
    chunks = tuple(data.draw(st.integers(1, max(1, length))) for length in array.shape)
    copy = zarr.from_array({}, data=array, chunks=chunks or "keep", shards=None)
    assert tools.digest(copy).nodes[0].data == tools.digest(array).nodes[0].data
