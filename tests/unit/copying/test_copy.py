"""Copies of arrays and groups equal their sources, and nothing is lost on the way."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.arrays import copy
from zarr.codecs import BloscCodec, GzipCodec
from zarr.errors import CopyError
from zarr.storage import LocalStore, MemoryStore
from zarr.testing.faults import LatencyStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMATS = pytest.mark.parametrize("zarr_format", [2, 3])
DATA = np.arange(600, dtype="f8").reshape(20, 30)


def tree(store: Any, zarr_format: Any = 3) -> zarr.Group:
    """Groups and arrays of several kinds."""
    root = zarr.open_group(store, mode="w", zarr_format=zarr_format, attributes={"title": "all"})
    foo = root.create_group("foo", attributes={"a": 1})
    foo.create_group("empty", attributes={"e": [1, None]})
    plain = foo.create_array("plain", data=DATA, chunks=(7, 8), attributes={"units": "m"})
    assert plain.shape == DATA.shape
    text = foo.create_array("deep/text", shape=9, chunks=4, dtype=str)
    text[2:7] = ["a", "", "für", "x" * 50, "e"]
    sparse = foo.create_array("sparse", shape=100, chunks=10, dtype="i2", fill_value=7)
    sparse[33:35] = 1
    return root


def same(found: zarr.Group, expected: zarr.Group, *, attrs: bool = True) -> None:
    names = {name for name, _ in expected.members(max_depth=None)}
    assert {name for name, _ in found.members(max_depth=None)} == names
    for name, node in expected.members(max_depth=None):
        if attrs:
            assert dict(found[name].attrs) == dict(node.attrs)
        else:
            assert dict(found[name].attrs) == {}
        if isinstance(node, zarr.Array):
            np.testing.assert_array_equal(found[name][...], node[...])


@pytest.mark.parametrize(("old", "new"), list(product([2, 3], [2, 3])))
def test_a_group_is_copied_with_all_below_it(old: Any, new: Any, tmp_path: Path) -> None:
    source = tree(tmp_path / "source", old)
    dest = zarr.open_group({}, mode="w", zarr_format=new)
    counts = zarr.copy(source["foo"], dest)
    nodes = 1 + source["foo"].nmembers(max_depth=None)
    assert counts[:2] == (nodes, 0)
    same(dest["foo"], source["foo"])
    assert dest.attrs == {}
    assert {node.metadata.zarr_format for _, node in dest.members(max_depth=None)} == {new}


def test_names_are_given_or_those_of_the_source() -> None:
    source, dest = tree({}), zarr.group()
    zarr.copy(source["foo/plain"], dest)
    zarr.copy(source["foo/plain"], dest, "a/b/c")
    zarr.copy(source, dest, name="whole")
    assert set(dest) == {"plain", "a", "whole"}
    np.testing.assert_array_equal(dest["a/b/c"], DATA)
    assert dest["whole"].attrs == {"title": "all"}
    with pytest.raises(TypeError, match="source has no name"):
        zarr.copy(source, dest)


def test_the_log_and_the_counts_say_what_was_done() -> None:
    source = zarr.group()
    source.create_array("foo/bar/baz", data=np.arange(100), chunks=50)
    lines: list[str] = []
    assert zarr.copy(source["foo"], zarr.group(), log=lines.append) == (3, 0, 800)
    assert lines == [
        "copy /foo",
        "copy /foo/bar",
        "copy /foo/bar/baz (100,) int64",
        "all done: 3 copied, 0 skipped, 800 bytes copied",
    ]


def test_a_log_is_a_function_a_path_or_a_file(tmp_path: Path) -> None:
    source, file = tree({}), io.StringIO()
    zarr.copy(source["foo"], zarr.group(), log=file)
    zarr.copy(source["foo"], zarr.group(), log=str(tmp_path / "log"))
    assert (tmp_path / "log").read_text() == file.getvalue()
    assert "copy /foo/plain (20, 30) float64\n" in file.getvalue()
    with pytest.raises(TypeError, match="log must be"):
        zarr.copy(source["foo"], zarr.group(), log=3)  # type: ignore[arg-type]


def test_a_dry_run_changes_nothing_and_counts_the_same() -> None:
    values: dict[str, Any] = {}
    source, dest = tree({}), zarr.group(values)
    before, lines = dict(values), []
    counts = zarr.copy(source["foo"], dest, dry_run=True, log=lines.append)
    assert values == before
    assert counts == (*zarr.copy(source["foo"], dest)[:2], 0)
    assert lines[-1] == f"dry run: {counts[0]} copied, 0 skipped"


def test_nodes_below_the_children_are_not_in_a_shallow_copy() -> None:
    source, dest = tree({}), zarr.group()
    zarr.copy(source["foo"], dest, shallow=True)
    names = {name for name, _ in dest.members(max_depth=None)}
    assert names == {"foo", "foo/empty", "foo/plain", "foo/deep", "foo/sparse"}
    dest = zarr.group()
    zarr.copy_all(source, dest, shallow=True)
    assert [name for name, _ in dest.members(max_depth=None)] == ["foo"]


def test_attributes_stay_behind_where_asked() -> None:
    source, dest = tree({}), zarr.group()
    zarr.copy(source["foo"], dest, without_attrs=True)
    same(dest["foo"], source["foo"], attrs=False)


def test_all_children_are_copied_and_not_the_attributes_of_the_group() -> None:
    source, dest = tree({}), zarr.group(attributes={"mine": 1})
    counts = zarr.copy_all(source, dest)
    assert counts[0] == source.nmembers(max_depth=None)
    same(dest, source)
    assert dest.attrs == {"mine": 1}
    with pytest.raises(TypeError, match="what is in a group"):
        zarr.copy_all(source["foo/plain"], dest)


@FORMATS
def test_stored_chunks_pass_untouched_where_they_may(zarr_format: Any) -> None:
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    array = zarr.create_array(
        old, name="a", data=DATA, chunks=(7, 8), zarr_format=zarr_format, compressors="auto"
    )
    chunk = next(key for key in old if "0" in key.rpartition("a")[2])
    old[chunk] = type(old[chunk]).from_bytes(b"not even a chunk")
    zarr.copy(array, zarr.group(new, zarr_format=zarr_format))
    documents = (".zarray", ".zattrs", ".zgroup", "zarr.json")
    for key in old:
        if not key.endswith(documents):
            assert new[key].to_bytes() == old[key].to_bytes()


@pytest.mark.parametrize(
    "given",
    [
        {"chunks": (5, 5)},
        {"chunks": (4, 6), "shards": (8, 12)},
        {"compressors": GzipCodec(level=1)},
        {"compressor": None},
        {"compressors": [BloscCodec(cname="lz4")]},
        {"fill_value": 3.0},
        {"dtype": "f4"},
        {"dimension_names": ["y", "x"]},
        {"chunk_key_encoding": {"name": "v2", "separator": "."}},
    ],
    ids=str,
)
def test_arrays_are_made_as_asked(given: dict[str, Any]) -> None:
    data = DATA.copy()
    data[:8, :8] = 3
    source, dest = zarr.create_array({}, name="a", data=data, chunks=(7, 8)), zarr.group()
    zarr.copy(source, dest, **given)
    made = dest["a"]
    np.testing.assert_array_equal(made[...], data.astype(given.get("dtype", "f8")))
    assert made.chunks == given.get("chunks", (7, 8))
    assert made.shards == given.get("shards")
    if "compressors" in given or "compressor" in given:
        assert made.compressors != source.compressors
    assert made.fill_value == given.get("fill_value", 0)
    if "dimension_names" in given:
        assert made.metadata.dimension_names == ("y", "x")


def test_an_unknown_parameter_is_an_error() -> None:
    with pytest.raises(TypeError, match="chunkz"):
        zarr.copy(tree({})["foo/plain"], zarr.group(), chunkz=3)


def test_bits_of_nan_count_as_different_fill_values() -> None:
    source = zarr.create_array({}, name="a", shape=4, dtype="f4", fill_value=np.float32(np.nan))
    dest = zarr.group()
    other = np.array([0x7FC00001], "u4").view("f4")[0]
    zarr.copy(source, dest, fill_value=other)
    assert dest["a"][...].view("u4").tolist() == source[...].view("u4").tolist()


# -- what is there already ------------------------------------------------------------------------


def test_nothing_is_copied_if_anything_is_there() -> None:
    values: dict[str, Any] = {}
    source, dest = tree({}), zarr.group(values)
    dest.create_array("foo/sparse", shape=3, dtype="i1")
    before = dict(values)
    with pytest.raises(CopyError, match="an array exists at 'foo/sparse'"):
        zarr.copy(source["foo"], dest)
    assert values == before
    with pytest.raises(ValueError, match="if_exists must be one of"):
        zarr.copy(source["foo"], dest, if_exists="overwrite")  # type: ignore[arg-type]


def test_existing_nodes_are_replaced_or_left_as_asked() -> None:
    source, dest = tree({}), zarr.group()
    dest.create_array("foo/sparse", data=np.zeros(3, "i1"))
    dest.create_array("foo/plain/inside", data=np.zeros(3, "i1"))
    copied, skipped, _ = zarr.copy(source["foo"], dest, if_exists="skip")
    assert (copied, skipped) == (4, 2)
    assert dest["foo/sparse"].shape == (3,)
    assert isinstance(dest["foo/plain"], zarr.Group)
    copied, skipped, _ = zarr.copy(source["foo"], dest, if_exists="replace")
    assert (copied, skipped) == (6, 0)
    same(dest["foo"], source["foo"])


def test_an_array_where_a_group_would_be_is_there_already() -> None:
    source, dest = tree({}), zarr.group()
    dest.create_array("foo/deep", data=[1, 2])
    with pytest.raises(CopyError, match="an array exists at 'foo/deep'"):
        zarr.copy(source["foo"], dest)
    zarr.copy(source["foo"], dest, if_exists="skip")
    assert dest["foo/deep"][...].tolist() == [1, 2]
    zarr.copy(source["foo"], dest, if_exists="replace")
    same(dest["foo"], source["foo"])


def test_groups_that_are_there_get_what_they_lack() -> None:
    source, dest = tree({}), zarr.group()
    dest.create_group("foo", attributes={"a": 0, "b": 2}).create_array("own", data=[1])
    zarr.copy(source["foo"], dest)
    assert dest["foo"].attrs == {"a": 1, "b": 2}
    assert dest["foo/own"][...].tolist() == [1]


@pytest.mark.parametrize(
    "given", [{}, {"chunks": (10, 10)}, {"chunks": (5, 5), "shards": (10, 15)}]
)
def test_a_copy_that_was_interrupted_goes_on_where_it_was(given: dict[str, Any]) -> None:
    class Full(Exception):
        pass

    class Small(dict[str, Any]):
        room = 8

        def __setitem__(self, key: str, value: Any) -> None:
            if len(self) >= self.room:
                raise Full
            super().__setitem__(key, value)

    source, values = tree({}), Small()
    dest = zarr.group(values)
    with pytest.raises(Full):
        zarr.copy(source["foo"], dest, "foo")
    values.room = 10**6
    written = {key: value for key, value in values.items() if not key.endswith("json")}
    zarr.copy(source["foo"], dest, if_exists="skip_initialized")
    same(dest["foo"], source["foo"])
    assert written
    for key, value in written.items():
        assert values[key] is value
    copied, skipped, size = zarr.copy(source["foo"], dest, if_exists="skip_initialized")
    assert (copied, skipped, size) == (3, 3, 0)

    part = zarr.create_array(dest.store, name="part", shape=DATA.shape, dtype="f8", chunks=(7, 8))
    part[:7, :8] = -1
    zarr.copy(source["foo/plain"], dest, "part", if_exists="skip_initialized", **given)
    assert (part[:7, :8] == -1).all()
    np.testing.assert_array_equal(part[7:], DATA[7:])


def test_a_copy_does_not_go_on_in_another_array() -> None:
    source, dest = tree({}), zarr.group()
    dest.create_array("plain", data=[1, 2])
    with pytest.raises(CopyError, match=r"\(20, 30\) cannot go on"):
        zarr.copy(source["foo/plain"], dest, if_exists="skip_initialized")
    assert dest["plain"][...].tolist() == [1, 2]


def test_copies_into_or_over_themselves_are_refused(tmp_path: Path) -> None:
    source = tree(tmp_path)
    before = sorted(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    again = zarr.open_group(LocalStore(tmp_path))
    for call in (
        lambda: zarr.copy(source["foo"], again, if_exists="replace"),
        lambda: zarr.copy(source["foo"], again["foo"], "inside"),
        lambda: zarr.copy(source["foo/deep/text"], again, "foo", if_exists="replace"),
        lambda: zarr.copy(source["foo/plain"], again["foo"], if_exists="replace"),
        lambda: zarr.copy_all(source, again["foo"]),
        lambda: zarr.copy_store(tmp_path, tmp_path, dest_path="foo"),
    ):
        with pytest.raises(ValueError, match="itself|replaced|lies within"):
            call()
    assert sorted(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()) == before
    zarr.copy(source["foo"], again, "foo2")
    same(again["foo2"], again["foo"])


def test_a_place_that_cannot_be_written_is_refused_at_once() -> None:
    source = tree({})
    store = MemoryStore()
    zarr.group(store)
    dest = zarr.open_group(store, mode="r")
    with pytest.raises(ValueError, match="read-only"):
        zarr.copy(source["foo"], dest)
    with pytest.raises(TypeError, match="dest must be a group"):
        zarr.copy(source["foo"], store)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Only arrays and groups"):
        zarr.copy(np.zeros(3), zarr.group(), "a")


# -- who does it ----------------------------------------------------------------------------------


@contextmanager
def executor_of(kind: str) -> Iterator[Any]:
    """An executor, as several libraries have them."""
    if kind == "threads":
        with ThreadPoolExecutor(3) as executor:
            yield executor
    elif kind == "processes":
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
            yield executor
    elif kind == "loky":
        yield pytest.importorskip("joblib.externals.loky").get_reusable_executor(max_workers=2)
    else:
        distributed = pytest.importorskip("distributed")
        settings: dict[str, Any] = {"dashboard_address": None, "threads_per_worker": 1}
        with (
            distributed.LocalCluster(n_workers=2, **settings) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client.get_executor()


@pytest.mark.filterwarnings("ignore")  # of dask and loky, about their surroundings
@pytest.mark.parametrize("kind", ["threads", "processes", "loky", "dask"])
def test_the_workers_of_an_executor_copy(kind: str, tmp_path: Path) -> None:
    source = tree(tmp_path / "source")
    with executor_of(kind) as executor:
        for name, given in (("a", {}), ("b", {"chunks": (5, 6), "shards": (10, 12)})):
            check_copies(executor, source, tmp_path / name, given)


def check_copies(executor: Any, source: Any, place: Path, given: dict[str, Any]) -> None:
    dest = zarr.open_group(place / "dest", mode="w")
    counts = zarr.copy(source["foo/plain"], dest, executor=executor, **given)
    assert counts == (1, 0, DATA.nbytes)
    made = zarr.from_array(
        place / "array", data=DATA, chunks=(4, 4), shards=(8, 8), executor=executor
    )
    np.testing.assert_array_equal(dest["plain"][...], DATA)
    np.testing.assert_array_equal(made[...], DATA)


class Elements:
    """Something like an array, which knows by which threads its elements were taken."""

    shape, dtype = (64,), np.dtype("i4")

    def __init__(self) -> None:
        self.threads: list[str] = []

    def __getitem__(self, selection: Any) -> Any:
        self.threads.append(threading.current_thread().name)
        return np.arange(64, dtype="i4")[selection]


def test_elements_that_are_sent_are_taken_when_it_is_their_turn(
    monkeypatch: pytest.MonkeyPatch, waiting_store: Any
) -> None:
    monkeypatch.setattr(copy, "_SENT_BYTES", 8)  # of 256 in all, 4 in each block
    monkeypatch.setattr(copy, "BLOCK_BYTES", 4)
    elements = Elements()
    waiting, most = [0], [0]

    class Slow(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            waiting[0] += 1
            most[0] = max(most[0], waiting[0])
            future = super().submit(fn, *args, **kwargs)
            future.add_done_callback(lambda _: waiting.__setitem__(0, waiting[0] - 1))
            return future

    with Slow(1) as executor:
        made = zarr.from_array(waiting_store(), data=elements, chunks=(1,), executor=executor)
        np.testing.assert_array_equal(made[:], np.arange(64))
    assert len(elements.threads) == 64
    assert most[0] <= 2
    assert "zarr_io" not in elements.threads


def test_workers_that_would_write_to_a_copy_are_refused() -> None:
    source, dest = tree({}), zarr.group()
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        pytest.raises(ValueError, match="cannot write to memory://"),
    ):
        zarr.copy(source["foo/plain"], dest, executor=executor)


def test_an_error_of_a_worker_ends_the_copy() -> None:
    values: dict[str, Any] = {}
    source = zarr.create_array(values, name="a", data=DATA, chunks=(2, 2))
    values["a/c/3/3"] = type(values["a/c/3/3"]).from_bytes(b"damaged")
    with ThreadPoolExecutor(2) as executor, pytest.raises(zarr.errors.ChunkDecodeError):
        zarr.copy(source, zarr.group(), chunks=(4, 4), executor=executor)


def test_progress_is_told_as_bytes() -> None:
    seen: list[tuple[int, int]] = []
    zarr.copy(tree({})["foo"], zarr.group(), progress=lambda *item: seen.append(item))
    assert seen[0][0] == 0
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] == seen[0][1] > DATA.nbytes
    with pytest.raises(TypeError, match="progress must be"):
        zarr.copy(tree({})["foo"], zarr.group(), progress="yes")  # type: ignore[arg-type]


def test_a_bar_is_shown_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    zarr.copy(tree({})["foo"], zarr.group(), progress=True)
    assert "100%" in capsys.readouterr().err
    zarr.copy(tree({})["foo"], zarr.group())
    assert capsys.readouterr().err == ""


async def _both(source: Any, dest: Any) -> tuple[int, int, int]:
    return await zarr.api.asynchronous.copy(source, dest)


def test_stores_that_wait_are_copied_concurrently() -> None:
    import asyncio

    source = tree({})
    slow = LatencyStore(MemoryStore(), get_latency=0.001, set_latency=0.001)
    dest = zarr.open_group(slow, mode="w")
    counts = asyncio.run(_both(source["foo"]._async_group, dest._async_group))
    assert counts[:2] == (6, 0)
    same(dest["foo"], source["foo"])
    again = zarr.open_group(LatencyStore(MemoryStore()), mode="w")
    zarr.copy_all(dest, again)
    same(again["foo"], source["foo"])
