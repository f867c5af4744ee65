"""The data types that are known, and how a user adds to them."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pytest

import zarr.dtype
from zarr.core.dtype import get_data_type_from_json, get_data_type_from_native_dtype
from zarr.dtype import (
    DataTypeRegistry,
    DataTypeValidationError,
    Float32,
    Int8,
    Struct,
    VariableLengthUTF8,
    ZDType,
    data_type_registry,
    parse_data_type,
    parse_dtype,
)
from zarr.dtype.base import HasItemSize

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Pair(ZDType[np.dtype[Any], Any], HasItemSize):
    """Two bytes, which NumPy takes for a number of sixteen bits with metadata."""

    dtype_cls = type(np.dtype("V2"))
    _zarr_v3_name = "pair"

    @classmethod
    def _check_native_dtype(cls, dtype: np.dtype[Any]) -> bool:
        return dtype.metadata is not None and dtype.metadata.get("pair") is True

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if cls._check_native_dtype(dtype):
            return cls()
        raise DataTypeValidationError("no pair")

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype("V2")

    @property
    def item_size(self) -> int:
        return 2

    @classmethod
    def _from_json_v2(cls, data: Any) -> Self:
        raise DataTypeValidationError("no pair")

    @classmethod
    def _from_json_v3(cls, data: Any) -> Self:
        if data == cls._zarr_v3_name:
            return cls()
        raise DataTypeValidationError("no pair")

    def to_json(self, zarr_format: Any) -> Any:
        return self._zarr_v3_name

    def _check_scalar(self, data: object) -> bool:
        return True

    def cast_scalar(self, data: object) -> Any:
        return data

    def default_scalar(self) -> Any:
        return np.void(b"\0\0")

    def from_json_scalar(self, data: Any, *, zarr_format: Any) -> Any:
        return data

    def to_json_scalar(self, data: object, *, zarr_format: Any) -> Any:
        return data


@pytest.fixture
def with_pair() -> Iterator[None]:
    data_type_registry.register("pair", Pair)
    yield
    data_type_registry.unregister("pair")


def test_a_registered_data_type_is_found(with_pair: None) -> None:
    assert data_type_registry.get("pair") is Pair
    assert data_type_registry.match_json("pair", zarr_format=3) == Pair()
    assert parse_dtype("pair", zarr_format=3) == Pair()
    assert Pair()._storage() == (2, 0)
    record = {"name": "struct", "configuration": {"fields": [["a", "pair"]]}}
    assert data_type_registry.match_json(record, zarr_format=3) == Struct(fields=(("a", Pair()),))


def test_a_type_that_was_found_before_is_looked_up_again(with_pair: None) -> None:
    assert parse_dtype("int8", zarr_format=3) == Int8()

    @dataclass(frozen=True, kw_only=True)
    class Mine(Int8):
        pass

    data_type_registry.register("int8", Mine)
    try:
        assert type(parse_dtype("int8", zarr_format=3)) is Mine
        assert type(parse_dtype("i1", zarr_format=2)) is Mine
    finally:
        data_type_registry.register("int8", Int8)
    assert type(parse_dtype("int8", zarr_format=3)) is Int8


def test_two_that_match_are_ambiguous() -> None:
    data_type_registry.register("also_int8", Int8)
    try:
        with pytest.raises(ValueError, match="More than one"):
            data_type_registry.match_dtype(np.dtype("i1"))
    finally:
        data_type_registry.unregister("also_int8")


def test_unregistering_is_strict() -> None:
    with pytest.raises(KeyError, match="nope"):
        data_type_registry.unregister("nope")
    with pytest.raises(KeyError, match="nope"):
        data_type_registry.get("nope")


def test_users_types_go_before_those_for_machine_learning() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    native = np.dtype(ml_dtypes.int2)
    built_in = data_type_registry.get("int2")

    class Int2(Int8):
        _zarr_v3_name = "int2"
        dtype_cls = type(native)  # type: ignore[assignment]

        def to_native_dtype(self) -> np.dtype[Any]:
            return native

    for key in ("int2", "my_int2"):
        data_type_registry.register(key, Int2)
        try:
            assert type(data_type_registry.match_dtype(native)) is Int2
            assert type(data_type_registry.match_json("int2", zarr_format=3)) is Int2
        finally:
            data_type_registry.unregister(key)
            data_type_registry.register("int2", built_in)
    assert type(data_type_registry.match_dtype(native)) is built_in


class Entry:
    """Stands for an entry point."""

    name = "pair"

    def __init__(self) -> None:
        self.times = 0

    def load(self) -> type[Pair]:
        self.times += 1
        return Pair


def test_entry_points_are_loaded_when_a_name_is_not_known() -> None:
    entry = Entry()
    data_type_registry._lazy_load_list.append(entry)  # type: ignore[arg-type]
    try:
        data_type_registry.match_json("int16", zarr_format=3)
        assert entry.times == 0
        assert data_type_registry.match_json("pair", zarr_format=3) == Pair()
        assert data_type_registry.match_json("pair", zarr_format=3) == Pair()
        assert entry.times == 1
    finally:
        data_type_registry.unregister("pair")


def test_threads_that_ask_for_an_announced_type_at_once_all_find_it() -> None:
    both = threading.Barrier(2, timeout=30)

    class Slow(Entry):
        def load(self) -> type[Pair]:
            both.wait()
            return super().load()

    data_type_registry._lazy_load_list.append(Slow())  # type: ignore[arg-type]
    try:
        with ThreadPoolExecutor(2) as pool:
            ask = partial(data_type_registry.match_json, "pair", zarr_format=3)
            asked = [pool.submit(ask) for _ in range(2)]
            assert [each.result() for each in asked] == [Pair(), Pair()]
    finally:
        data_type_registry.unregister("pair")


def test_an_installed_package_announces_data_types(tmp_path: Any) -> None:
    package = tmp_path / "announcing-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: announcing\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[zarr.data_type]\nmine = announcing:Mine\n")
    (tmp_path / "announcing.py").write_text(
        "from zarr.dtype import Int8\n"
        "class Mine(Int8):\n"
        "    _zarr_v3_name = 'mine'\n"
        "    @classmethod\n"
        "    def _check_native_dtype(cls, dtype): return False\n"
    )
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from zarr.dtype import parse_dtype\n"
        "assert 'announcing' not in sys.modules\n"
        "assert type(parse_dtype('mine', zarr_format=3)).__name__ == 'Mine'\n"
        "assert repr(parse_dtype('i1', zarr_format=3)) == 'Int8()'\n"
    )
    make = (
        "import sys, zarr; sys.path.insert(0, sys.argv[1])\n"
        "array = zarr.create_array(sys.argv[1] + '/a', shape=4, chunks=2, dtype='mine')\n"
        "array[:3] = [1, 2, 3]\n"
    )
    find = (
        "import sys, zarr; sys.path.insert(0, sys.argv[1])\n"
        "array = zarr.open_array(sys.argv[1] + '/a')\n"
        "assert type(array.metadata.data_type).__name__ == 'Mine'\n"
        "assert array.metadata.to_dict()['data_type'] == 'mine'\n"
        "assert array[:].tolist() == [1, 2, 3, 0]\n"
    )
    for program in (code, make, find):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
    with pytest.raises(ValueError, match="mine"):
        zarr.open_array(tmp_path / "a")


def test_a_registry_begins_empty() -> None:
    registry = DataTypeRegistry()
    assert registry.contents == {}
    assert repr(registry) == "DataTypeRegistry(contents={}, _lazy_load_list=[])"
    with pytest.raises(ValueError, match="No Zarr data type"):
        registry.match_json("int8", zarr_format=3)
    registry.register("int8", Int8)
    assert registry.match_dtype(np.dtype("i1")) == Int8()


def test_whatever_numpy_takes_is_taken() -> None:
    for spec in ("f4", np.float32, np.dtype("f4"), "float32", Float32(), "<f4"):
        for zarr_format in (2, 3):
            assert parse_dtype(spec, zarr_format=zarr_format) == Float32()
            assert parse_data_type(spec, zarr_format=zarr_format) == Float32()
    for spec in (str, "str", "string", np.dtypes.StringDType(), "T"):
        assert parse_dtype(spec, zarr_format=3) == VariableLengthUTF8()
    assert get_data_type_from_native_dtype("f4") == Float32()
    assert get_data_type_from_native_dtype([["a", "i1"]]) == Struct(fields=(("a", Int8()),))
    assert get_data_type_from_json("float32", zarr_format=3) == Float32()
    v2 = {"name": "<f4", "object_codec_id": None}
    assert parse_dtype(v2, zarr_format=2) == Float32()
    for spec in ("nope", None.__class__, 3):
        with pytest.raises((TypeError, ValueError)):
            parse_dtype(spec, zarr_format=3)


def test_single_bytes_may_have_an_order_in_v2() -> None:
    for name, expected in (("<i1", "|i1"), (">b1", "|b1"), ("<V3", "|V3")):
        form = {"name": name, "object_codec_id": None}
        found = data_type_registry.match_json(form, zarr_format=2)
        assert found.to_json(2)["name"] == expected


def test_the_forms_in_metadata_have_names() -> None:
    for name in ("DateTime64JSON_V2", "StructJSON_V3", "NullterminatedBytesJSON_V2"):
        assert getattr(zarr.dtype, name).__name__ == name
        assert name in dir(zarr.dtype)
    with pytest.raises(AttributeError):
        _ = zarr.dtype.NopeJSON_V3  # type: ignore[attr-defined]
    for name in zarr.dtype.__all__:
        assert hasattr(zarr.dtype, name)


def test_importing_is_cheap() -> None:
    code = (
        "import sys, numpy; before = set(sys.modules); import zarr.dtype\n"
        "heavy = {'numcodecs', 'asyncio', 'ml_dtypes', 'importlib.metadata', 'logging', 'base64',"
        " 'zarr.dtype.json_types'}\n"
        "sys.exit(str(sorted(heavy & (set(sys.modules) - before))) if"
        " heavy & (set(sys.modules) - before) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
