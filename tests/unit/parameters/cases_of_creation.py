"""Parameters of functions that make arrays."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np
import pytest
from parameter_cases import SHAPE, Noted, case, told

import zarr
from zarr.buffer import cpu
from zarr.codecs import BytesCodec, GzipCodec, TransposeCodec
from zarr.errors import (
    ContainsArrayError,
    ZarrDeprecationWarning,
    ZarrRuntimeWarning,
)

if TYPE_CHECKING:
    from parameter_cases import Caller

# `create`, and the functions that pass their parameters on to it.
PASS_ON = (
    *("array", "create", "empty", "empty_like", "full", "full_like", "ones", "ones_like"),
    *("open", "open_array", "open_like", "save_array", "zeros", "zeros_like"),
)
OPENING = ("open", "open_array", "open_like")
BOTH = ("create_array", "from_array")
MAKING = (*PASS_ON, *BOTH)


def without(*names: str) -> tuple[str, ...]:
    return tuple(name for name in PASS_ON if name not in names)


def refused(do: Caller, zarr_format: int, match: str) -> Any:
    """The error of a parameter that the format at hand does not have."""
    return pytest.raises(ValueError, match=match) if do.format == zarr_format else nullcontext()


@case(without("array", "save_array"), "shape")
def _(do: Caller) -> None:
    assert do.make(shape=(3, 2)).shape == (3, 2)


@case(MAKING, "chunks")
def _(do: Caller) -> None:
    assert do.make(chunks=(2, 3)).chunks == (2, 3)
    assert do.make(store={}, chunks=2).chunks == (2, 2)
    assert do.make(store={}, chunks=False).chunks == SHAPE


@case((*PASS_ON, "create_array"), "dtype")
def _(do: Caller) -> None:
    assert do.make(dtype="f8").dtype == np.float64


@case(PASS_ON, "compressor")
def _(do: Caller) -> None:
    with refused(do, 3, "compressor cannot be used"):
        made = do.make(compressor=numcodecs.GZip(3))
        assert made.compressors == (numcodecs.GZip(3),)
        assert do.make(store={}, compressor=None).compressors == ()


@case((*without("ones", "ones_like", "zeros", "zeros_like"), *BOTH), "fill_value")
def _(do: Caller) -> None:
    made = do.make(fill_value=7, chunks=SHAPE)
    assert made.fill_value == 7
    if do.function not in ("array", "save_array", "from_array"):
        assert made[0, 0] == 7


@case(MAKING, "order")
def _(do: Caller) -> None:
    if do.format == 2:
        made = do.make(order="F")
        assert do.store[".zarray"].to_bytes().count(b'"order": "F"') == 1
        assert made.order == "F"
    elif do.function == "save_array":
        told(lambda: do.make(order="F"), ZarrRuntimeWarning)
    else:
        made = told(lambda: do.make(order="F"), ZarrRuntimeWarning)
        assert made.order == "F"
        assert made[:].flags.f_contiguous


@case(MAKING, "store")
def _(do: Caller) -> None:
    directory = do.tmp_path / "there"
    do.make(store=directory)
    assert (directory / ("zarr.json" if do.format == 3 else ".zarray")).exists()


class Locks:
    """Notes the keys whose locks are taken."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def __getitem__(self, key: str) -> Any:
        self.taken.append(key)
        return nullcontext()


@case(without("save_array"), "synchronizer")
def _(do: Caller) -> None:
    locks = Locks()
    do.make(synchronizer=locks, chunks=SHAPE)[0] = 1
    assert any(("c/0/0" if do.format == 3 else "0.0") in key for key in locks.taken)
    with pytest.raises(TypeError, match="synchronizer must give a lock"):
        do.make(store={}, synchronizer=object())


@case("save_array", "synchronizer")
def _(do: Caller) -> None:
    with pytest.raises(TypeError, match="synchronizer must give a lock"):
        do.make(synchronizer=object())


@case((*without(*OPENING), *BOTH), "overwrite")
def _(do: Caller) -> None:
    do.make()[:] = 5
    with pytest.raises(ContainsArrayError):
        do.make()
    assert do.make(overwrite=True)[0, 0] != 5


@case(OPENING, "overwrite")
def _(do: Caller) -> None:
    zarr.create_group(do.store, zarr_format=do.format)
    arguments = {"mode": "w", "overwrite": True}
    assert do.make(**arguments).shape == SHAPE
    with pytest.raises(FileExistsError):
        do.make(mode="w-", overwrite=False)


@case(PASS_ON, "path")
def _(do: Caller) -> None:
    assert do.make(path="deep/er").path == "deep/er"
    assert any(key.startswith("deep/er/") for key in do.keys)


@case(without("save_array"), "chunk_store")
def _(do: Caller) -> None:
    chunks: dict[str, Any] = {}
    do.make(chunk_store=chunks, chunks=SHAPE)[:] = 9
    key = "c/0/0" if do.format == 3 else "0.0"
    assert key in chunks
    assert key not in do.keys


@case("save_array", "chunk_store")
def _(do: Caller) -> None:
    chunks: dict[str, Any] = {}
    do("save_array", do.store, np.ones(3), zarr_format=do.format, chunk_store=chunks)
    key = "c/0" if do.format == 3 else "0"
    assert (key in chunks, key in do.keys) == (True, False)


@case(PASS_ON, "filters")
def _(do: Caller) -> None:
    delta = numcodecs.Delta("i4")
    with refused(do, 3, "filters cannot be used"):
        assert do.make(filters=[delta]).filters == (delta,)


@case(without("save_array"), "cache_metadata")
def _(do: Caller) -> None:
    kept = do.make(chunks=2)
    fresh = do("open_array", do.store, cache_metadata=False)
    also = do.make(store={}, cache_metadata=False)
    zarr.open_array(do.store).resize((8, 6))
    assert kept.shape == SHAPE
    assert fresh[:].shape == (8, 6)
    zarr.open_array(also.store).resize((8, 6))
    assert also[:].shape == (8, 6)


@case(without("save_array"), "cache_attrs")
def _(do: Caller) -> None:
    kept = do.make()
    fresh = do.make(store={}, cache_attrs=False)
    for made in (kept, fresh):
        zarr.open_array(made.store).attrs["a"] = 1
    assert "a" not in kept.attrs
    assert fresh.attrs["a"] == 1


@case("save_array", "cache_metadata", "cache_attrs")
def _(do: Caller) -> None:
    # Nothing is returned whose caching could be told: the array is saved all the same.
    for name in ("cache_metadata", "cache_attrs"):
        do("save_array", {}, np.ones(3), zarr_format=do.format, **{name: False})
    with pytest.raises(TypeError, match="cache"):
        do("save_array", {}, np.ones(3), cache_everything=False)


@case(without("save_array"), "read_only")
def _(do: Caller) -> None:
    with pytest.raises(ValueError, match="read.only"):
        do.make(read_only=True)[:] = 1


@case("save_array", "read_only")
def _(do: Caller) -> None:
    do("save_array", do.store, np.ones(3), zarr_format=do.format, read_only=True)
    assert zarr.load(do.store).tolist() == [1, 1, 1]


@case(without("array", "save_array"), "object_codec")
def _(do: Caller) -> None:
    with refused(do, 3, "object_codec cannot be used"):
        fill = (
            {}
            if do.function in ("ones", "ones_like", "zeros", "zeros_like")
            else {"fill_value": ""}
        )
        made = do.make(dtype=object, object_codec=numcodecs.VLenUTF8(), **fill)
        assert made.filters == (numcodecs.VLenUTF8(),)


@case(("array", "save_array"), "object_codec")
def _(do: Caller) -> None:
    words = np.array(["a", "bcd"], dtype=object)
    given = {"zarr_format": do.format, "dtype": object, "object_codec": numcodecs.VLenUTF8()}
    with refused(do, 3, "object_codec cannot be used"):
        if do.function == "array":
            do("array", words, store=do.store, **given)
        else:
            do("save_array", do.store, words, **given)
        assert zarr.load(do.store).tolist() == ["a", "bcd"]


@case(PASS_ON, "dimension_separator")
def _(do: Caller) -> None:
    with refused(do, 3, "dimension_separator cannot be used"):
        do.make(dimension_separator="/", chunks=SHAPE)[:] = 9
        assert "0/0" in do.keys


@case(without("save_array"), "write_empty_chunks")
def _(do: Caller) -> None:
    made = told(lambda: do.make(write_empty_chunks=True, chunks=SHAPE), ZarrRuntimeWarning)
    made[:] = made.fill_value
    assert ("c/0/0" if do.format == 3 else "0.0") in do.keys


@case("save_array", "write_empty_chunks")
def _(do: Caller) -> None:
    told(lambda: do.make(write_empty_chunks=True, chunks=SHAPE), ZarrRuntimeWarning)
    assert ("c/0/0" if do.format == 3 else "0.0") in do.keys


@case(PASS_ON, "zarr_version")
def _(do: Caller) -> None:
    made = told(lambda: do.make(zarr_version=do.format), ZarrDeprecationWarning)
    assert made.metadata.zarr_format == do.format
    with pytest.raises(ValueError, match="does not match"):
        do.make(store={}, zarr_version=do.format, zarr_format=5 - do.format)


@case(MAKING, "zarr_format")
def _(do: Caller) -> None:
    do.make(zarr_format=do.format)
    assert ("zarr.json" if do.format == 3 else ".zarray") in do.keys
    with pytest.raises(ValueError, match="zarr_format must be 2 or 3"):
        do.make(store={}, zarr_format=4)


class Marked(np.ndarray):  # type: ignore[type-arg]
    """Arrays that can be told from others."""


class MarkedBuffer(cpu.NDBuffer):
    """Gives marked arrays."""

    def as_ndarray_like(self) -> Any:
        return np.asarray(super().as_ndarray_like()).view(Marked)


zarr.registry.register_ndbuffer(MarkedBuffer, f"{__name__}.MarkedBuffer")


@case(without("save_array"), "meta_array")
def _(do: Caller) -> None:
    with zarr.config.set({"ndbuffer": f"{__name__}.MarkedBuffer"}):
        assert isinstance(do.make()[:], Marked)
        assert not isinstance(do.make(store={}, meta_array=np.empty(()))[:], Marked)
    with pytest.raises(TypeError, match="meta_array must be"):
        do.make(store={}, meta_array="numpy")


@case("save_array", "meta_array")
def _(do: Caller) -> None:
    with pytest.raises(TypeError, match="meta_array must be"):
        do.make(meta_array="numpy")


@case(MAKING, "attributes")
def _(do: Caller) -> None:
    assert do.make(attributes={"a": [1]}).attrs.asdict() == {"a": [1]}
    assert zarr.open_array(do.store).attrs["a"] == [1]


@case(PASS_ON, "chunk_shape")
def _(do: Caller) -> None:
    assert do.make(chunk_shape=(1, 3)).chunks == (1, 3)
    with pytest.raises(ValueError, match="Only one of"):
        do.make(store={}, chunk_shape=(1, 3), chunks=(1, 3))


@case(PASS_ON, "chunk_key_encoding")
def _(do: Caller) -> None:
    with refused(do, 2, "chunk_key_encoding cannot be used"):
        do.make(chunk_key_encoding=("v2", "."), chunks=SHAPE)[:] = 9
        assert "0.0" in do.keys


@case(BOTH, "chunk_key_encoding")
def _(do: Caller) -> None:
    do.make(chunk_key_encoding={"name": "v2", "separator": "/"}, chunks=SHAPE)[:] = 9
    assert "0/0" in do.keys


@case(PASS_ON, "codecs")
def _(do: Caller) -> None:
    with refused(do, 2, "codecs cannot be used"):
        made = do.make(codecs=[BytesCodec(), GzipCodec(level=1)])
        assert made.compressors == (GzipCodec(level=1),)


@case(MAKING, "dimension_names")
def _(do: Caller) -> None:
    with refused(do, 2, "dimension"):
        made = do.make(dimension_names=["y", None])
        assert made.metadata.dimension_names == ("y", None)


@case(MAKING, "storage_options")
def _(do: Caller) -> None:
    made = do.make(store=f"noted://{do.tmp_path}/a", storage_options={"note": str(do.tmp_path)})
    assert str(do.tmp_path) in Noted.notes
    assert (do.tmp_path / "a" / ("zarr.json" if do.format == 3 else ".zarray")).exists()
    assert made.shape == SHAPE
    with pytest.raises(TypeError, match="storage_options"):
        do.make(storage_options={"note": ""})


@case(MAKING, "config")
def _(do: Caller) -> None:
    config = {"write_empty_chunks": True}
    made = do.make(config=config, chunks=SHAPE)
    if do.function != "save_array":
        made[:] = made.fill_value
    assert ("c/0/0" if do.format == 3 else "0.0") in do.keys


@case(without("save_array"), "mode")
def _(do: Caller) -> None:
    do.make()[:] = 5
    assert do.make(mode="w")[0, 0] != 5
    with pytest.raises((ContainsArrayError, FileExistsError)):
        do.make(mode="w-")


@case("save_array", "mode")
def _(do: Caller) -> None:
    do.make()
    do.make(mode="w")
    with pytest.raises((ContainsArrayError, FileExistsError)):
        do.make(mode="w-")


@case(without("array", "save_array"), "data")
def _(do: Caller) -> None:
    data = np.arange(24).reshape(SHAPE)
    np.testing.assert_array_equal(do.make(data=data)[:], data)


@case("create_array", "data")
def _(do: Caller) -> None:
    data = np.arange(24).reshape(SHAPE)
    made = do.make(data=data)
    assert made.dtype == data.dtype
    np.testing.assert_array_equal(made[:], data)
    with pytest.raises(ValueError, match="data parameter was used"):
        do("create_array", {}, data=data, shape=SHAPE)


@case("create_array", "shape")
def _(do: Caller) -> None:
    assert do.make(shape=[3, 2]).shape == (3, 2)
    with pytest.raises(ValueError, match="shape was not specified"):
        do("create_array", {}, dtype="i4")


@case(BOTH, "name")
def _(do: Caller) -> None:
    assert do.make(name="deep/er").path == "deep/er"
    assert any(key.startswith("deep/er/") for key in do.keys)


@case(BOTH, "shards")
def _(do: Caller) -> None:
    with refused(do, 2, "format 2 arrays can only"):
        made = do.make(chunks=(2, 3), shards=(4, 6))
        assert (made.chunks, made.shards) == ((2, 3), (4, 6))


@case(BOTH, "filters")
def _(do: Caller) -> None:
    chosen: Any = TransposeCodec(order=(1, 0)) if do.format == 3 else numcodecs.Delta("i4")
    assert do.make(filters=[chosen]).filters == (chosen,)


@case(BOTH, "compressors")
def _(do: Caller) -> None:
    chosen: Any = GzipCodec(level=1) if do.format == 3 else numcodecs.GZip(1)
    assert do.make(compressors=[chosen]).compressors == (chosen,)
    assert do.make(store={}, compressors=None).compressors == ()


@case(BOTH, "serializer")
def _(do: Caller) -> None:
    with refused(do, 2, "serializer"):
        chosen = BytesCodec(endian="big")
        assert do.make(serializer=chosen).serializer == chosen


@case("create_array", "write_data")
def _(do: Caller) -> None:
    made = do.make(data=np.ones(SHAPE), write_data=False)
    assert not made[:].any()
