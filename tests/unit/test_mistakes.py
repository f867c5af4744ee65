"""Errors about users' mistakes name the expected and the found value, and a remedy."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np
import pytest

import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
from zarr.dtype import VariableLengthBytes
from zarr.storage import FsspecStore, LocalStore, MemoryStore, ZipStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOCUMENT = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [2],
    "data_type": "uint8",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
    "chunk_key_encoding": {"name": "default"},
    "fill_value": 0,
    "codecs": [{"name": "bytes"}],
}
DRAFT = {"zarr_format": "https://purl.org/zarr/spec/protocol/core/3.0", "extensions": []}


class Bench:
    """The objects with which mistakes are made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.array: Any = zarr.create_array(
            path / "a.zarr", shape=(10, 10), chunks=(5, 5), dtype="i4"
        )
        self.group: Any = zarr.open_group(path / "g.zarr", mode="w")
        self.group.create_array("temperature", shape=(4,), dtype="f4")
        self.read_only: Any = zarr.open_array(path / "a.zarr", mode="r")
        (path / "no.zip").write_text("hello")

    def document(self, content: dict[str, Any]) -> Path:
        place = self.path / "written.zarr"
        place.mkdir()
        (place / "zarr.json").write_text(json.dumps(content))
        return place


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in DOCUMENT.items() if key != name}


def new(**given: Any) -> Any:
    return zarr.create_array({}, **{"shape": (3, 3), "dtype": "i4", **given})


def run(statement: str) -> Callable[[Bench], None]:
    """A program of one statement."""
    return lambda b: exec(statement, {})


MASK = np.zeros((1000, 1000), bool)
Case = tuple["Callable[[Bench], Any]", type[Exception], str]
MISTAKES: dict[str, Case] = {
    # creating
    "shards that are no multiple of chunks": (
        lambda b: new(shape=(100,), chunks=(10,), shards=(25,)),
        ValueError,
        r"a shard of 25 elements is no multiple of a chunk of 10\. Choose 20 or 30",
    ),
    "no shape": (
        lambda b: zarr.create_array({}, dtype="i4"),
        ValueError,
        "shape was not specified",
    ),
    "no data type": (
        lambda b: zarr.create_array({}, shape=3),
        ValueError,
        "dtype was not specified",
    ),
    "a negative shape": (lambda b: new(shape=(-3,)), ValueError, r"non-negative\. Got \(-3,\)"),
    "a fraction as shape": (lambda b: new(shape=(3.5,)), TypeError, r"integers\. Got \(3\.5,\)"),
    "too few chunk sizes": (
        lambda b: new(chunks=(2,)),
        ValueError,
        "chunks has 1 dimensions but shape has 2",
    ),
    "too few shard sizes": (
        lambda b: new(chunks=(1, 1), shards=(3,)),
        ValueError,
        r"shards has 1 dimensions but shape has 2 dimensions: got \(3,\).*shape \(3, 3\)",
    ),
    "a chunk of no elements": (lambda b: new(chunks=(0, 2)), ValueError, "positive or -1, got 0"),
    "a negative chunk": (lambda b: new(chunks=(-2, 2)), ValueError, "positive or -1, got -2"),
    "too few dimension names": (
        lambda b: new(dimension_names=("x",)),
        ValueError,
        "there are 1 names, the array has 2",
    ),
    "one dimension name": (
        lambda b: new(shape=3, dimension_names="time"),
        ValueError,
        r"4 names, the array has 1.*\('t', 'i', 'm', 'e'\)\. One name is \('time',\)",
    ),
    "attributes that are a list": (
        lambda b: new(attributes=[1]),
        TypeError,
        r"Attributes are a dict\. Got \[1\] of list",
    ),
    "attributes of a group that are a list": (
        lambda b: zarr.create_group({}, attributes=[1]),  # type: ignore[arg-type]
        TypeError,
        r"Attributes are a dict with strings as keys\. Got \[1\] of list",
    ),
    "dimension names in format 2": (
        lambda b: new(dimension_names=("x", "y"), zarr_format=2),
        ValueError,
        "format 2 arrays do not support dimension names",
    ),
    "a format that there is not": (lambda b: new(zarr_format=1), ValueError, "2 or 3, got 1"),
    "an order that there is not": (lambda b: new(order="X"), ValueError, "'C' or 'F', got 'X'"),
    "an unknown data type": (lambda b: new(dtype="i5"), TypeError, "'i5' not understood"),
    "a misspelt data type": (
        lambda b: new(dtype="float33"),
        TypeError,
        "'float33' not understood: did you mean 'float32'",
    ),
    "strings of no length": (
        lambda b: new(dtype="U"),
        ValueError,
        "length must be >= 1, got 0.*'U10'.*str has none",
    ),
    "a class as data type": (lambda b: new(dtype=dict), ValueError, "Name the data type that"),
    "a format of the future": (lambda b: new(zarr_format=4), ValueError, "2 or 3, got 4"),
    "a shape in words": (lambda b: new(shape="10"), TypeError, "iterable of integers. Got 10"),
    "no shape, to make an array by opening it": (
        lambda b: zarr.open_array(b.path / "new.zarr", mode="w"),
        TypeError,
        r"new\.zarr, and so needs its shape",
    ),
    "a shape, but no mode in which arrays are made": (
        lambda b: zarr.open_array(b.path / "new.zarr", shape=3),
        FileNotFoundError,
        "One is made with mode='a' or by create_array",
    ),
    "a shape beside data": (
        lambda b: zarr.create_array({}, shape=3, data=np.zeros(3)),
        ValueError,
        "Either use the data parameter, or the shape parameter",
    ),
    "settings that are no dict": (
        lambda b: new(config="F"),
        TypeError,
        r"settings of an array are a dict or zarr\.Settings\. Got 'F'",
    ),
    "a misspelt setting of an array": (
        lambda b: new(config={"ordr": "F"}),
        TypeError,
        r"Unknown array config keys: \['ordr'\]\. Valid keys are \['order'",
    ),
    "a misspelt parameter": (
        lambda b: new(chunkss=5),
        TypeError,
        "chunkss'. Did you mean 'chunks'",
    ),
    "shards that are no shape": (
        lambda b: new(shards=True),
        ValueError,
        "shards=True is no shape: expected an int, a tuple of ints",
    ),
    "a form of keys that there is not": (
        lambda b: new(chunk_key_encoding="v3"),
        ValueError,
        r"'v3' not found in registered .*\['default'.*'v2'\]",
    ),
    "objects of any kind": (lambda b: new(dtype=object), ValueError, r"VariableLengthUTF8\(\)"),
    "a word as fill value": (
        lambda b: new(fill_value="x"),
        ValueError,
        r"fill_value 'x' is no value of Int32\(",
    ),
    "a complex number as fill value": (
        lambda b: new(fill_value=1j),
        TypeError,
        r"fill_value 1j is no value of Int32\(",
    ),
    "a negative fill value of positive numbers": (
        lambda b: new(dtype="u1", fill_value=-1),
        OverflowError,
        r"fill_value -1 is no value of UInt8\(\): .*out of bounds",
    ),
    "no date as fill value": (
        lambda b: new(dtype="M8[s]", fill_value="yesterday"),
        ValueError,
        "fill_value 'yesterday' is no value of DateTime64.*Error parsing",
    ),
    "a fraction as fill value": (lambda b: new(fill_value=1.5), ValueError, r"1\.5"),
    "an array that exists": (
        lambda b: zarr.create_array(b.path / "a.zarr", shape=3, dtype="i4"),
        ValueError,
        r"An array exists in store .*a\.zarr.*overwrite=True, or mode 'w'",
    ),
    "a group that exists": (
        lambda b: zarr.create_group(b.path / "g.zarr"),
        ValueError,
        r"A group exists in store .*g\.zarr.*overwrite=True, or mode 'w'",
    ),
    "a path out of the store": (
        lambda b: b.group.create_array("../x", shape=2, dtype="i4"),
        ValueError,
        r"'\.\./x'",
    ),
    "a reserved name": (lambda b: b.group.create_group("__x"), ValueError, "'__x': names that"),
    "a member that exists": (
        lambda b: zarr.copy(b.array, b.group, name="temperature"),
        ValueError,
        "an array exists at 'temperature'",
    ),
    # codecs
    "a codec that there is not": (lambda b: new(compressors="zstdd"), TypeError, "'zstdd'.*'zstd'"),
    "a filter that there is not": (
        lambda b: new(filters="delta"),
        TypeError,
        r"ArrayArrayCodec, such as 'numcodecs\.delta'.*Got 'delta'",
    ),
    "a compressor as filter, by its name": (
        lambda b: new(filters="zstd"),
        TypeError,
        "Got 'zstd', which is a BytesBytesCodec: it goes to `compressors`",
    ),
    "a codec without its configuration": (
        lambda b: new(filters="transpose"),
        TypeError,
        r"'transpose' needs a configuration \(.*'order'\): give an object",
    ),
    "a codec of format 2 in format 3": (
        lambda b: new(compressors={"id": "zstd"}),
        ValueError,
        r"'name' key\. Got \{'id': 'zstd'\}\. The key 'id' is that of codecs of format 2",
    ),
    "a compressor as filter": (
        lambda b: new(filters=[GzipCodec()]),
        TypeError,
        "ArrayArrayCodec.*GzipCodec",
    ),
    "the class of a codec": (
        lambda b: new(compressors=ZstdCodec),
        TypeError,
        "Got the class ZstdCodec: make an object of it",
    ),
    "a compressor as serializer": (
        lambda b: new(serializer=GzipCodec()),
        TypeError,
        "ArrayBytesCodec.*GzipCodec",
    ),
    "compressor in format 3": (
        lambda b: zarr.create(3, store={}, compressor=numcodecs.Zlib(), zarr_format=3),
        ValueError,
        "compressor cannot be used for arrays with zarr_format 3",
    ),
    "a level of Zstandard": (
        lambda b: ZstdCodec(level=99),
        ValueError,
        "22.*99 instead as a level",
    ),
    "a level of gzip": (
        lambda b: GzipCodec(level=10),
        ValueError,
        r"\(0, 9\).*10 instead as a level",
    ),
    "a compressor within Blosc": (
        lambda b: BloscCodec(cname="lz5"),  # type: ignore[arg-type]
        ValueError,
        "cname must be one of .*'lz4'.*'lz5'",
    ),
    # opening
    "nothing there": (
        lambda b: zarr.open(b.path / "nothing.zarr", mode="r"),
        FileNotFoundError,
        r"nothing\.zarr",
    ),
    "a misspelt directory": (
        lambda b: zarr.open(b.path / "a.zar", mode="r"),
        FileNotFoundError,
        r"a\.zar does not exist: did you mean 'a\.zarr'",
    ),
    "a misspelt directory, of an array to be changed": (
        lambda b: zarr.open_array(b.path / "a.zar"),
        FileNotFoundError,
        r"a\.zar at path ''.*did you mean 'a\.zarr'",
    ),
    "a misspelt path in a store": (
        lambda b: zarr.open_array(b.path / "g.zarr", path="temprature", mode="r"),
        FileNotFoundError,
        r"g\.zarr at path 'temprature'.*did you mean 'temperature'",
    ),
    "a misspelt path of a group": (
        lambda b: zarr.open_group(b.path / "g.zarr", path="temprature", mode="r"),
        FileNotFoundError,
        r"g\.zarr at path 'temprature'.*did you mean 'temperature'",
    ),
    "data where there must be none": (
        lambda b: zarr.open_group(b.path / "a.zarr", mode="w-"),
        FileExistsError,
        r"already contains data in .*a\.zarr\. Use mode 'w' to overwrite or 'a'",
    ),
    "a mode of archives that there is not": (
        lambda b: ZipStore(b.path / "new.zip", mode="rw"),  # type: ignore[arg-type]
        ValueError,
        r"Invalid mode: rw, expected one of \('r', 'w', 'x', 'a'\)",
    ),
    "a number in place of a directory": (
        lambda b: LocalStore(5),  # type: ignore[arg-type]
        TypeError,
        "'root' must be a string or Path instance. Got 5 of int",
    ),
    "a URL in place of a directory": (
        lambda b: LocalStore("s3://bucket/a.zarr"),
        ValueError,
        r"'s3://bucket/a\.zarr' is a URL.*FsspecStore\.from_url",
    ),
    "a path in place of a file system": (
        lambda b: FsspecStore("s3://bucket/a.zarr"),  # type: ignore[arg-type]
        TypeError,
        r"file system of fsspec, got 's3://bucket/a\.zarr'.*FsspecStore\.from_url",
    ),
    "a group opened as an array": (
        lambda b: zarr.open_array(b.path / "g.zarr", mode="r"),
        ValueError,
        r"A group is there: open it by open_group.*g\.zarr",
    ),
    "an array opened as a group": (
        lambda b: zarr.open_group(b.path / "a.zarr", mode="r"),
        ValueError,
        r"a\.zarr.*an array of format 3 was found.*open_array",
    ),
    "a mode that there is not": (
        lambda b: zarr.open_array(b.path / "a.zarr", mode="rw"),  # type: ignore[arg-type]
        ValueError,
        r"Invalid mode: rw, expected one of \('r', 'r\+'",
    ),
    "an array in place of a store": (
        lambda b: zarr.open_array(np.zeros(3)),  # type: ignore[arg-type]
        TypeError,
        "store_like: 'ndarray'",
    ),
    "a number in place of a store": (
        lambda b: zarr.open_array(3),  # type: ignore[arg-type]
        TypeError,
        "store_like: 'int'",
    ),
    "an unknown protocol": (lambda b: zarr.open("foo://bar"), ValueError, "foo, in 'foo://bar'"),
    "a misspelt protocol": (
        lambda b: zarr.open("htps://example.com/a.zarr"),
        ValueError,
        r"htps, in 'htps://example\.com/a\.zarr': did you mean 'https'",
    ),
    "a URL with one slash": (
        lambda b: zarr.open("s3:/bucket/a.zarr", mode="r"),
        FileNotFoundError,
        "a URL begins with 's3://'",
    ),
    "settings of services for a directory": (
        lambda b: zarr.open_array(b.path / "a.zarr", storage_options={"anon": True}),
        TypeError,
        "'storage_options' is only used when",
    ),
    "a file in place of a directory": (
        lambda b: ((b.path / "a.txt").write_text("x"), zarr.open(b.path / "a.txt", mode="r")),
        FileNotFoundError,
        r"a\.txt at path ''.*it is a file, and no directory",
    ),
    "an array that is open": (
        lambda b: zarr.open_array(b.array),
        TypeError,
        "'Array', which is open already, in its `store` at its `path`",
    ),
    "a path that leads out": (
        lambda b: zarr.open_group(b.path / "g.zarr", path="../a.zarr", mode="r"),
        ValueError,
        r"'\.\./a\.zarr' is invalid.*'\.\.' segments",
    ),
    "a file that is no archive": (
        lambda b: zarr.open(b.path / "no.zip", mode="r"),
        Exception,
        r"not a zip file: .*no\.zip",
    ),
    "no consolidated metadata": (
        lambda b: zarr.open_consolidated(b.path / "g.zarr"),
        ValueError,
        r"not found in '' of .*g\.zarr",
    ),
    "a document without node_type": (
        lambda b: zarr.open_array(b.document(without("node_type")), mode="r"),
        ValueError,
        "lack the field 'node_type'",
    ),
    "a document without zarr_format": (
        lambda b: zarr.open_array(b.document(without("zarr_format")), mode="r"),
        ValueError,
        "lack the field 'zarr_format'",
    ),
    "a document without codecs": (
        lambda b: zarr.open_array(b.document(without("codecs")), mode="r"),
        ValueError,
        r"lack the required fields \['codecs'\].*written\.zarr",
    ),
    "a draft of format 3": (
        lambda b: zarr.open(b.document(DRAFT), mode="r"),
        ValueError,
        r"purl\.org.*Drafts of format 3",
    ),
    # selecting
    "a word as index": (lambda b: b.array["x"], IndexError, "does not have any fields"),
    "a fraction as index": (lambda b: b.array[1.5], IndexError, "integer or slice, got .*float"),
    "too many indices": (lambda b: b.array[1, 2, 3], IndexError, "expected 2, got 3"),
    "an index out of bounds": (
        lambda b: b.array[10],
        IndexError,
        r"10 \(dimension 0, index 10",
    ),
    "a list out of bounds": (lambda b: b.array.oindex[[100], 0], IndexError, "index 100"),
    "a step backwards": (lambda b: b.array[::-1], IndexError, "step >= 1"),
    "a block out of bounds": (lambda b: b.array.blocks[7], IndexError, r"2 chunk\(s\): 7"),
    "a mask of another shape": (
        lambda b: b.array[MASK],
        IndexError,
        r"an array of bool of shape \(1000, 1000\)$",
    ),
    "a mask of another shape, by its method": (
        lambda b: b.array.get_mask_selection(MASK),
        IndexError,
        r"an array of bool of shape \(1000, 1000\)$",
    ),
    "many coordinates of one dimension": (
        lambda b: b.array.get_coordinate_selection((list(range(1000)),)),
        IndexError,
        r"got \(\[0, 1, 2, 3, 4, 5, \.\.\.\],\)$",
    ),
    "a slice among points": (
        lambda b: b.array.vindex[[1, 2], :],
        IndexError,
        r"tuple of integer arrays.*\[1, 2\]",
    ),
    "memory of another shape": (
        lambda b: b.array.get_basic_selection(slice(0, 3), out=np.zeros((2, 10), "i4")),
        ValueError,
        r"Expected \(3, 10\), got \(2, 10\)",
    ),
    # writing and changing
    "values of another shape": (
        lambda b: b.array.__setitem__(slice(0, 3), np.zeros((4, 10))),
        ValueError,
        r"\(4, ?10\).*\(3, ?10\)",
    ),
    "words into numbers": (lambda b: b.array.__setitem__(0, "hello"), ValueError, "'hello'"),
    "words into numbers, among others": (
        lambda b: b.array.__setitem__((0, slice(3)), ["1", "2", "x"]),
        ValueError,
        r"cast to int32, the data type of .*a\.zarr, found 'x' of str at index \(2,\)",
    ),
    "an array of words into numbers": (
        lambda b: b.array.__setitem__(slice(2), np.array([["1"] * 10, ["x"] * 10])),
        ValueError,
        r"found 'x' of <U1 at index \(1, 0\)",
    ),
    "a complex number into integers": (
        lambda b: b.array.__setitem__(0, 1j),
        TypeError,
        r"cast to int32, the data type of .*a\.zarr, found 1j of complex",
    ),
    "an object into numbers": (
        lambda b: b.array.append(np.array([[None] * 10])),
        TypeError,
        r"cast to int32.*found None of NoneType at index \(0, 0\)",
    ),
    "a number too large": (
        lambda b: b.array.__setitem__(0, 2**40),
        OverflowError,
        r"cast to int32.*a\.zarr, found 1099511627776 of int",
    ),
    "words into a field": (
        lambda b: new(dtype=[("x", "i4"), ("y", "f4")]).set_basic_selection(..., "a", fields="x"),
        ValueError,
        "cast to int32.*found 'a' of str",
    ),
    "a string that has no encoding": (
        lambda b: new(dtype=str).__setitem__(0, ["a", "b", "c\ud800"]),
        UnicodeEncodeError,
        r"'\\ud800' in position 1: surrogates not allowed.*c\\ud800' of str at index \(2,\)",
    ),
    "a string that has no encoding, as an object": (
        lambda b: new(dtype=str, zarr_format=2).__setitem__(0, ["a", "b", "c\ud800"]),
        UnicodeEncodeError,
        r"surrogates not allowed.*c\\ud800' of str at index \(2,\)",
    ),
    "a string among byte strings": (
        lambda b: new(dtype=VariableLengthBytes(), zarr_format=2).__setitem__(0, [b"a", "b", b"c"]),
        TypeError,
        r"Expected bytes, got str.*found 'b' of str at index \(1,\)",
    ),
    "writing to an array opened to read": (
        lambda b: b.read_only.__setitem__(0, 1),
        ValueError,
        r"read-only mode.*a\.zarr\. Open it in mode 'r\+'",
    ),
    "attributes of an array opened to read": (
        lambda b: b.read_only.attrs.update(a=1),
        ValueError,
        r"read-only mode.*a\.zarr\. Open it in mode 'r\+'",
    ),
    "creating in a store to read": (
        lambda b: zarr.create_array(
            LocalStore(b.path, read_only=True), name="x", shape=2, dtype="i4"
        ),
        ValueError,
        "[Rr]ead-only",
    ),
    "appending another shape": (
        lambda b: b.array.append(np.zeros((3, 4))),
        ValueError,
        r"data is \(3, 4\) .*array is \(10, 10\)\..*being appended, 0",
    ),
    "appending along no dimension": (
        lambda b: b.array.append(np.zeros((10, 10)), axis=5),
        ValueError,
        "axis 5 is out of bounds for an array of 2 dimensions",
    ),
    "appending along a name": (
        lambda b: b.array.append(np.zeros((10, 10)), axis="x"),
        TypeError,
        "axis must be an integer, got 'x' of str",
    ),
    "a shape of other dimensions": (
        lambda b: b.array.resize((3,)),
        ValueError,
        r"Got 1 dimension\(s\), expected 2",
    ),
    "an attribute that is set as one of Python's": (
        lambda b: setattr(b.array.attrs, "units", "m"),
        AttributeError,
        r"set attrs\['units'\]",
    ),
    "an attribute that is got as one of Python's": (
        lambda b: (b.array.attrs.update(units="m"), b.array.attrs.units),
        AttributeError,
        r"attributes are items, as in attrs\['units'\]",
    ),
    "a number as an item of a group": (
        lambda b: b.group.__setitem__("x", 5),
        TypeError,
        "item 'x' of a group must be numpy.*Got 5 of int",
    ),
    "a method of NumPy's arrays": (
        lambda b: b.array.sum(),
        AttributeError,
        r"'sum'\. Arrays of NumPy have it: array\[\.\.\.\]\.sum",
    ),
    "an object as attribute": (
        lambda b: b.group.attrs.update(a=object()),
        TypeError,
        "object cannot be stored.*JSON has",
    ),
    "a set as attribute": (
        lambda b: b.group.attrs.update(a={1, 2}),
        TypeError,
        r"\{1, 2\} of set cannot be stored",
    ),
    # members and names
    "a misspelt member": (
        lambda b: b.group["temprature"],
        KeyError,
        "^'temprature': did you mean 'temperature'",
    ),
    "a member of an array": (
        lambda b: b.group["temperature/x"],
        KeyError,
        "^'temperature/x': 'temperature' is an array, which has no members",
    ),
    "a member by number": (
        lambda b: b.group[0],
        TypeError,
        "name of a node is a str. Got 0 of int",
    ),
    "a misspelt function": (
        lambda b: zarr.open_consolidatd,  # type: ignore[attr-defined]
        AttributeError,
        "Did you mean open_consolidated",
    ),
    "a store of version 2": (
        lambda b: zarr.DirectoryStore,  # type: ignore[attr-defined]
        AttributeError,
        r"zarr-python 2: use zarr\.storage\.LocalStore",
    ),
    "a store of version 2, in its module": (
        lambda b: zarr.storage.NestedDirectoryStore,  # type: ignore[attr-defined]
        AttributeError,
        r"zarr-python 2: use zarr\.storage\.LocalStore",
    ),
    "a cache of version 2": (
        lambda b: zarr.LRUStoreCache,  # type: ignore[attr-defined]
        AttributeError,
        "CacheStore",
    ),
    "a module of version 2": (
        lambda b: zarr.creation,  # type: ignore[attr-defined]
        AttributeError,
        "use the functions of zarr",
    ),
    "a method of version 2": (
        lambda b: b.group.create_dataset("x", shape=3),
        AttributeError,
        "zarr-python 2: use create_array",
    ),
    "a store of version 2, imported": (
        run("from zarr import DirectoryStore"),
        ImportError,
        r"cannot import name 'DirectoryStore'.*zarr-python 2: use zarr\.storage\.LocalStore",
    ),
    "a store of version 2, imported from its module": (
        run("from zarr.storage import NestedDirectoryStore, FSStore"),
        ImportError,
        r"NestedDirectoryStore'.*use zarr\.storage\.LocalStore",
    ),
    "a module of version 2, imported": (
        run("import zarr.meta"),
        ModuleNotFoundError,
        r"No module named 'zarr\.meta'.*use zarr\.metadata",
    ),
    "the group of version 2": (
        run("from zarr.hierarchy import Group"),
        ImportError,
        r"'Group'.*use zarr\.Group",
    ),
    "indexing of version 2": (
        run("from zarr.indexing import OIndex"),
        ImportError,
        r"'OIndex'.*use zarr\.core\.indexing",
    ),
    "a module of version 2, imported by its package": (
        run("from zarr import convenience"),
        ImportError,
        "'convenience'.*use the functions of zarr",
    ),
    "a package of version 2": (
        run("from zarr._storage.store import Store"),
        ModuleNotFoundError,
        r"'zarr\._storage'.*use zarr\.storage and zarr\.abc",
    ),
    "the array of version 2": (
        run("from zarr.core import Array"),
        ImportError,
        r"'Array'.*use zarr\.Array",
    ),
    "an error of version 2": (
        run("from zarr.errors import PathNotFoundError"),
        ImportError,
        r"use zarr\.errors\.NodeNotFoundError",
    ),
    "an error of version 2, by its module": (
        lambda b: zarr.errors.MetadataError,  # type: ignore[attr-defined]
        AttributeError,
        r"use zarr\.errors\.MetadataValidationError",
    ),
    "a method of arrays of version 2": (
        lambda b: b.array.astype("f4"),
        AttributeError,
        r"'Array' object.*zarr-python 2: use array\[\.\.\.\]\.astype",
    ),
    "a codec of version 2": (
        lambda b: zarr.Blosc,  # type: ignore[attr-defined]
        AttributeError,
        r"numcodecs, or a codec of zarr\.codecs",
    ),
    "a misspelt member of a group below": (
        lambda b: (b.group.create_group("sub/pressure"), b.group["sub/presure"]),
        KeyError,
        "did you mean 'sub/pressure'",
    ),
    "a draft of format 3, as an array": (
        lambda b: zarr.open_array(b.document(DRAFT), mode="r"),
        ValueError,
        r"zarr_format.*purl\.org",
    ),
    "a number as the metadata of a node": (
        lambda b: dict(zarr.create_hierarchy(store={}, nodes={"a": 5})),  # type: ignore[dict-item]
        TypeError,
        "The node at 'a' is the metadata of an array or a group. Got 5 of int",
    ),
    "saving, the wrong way round": (
        lambda b: zarr.save(np.zeros(3), b.path / "x"),  # type: ignore[arg-type]
        TypeError,
        r"must be numpy.*x'\) of \w+\. The store comes first",
    ),
    "saving several, the wrong way round": (
        lambda b: zarr.save_group(np.zeros(3), b.path / "x"),  # type: ignore[arg-type]
        TypeError,
        "as 'arr_0'. The store comes first",
    ),
    "saving a number": (
        lambda b: zarr.save_group(b.path / "x", b=5),  # type: ignore[arg-type]
        TypeError,
        "must be numpy.*Got 5 of int as 'b'",
    ),
    "saving nothing": (lambda b: zarr.save(b.path / "x"), ValueError, "at least one array"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_error_says_what_helps(tmp_path: Path, mistake: str) -> None:
    make, kind, words = MISTAKES[mistake]
    bench = Bench(tmp_path)
    with pytest.raises(kind) as caught:
        make(bench)
    message = str(caught.value)
    assert len(message) < 500
    caught.match(f"(?s){words}")


def test_a_codec_may_be_given_by_its_name() -> None:
    assert new(compressors="zstd").compressors == (ZstdCodec(),)
    assert new(compressors=["gzip"]).compressors == (GzipCodec(),)
    (compressor,) = new(compressors="zlib", zarr_format=2).compressors
    assert compressor.codec_id == "zlib"


def test_names_that_are_not_there_are_not_there() -> None:
    group: Any = zarr.group({})
    assert not hasattr(zarr, "DirectoryStore")
    assert not hasattr(group, "create_dataset")
    assert getattr(zarr.storage, "FSStore", None) is None
    assert getattr(zarr.core, "Array", None) is None
    assert not hasattr(zarr.zeros(3), "astype")
    assert find_spec("zarr.convenience") is None


def test_other_names_fail_as_in_any_package() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'zarr\.hierarchies'$"):
        exec("import zarr.hierarchies")
    with pytest.raises(ImportError, match=r"cannot import name 'DirectoryShop' from 'zarr' \("):
        exec("from zarr import DirectoryShop")


def test_an_error_within_a_property_is_shown() -> None:
    class Mine(zarr.Array[Any]):
        @property
        def broken(self) -> Any:
            return self.nothing

    with pytest.raises(AttributeError, match="'nothing'"):
        _ = Mine(zarr.zeros(3).async_array).broken


def test_a_missing_member_is_a_key_error_of_its_key() -> None:
    """A program that catches or sends the error finds the key."""
    import pickle

    store = MemoryStore()
    group = zarr.group(store)
    group.create_array("temperature", shape=1, dtype="i4")
    with pytest.raises(KeyError) as caught:
        group["temprature"]
    assert caught.value.args == ("temprature",)
    assert pickle.loads(pickle.dumps(caught.value)).args == ("temprature",)
    assert group.get("temprature", 5) == 5


def test_a_hint_is_looked_for_when_the_error_is_shown(tmp_path: Path) -> None:
    """Programs that try whether there is a node do not pay for a listing."""
    import pickle

    group = zarr.open_group(tmp_path, mode="w")
    group.create_array("temperature", shape=1, dtype="i4")
    with pytest.raises(FileNotFoundError) as caught:
        zarr.open_array(tmp_path, path="presure", mode="r")
    assert "did you mean" not in str(caught.value)
    group.create_array("pressure", shape=1, dtype="i4")
    assert str(caught.value).endswith("did you mean 'pressure'?")
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert str(again) == str(caught.value)
    del group["pressure"]
    shutil.rmtree(tmp_path)
    assert str(caught.value).endswith("there is no zarr.json or .zarray")
