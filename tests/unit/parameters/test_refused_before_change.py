"""Every function that makes nodes refuses wrong arguments before it changes anything.

The functions and methods are those that the package has: one without a case fails the test.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np
import pytest
from cases_of_creation import PASS_ON
from parameter_cases import SHAPE, Caller
from test_every_parameter import parameters

import zarr
from zarr.api import asynchronous
from zarr.api.groups import create_nodes, create_rooted_hierarchy
from zarr.arrays import Array, AsyncArray
from zarr.groups import AsyncGroup, Group
from zarr.metadata.migrate_v3 import migrate_v2_to_v3
from zarr.storage import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READING = {
    *("concat", "consolidate_metadata", "load", "open_consolidated", "read", "stack", "tree"),
}
"""Functions that make no nodes and delete none."""
OF_ARRAYS = (*PASS_ON, "create_array", "from_array")
WITH_MODE = ("open", "open_array", "open_group", "open_like")
FORMATS = pytest.mark.parametrize("zarr_format", [2, 3])
FACES = pytest.mark.parametrize("face", ["sync", "async"])


class Broken:
    """An array that lies elsewhere, and cannot be read."""

    shape, dtype = SHAPE, np.dtype("i4")

    def __getitem__(self, selection: Any) -> Any:
        raise ConnectionError("nobody there")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise ConnectionError("nobody there")


class Narrow(numcodecs.abc.Codec):  # type: ignore[misc]
    """Takes only numbers below 1000."""

    codec_id = "narrow"

    def encode(self, buf: Any) -> Any:
        if (np.asarray(buf) >= 1000).any():
            raise ValueError("too large")
        return np.asarray(buf).copy()

    def decode(self, buf: Any, out: Any = None) -> Any:
        return buf


OBJECTS = np.full(SHAPE, object(), dtype=object)
ONES = np.ones(SHAPE, "i4")
# An error only when the first chunk is encoded.
LATE = numcodecs.Blosc(cname="nope")
BAD: dict[str, list[Any]] = {
    "attributes": [{"a": object()}, {"a": {"b": np.timedelta64(1, "s")}}, {"a": {1: 1, "1": 2}}, 3],
    "shape": [(-1, 6), "x"],
    "dtype": ["nope", object],
    "chunks": [(2,), (0, -1), object()],
    "shards": [("x", 6), object()],
    "fill_value": [object(), "x"],
    "config": [{"nope": 1}, {"order": "X"}],
    "order": ["X"],
    "dimension_names": [["x"], [1, 2]],
    "compressor": [{"id": "nope"}, object()],
    "compressors": [{"id": "nope", "name": "nope"}, object()],
    "filters": [[{"id": "nope", "name": "nope"}], object()],
    "codecs": [[{"name": "nope"}], [object()], [{"name": "zstd"}]],
    "serializer": [{"name": "nope"}, object()],
    "chunk_key_encoding": [{"name": "nope"}, object()],
    "dimension_separator": ["x"],
    "synchronizer": [3],
    "meta_array": ["x"],
    "chunk_store": [3],
    "zarr_format": [4],
    "storage_options": [{"a": 1}],
    "use_consolidated": [],
    "path": ["../x", "__reserved", "zarr.json"],
    "name": ["../x", "__reserved", "zarr.json"],
}
IGNORED = {
    *("store", "data", "overwrite", "mode", "zarr_version", "a", "arr", "*args", "**kwargs"),
    *("cache_metadata", "cache_attrs", "read_only", "write_empty_chunks", "object_codec"),
    *("chunk_shape", "write_data", "executor", "arrays"),
}
"""Parameters that have no wrong value, or have one below."""


def contents(store: Any) -> dict[str, bytes]:
    values = store if isinstance(store, dict) else store._store_dict
    return {key: value.to_bytes() for key, value in values.items()}


def fill(store: Any, zarr_format: Any) -> dict[str, bytes]:
    """Store a hierarchy."""
    root = zarr.create_group(store, zarr_format=zarr_format, attributes={"root": 1})
    root.create_array("a", data=np.arange(4), attributes={"a": 1})
    root.create_array("g/b", data=np.arange(4))
    return contents(store)


def check(store: Any, before: dict[str, bytes], call: Callable[[], Any]) -> None:
    with pytest.raises(Exception) as caught:
        call()
    assert isinstance(
        caught.value, TypeError | ValueError | KeyError | OSError | NotImplementedError
    ), caught.value
    assert contents(store) == before


def overwriting(function: str) -> dict[str, Any]:
    return {"mode": "w"} if function in WITH_MODE else {"overwrite": True}


def wrong_values() -> list[Any]:
    found = []
    for function in OF_ARRAYS:
        for parameter in parameters(function):
            if parameter in IGNORED or (function == "open_like" and parameter == "shape"):
                continue
            if function.endswith("_like") and function[0] in "zo" and parameter == "fill_value":
                continue
            found += [(function, parameter, at) for at in range(len(BAD[parameter]))]
    return found


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@FORMATS
@FACES
@pytest.mark.parametrize(("function", "parameter", "at"), wrong_values())
def test_no_array_is_deleted_for_one_that_cannot_be_made(
    function: str, parameter: str, at: int, face: str, zarr_format: Any, tmp_path: Path
) -> None:
    do = Caller(face, zarr_format, tmp_path, function)
    given = {parameter: BAD[parameter][at], **overwriting(function)}
    if BAD[parameter][at] == "__reserved" and zarr_format == 2:
        pytest.skip("format 2 reserves no names")
    if parameter in ("path", "name") and function in ("create_array", "from_array"):
        given["name"] = given.pop(parameter)
    before = fill(do.store, zarr_format)
    check(do.store, before, lambda: do.make(**given))


def test_every_function_that_makes_arrays_has_wrong_values() -> None:
    functions = {function for function, _, _ in wrong_values()}
    others = set(OTHERS) | READING
    assert functions | others == set(asynchronous.__all__)
    for function in functions:
        assert set(parameters(function)) - IGNORED <= set(BAD)


# -- data that are refused ------------------------------------------------------------------------


def data_of(zarr_format: Any) -> dict[str, dict[str, Any]]:
    """Ways in which data are refused, as parameters of `create_array`."""
    late = ONES.copy()
    late[-1, -1] = 1000  # in the last chunk
    narrow: Any = {"name": "cast_value", "configuration": {"data_type": "int8"}}
    if zarr_format == 2:
        narrow = Narrow()
    return {
        "unreadable": {"data": Broken()},
        "objects": {"data": OBJECTS},
        "value": {"data": late, "chunks": (1, 6), "filters": [narrow]},
        "codec": {
            "data": ONES,
            "compressors": LATE if zarr_format == 2 else zarr.codecs.numcodecs.Blosc(cname="nope"),
        },
    }


@pytest.mark.filterwarnings("ignore::UserWarning")
@FORMATS
@FACES
@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("function", ["create_array", "from_array"])
@pytest.mark.parametrize("data", data_of(3))
def test_nothing_is_changed_for_data_that_cannot_be_stored(
    data: str, function: str, overwrite: bool, face: str, zarr_format: Any, tmp_path: Path
) -> None:
    if data == "value" and not overwrite:
        pytest.skip("nothing is lost: only the first chunk is tried")
    do = Caller(face, zarr_format, tmp_path, function)
    before = fill(do.store, zarr_format)
    given: dict[str, Any] = {"overwrite": True} if overwrite else {"name": "new"}
    given |= {**data_of(zarr_format)[data], "zarr_format": zarr_format}
    check(do.store, before, lambda: do(function, do.store, **given))
    group = zarr.open_group(do.store, zarr_format=zarr_format)
    given.pop("zarr_format")
    given["name"] = "a" if overwrite else "new"
    check(do.store, before, lambda: group.create_array(**given))


@FORMATS
@FACES
@pytest.mark.parametrize("separate", [False, True])
def test_nothing_is_changed_for_data_that_cannot_be_cast(
    separate: bool, face: str, zarr_format: Any, tmp_path: Path
) -> None:
    do = Caller(face, zarr_format, tmp_path, "create")
    before = fill(do.store, zarr_format)
    chunks: dict[str, Any] = {}
    given = {"store": do.store, "zarr_format": zarr_format, "overwrite": True}
    if separate:
        do("array", np.arange(4), path="a", chunk_store=chunks, **given)
        before = contents(do.store)
        given |= {"chunk_store": chunks, "path": "a"}
    kept = contents(chunks)
    assert bool(kept) is separate
    words = np.array(["a"] * 4)
    for call in (
        lambda: do("create", 4, dtype="i4", data=words, **given),
        lambda: do("create", 4, dtype="i4", data=[[1, 2, 3]], **given),
        lambda: do("create", 4, dtype="i4", data=zarr.array(words), **given),
        lambda: do("zeros", 4, dtype="i4", data=words, **given),
        lambda: do("array", words, dtype="i4", **given),
        lambda: do("array", np.arange(4), shape=(3,), **given),
        lambda: do("save_array", arr=words, dtype="i4", **given),
        lambda: do("open_array", shape=4, dtype="i4", data=words, mode="w", **without(given)),
    ):
        check(do.store, before, call)
        assert contents(chunks) == kept


def without(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "overwrite"}


@FORMATS
@FACES
def test_nothing_is_changed_by_an_executor_that_does_not_reach_the_store(
    face: str, zarr_format: Any, tmp_path: Path
) -> None:
    class Copying:
        """Workers that get copies of what they are sent, as in other processes."""

        def submit(self, fn: Any, *args: Any) -> Any:
            from concurrent.futures import Future

            future: Future[Any] = Future()
            future.set_result("elsewhere")
            return future

    do = Caller(face, zarr_format, tmp_path, "from_array")
    before = fill(do.store, zarr_format)
    source = zarr.array(np.arange(4))
    check(
        do.store,
        before,
        lambda: do("from_array", do.store, data=source, overwrite=True, executor=Copying()),
    )
    group = zarr.open_group(do.store, zarr_format=zarr_format)
    options = {"if_exists": "replace", "executor": Copying()}
    check(do.store, before, lambda: do("copy", source, group, name="a", **options))


@FORMATS
@FACES
def test_a_source_is_not_deleted_for_its_copy(face: str, zarr_format: Any, tmp_path: Path) -> None:
    do = Caller(face, zarr_format, tmp_path, "from_array")
    before = fill(do.store, zarr_format)
    root = zarr.open_group(do.store, zarr_format=zarr_format)
    source = root["g/b"]
    given = {"zarr_format": zarr_format, "overwrite": True}
    for path in ("g/b", "g", ""):
        for call in (
            lambda path=path: do("from_array", do.store, name=path, data=source, **given),
            lambda path=path: do("create_array", do.store, name=path, data=source, **given),
            lambda path=path: do("array", source, store=do.store, path=path, **given),
            lambda path=path: do(
                "create", 4, store=do.store, path=path, data=source, dtype="i8", **given
            ),
            lambda path=path: do("save_array", do.store, source, path=path, **given),
            lambda path=path: do(
                "save_group", do.store, x=source, path=path, zarr_format=zarr_format
            ),
            lambda path=path: do(
                "save", do.store, source, source, path=path, zarr_format=zarr_format
            ),
        ):
            check(do.store, before, call)
    check(do.store, before, lambda: root.create_array("g", data=source, overwrite=True))
    check(do.store, before, lambda: root.__setitem__("g", source))
    root["g/b"] = source  # what `root["g/b"] += 1` ends with
    assert contents(do.store) == before
    made = do("from_array", do.store, name="g", data=source, write_data=False, overwrite=True)
    assert made[:].tolist() == [0] * 4


# -- groups, and many nodes at once ---------------------------------------------------------------


def spoilt(zarr_format: Any) -> Any:
    """Metadata that cannot be stored, which shows only when their document is made."""
    metadata: Any = zarr.create_array({}, shape=1, dtype="i1", zarr_format=zarr_format).metadata
    metadata.attributes["a"] = object()
    return metadata


def group_calls(do: Caller, function: str) -> list[Callable[[], Any]]:
    given = {"zarr_format": do.format, **overwriting(function)}
    calls = [
        lambda: do(function, do.store, attributes={"a": object()}, **given),
        lambda: do(function, do.store, attributes={"a": np.datetime64("2020")}, **given),
        lambda: do(function, do.store, path="g/zarr.json", **given),
        lambda: do(function, do.store, path="a/below", **given),
        lambda: do(function, do.store, storage_options={"a": 1}, **given),
    ]
    if function != "create_group":
        wrong = ("chunk_store", "synchronizer", "meta_array")
        calls += [lambda name=name: do(function, do.store, **{name: 3}, **given) for name in wrong]
    return calls


def save_calls(do: Caller, function: str) -> list[Callable[[], Any]]:
    good, given = np.arange(3), {"zarr_format": do.format}
    wrong = [OBJECTS, Broken()]
    calls = [lambda bad=bad: do(function, do.store, good, bad, **given) for bad in wrong]
    calls += [lambda bad=bad: do(function, do.store, good, x=bad, **given) for bad in wrong]
    calls += [
        lambda: do(function, do.store, good, arr_0=good, **given),
        lambda: do(function, do.store, x=good, **{"x/y": good}, **given),
        lambda: do(function, do.store, x=good, **{"../y": good}, **given),
        lambda: do(function, do.store, x=good, **{"zarr.json": good}, **given),
        lambda: do(function, do.store, x=good, y=3, **given),
        lambda: do(function, do.store, x=good, path="a/below", **given),
    ]
    if function == "save":
        calls += [lambda bad=bad: do(function, do.store, bad, **given) for bad in wrong]
    return calls


def hierarchy_calls(do: Caller, _: str) -> list[Callable[[], Any]]:
    good: Any = zarr.create_group({}, zarr_format=do.format).metadata
    store = MemoryStore(do.store)
    wrong: list[Any] = [
        {"a": good, "g": spoilt(do.format)},
        {"": good, "x": spoilt(do.format)},
        {"a": good, "x/zarr.json": good},
        {"a": good, "g/../..": good},
    ]
    return [
        lambda nodes=nodes: list(do("create_hierarchy", store=store, nodes=nodes, overwrite=True))
        for nodes in wrong
    ]


def copy_calls(do: Caller, function: str) -> list[Callable[[], Any]]:
    source = zarr.create_group({}, zarr_format=do.format)
    source.create_array("a", data=np.arange(4))
    source.create_array("g/b", data=np.arange(4))
    dest = zarr.open_group(do.store, zarr_format=do.format)
    if function == "copy_store":
        return [
            lambda: do("copy_store", do.store, do.store, "g", "g/b", if_exists="replace"),
            lambda: do("copy_store", source.store, do.store, if_exists="nope"),
            lambda: do("copy_store", source.store, MemoryStore(do.store, read_only=True)),
        ]
    wrong = [
        {"compressors": object()},
        {"chunks": (0, -1)},
        {"fill_value": object()},
        {"dtype": "nope"},
        {"nope": 1},
        {"config": {"nope": 1}},
    ]
    options = {"if_exists": "replace", **({"name": "g"} if function == "copy" else {})}
    return [lambda bad=bad: do(function, source, dest, **options, **bad) for bad in wrong]


OTHERS: dict[str, Callable[[Caller, str], list[Callable[[], Any]]]] = {
    "copy": copy_calls,
    "copy_all": copy_calls,
    "copy_store": copy_calls,
    "create_group": group_calls,
    "create_hierarchy": hierarchy_calls,
    "group": group_calls,
    "open_group": group_calls,
    "save": save_calls,
    "save_group": save_calls,
}


@FORMATS
@FACES
@pytest.mark.parametrize("function", OTHERS)
def test_nothing_is_deleted_for_nodes_that_cannot_be_made(
    function: str, face: str, zarr_format: Any, tmp_path: Path
) -> None:
    do = Caller(face, zarr_format, tmp_path, function)
    before = fill(do.store, zarr_format)
    calls = OTHERS[function](do, function)
    assert len(calls) > 2
    for call in calls:
        check(do.store, before, call)


@FORMATS
def test_many_nodes_are_checked_before_one_is_stored(zarr_format: Any) -> None:
    store: Any = MemoryStore()
    before = fill(store, zarr_format)
    good: Any = zarr.create_group({}, zarr_format=zarr_format).metadata
    nodes = {"": good, "x": good, "y": spoilt(zarr_format)}

    async def listed() -> None:
        _ = [item async for item in create_nodes(store=store, nodes=nodes)]

    rooted = create_rooted_hierarchy(store=store, nodes=nodes, overwrite=True)
    for work in (listed(), rooted):
        check(store, before, lambda work=work: asyncio.run(work))


@FORMATS
def test_chunks_that_lie_apart_are_deleted_with_their_documents(zarr_format: Any) -> None:
    store: dict[str, Any] = {}
    chunks: dict[str, Any] = {}
    given = {"chunk_store": chunks, "zarr_format": zarr_format}
    new = {"shape": 4, "dtype": "i8", "overwrite": True}

    def filled() -> Group:
        root = zarr.open_group(store, mode="w", **given)
        root.create_array("g/b", data=np.arange(4))
        assert [key for key in chunks if key.startswith("g/b")]
        return root

    for replace in (
        lambda root: root.create_array("g/b", **new),
        lambda root: root.zeros(name="g/b", **new),
        lambda root: root.create_group("g", overwrite=True).create_array("b", shape=4, dtype="i8"),
        lambda root: root.require_group("g", overwrite=True).zeros(name="b", shape=4),
        lambda root: zarr.open_group(store, mode="w", **given).zeros(name="g/b", shape=4),
    ):
        assert replace(filled())[:].tolist() == [0] * 4
        assert chunks == {}
    filled()["g/b"] = np.arange(4) + 1
    assert zarr.open_group(store, **given)["g/b"][:].tolist() == [1, 2, 3, 4]
    assert {key.rpartition("/")[2] for key in store} <= {
        *("zarr.json", ".zgroup", ".zarray", ".zattrs")
    }


# -- methods --------------------------------------------------------------------------------------

READING_METHODS = {
    *("array_keys", "array_values", "arrays", "contains", "get", "get_array", "get_group"),
    *("getitem", "group_keys", "group_values", "groups", "info_complete", "keys", "members"),
    *("nmembers", "open", "from_dict", "tree"),
}
SYNC_NAMES = {"setitem": "__setitem__", "delitem": "__delitem__"}
ARRAY_WRONG = [
    {"attributes": {"a": object()}},
    {"fill_value": object()},
    {"config": {"nope": 1}},
    {"chunks": object()},
    {"dtype": "nope"},
]


# Members of the asynchronous classes that the rest of the package uses; programs call others.
OF_THE_PACKAGE = {
    "change_attributes",
    "check_writable",
    "engine",
    "known_stored",
    "reload",
    "set_metadata",
}


def methods(kind: type, reading: set[str]) -> list[str]:
    spared = reading | OF_THE_PACKAGE
    names = [name for name in dir(kind) if not name.startswith("_") and name not in spared]
    return [name for name in names if inspect.isroutine(getattr(kind, name))]


def old_style(*, name: str = "a", **more: Any) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    return [((), {"name": name, "overwrite": True, **more, **wrong}) for wrong in ARRAY_WRONG]


def group_method_cases(zarr_format: Any) -> dict[str, list[Any]]:
    good: Any = zarr.create_group({}, zarr_format=zarr_format).metadata
    new = [({"shape": 3, "dtype": "i4"} | wrong) for wrong in ARRAY_WRONG]
    array = zarr.array(np.arange(4), zarr_format=zarr_format)
    required = [((name,), {"overwrite": True}) for name in ("../x", "a/zarr.json", "")]
    return {
        "create_array": [(("a",), {**each, "overwrite": True}) for each in new],
        "create_group": [
            (("g",), {"attributes": {"a": object()}, "overwrite": True}),
            *required,
        ],
        "create_hierarchy": [
            (({"a": good, "g": spoilt(zarr_format)},), {"overwrite": True}),
            (({"a": good, "": good},), {"overwrite": True}),
        ],
        "delitem": [(("zarr.json",), {}), (("../x",), {})],
        "empty": old_style(shape=3),
        "empty_like": old_style(data=array),
        "from_store": [],
        "full": old_style(shape=3, fill_value=1)[:1],
        "full_like": old_style(data=array),
        "move": [(("a", "g/b"), {}), (("a", "g/zarr.json"), {}), (("nope", "x"), {})],
        "ones": old_style(shape=3)[:1],
        "ones_like": old_style(data=array)[:1],
        "require_array": [(("new/x",), each) for each in new],
        "require_group": required,
        "require_groups": [(("g", "../x"), {})],
        "setitem": [(("a", OBJECTS), {}), (("a", Broken()), {}), (("a", 3), {})],
        "update_attributes": [(({"a": object()},), {})],
        "zeros": old_style(shape=3)[:1],
        "zeros_like": old_style(data=array)[:1],
    }


ARRAY_READING = {
    *(
        "get_basic_selection",
        "get_block_selection",
        "get_coordinate_selection",
        "get_mask_selection",
    ),
    *(
        "get_orthogonal_selection",
        "getitem",
        "info_complete",
        "nbytes_stored",
        "nchunks_initialized",
    ),
    *("nshards_initialized", "open", "from_dict", "with_config", "example_selections"),
    *("iter_blocks", "read_many"),
}


def array_method_cases(_: Any) -> dict[str, list[Any]]:
    words = np.array(["x"] * 4)
    return {
        "append": [((words,), {}), ((np.zeros((2, 2)),), {}), ((np.arange(2),), {"axis": 3})],
        "create": [],
        "resize": [((-1,), {}), (((1, 2),), {}), (("x",), {})],
        "setitem": [((..., words), {}), ((..., np.arange(3)), {})],
        "update_attributes": [(({"a": object()},), {}), (({"a": np.timedelta64(1, "s")},), {})],
    }


CLASSES = {
    "group": (AsyncGroup, READING_METHODS, group_method_cases),
    "array": (AsyncArray, ARRAY_READING, array_method_cases),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_method_that_changes_something_has_cases(kind: str) -> None:
    asynchronous_class, reading, cases = CLASSES[kind]
    wanted = set(methods(asynchronous_class, reading))
    assert wanted - set(cases(3)) == set()


METHODS = [(kind, name) for kind in CLASSES for name in CLASSES[kind][2](3)]


@pytest.mark.filterwarnings("ignore::UserWarning")
@FORMATS
@FACES
@pytest.mark.parametrize(("kind", "method"), METHODS)
def test_a_method_changes_nothing_before_it_refuses(
    kind: str, method: str, face: str, zarr_format: Any
) -> None:
    store: Any = MemoryStore()
    before = fill(store, zarr_format)
    for args, kwargs in CLASSES[kind][2](zarr_format)[method]:
        node: Any = zarr.open(store, path="a" if kind == "array" else "", zarr_format=zarr_format)

        def call(node: Any = node, args: Any = args, kwargs: Any = kwargs) -> None:
            if face == "sync":
                result = getattr(node, SYNC_NAMES.get(method, method))(*args, **kwargs)
                if method == "create_hierarchy":
                    list(result)
                return
            asyncio.run(awaited(getattr(node._async, method)(*args, **kwargs)))

        check(store, before, call)


async def awaited(made: Any) -> None:
    if hasattr(made, "__aiter__"):
        async for _ in made:
            pass
    else:
        await made


@FORMATS
def test_a_group_made_from_a_store_changes_nothing_before_it_refuses(zarr_format: Any) -> None:
    store: Any = MemoryStore()
    before = fill(store, zarr_format)
    given = {"attributes": {"a": object()}, "overwrite": True, "zarr_format": zarr_format}
    check(store, before, lambda: Group.from_store(store, **given))
    check(store, before, lambda: asyncio.run(AsyncGroup.from_store(store, **given)))


def test_a_migration_changes_nothing_before_it_refuses() -> None:
    store: Any = MemoryStore()
    root = zarr.create_group(store, zarr_format=2)
    root.create_array("a", shape=1, dtype="i1")
    root.create_array("z", shape=4, dtype="i4", filters=[numcodecs.Categorize(["a"], "U1")])
    zarr.create_group(store, zarr_format=3, attributes={"old": 1})
    before = contents(store)
    check(store, before, lambda: migrate_v2_to_v3(input_store=store, overwrite=True, force=True))


def test_setting_attributes_changes_nothing_before_it_refuses() -> None:
    store: Any = MemoryStore()
    before = fill(store, 3)
    node: Any
    for node in (zarr.open_group(store), zarr.open_array(store, path="a")):
        for change in (
            lambda attrs: attrs.update(good=1, bad=object()),
            lambda attrs: attrs.put({"good": 1, "bad": object()}),
            lambda attrs: attrs.__setitem__("bad", {1: 1, "1": 2}),
        ):
            shown = dict(node.attrs)
            check(store, before, lambda node=node, change=change: change(node.attrs))
            assert dict(node.attrs) == shown
    assert isinstance(node, Array)
