"""Copies destroy nothing, pass chunks between formats, and are made as asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.errors import CopyError
from zarr.storage import LocalStore, MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = [2, 3]
RNG = np.random.default_rng(0)


def tree(zarr_format: Any = 3, store: Any = None) -> zarr.Group:
    """A group of groups and arrays."""
    root = zarr.group({} if store is None else store, zarr_format=zarr_format)
    root.attrs["root"] = True
    group = root.create_group("foo", attributes={"a": 1})
    sub = group.create_group("bar", attributes={"b": [1, 2]})
    array = sub.create_array("baz", data=np.arange(100), chunks=(10,), attributes={"c": "x"})
    assert array.nchunks_initialized == 10
    group.create_array("x", data=RNG.normal(size=(7, 9)), chunks=(3, 4), fill_value=1.5)
    return root


def values(store: Any) -> dict[str, bytes]:
    """All that a store in memory holds."""
    return {key: value.to_bytes() for key, value in store._store_dict.items()}


def same(one: Any, other: Any) -> None:
    """Fail unless two groups have the same nodes with the same elements and attributes."""
    left, right = dict(one.members(None)), dict(other.members(None))
    assert left.keys() == right.keys()
    for name, node in left.items():
        assert dict(node.attrs) == dict(right[name].attrs)
        if isinstance(node, zarr.Array):
            assert node.dtype == right[name].dtype
            np.testing.assert_array_equal(node[...], right[name][...])


class Blind(MemoryStore):
    """A store that shows no engine its values: all go through `get` and `set`."""

    def __init__(self) -> None:
        super().__init__({})
        self.written: dict[str, bytes] = {}

    async def set(self, key: str, value: Any, byte_range: Any = None) -> None:
        self.written[key] = value.to_bytes()
        await super().set(key, value)


@pytest.mark.parametrize(
    ("parameters", "untouched"),
    [
        ({"dtype": "i4"}, True),
        ({"dtype": ">i4"}, True),
        ({"dtype": "f8", "order": "F"}, True),
        ({"dtype": "i4", "fill_value": None}, True),
        ({"dtype": "i4", "compressors": {"id": "blosc", "cname": "zstd", "shuffle": -1}}, True),
        ({"dtype": "i4", "compressors": {"id": "gzip", "level": 3}}, True),
        ({"dtype": "M8[s]"}, True),
        ({"dtype": [("a", "<i4"), ("b", "<f8")]}, True),
        ({"dtype": [("a", "<i4"), ("b", ">f8")]}, False),
        (
            {
                "dtype": "i4",
                "filters": [{"id": "fixedscaleoffset", "scale": 2, "offset": 1, "dtype": "<i4"}],
            },
            False,
        ),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
def test_chunks_pass_between_formats_where_their_bytes_mean_the_same(
    parameters: Any, untouched: bool
) -> None:
    source = zarr.group({}, zarr_format=2)
    array = source.create_array("a", shape=(20, 6), chunks=(7, 4), **parameters)
    content = RNG.integers(0, 100, (20, 6))
    if array.dtype.names is None:
        array[...] = content.astype(array.dtype)
    else:
        array["a"] = content
        array["b"] = content / 2
    before = {key: value for key, value in values(source.store).items() if "/." not in key}
    dest = zarr.group(Blind(), zarr_format=3)
    zarr.copy(array, dest)
    np.testing.assert_array_equal(
        zarr.open_array(dest.store, path="a")[...].astype(object), array[...].astype(object)
    )
    for i in range(3):
        for j in range(2):
            passed = dest.store.written[f"a/c/{i}/{j}"] == before[f"a/{i}.{j}"]  # type: ignore[attr-defined]
            assert passed or not untouched
    back = zarr.group({}, zarr_format=2)
    zarr.copy(dest["a"], back)
    np.testing.assert_array_equal(back["a"][...].astype(object), array[...].astype(object))


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": (5, 5)},
        {"compressors": None},
        {"compressor": None},
        {"shards": (6, 8), "chunks": (3, 4)},
        {"dtype": "f4"},
        {"fill_value": 0},
        {"config": {"write_empty_chunks": True}},
        {"chunk_key_encoding": {"name": "v2", "separator": "."}},
        {"dimension_names": ["y", "x"]},
    ],
    ids=str,
)
def test_copies_are_made_as_asked(options: Any) -> None:
    source, dest = tree(), zarr.group({})
    zarr.copy(source["foo/x"], dest, name="deep/er", **options)
    copied, array = dest["deep/er"], source["foo/x"]
    np.testing.assert_array_equal(copied[...], array[...].astype(copied.dtype))
    assert copied.dtype == options.get("dtype", "f8")
    assert copied.chunks == options.get("chunks", (3, 4))
    assert copied.shards == options.get("shards")
    assert copied.fill_value == options.get("fill_value", 1.5)
    assert copied.metadata.dimension_names == (
        tuple(options["dimension_names"]) if "dimension_names" in options else None
    )
    assert bool(copied.compressors) == ("compress" not in next(iter(options)))


def test_an_option_that_is_not_known_is_refused_before_anything_is_made() -> None:
    dest = zarr.group({})
    with pytest.raises(TypeError, match="chonks"):
        zarr.copy(tree()["foo"], dest, chonks=3)
    assert list(dest) == []


def test_chunks_that_are_not_stored_stay_so() -> None:
    source = zarr.group({})
    array = source.create_array("a", shape=(10**6,), chunks=(10,), dtype="i4", fill_value=7)
    array[55] = 1
    dest = zarr.group({})
    assert zarr.copy(array, dest)[:2] == (1, 0)
    assert dest["a"].nchunks_initialized == 1
    assert dest["a"][54:57].tolist() == [7, 1, 7]


@pytest.mark.parametrize("dtype", [str, "S3", "U3", "?", "c16", "u1"])
@pytest.mark.parametrize("source_format", FORMATS)
@pytest.mark.parametrize("dest_format", FORMATS)
@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
def test_data_types_survive(dtype: Any, source_format: Any, dest_format: Any) -> None:
    source = zarr.group({}, zarr_format=source_format)
    array = source.create_array("a", shape=(5,), chunks=(2,), dtype=dtype)
    array[:4] = (
        np.array(["a", "", "abc", "ä" if dtype in (str, "U3") else "z"]).astype(
            dtype if dtype in (str, "S3", "U3") else object
        )
        if dtype in (str, "S3", "U3")
        else np.array([0, 1, 1, 0]).astype(dtype)
    )
    dest = zarr.group({}, zarr_format=dest_format)
    zarr.copy(array, dest)
    assert dest["a"].dtype == array.dtype
    assert dest["a"][...].tolist() == array[...].tolist()


# -- what is in the way -------------------------------------------------------------------------


def test_a_conflict_leaves_everything_as_it_was() -> None:
    source, dest = tree(), zarr.group({})
    dest.create_group("foo/bar").create_array("baz", data=[1, 2])
    before = values(dest.store)
    with pytest.raises(CopyError, match="foo/bar/baz"):
        zarr.copy(source["foo"], dest)
    with pytest.raises(CopyError, match="foo/bar/baz"):
        zarr.copy_all(source, dest)
    assert values(dest.store) == before


def test_existing_nodes_are_skipped() -> None:
    source, dest = tree(), zarr.group({})
    dest.create_group("foo/bar", attributes={"b": 0}).create_array("baz", data=[1, 2])
    assert zarr.copy_all(source, dest, if_exists="skip") == (3, 1, 63 * 8)
    assert dest["foo/bar/baz"][...].tolist() == [1, 2]
    assert dict(dest["foo/bar"].attrs) == {"b": 0}
    assert "x" in dest["foo"]


def test_below_an_array_that_is_kept_nothing_is_made() -> None:
    source, dest = tree(), zarr.group({})
    dest.create_array("foo", data=[1, 2])
    assert zarr.copy_all(source, dest, if_exists="skip") == (0, 1, 0)
    assert dest["foo"][...].tolist() == [1, 2]
    assert set(values(dest.store)) == {"zarr.json", "foo/zarr.json", "foo/c/0"}


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_arrays_are_replaced_by_arrays_and_groups(zarr_format: Any) -> None:
    source, dest = tree(zarr_format), zarr.group({}, zarr_format=zarr_format)
    dest.create_array("foo", data=np.arange(1000), chunks=(1,))
    assert zarr.copy_all(source, dest, if_exists="replace") == (4, 0, 1304)
    same(source, dest)
    dest["foo"].create_array("extra", data=[1])
    dest["foo/bar/baz"][...] = 0
    zarr.copy_all(source, dest, if_exists="replace")
    np.testing.assert_array_equal(dest["foo/bar/baz"][...], np.arange(100))
    assert "extra" in dest["foo"]
    zarr.copy(source["foo/x"], dest, name="foo", if_exists="replace")
    assert isinstance(dest["foo"], zarr.Array)
    fresh = zarr.group({}, zarr_format=zarr_format)
    zarr.copy(source["foo/x"], fresh, name="foo")
    assert values(dest.store) == values(fresh.store)


@pytest.mark.parametrize("if_exists", ["raise", "replace", "skip", "skip_initialized"])
def test_no_group_is_copied_into_itself(if_exists: Any) -> None:
    root = tree()
    before = values(root.store)
    for source, name in (
        (root["foo"], "foo"),
        (root["foo"], "foo/bar/new"),
        (root["foo"], "foo/n"),
    ):
        with pytest.raises(CopyError, match="itself"):
            zarr.copy(source, root, name=name, if_exists=if_exists)
    with pytest.raises(CopyError, match="itself"):
        zarr.copy_all(root, root, if_exists=if_exists)
    with pytest.raises(CopyError, match="itself"):
        zarr.copy_all(root["foo"], root["foo/bar"], if_exists=if_exists)
    assert values(root.store) == before


def test_a_node_that_holds_the_source_is_not_replaced() -> None:
    root = tree()
    before = values(root.store)
    for name in ("foo", "foo/bar", "foo/bar/baz"):
        with pytest.raises(CopyError, match="replaced|itself"):
            zarr.copy(root["foo/bar/baz"], root, name=name, if_exists="replace")
    assert values(root.store) == before


def test_one_directory_by_two_names_is_the_same_place(tmp_path: Path) -> None:
    root = tree(store=tmp_path / "a")
    inner = zarr.open_group(LocalStore(tmp_path / "a" / "foo"))
    with pytest.raises(CopyError, match="itself"):
        zarr.copy_all(inner, root["foo/bar"])
    with pytest.raises(CopyError, match="replaced"):
        zarr.copy(inner["bar/baz"], root, name="foo/bar", if_exists="replace")
    assert root["foo/bar/baz"][5] == 5


def test_copies_within_a_store_are_made_beside_the_source() -> None:
    root = tree()
    zarr.copy(root["foo"], root, name="foo2")
    zarr.copy(root["foo/bar"], root, name="foo/bar2")
    same(root["foo/bar"], root["foo/bar2"])
    same(root["foo/bar"], root["foo2/bar"])


def test_nodes_below_arrays_are_refused() -> None:
    root = tree()
    with pytest.raises(ValueError, match="array"):
        zarr.copy(root["foo/x"], root, name="foo/bar/baz/below")


# -- dry runs, logs, progress -------------------------------------------------------------------


@pytest.mark.parametrize("if_exists", ["replace", "skip", "skip_initialized"])
def test_a_dry_run_counts_right_and_changes_nothing(if_exists: Any) -> None:
    source, dest = tree(), zarr.group({})
    dest.create_group("foo").create_array("x", data=np.full((7, 9), 1.5), chunks=(3, 4))
    dest["foo/x"][:3, :4] = 3
    before = values(dest.store)
    lines: list[str] = []
    counts = zarr.copy_all(source, dest, if_exists=if_exists, dry_run=True, log=lines.append)
    assert values(dest.store) == before
    real: list[str] = []
    assert zarr.copy_all(source, dest, if_exists=if_exists, log=real.append)[:2] == counts[:2]
    assert lines[:-1] == real[:-1]
    assert lines[-1].startswith("dry run: ")
    assert real[-1].startswith("all done: ")


@pytest.mark.parametrize("options", [{}, {"chunks": "auto"}])
def test_progress_is_told_in_bytes(options: Any) -> None:
    told: list[tuple[int, int]] = []
    zarr.copy(tree()["foo"], zarr.group({}), progress=lambda *a: told.append(a), **options)
    assert told[0] == (0, 1304)
    assert told[-1] == (1304, 1304)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_bar_is_drawn_by_tqdm(capsys: Any) -> None:
    tqdm = pytest.importorskip("tqdm").tqdm
    for progress in (True, tqdm):
        zarr.copy(tree()["foo"], zarr.group({}), progress=progress)
        assert "100%" in capsys.readouterr().err
    zarr.copy(tree()["foo"], zarr.group({}))
    assert capsys.readouterr().err == ""


# -- parameters ---------------------------------------------------------------------------------


def test_attributes_are_left_out_where_asked() -> None:
    dest = zarr.group({})
    zarr.copy(tree()["foo"], dest, without_attrs=True)
    assert all(dict(node.attrs) == {} for _, node in dest.members(None))


def test_attributes_of_groups_that_are_there_are_merged() -> None:
    dest = zarr.group({})
    dest.create_group("foo", attributes={"a": 0, "mine": 1})
    zarr.copy(tree()["foo"], dest)
    assert dict(dest["foo"].attrs) == {"a": 1, "mine": 1}


def test_the_root_needs_a_name() -> None:
    with pytest.raises(TypeError, match="name"):
        zarr.copy(tree(), zarr.group({}))
    dest = zarr.group({})
    assert zarr.copy(tree(), dest, name="all")[0] == 5
    assert dict(dest["all"].attrs) == {"root": True}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((np.ones(3), zarr.group({}), "a"), TypeError),
        ((tree()["foo"], {}), TypeError),
        ((tree()["foo"], tree()["foo/x"]), TypeError),
        ((tree()["foo"], zarr.group({}), "../a"), ValueError),
        ((tree()["foo"], zarr.group({}), "__a"), ValueError),
        ((tree()["foo"], zarr.group({}), "zarr.json"), ValueError),
    ],
)
def test_bad_arguments_are_refused(arguments: Any, error: Any) -> None:
    with pytest.raises(error):
        zarr.copy(*arguments)
    with pytest.raises(ValueError, match="if_exists"):
        zarr.copy(tree()["foo"], zarr.group({}), if_exists="perhaps")  # type: ignore[arg-type]


def test_a_read_only_group_is_refused() -> None:
    dest = zarr.open_group(MemoryStore(tree().store._store_dict, read_only=True), mode="r")
    with pytest.raises(ValueError, match="read-only"):
        zarr.copy(tree()["foo"], dest, name="new")


def test_separate_chunk_stores_are_read_and_written() -> None:
    documents, chunks = MemoryStore({}), MemoryStore({})
    source = zarr.group(documents, chunk_store=chunks)
    source.create_array("a", data=np.arange(10), chunks=(3,))
    there = MemoryStore({}), MemoryStore({})
    dest = zarr.group(there[0], chunk_store=there[1])
    zarr.copy_all(source, dest)
    assert values(there[1]) == values(chunks)
    zarr.copy_all(source, dest, if_exists="replace", chunks=(5,))
    assert set(values(there[1])) == {"a/c/0", "a/c/1"}
    np.testing.assert_array_equal(dest["a"][...], np.arange(10))
    assert set(values(there[0])) == {"zarr.json", "a/zarr.json"}


def test_irregular_chunks_and_shards_are_copied() -> None:
    with zarr.config.set({"array.rectilinear_chunks": True}):
        source, dest = zarr.group({}), zarr.group({})
        array = source.create_array("a", shape=(10,), chunks=[[3, 3, 4]], dtype="i4")
        array[...] = np.arange(10)
        zarr.copy(array, dest)
        zarr.copy(array, dest, name="b", chunks=(4,))
        for name in "ab":
            assert dest[name][...].tolist() == list(range(10))
        assert dest["a"].read_chunk_sizes == ((3, 3, 4),)


def test_arrays_without_axes_or_elements_are_copied() -> None:
    source, dest = zarr.group({}), zarr.group({}, zarr_format=2)
    source.create_array("scalar", data=np.array(5.5))
    source.create_array("empty", shape=(0, 3), dtype="i2", chunks=(2, 2))
    assert zarr.copy_all(source, dest) == (2, 0, 8)
    assert dest["scalar"][()] == 5.5
    assert dest["empty"].shape == (0, 3)


def test_children_are_copied_into_a_group_above() -> None:
    root = tree()
    assert zarr.copy_all(root["foo"], root)[:2] == (3, 0)
    same(root["foo/bar"], root["bar"])


def test_a_store_is_not_copied_into_itself_by_another_name(tmp_path: Path) -> None:
    tree(store=tmp_path / "a")
    with pytest.raises(ValueError, match="lies within"):
        zarr.copy_store(tmp_path / "a", tmp_path, dest_path="a/foo")
    assert not (tmp_path / "a" / "foo" / "foo").exists()
