"""Info, lists, trees, sizes and finding: what is there, and how much of it is stored."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.stores import WaitingStore
from zarr import tools
from zarr.storage import LocalStore, MemoryStore, ZipStore

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("memory", "local", "zip", "waiting")


def make_store(kind: str, directory: Path) -> Any:
    if kind == "memory":
        return MemoryStore()
    if kind == "local":
        return LocalStore(directory / "store")
    return ZipStore(directory / "store.zip", mode="w") if kind == "zip" else WaitingStore()


@pytest.fixture(params=[(kind, zarr_format) for kind in KINDS for zarr_format in (2, 3)])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    kind, zarr_format = request.param
    store = make_store(kind, tmp_path)
    root = zarr.create_group(store, zarr_format=zarr_format, attributes={"title": "Rain"})
    data = np.arange(600.0).reshape(20, 30)
    root.create_array("a/t", data=data, chunks=(5, 10), attributes={"units": "K", "n": [1, 2]})
    sparse = root.create_array("a/s", shape=(100, 100), chunks=(10, 10), dtype="i2", fill_value=-1)
    sparse[:10, :15] = 3
    if zarr_format == 3:
        root.create_array("b", shape=(8, 8), chunks=(2, 2), shards=(4, 4), dtype="u1")[:4] = 1
    return root


def stored_bytes(root: Any, path: str) -> int:
    """The bytes of all values below a path, as the store's own methods tell them."""

    async def total() -> int:
        return await root.store.getsize_prefix(path)

    return asyncio.run(total())


def test_sizes_are_those_of_the_stored_values(root: Any) -> None:
    nodes = {node.path: node for node in tools.tree(root).nodes}
    for path in ("", "a", "a/t", "a/s"):
        assert nodes[path].stored == stored_bytes(root, path)
    assert nodes["a/t"].values == nodes["a/t"].expected == 12
    assert (nodes["a/s"].values, nodes["a/s"].expected) == (2, 100)
    assert nodes["a/t"].nbytes == 4800
    if "b" in nodes:
        assert (nodes["b"].values, nodes["b"].expected, nodes["b"].shards) == (2, 4, (4, 4))


def test_a_report_counts_what_is_stored(root: Any) -> None:
    report = tools.info(root, "a/s")
    assert (report.present, report.expected, report.grid) == (2, 100, (10, 10))
    assert report.stored == stored_bytes(root, "a/s")
    assert report.ratio == pytest.approx(400 / report.stored_chunks)
    assert tools.info(root, "a/t").attributes == {"units": "K", "n": [1, 2]}
    group = tools.info(root)
    assert (group.arrays, group.groups, group.all_arrays) == (
        (0, 1, 2) if root.metadata.zarr_format == 2 else (1, 1, 3)
    )
    assert group.stored == stored_bytes(root, "")
    for each in (report, group):
        assert str(each)
        assert json.loads(each.to_json())["path"] == each.path


def test_dates_are_those_of_the_values(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path, data=np.arange(4), chunks=2)
    report = tools.info(array)
    times = [path.stat().st_mtime for path in tmp_path.rglob("*") if path.is_file()]
    assert report.oldest.timestamp() == pytest.approx(min(times), abs=1e-3)
    assert report.newest.timestamp() == pytest.approx(max(times), abs=1e-3)
    assert tools.info(zarr.create_array({}, shape=3, dtype="i4")).oldest is None


def test_codecs_are_told_in_words() -> None:
    options: Any = {"shape": (4, 4), "chunks": (2, 2), "dtype": "i4"}
    sharded = zarr.create_array({}, shards=(4, 4), **options)
    assert tools.info(sharded).codecs == (
        "shards of chunks (2, 2) [bytes (little endian) → zstd (level 0); index at the end: "
        "bytes (little endian) → crc32c]",
    )
    old = zarr.create_array({}, zarr_format=2, **options)
    assert tools.info(old).codecs == ("zstd (level 0)",)
    assert tools.info(zarr.create_array({}, compressors=None, **options)).codecs == (
        "bytes (little endian)",
    )


def test_names_of_dimensions_are_found_in_both_formats() -> None:
    new = zarr.create_array({}, shape=(2, 3), dtype="i4", dimension_names=("x", None))
    assert tools.info(new).dimension_names == ("x", None)
    old = zarr.create_array({}, shape=(2, 3), dtype="i4", zarr_format=2)
    assert tools.info(old).dimension_names is None
    old.attrs["_ARRAY_DIMENSIONS"] = ["x", "y"]
    assert tools.info(old).dimension_names == ("x", "y")
    assert "Dimensions" in str(tools.info(old))


def test_chunks_of_several_sizes_are_listed() -> None:
    with zarr.config.set({"array.rectilinear_chunks": True}):
        array = zarr.create_array({}, shape=(6,), chunks=[[1, 2, 3]], dtype="i4")
        array[:3] = 1
        report = tools.info(array)
    assert report.chunks == ((1, 2, 3),)
    assert (report.present, report.ratio) == (2, 12 / report.stored_chunks)
    assert "(1, 2, 3)" in str(report)
    assert "several shapes" in str(tools.tree(array))


def test_chunks_outside_of_the_shape_are_not_counted() -> None:
    array = zarr.create_array({}, data=np.arange(10), chunks=2)
    array.resize(4, delete_outside_chunks=False)
    report = tools.info(array)
    assert (report.present, report.expected) == (2, 2)
    assert report.stored > report.stored_chunks


def test_a_group_lists_its_nodes_and_an_array_itself(root: Any) -> None:
    names = [node.path for node in tools.ls(root).nodes]
    assert names == sorted(names)
    assert set(names) == set(root)
    assert [node.path for node in tools.ls(root, "a", sizes=True).nodes] == ["a/s", "a/t"]
    assert [node.path for node in tools.ls(root["a/t"]).nodes] == ["a/t"]
    assert tools.ls(root, "a", sizes=True).nodes[1].stored == stored_bytes(root, "a/t")


def test_levels_are_those_below_the_node(root: Any) -> None:
    def paths(level: int | None) -> set[str]:
        return {node.path for node in tools.tree(root, level=level, sizes=False).nodes}

    assert paths(0) == {""}
    assert paths(1) == {"", *root}
    assert paths(2) == paths(None) >= {"a/s", "a/t"}
    assert {node.path for node in tools.du(root, level=1).nodes} == paths(1)
    with pytest.raises(ValueError, match="level must be 0 or more"):
        tools.tree(root, level=-1)
    with pytest.raises(ValueError, match="level must be 0 or more"):
        tools.du(root, level=-1)


def test_sizes_of_a_group_hold_all_below_whatever_is_shown(root: Any) -> None:
    for level in (0, 1, None):
        shown = {node.path: node for node in tools.du(root, level=level).nodes}
        assert shown[""].stored == stored_bytes(root, "")
        assert shown[""].nbytes >= 4800 + 20000
    assert {n.path: n.stored for n in tools.du(root, "a").nodes}["a"] == stored_bytes(root, "a")


def test_a_tree_is_drawn_in_aligned_columns() -> None:
    root = zarr.create_group({})
    root.create_array("a/b", shape=(100, 60), chunks=(10, 20), dtype="f4")
    root.create_array("a/longer", shape=3, dtype="i1")
    root.create_group("z")
    assert str(tools.tree(root, sizes=False)).split("\n") == [
        "/",
        "├── a",
        "│   ├── b       (100, 60)  float32  chunks (10, 20)",
        "│   └── longer  (3,)       int8     chunks (3,)",
        "└── z",
    ]


def test_a_tree_that_is_cut_says_so() -> None:
    root = zarr.create_group({})
    for number in range(20):
        root.create_group(f"g{number}")
    cut = tools.tree(root, most=5)
    assert len(cut.nodes) == 5
    assert not cut.whole
    assert "more than 5 nodes" in str(cut)
    assert tools.tree(root, most=21).whole


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        ({"name": "t"}, ["a/t"]),
        ({"name": "a/*"}, ["a/s", "a/t"]),
        ({"attribute": "units"}, ["a/t"]),
        ({"attribute": "units=K"}, ["a/t"]),
        ({"attribute": "units=[KC]"}, ["a/t"]),
        ({"attribute": "n=[1, 2]"}, ["a/t"]),
        ({"attribute": "n=[1]"}, []),
        ({"attribute": "units=k"}, []),
        ({"dtype": "int16"}, ["a/s"]),
        ({"dtype": "<i2"}, ["a/s"]),
        ({"dtype": "float"}, ["a/t"]),
        ({"dtype": "nonsense"}, []),
        ({"kind": "group", "name": "a"}, ["a"]),
        ({"kind": "array", "name": "a"}, []),
        ({"larger": 400, "kind": "array"}, ["a/t"]),
        ({"smaller": 0}, []),
    ],
)
def test_nodes_are_found_for_which_all_holds(root: Any, wanted: Any, paths: list[str]) -> None:
    found = [node.path for node in tools.find(root, **wanted).nodes]
    if "larger" in wanted:
        sizes = {n.path: n.stored or 0 for n in tools.du(root).nodes if n.kind == "array"}
        paths = sorted(path for path, size in sizes.items() if size >= 400)
    assert found == paths


def test_a_wrong_kind_of_node_is_refused(root: Any) -> None:
    with pytest.raises(ValueError, match="kind must be"):
        tools.find(root, kind="chunk")


def test_a_place_without_a_node_is_an_error_of_files(tmp_path: Path) -> None:
    for tool in (tools.info, tools.ls, tools.tree, tools.du, tools.find):
        with pytest.raises(FileNotFoundError):
            tool({})
        with pytest.raises(FileNotFoundError):
            tool(tmp_path, "nowhere")


def test_the_coroutines_give_the_same(tmp_path: Path) -> None:
    root = zarr.create_group(tmp_path)
    root.create_array("a", data=np.arange(4))
    for name in ("info", "ls", "tree", "du", "find"):
        found = asyncio.run(getattr(tools.asynchronous, name)(tmp_path))
        assert found == getattr(tools, name)(str(tmp_path))


class Unlisted(MemoryStore):
    """A store that cannot list, as a web server."""

    supports_listing = False


def test_a_store_that_cannot_list_says_so() -> None:
    array = zarr.create_array(Unlisted(), data=np.arange(4), chunks=2)
    report = tools.info(array)
    assert (report.stored, report.present, report.ratio) == (None, None, None)
    assert "cannot list" in str(report)


def test_hostile_names_and_attributes_are_printable_everywhere() -> None:
    name = "n\x1b[2J\u202e\x9b"
    root = zarr.create_group({}, attributes={name: name})
    root.create_array(name, data=np.arange(3), attributes={name: name})
    for result in (
        tools.ls(root, sizes=True),
        tools.tree(root),
        tools.du(root),
        tools.find(root, kind="array"),
        tools.info(root),
        tools.info(root, name),
        tools.get_attributes(root),
    ):
        for text in (str(result), result.to_json()):
            assert text.replace("\n", "").isprintable()


def test_many_nodes_take_little_memory_while_they_are_read() -> None:
    document = zarr.create_array({}, shape=3, dtype="i4").store._store_dict["zarr.json"]
    root = zarr.create_group({})
    values = dict(root.store._store_dict)
    # Each array has attributes of 10 kB that are its own.
    text = document.to_bytes().decode()
    blank = text.replace('"attributes": {}', '"attributes": {"x": "%s"}')
    assert blank != text
    number = 1500
    for at in range(number):
        data = (blank % f"{at:010000}").encode()
        values[f"n{at}/zarr.json"] = type(document).from_bytes(data)
    store = MemoryStore(values)
    tracemalloc.start()
    try:
        found = tools.ls(store)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.nodes) == number
    # All documents together have 30 MB, parsed more than once that.
    assert peak < 200 * number * 100
