"""Arrays whose chunks differ along a dimension agree with NumPy, as all arrays do.

Without shards, and with shards of several sizes; through every way to select; longer and shorter.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.codecs import BytesCodec, ShardingCodec, TransposeCodec, ZstdCodec

if TYPE_CHECKING:
    from collections.abc import Iterator

# Transposed shards are among them.
pytestmark = pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")


@pytest.fixture(autouse=True)
def _switched_on() -> Iterator[None]:
    with zarr.config.set({"array.rectilinear_chunks": True}):
        yield


@cache
@st.composite
def grids(draw: st.DrawFn) -> tuple[list[int], list[Any], int]:
    """A shape; for each axis a size of chunks, or their edges; and by what all edges divide."""
    unit = draw(st.sampled_from([1, 1, 2]))
    shape, chunks = [], []
    for _ in range(draw(st.integers(1, 3))):
        edges = [unit * n for n in draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))]
        if draw(st.booleans()) and chunks:
            chunks.append(edges[0])
            shape.append(draw(st.integers(1, 12)))
        else:
            chunks.append(edges)
            shape.append(sum(edges))
    return shape, chunks, unit


@cache
@st.composite
def arrays(draw: st.DrawFn) -> tuple[Any, np.ndarray[Any, Any]]:
    """An array in memory with some values, and the same for NumPy."""
    shape, chunks, unit = draw(grids())
    reverse = TransposeCodec(order=range(len(shape))[::-1])
    codecs = draw(st.sampled_from([[], [ZstdCodec()]]))
    options: dict[str, Any] = {"compressors": codecs, "serializer": BytesCodec()}
    if draw(st.booleans()):
        inner = ShardingCodec(chunk_shape=[unit] * len(shape), codecs=[BytesCodec(), *codecs])
        options = {"serializer": inner, "compressors": None}
    if draw(st.booleans()):
        options["filters"] = reverse
    dtype = draw(st.sampled_from(["i4", "u1", str]))
    fill: Any = "" if dtype is str else 7
    if dtype is str and isinstance(options["serializer"], ShardingCodec):
        options["serializer"] = ShardingCodec(
            chunk_shape=[unit] * len(shape), codecs=["vlen-utf8", *codecs]
        )
    elif dtype is str:
        del options["serializer"]
    array: Any = zarr.create_array(
        {}, shape=shape, chunks=chunks, dtype=dtype, fill_value=fill, **options
    )
    model = np.full(shape, fill, array.dtype)
    if draw(st.booleans()):
        values = np.arange(model.size).reshape(shape).astype(model.dtype)
        array[...] = values
        model[...] = values
    return array, model


@cache
def boxes(shape: tuple[int, ...]) -> Any:
    def axis(n: int) -> Any:
        whole = st.slices(n).filter(lambda s: s.step is None or s.step > 0)
        return whole | st.integers(-n, n - 1) if n else whole

    return st.tuples(*map(axis, shape))


@cache
def _picks(n: int) -> Any:
    index = st.integers(0, n - 1)
    masks = st.lists(st.booleans(), min_size=n, max_size=n).map(lambda m: np.array(m, bool))
    return st.lists(index, min_size=1, max_size=6, unique=True).map(np.array) | masks


@given(data=st.data())
def test_boxes(data: Any) -> None:
    array, model = data.draw(arrays())
    for _ in range(3):
        box = data.draw(boxes(model.shape))
        np.testing.assert_array_equal(array.get_basic_selection(box), model[box])
        box = data.draw(boxes(model.shape))
        values = np.arange(np.size(model[box])).reshape(np.shape(model[box])).astype(model.dtype)
        array.set_basic_selection(box, values[()])
        model[box] = values
        np.testing.assert_array_equal(array[...], model)


@given(data=st.data())
def test_orthogonal_selections(data: Any) -> None:
    array, model = data.draw(arrays())
    picks = tuple(data.draw(_picks(n)) for n in model.shape)
    outer = np.ix_(*picks)
    np.testing.assert_array_equal(array.oindex[picks], model[outer])
    array.oindex[picks] = data.draw(st.sampled_from([3, 5])) if model.dtype.kind != "T" else "new"
    model[outer] = array.oindex[picks]
    np.testing.assert_array_equal(array[...], model)


@given(data=st.data())
def test_points_and_masks(data: Any) -> None:
    array, model = data.draw(arrays())
    count = data.draw(st.integers(1, 8))
    points = tuple(
        np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=count, max_size=count)))
        for n in model.shape
    )
    np.testing.assert_array_equal(array.vindex[points], model[points])
    value: Any = "p" if model.dtype.kind == "T" else 9
    array.vindex[points] = value
    model[points] = value
    mask = data.draw(npst.arrays(bool, model.shape))
    np.testing.assert_array_equal(array.get_mask_selection(mask), model[mask])
    value = "m" if model.dtype.kind == "T" else 11
    array.set_mask_selection(mask, value)
    model[mask] = value
    np.testing.assert_array_equal(array[...], model)


@given(data=st.data())
def test_blocks(data: Any) -> None:
    array, model = data.draw(arrays())
    sizes = array.write_chunk_sizes
    assert [sum(lengths) for lengths in sizes] == list(model.shape)
    picks, box = [], []
    for lengths in sizes:
        start = data.draw(st.integers(0, len(lengths) - 1))
        stop = data.draw(st.integers(start + 1, len(lengths)))
        picks.append(slice(start, stop))
        box.append(slice(sum(lengths[:start]), sum(lengths[:stop])))
    np.testing.assert_array_equal(array.blocks[tuple(picks)], model[tuple(box)])
    value: Any = "b" if model.dtype.kind == "T" else 4
    array.blocks[tuple(picks)] = value
    model[tuple(box)] = value
    np.testing.assert_array_equal(array[...], model)


@given(data=st.data())
def test_longer_and_shorter(data: Any) -> None:
    array, model = data.draw(arrays())
    for _ in range(3):
        if isinstance(array.metadata.codecs[-1], ShardingCodec):
            # A longer axis gets one more shard, whose length the inner chunks must divide.
            unit = array.metadata.codecs[-1].chunk_shape[0]
        else:
            unit = 1
        shape = tuple(unit * data.draw(st.integers(1, 8)) for _ in model.shape)
        array.resize(shape)
        resized = np.full(shape, array.fill_value, model.dtype)
        common = tuple(slice(0, min(a, b)) for a, b in zip(shape, model.shape, strict=True))
        resized[common] = model[common]
        model = resized
        np.testing.assert_array_equal(array[...], model)
        assert zarr.open_array(array.store).metadata == array.metadata
        more = np.full((unit, *model.shape[1:]), model.reshape(-1)[0], model.dtype)
        array.append(more)
        model = np.concatenate([model, more])
        np.testing.assert_array_equal(array[...], model)


@given(data=st.data())
def test_documents_come_back(data: Any) -> None:
    array, model = data.draw(arrays())
    document = json.loads(json.dumps(array.metadata.to_dict()))
    again = type(array.metadata).from_dict(document)
    assert again == array.metadata
    np.testing.assert_array_equal(zarr.open_array(array.store)[...], model)


def test_the_example_of_the_specification_is_understood() -> None:
    grid = {
        "name": "rectilinear",
        "configuration": {
            "kind": "inline",
            "chunk_shapes": [[[2, 3]], [[1, 6]], [1, [2, 1], 3], [[1, 3], 3], [6]],
        },
    }
    array: Any = zarr.create_array({}, shape=(6,) * 5, chunks=[[6]] * 5, dtype="i2")
    document = array.metadata.to_dict() | {"chunk_grid": grid}
    store = {"zarr.json": zarr.buffer.cpu.Buffer.from_bytes(json.dumps(document).encode())}
    array = zarr.open_array(store)
    assert array.write_chunk_sizes == ((2, 2, 2), (1,) * 6, (1, 2, 3), (1, 1, 1, 3), (6,))
    values = np.arange(6**5, dtype="i2").reshape((6,) * 5)
    array[...] = values
    assert len(store) == 1 + 3 * 6 * 3 * 4
    np.testing.assert_array_equal(array[1:5, ::2, 3, 2:, 5], values[1:5, ::2, 3, 2:, 5])
