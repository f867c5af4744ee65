"""Elements that are arrays: the bytes that the registry of extensions defines, and back."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.codecs import (
    BytesCodec,
    GzipCodec,
    LabelMultisetCodec,
    N5LabelMultisetCodec,
    N5VarlenCodec,
    TransposeCodec,
    VLenBytesCodec,
    VLenNDArrayCodec,
    VLenUTF8Codec,
)
from zarr.dtype import LabelMultiset, NDArray
from zarr.errors import BaseZarrError, ChunkDecodeError

RAGGED = NDArray(dtype="float32", shape=(None, 2))
N5 = N5VarlenCodec(codecs=[N5LabelMultisetCodec(), GzipCodec()])


def objects(values: list[Any]) -> Any:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def rows(*counts: int) -> Any:
    return objects([np.arange(2 * n, dtype="<f4").reshape(n, 2) for n in counts])


def multisets(*values: dict[int, int]) -> Any:
    return objects([LabelMultiset().cast_scalar(value) for value in values])


LABELS = ({1: 2}, {}, {7: 1, 3: 4}, {1: 2}, {2**64 - 1: 2**32 - 1})
KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "vlen-ndarray": (RAGGED, rows(2, 0, 3, 1, 0), {"compressors": None}),
    "label_multiset": (LabelMultiset(), multisets(*LABELS), {"compressors": None}),
    "n5_varlen": (LabelMultiset(), multisets(*LABELS), {"serializer": N5, "compressors": None}),
}


def same(found: Any, expected: Any) -> bool:
    return found.shape == expected.shape and all(
        (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
        for one, other in zip(found.flat, expected.flat, strict=True)
    )


def made(kind: str, **options: Any) -> tuple[Any, Any, dict[str, Any]]:
    dtype, values, codecs = KINDS[kind]
    store: dict[str, Any] = {}
    array: Any = zarr.create_array(
        store, shape=(5,), dtype=dtype, **{"chunks": (5,), **codecs, **options}
    )
    array[:] = values
    return array, values, store


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"chunks": (2,)}, {"chunks": (2,), "shards": (4,)}])
def test_elements_come_back(kind: str, options: dict[str, Any]) -> None:
    array, values, store = made(kind, **options)
    again: Any = zarr.open_array(store)
    assert again.metadata == array.metadata
    assert same(again[:], values)
    assert same(again[1::2], values[1::2])
    again[1:3] = values[:2]
    assert same(again[:], values[[0, 0, 1, 3, 4]])
    again.resize(9)
    assert same(again[5:], objects([again.fill_value] * 4))
    again.resize(2)
    again.resize(4)
    assert same(again[2:], objects([again.fill_value] * 2))


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_of_the_fill_value_are_not_stored(kind: str) -> None:
    array, _, store = made(kind)
    assert [key for key in store if key.startswith("c/")]
    array[:] = objects([array.fill_value.copy()] * 5)
    assert not [key for key in store if key.startswith("c/")]


@pytest.mark.filterwarnings("ignore:.*variable_length_bytes")
def test_vlen_ndarray_has_the_bytes_of_vlen_bytes() -> None:
    _, values, store = made("vlen-ndarray")
    assert json.loads(store["zarr.json"].to_bytes())["codecs"] == [{"name": "vlen-ndarray"}]
    plain: dict[str, Any] = {}
    array: Any = zarr.create_array(
        plain,
        shape=(5,),
        chunks=(5,),
        dtype="bytes",
        serializer=VLenBytesCodec(),
        compressors=None,
    )
    array[:] = objects([value.tobytes() for value in values])
    assert plain["c/0"].to_bytes() == store["c/0"].to_bytes()


def test_lists_of_labels_are_stored_once_and_sorted() -> None:
    _, _, store = made("label_multiset")
    one = b"\1\0\0\0" + (1).to_bytes(8, "little") + (2).to_bytes(4, "little")
    entries = b"".join(
        label.to_bytes(8, "little") + count.to_bytes(4, "little")
        for label, count in ((3, 4), (7, 1))
    )
    last = b"\1\0\0\0" + b"\xff" * 12
    lists = [one, bytes(4), b"\2\0\0\0" + entries, last]
    places = np.array([0, 16, 20, 0, 48], "<u4")
    assert store["c/0"].to_bytes() == places.tobytes() + b"".join(lists)


def test_a_block_of_n5_begins_with_its_shape() -> None:
    codec = N5VarlenCodec(codecs=[N5LabelMultisetCodec()])
    array, values, store = made("n5_varlen", serializer=codec)
    data = store["c/0"].to_bytes()
    assert data[:12] == bytes([0, 1, 0, 1, 0, 0, 0, 5, *(len(data) - 12).to_bytes(4, "big")])
    assert data[12:16] == bytes(4)
    assert np.frombuffer(data, ">i4", 5, 16).tolist() == [0, 16, 20, 0, 48]
    # A cache that older writers store before the offsets of the lists is skipped.
    body = b"\0\0\0\1" + bytes(8) + data[16:]
    head = data[:8] + len(body).to_bytes(4, "big")
    array.store._store_dict["c/0"] = zarr.buffer.cpu.Buffer.from_bytes(head + body)
    assert same(array[:], values)


def test_elements_of_one_shape_are_records_of_one_field() -> None:
    dtype = NDArray(dtype="int16", shape=(3, 2))
    store: dict[str, Any] = {}
    array: Any = zarr.create_array(store, shape=(4,), dtype=dtype, compressors=None)
    values = np.arange(24, dtype="<i2").reshape(4, 3, 2)
    array[:] = values.reshape(4, 6).view([("values", "<i2", (3, 2))])[:, 0]
    assert (zarr.open_array(store)[:]["values"] == values).all()
    assert store["c/0"].to_bytes() == values.tobytes()
    document = json.loads(store["zarr.json"].to_bytes())
    assert document["fill_value"] == base64.b64encode(bytes(12)).decode()
    with pytest.raises(ValueError, match="little-endian"):
        zarr.create_array({}, shape=(4,), dtype=dtype, serializer=BytesCodec(endian="big"))


@pytest.mark.parametrize("fill", [np.zeros((0, 2), "f4"), np.array([[1.5, -0.0]], "f4")])
def test_fill_values_are_elements(fill: Any) -> None:
    store: dict[str, Any] = {}
    zarr.create_array(store, shape=(2,), dtype=RAGGED, fill_value=fill)
    assert same(zarr.open_array(store)[:], objects([fill.astype("<f4")] * 2))


def test_labels_as_fill_values() -> None:
    store: dict[str, Any] = {}
    zarr.create_array(store, shape=(1,), dtype="label_multiset", fill_value=5)
    assert json.loads(store["zarr.json"].to_bytes())["fill_value"] == "0x0000000000000005"
    assert zarr.open_array(store)[:][0].tolist() == [(5, 1)]
    default: Any = zarr.create_array({}, shape=(1,), dtype="label_multiset")
    assert default.metadata.to_dict()["fill_value"] == "0xFFFFFFFFFFFFFFFE"
    with pytest.raises(ValueError, match="one label, once"):
        zarr.create_array({}, shape=(1,), dtype="label_multiset", fill_value={1: 1, 2: 1})


@pytest.mark.parametrize(
    ("dtype", "codecs"),
    [
        (LabelMultiset(), {"serializer": VLenNDArrayCodec()}),
        (LabelMultiset(), {"serializer": VLenUTF8Codec()}),
        (LabelMultiset(), {"serializer": VLenBytesCodec()}),
        (RAGGED, {"serializer": LabelMultisetCodec()}),
        (RAGGED, {"serializer": BytesCodec()}),
        (NDArray(dtype="int8", shape=(2, None)), {}),
        (NDArray(dtype="int8", shape=(None, None)), {}),
        ("i4", {"serializer": VLenNDArrayCodec()}),
        ("i4", {"serializer": N5}),
    ],
)
def test_codecs_refuse_other_elements(dtype: Any, codecs: dict[str, Any]) -> None:
    store: dict[str, Any] = {}
    with pytest.raises(ValueError, match=r"stores|cannot store"):
        zarr.create_array(store, shape=(1,), dtype=dtype, **codecs)
    assert not store


def test_a_block_is_coded_by_codecs_to_bytes_only() -> None:
    with pytest.raises(ValueError, match="first codec"):
        N5VarlenCodec(codecs=[TransposeCodec(order=(0,)), N5LabelMultisetCodec()])


@pytest.mark.parametrize("shape", [[], [0], [2.0], [True], "2", None])
def test_shapes_of_elements_are_checked(shape: Any) -> None:
    data = {"name": "ndarray", "configuration": {"dtype": "int8", "shape": shape}}
    with pytest.raises(ValueError, match="shape"):
        zarr.create_array({}, shape=(1,), dtype=data)


def test_a_value_that_is_no_element_is_refused() -> None:
    array, _, _ = made("vlen-ndarray")
    for wrong in (np.zeros((2, 3), "f4"), np.zeros(2, "f4"), np.zeros((1, 2), "c8"), "text"):
        with pytest.raises((TypeError, ValueError)):
            array[:1] = objects([wrong])
    assert array[:][0].shape == (2, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_no_mutation_of_a_chunk_crashes_or_hangs(kind: str) -> None:
    array, _, store = made(kind)
    chaos = np.random.default_rng(5)
    whole = store["c/0"].to_bytes()
    refused: list[str] = []
    for number in range(3_000):
        data = bytearray(whole)
        for place in chaos.integers(0, len(data), 1 + number % 4):
            data[place] = int(chaos.integers(256))
        if number % 5 == 0:
            del data[int(chaos.integers(len(data))) :]
        if number % 7 == 0:
            data += chaos.bytes(9)
        array.store._store_dict["c/0"] = zarr.buffer.cpu.Buffer.from_bytes(bytes(data))
        try:
            found = array[:]
        except BaseZarrError as error:
            refused.append("\n".join([str(error), *getattr(error, "__notes__", ())]))
        else:
            assert found.shape == (5,)
    assert len(refused) > 300
    assert all("c/0" in message for message in refused)
    for data in (whole[:-1], b"", whole[: len(whole) // 2]):
        array.store._store_dict["c/0"] = zarr.buffer.cpu.Buffer.from_bytes(data)
        with pytest.raises(ChunkDecodeError):
            array[:]


def test_one_element_is_set_to_an_array() -> None:
    ragged: Any = zarr.create_array({}, shape=(3,), dtype=NDArray(dtype="int16", shape=(None, 2)))
    ragged[1] = np.arange(6, dtype="i2").reshape(3, 2)
    ragged[2] = [[7, 8]]
    assert [element.tolist() for element in ragged[:]] == [[], [[0, 1], [2, 3], [4, 5]], [[7, 8]]]
    labels: Any = zarr.create_array({}, shape=(2,), dtype="label_multiset")
    labels[0] = {7: 2, 3: 1}
    assert labels[:1][0].tolist() == [(3, 1), (7, 2)]
