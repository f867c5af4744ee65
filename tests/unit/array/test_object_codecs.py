"""Arrays of objects in format 2, with each object codec of numcodecs."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.errors import PickleCodecDisabledError
from zarr.storage import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

numcodecs = pytest.importorskip("numcodecs")


def _msgpack() -> Any:
    pytest.importorskip("msgpack")
    from numcodecs.msgpacks import MsgPack

    return MsgPack()


ANY: list[Any] = [1, "a", None, {"x": [1.5]}, True, [], "é"]
RAGGED = [np.arange(size, dtype="<i4") for size in (2, 0, 5, 1, 0, 3, 1)]
CODECS: dict[str, tuple[Callable[[], Any], list[Any]]] = {
    "json2": (numcodecs.JSON, ANY),
    "msgpack2": (_msgpack, ANY),
    "pickle": (numcodecs.Pickle, [*ANY[:-1], (1, {2})]),
    "vlen-utf8": (numcodecs.VLenUTF8, ["a", "", "éü", "x" * 500, "日本", "", "\0"]),
    "vlen-bytes": (numcodecs.VLenBytes, [b"a", b"", b"\0\0", b"x" * 500, b"1", b"", b"\xff"]),
    "vlen-array": (lambda: numcodecs.VLenArray("<i4"), RAGGED),
    "categorize": (
        lambda: numcodecs.Categorize(["a", "b", "c"], dtype=object),
        ["a", "b", "a", "c", "b", "a", "c"],
    ),
}


def objects(values: list[Any]) -> Any:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def made(name: str, compressor: Any = "auto") -> tuple[Any, list[Any]]:
    """An array that holds values, and the values."""
    make, values = CODECS[name]
    array = zarr.create(
        shape=len(values),
        chunks=3,
        dtype=object,
        object_codec=make(),
        store=MemoryStore(),
        zarr_format=2,
        compressor=compressor,
    )
    array[:] = objects(values)
    return zarr.open_array(array.store), values


def same(found: Any, values: list[Any]) -> bool:
    pairs = zip(found.tolist(), values, strict=True)
    return all(type(x) is type(y) and np.array_equal(x, y) for x, y in pairs)


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE", True)
    with zarr.config.set({"array.allow_unsafe_pickle_decode": True}):
        yield


@pytest.mark.parametrize("name", CODECS)
def test_objects_come_back(name: str) -> None:
    array, values = made(name)
    assert array.metadata.to_dict()["dtype"] == "|O"
    assert same(array[:], values)
    assert same(array[2:5], values[2:5])
    assert same(array.oindex[[5, 1]], [values[5], values[1]])
    assert same(array.get_mask_selection(np.arange(7) % 2 == 0), values[::2])
    array[1:2] = objects(values[4:5])
    assert same(array[:], [values[0], values[4], *values[2:]])
    array.resize(9)
    array.append(objects(values[:2]))
    assert array.shape == (11,)
    assert same(array[9:], values[:2])


@pytest.mark.parametrize("name", CODECS)
def test_chunks_are_what_the_codec_of_numcodecs_makes(name: str) -> None:
    array, values = made(name, compressor=None)
    stored = array.store._store_dict["1"].to_bytes()
    codec = CODECS[name][0]()
    if name in ("vlen-utf8", "vlen-bytes", "vlen-array", "categorize"):
        assert stored == bytes(codec.encode(objects(values[3:6])))
    if name not in ("categorize", "pickle"):  # which need to be told more, or refuse
        assert same(codec.decode(stored).reshape(3), values[3:6])
    # And what numcodecs makes is read.
    array.store._store_dict["1"] = zarr.buffer.cpu.Buffer.from_bytes(
        bytes(codec.encode(objects(values[:3])))
    )
    assert same(array[3:6], values[:3])


@pytest.mark.parametrize("name", CODECS)
def test_the_document_names_the_codec(name: str) -> None:
    array, _ = made(name)
    document = array.metadata.to_dict()
    assert document["filters"][0]["id"] == CODECS[name][0]().codec_id == name
    copied = pickle.loads(pickle.dumps(array.metadata))
    assert copied == array.metadata
    assert type(array.metadata).from_dict(document) == array.metadata


def test_pickled_objects_are_refused_unless_they_are_trusted() -> None:
    array, values = made("pickle")
    with zarr.config.set({"array.allow_unsafe_pickle_decode": False}):
        opened = zarr.open_array(array.store)
        for read in (lambda: opened[:], lambda: opened[2], lambda: array[:]):
            with pytest.raises(PickleCodecDisabledError, match="allow_unsafe_pickle_decode"):
                read()
    assert same(zarr.open_array(array.store)[:], values)


def test_strings_are_read_into_objects_where_asked() -> None:
    array, values = made("vlen-utf8")
    out = np.empty(7, object)
    array.get_basic_selection(..., out=out)
    assert same(out, values)
    assert array[:].dtype == np.dtypes.StringDType()
    v3 = zarr.create_array({}, data=np.array(values, np.dtypes.StringDType()), chunks=(3,))
    out = np.empty(7, object)
    v3.get_basic_selection(..., out=out)
    assert same(out, values)


@pytest.mark.parametrize("name", CODECS)
def test_an_element_is_set_whole_whatever_it_is(name: str) -> None:
    array, values = made(name)
    values = values[::-1]
    for place, value in enumerate(values):
        array[place] = value
    assert same(array[:], values)
    array.oindex[2] = values[0]
    assert same(array[2:3], values[:1])
    array[-1] = np.array(values[2], object) if name != "vlen-array" else values[2]
    assert same(array[-1:], values[2:3])


def test_ragged_arrays_of_two_axes() -> None:
    array: Any = zarr.create(
        shape=(2, 2), dtype=object, object_codec=numcodecs.VLenArray("<i4"), store={}, zarr_format=2
    )
    array[0, 1] = np.arange(3)
    array[1, 0] = [7]
    assert [item.tolist() for item in array[:].reshape(-1)] == [[], [0, 1, 2], [7], []]
    with pytest.raises(ValueError, match="broadcast"):
        array[0] = np.arange(3)


FIXED: list[tuple[str, Any, list[Any]]] = [
    ("U3", numcodecs.VLenUTF8(), ["a", "bcd", "é"]),
    (">U3", numcodecs.VLenUTF8(), ["a", "bcd", "é"]),
    ("S3", numcodecs.VLenBytes(), [b"a", b"bcd", b""]),
]
LONG = {"U": "longer than that", "S": b"longer than that"}


@pytest.mark.parametrize(("dtype", "codec", "values"), FIXED, ids=str)
def test_a_codec_of_any_length_makes_the_type_of_any_length(
    dtype: str, codec: Any, values: list[Any]
) -> None:
    array = zarr.create_array(
        {}, data=np.array(values, dtype), chunks=2, filters=[codec], zarr_format=2
    )
    assert array.metadata.to_dict()["dtype"] == "|O"
    again = zarr.open_array(array.store)
    assert again[:].tolist() == values
    again[0] = LONG[np.dtype(dtype).kind]
    assert again[:1].tolist() == [LONG[np.dtype(dtype).kind]]


@pytest.mark.parametrize(("dtype", "codec", "values"), FIXED, ids=str)
def test_documents_that_name_a_fixed_length_beside_such_a_codec_are_read(
    dtype: str, codec: Any, values: list[Any]
) -> None:
    document = {
        "zarr_format": 2,
        "shape": [5],
        "chunks": [3],
        "dtype": np.dtype(dtype).str,
        "fill_value": "",
        "order": "C",
        "compressor": None,
        "filters": [codec.get_config()],
    }
    make = zarr.buffer.default_buffer_prototype().buffer.from_bytes
    chunk = codec.encode(np.array(values, dtype))
    store = {".zarray": make(json.dumps(document).encode()), "0": make(bytes(chunk))}
    array = zarr.open_array(store, mode="r+")
    empty = type(values[0])()
    assert array[:].tolist() == [*values, empty, empty]
    array[3:] = np.array(values[:2], dtype)
    assert zarr.open_array(store)[:].tolist() == values + values[:2]


@pytest.mark.parametrize("dtype", ["i4", "f8", "U3"])
@pytest.mark.parametrize("codec", [numcodecs.JSON(), numcodecs.Pickle()], ids=str)
def test_other_elements_may_have_the_codec_of_any_object_for_a_filter(
    dtype: str, codec: Any
) -> None:
    values = np.arange(4).astype(dtype)
    array = zarr.create_array({}, data=values, chunks=3, filters=[codec], zarr_format=2)
    with zarr.config.set({"array.allow_unsafe_pickle_decode": True}):
        read = zarr.open_array(array.store)[:]
    np.testing.assert_array_equal(read, values)
    assert read.dtype == values.dtype


@pytest.mark.parametrize(
    ("dtype", "codec"),
    [("U3", numcodecs.VLenBytes()), ("S3", numcodecs.VLenUTF8()), ("i4", numcodecs.VLenUTF8())],
)
def test_a_codec_of_other_objects_is_refused(dtype: str, codec: Any) -> None:
    store: dict[str, Any] = {}
    with pytest.raises(ValueError, match="does not code elements"):
        zarr.create_array(store, shape=3, dtype=dtype, filters=[codec], zarr_format=2)
    assert not store


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_filters_of_format_2_are_taken_by_both(zarr_format: Any) -> None:
    strings = zarr.create_array(
        {},
        data=np.array(["a", "longer"], np.dtypes.StringDType()),
        filters=(numcodecs.VLenUTF8(),),
        compressors=(numcodecs.Zstd(),),
        zarr_format=zarr_format,
    )
    assert zarr.open_array(strings.store)[:].tolist() == ["a", "longer"]
    numbers = np.arange(9, dtype="i4")
    filters = (numcodecs.Delta("<i4"), numcodecs.Shuffle(4))
    for chosen in (filters, filters[:1], filters[1:]):
        array = zarr.create_array({}, data=numbers, filters=chosen, zarr_format=zarr_format)
        np.testing.assert_array_equal(zarr.open_array(array.store)[:], numbers)
