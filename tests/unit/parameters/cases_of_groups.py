"""Parameters of functions that make, open, read and save nodes."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from cases_of_creation import Locks, Marked
from parameter_cases import Noted, case, told

import zarr
from zarr.core.config import BadConfigError
from zarr.errors import (
    ContainsGroupError,
    GroupNotFoundError,
    NodeNotFoundError,
    ZarrDeprecationWarning,
    ZarrUserWarning,
)

if TYPE_CHECKING:
    from parameter_cases import Caller

GROUPS = ("group", "open_group")
FORMATS = {2: ".zgroup", 3: "zarr.json"}


def tree_in(do: Caller, path: str = "") -> zarr.Group:
    """Make a group with an array of three ones, ``a``, in the store of a case."""
    made = zarr.create_group(do.store, path=path, zarr_format=do.format, overwrite=True)
    made.create_array("a", data=np.ones(3), chunks=(3,))
    return made


def consolidated(do: Caller, **kwargs: Any) -> zarr.Group:
    """Consolidate the metadata in the store of a case; it warns in format 3."""
    kind = ZarrUserWarning if do.format == 3 else ()
    with pytest.warns(kind) if kind else nullcontext():
        made = do("consolidate_metadata", do.store, **kwargs)
    assert isinstance(made, zarr.Group)
    return made


# -- making and opening groups


@case((*GROUPS, "create_group"), "store")
def _(do: Caller) -> None:
    do(do.function, store=do.tmp_path / "g", zarr_format=do.format)
    assert (do.tmp_path / "g" / FORMATS[do.format]).exists()
    do(do.function, store=do.store, zarr_format=do.format)
    assert FORMATS[do.format] in do.keys


@case((*GROUPS, "create_group"), "path")
def _(do: Caller) -> None:
    made = do(do.function, store=do.store, path="x/y", zarr_format=do.format)
    assert made.path == "x/y"
    assert f"x/y/{FORMATS[do.format]}" in do.keys


@case((*GROUPS, "create_group"), "zarr_format")
def _(do: Caller) -> None:
    made = do(do.function, store=do.store, zarr_format=do.format)
    assert made.metadata.zarr_format == do.format
    assert FORMATS[do.format] in do.keys
    with pytest.raises(ValueError, match="zarr_format must be 2 or 3"):
        do(do.function, store={}, zarr_format=1)


@case(GROUPS, "zarr_version")
def _(do: Caller) -> None:
    made = told(
        lambda: do(do.function, store=do.store, zarr_version=do.format), ZarrDeprecationWarning
    )
    assert made.metadata.zarr_format == do.format


@case((*GROUPS, "create_group"), "attributes")
def _(do: Caller) -> None:
    made = do(do.function, store=do.store, zarr_format=do.format, attributes={"a": 1})
    assert made.attrs.asdict() == {"a": 1}
    assert zarr.open_group(do.store).attrs["a"] == 1


@case((*GROUPS, "create_group"), "storage_options")
def _(do: Caller) -> None:
    url, note = f"noted://{do.tmp_path}/g", str(do.tmp_path)
    do(do.function, store=url, zarr_format=do.format, storage_options={"note": note})
    assert note in Noted.notes
    assert (do.tmp_path / "g" / FORMATS[do.format]).exists()
    with pytest.raises(TypeError, match="storage_options"):
        do(do.function, store={}, storage_options={"note": note})


@case(("group", "create_group"), "overwrite")
def _(do: Caller) -> None:
    tree_in(do)
    if do.function == "group":
        assert "a" in do("group", store=do.store)
    else:
        with pytest.raises(ContainsGroupError):
            do("create_group", do.store, zarr_format=do.format)
    made = do(do.function, store=do.store, zarr_format=do.format, overwrite=True)
    assert list(made) == []
    assert not any(key.startswith("a/") for key in do.keys)


@case(GROUPS, "chunk_store")
def _(do: Caller) -> None:
    chunks: dict[str, Any] = {}
    made = do(do.function, store=do.store, zarr_format=do.format, chunk_store=chunks)
    made.create_array("a", shape=3, dtype="i4")[:] = 1
    assert set(chunks) == {"a/c/0" if do.format == 3 else "a/0"}
    assert not set(chunks) & do.keys


@case(GROUPS, "cache_attrs")
def _(do: Caller) -> None:
    kept = do(do.function, store=do.store, zarr_format=do.format)
    fresh = do(do.function, store=do.store, cache_attrs=False)
    zarr.open_group(do.store).attrs["a"] = 1
    assert "a" not in kept.attrs
    assert fresh.attrs["a"] == 1


@case(GROUPS, "synchronizer")
def _(do: Caller) -> None:
    locks = Locks()
    made = do(do.function, store=do.store, zarr_format=do.format, synchronizer=locks)
    made.attrs["a"] = 1
    assert locks.taken
    locks.taken.clear()
    array = made.create_array("a", shape=4, chunks=4, dtype="i4")
    array[:2] = 1
    assert any(key.endswith("c/0" if do.format == 3 else "a/0") for key in locks.taken)


@case((*GROUPS, "create_group"), "config")
def _(do: Caller) -> None:
    config = zarr.Settings(array__write_empty_chunks=True)
    made = do(do.function, store=do.store, zarr_format=do.format, config=config)
    made.create_array("a", shape=4, chunks=4, dtype="i4")[:] = 0
    assert ("a/c/0" if do.format == 3 else "a/0") in do.keys
    below = made.create_group("g").create_array(
        "b", shape=4, chunks=4, dtype="i4", config={"read_missing_chunks": False}
    )
    for array in (made["a"], below):
        assert array.config.write_empty_chunks
    assert not below.config.read_missing_chunks
    assert made["g/b"].config.read_missing_chunks
    with pytest.raises(BadConfigError, match=r"requests\.timeout.*zarr\.config\.set"):
        do(do.function, store={}, config=zarr.Settings(requests__timeout=1))
    with pytest.raises(TypeError, match=r"ordr.*'order'"):
        do(do.function, store={}, config={"ordr": "F"})


@case(GROUPS, "meta_array")
def _(do: Caller) -> None:
    plain = tree_in(do)
    made = do(do.function, store=do.store, meta_array=np.empty(()))
    with zarr.config.set({"ndbuffer": f"{Marked.__module__}.MarkedBuffer"}):
        assert isinstance(plain["a"][:], Marked)
        assert not isinstance(made["a"][:], Marked)
    with pytest.raises(TypeError, match="meta_array must be"):
        do(do.function, store=do.store, meta_array="numpy")


@case("open_group", "mode")
def _(do: Caller) -> None:
    fmt = do.format
    for mode in ("r", "r+"):
        with pytest.raises(GroupNotFoundError):
            do("open_group", do.store, mode=mode, zarr_format=fmt)
    assert do.keys == set()
    do("open_group", do.store, mode="w-", zarr_format=fmt).create_group("x")
    with pytest.raises(FileExistsError):
        do("open_group", do.store, mode="w-", zarr_format=fmt)
    assert list(do("open_group", do.store, mode="a", zarr_format=fmt)) == ["x"]
    with pytest.raises(ValueError, match="read.only"):
        do("open_group", do.store, mode="r").attrs["a"] = 1
    do("open_group", do.store, mode="r+").attrs["a"] = 1
    assert list(do("open_group", do.store, mode="w", zarr_format=fmt)) == []


@case("open_group", "use_consolidated")
def _(do: Caller) -> None:
    tree_in(do)
    with pytest.raises(ValueError, match="[Cc]onsolidated"):
        do("open_group", do.store, mode="r", use_consolidated=True)
    consolidated(do)
    zarr.open_group(do.store).create_group("later")
    assert set(do("open_group", do.store, mode="r")) == {"a"}
    assert set(do("open_group", do.store, mode="r", use_consolidated=True)) == {"a"}
    assert set(do("open_group", do.store, mode="r", use_consolidated=False)) == {"a", "later"}
    if do.format == 2:
        do.store[".other"] = do.store.pop(".zmetadata")
        found = do("open_group", do.store, mode="r", use_consolidated=".other")
        assert set(found) == {"a"}
        assert do("open_group", do.store, mode="r").metadata.consolidated_metadata is None


@case("open_consolidated", "*args", "use_consolidated", "**kwargs")
def _(do: Caller) -> None:
    tree_in(do)
    with pytest.raises(ValueError, match="[Cc]onsolidated"):
        do("open_consolidated", do.store, mode="r")
    consolidated(do)
    found = do("open_consolidated", do.store, mode="r", zarr_format=do.format)
    assert found.metadata.consolidated_metadata is not None
    with pytest.raises(ValueError, match="read.only"):
        found.attrs["a"] = 1
    with pytest.raises(TypeError, match="use_consolidated"):
        do("open_consolidated", do.store, use_consolidated=False)


@case("consolidate_metadata", "store", "path", "zarr_format")
def _(do: Caller) -> None:
    tree_in(do, "x")
    made = consolidated(do, path="x", zarr_format=do.format)
    assert made.metadata.consolidated_metadata is not None
    assert list(made.metadata.consolidated_metadata.metadata) == ["a"]
    held = "x/.zmetadata" if do.format == 2 else "x/zarr.json"
    assert b"float64" in do.store[held].to_bytes() or b"<f8" in do.store[held].to_bytes()
    consolidated(do)
    assert do("open_group", do.store, use_consolidated=True).path == ""
    with pytest.raises((GroupNotFoundError, FileNotFoundError)):
        do("consolidate_metadata", do.store, path="x", zarr_format=5 - do.format)


@case("tree", "grp")
def _(do: Caller) -> None:
    root = tree_in(do)
    grp: Any = root if do.face == "sync" else root._async_group
    assert "a (3,) float64" in str(told(lambda: do("tree", grp), ZarrDeprecationWarning))


@case("tree", "expand", "level")
def _(do: Caller) -> None:
    root = tree_in(do)
    root.create_group("x/y")
    grp: Any = root if do.face == "sync" else root._async_group
    shallow = told(lambda: do("tree", grp, level=0), ZarrDeprecationWarning)
    assert "y" not in str(shallow)
    assert "y" in str(told(lambda: do("tree", grp, level=1), ZarrDeprecationWarning))
    pages = [
        told(lambda expand=expand: do("tree", grp, expand=expand), ZarrDeprecationWarning)
        for expand in (True, False)
    ]
    assert pages[0]._repr_html_().count("<details open") > pages[1]._repr_html_().count(
        "<details open"
    )


# -- opening anything


@case("open", "**kwargs")
def _(do: Caller) -> None:
    made = do("open", do.store, shape=(2,), dtype="i1", zarr_format=do.format)
    assert (made.shape, made.dtype) == ((2,), np.int8)
    group = do("open", store={}, attributes={"a": 1}, zarr_format=do.format)
    assert group.attrs["a"] == 1
    with pytest.raises(TypeError, match="chonks"):
        do("open", {}, chonks=1)
    with pytest.warns(ZarrUserWarning, match="chonks"):
        do("open", do.store, chonks=1)


@case("open_array", "**kwargs")
def _(do: Caller) -> None:
    with pytest.raises(TypeError, match="chonks"):
        do("open_array", {}, mode="w", shape=1, chonks=1)
    assert do.make(mode="w", shape=(2,)).shape == (2,)
    with pytest.warns(ZarrUserWarning, match="chonks"):
        do.make(chonks=1)


@case(("array", "empty", "full", "ones", "zeros", "save_array"), "**kwargs")
@case(("empty_like", "full_like", "ones_like", "zeros_like", "open_like"), "**kwargs")
def _(do: Caller) -> None:
    # That each parameter of `create` is passed on has cases of its own.
    with pytest.raises(TypeError, match="chonks"):
        do.make(chonks=1)


@case("open_like", "a")
@case(("empty_like", "full_like", "ones_like", "zeros_like"), "a")
def _(do: Caller) -> None:
    source = zarr.create_array({}, shape=(4,), chunks=(2,), dtype="u2", zarr_format=do.format)
    place = ("there",) if do.function == "open_like" else ()
    more = {"fill_value": 1} if do.function == "full_like" else {}
    grp: Any = source if do.face == "sync" else source._async_array
    made = do(do.function, grp, *place, store=do.store, **more)
    assert (made.shape, made.chunks, made.dtype) == ((4,), (2,), np.uint16)
    assert made.metadata.zarr_format == do.format
    expected = {"ones_like": 1, "full_like": 1}.get(do.function, 0)
    assert made[:].tolist() == [expected] * 4


@case("array", "data")
def _(do: Caller) -> None:
    assert do("array", [1, 2, 3], zarr_format=do.format)[:].tolist() == [1, 2, 3]


# -- reading and saving


@case("load", "store", "path", "zarr_format")
def _(do: Caller) -> None:
    tree_in(do, "x")
    assert do("load", do.store, path="x/a").tolist() == [1, 1, 1]
    group = do("load", do.store, path="x", zarr_format=do.format)
    assert group["a"].tolist() == [1, 1, 1]
    with pytest.raises(NodeNotFoundError):
        do("load", do.store, path="x/a", zarr_format=5 - do.format)


@case("load", "zarr_version")
def _(do: Caller) -> None:
    tree_in(do)
    call = lambda: do("load", do.store, path="a", zarr_version=do.format)  # noqa: E731
    assert told(call, ZarrDeprecationWarning).tolist() == [1, 1, 1]


@case("save", "store", "*args", "**kwargs", "path", "zarr_format")
@case("save_group", "store", "*args", "**kwargs", "path", "zarr_format")
def _(do: Caller) -> None:
    one, two = np.arange(3), np.arange(4.0)
    do(do.function, do.store, one, two, named=one, path="x", zarr_format=do.format)
    found = zarr.open_group(do.store, path="x", mode="r", zarr_format=do.format)
    assert set(found) == {"arr_0", "arr_1", "named"}
    assert found["arr_1"][:].tolist() == two.tolist()
    if do.function == "save":
        do("save", do.store, two, path="alone", zarr_format=do.format)
        assert zarr.load(do.store, path="alone").tolist() == two.tolist()
    with pytest.raises(ValueError, match="at least one"):
        do("save_group", {})


@case(("save", "save_group"), "zarr_version")
def _(do: Caller) -> None:
    told(
        lambda: do(do.function, do.store, np.ones(2), zarr_version=do.format),
        ZarrDeprecationWarning,
    )
    assert (FORMATS[do.format] if do.function == "save_group" else "zarr.json") in do.keys or (
        ".zarray" in do.keys
    )


@case(("save", "save_group"), "storage_options")
def _(do: Caller) -> None:
    url, note, data = f"noted://{do.tmp_path}/g", str(do.tmp_path), np.ones(2)
    do(do.function, url, data, storage_options={"note": note})
    assert note in Noted.notes
    assert (do.tmp_path / "g" / "zarr.json").exists()
    with pytest.raises(TypeError, match="storage_options"):
        do(do.function, {}, data, storage_options={"note": note})


@case("save_array", "arr")
def _(do: Caller) -> None:
    do("save_array", do.store, np.arange(3), zarr_format=do.format)
    assert zarr.load(do.store).tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="arr argument must be"):
        do("save_array", {}, [1, 2])


# -- making from arrays, and hierarchies


@case("from_array", "data")
def _(do: Caller) -> None:
    source = zarr.create_array({}, data=np.arange(5), chunks=2, zarr_format=do.format)
    made = do("from_array", do.store, data=source)
    assert made.chunks == (2,)
    assert made[:].tolist() == [0, 1, 2, 3, 4]
    assert do("from_array", {}, data=[[1, 2], [3, 4]])[:, 1].tolist() == [2, 4]


@case("from_array", "write_data")
def _(do: Caller) -> None:
    made = do.make(data=np.ones(5), write_data=False)
    assert made.shape == (5,)
    assert not made[:].any()


@case("create_hierarchy", "store", "nodes", "overwrite")
def _(do: Caller) -> None:
    leaf = zarr.create_group({}, zarr_format=do.format, attributes={"n": 1}).metadata
    store = zarr.storage.MemoryStore(do.store)
    made = dict(do("create_hierarchy", store=store, nodes={"/a/b": leaf}))
    assert set(made) == {"", "a", "a/b"}
    assert made["a/b"].attrs["n"] == 1
    assert f"a/b/{FORMATS[do.format]}" in do.keys
    with pytest.raises(ContainsGroupError):
        dict(do("create_hierarchy", store=store, nodes={"a/b": leaf}))
    do.store["a/b/c/rest"] = zarr.buffer.cpu.Buffer.from_bytes(b"1")
    dict(do("create_hierarchy", store=store, nodes={"a/b": leaf}, overwrite=True))
    assert "a/b/c/rest" not in do.keys


@case("from_array", "executor")
def _(do: Caller) -> None:
    from concurrent.futures import ThreadPoolExecutor

    class Counting(ThreadPoolExecutor):
        count = 0

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            Counting.count += 1
            return super().submit(*args, **kwargs)

    with Counting(1) as pool:
        made = do.make(store=do.tmp_path / "a", data=np.arange(9), chunks=3, executor=pool)
    assert made[:].tolist() == list(range(9))
    assert Counting.count > 0
