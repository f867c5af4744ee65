"""Groups and datasets of HDF5 files become groups and arrays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.errors import ZarrUserWarning
from zarr.testing.faults import LatencyStore

h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = np.arange(600, dtype=">i4").reshape(20, 30)
RECORDS = np.array([(1, 2.5, b"abc"), (3, -1, b"d")], [("a", "u1"), ("b", "f8"), ("c", "S3")])


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Any]:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["title"] = "all"
        foo = file.create_group("foo")
        foo.attrs["list"] = np.array([1, 2])
        foo.attrs["number"] = np.float32(0.5)
        foo.attrs["bytes"] = np.bytes_(b"text")
        foo.create_dataset("plain", data=DATA)
        made = foo.create_dataset(
            "chunked", data=DATA, chunks=(7, 8), compression="gzip", fillvalue=-1
        )
        made.dims[0].label = "y"
        foo.create_dataset("text", data=["a", "für", ""], dtype=h5py.string_dtype())
        foo.create_dataset("fixed", data=np.array([b"a", b"bcd"]))
        foo.create_dataset("records", data=RECORDS)
        foo.create_dataset("scalar", data=1.5)
        foo.create_dataset("flags", data=[True, False])
        foo.create_dataset("none", shape=(0, 3), dtype="f4", maxshape=(None, 3))
        kind = h5py.enum_dtype({"red": 1, "blue": 2}, basetype="u1")
        foo.create_dataset("colours", data=[1, 2], dtype=kind)
        foo.create_group("deep/deeper").create_dataset("c", data=np.array([1 + 2j]))
        yield file


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("waits", [False, True])
def test_groups_are_copied(file: Any, zarr_format: Any, waits: bool) -> None:
    store: Any = zarr.storage.MemoryStore()
    if waits:
        store = LatencyStore(store)
    dest = zarr.open_group(store, mode="w", zarr_format=zarr_format)
    copied, skipped, _ = zarr.copy(file["foo"], dest)
    assert (copied, skipped) == (13, 0)
    made = dest["foo"]
    assert made.attrs == {"list": [1, 2], "number": 0.5, "bytes": "text"}
    for name in ("plain", "chunked", "fixed", "records", "scalar", "flags", "none", "colours"):
        np.testing.assert_array_equal(made[name][...], file["foo"][name][()])
    assert made["text"][:].tolist() == ["a", "für", ""]
    assert made["deep/deeper/c"][0] == 1 + 2j
    assert made["chunked"].chunks == (7, 8)
    assert made["chunked"].fill_value == -1
    if zarr_format == 3:
        assert made["chunked"].metadata.dimension_names == ("y", None)


def test_all_that_is_in_a_file_is_copied(file: Any) -> None:
    dest = zarr.group()
    assert zarr.copy_all(file, dest, log=None)[0] == 13
    assert set(dest) == {"foo"}
    zarr.copy(file, dest, name="file", shallow=True, without_attrs=True)
    assert dict(dest["file"].attrs) == {}
    assert list(dest["file"].group_keys()) == ["foo"]


def test_a_dataset_is_copied_by_threads_and_as_asked(file: Any) -> None:
    dest = zarr.group()
    with ThreadPoolExecutor(2) as executor:
        zarr.copy(file["foo/chunked"], dest, "a", chunks=(5, 5), shards=(10, 10), executor=executor)
    np.testing.assert_array_equal(dest["a"][...], DATA)
    assert dest["a"].shards == (10, 10)


def test_items_that_zarr_cannot_hold_are_named_before_anything_is_made(file: Any) -> None:
    file["foo"].create_dataset("ragged", (3,), dtype=h5py.vlen_dtype("i4"))
    values: dict[str, Any] = {}
    dest = zarr.group(values)
    before = dict(values)
    with pytest.raises(TypeError, match=r"/foo/ragged of .* which no array of zarr can hold"):
        zarr.copy_all(file, dest)
    assert values == before


def test_references_and_dead_links_are_told_and_left(file: Any) -> None:
    file["foo"].attrs["to"] = file["foo/plain"].ref
    file["foo/dead"] = h5py.SoftLink("/nowhere")
    dest = zarr.group()
    with (
        pytest.warns(ZarrUserWarning, match="Attribute 'to' of '/foo' cannot be written"),
        pytest.warns(ZarrUserWarning, match="/foo/dead is a link that leads nowhere"),
    ):
        zarr.copy(file["foo"], dest)
    assert "dead" not in dest["foo"]


def test_links_in_a_circle_are_an_error(file: Any) -> None:
    file["foo/deep/again"] = file["foo"]
    with pytest.raises(ValueError, match="a link to a group above"):
        zarr.copy(file["foo"], zarr.group())
