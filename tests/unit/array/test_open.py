"""Opening, loading and saving arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zarr
from zarr.errors import (
    ArrayNotFoundError,
    ContainsArrayError,
    ContainsGroupError,
    NodeNotFoundError,
    NodeTypeValidationError,
    ZarrDeprecationWarning,
    ZarrUserWarning,
)
from zarr.storage import LocalStore, MemoryStore

GROUP = b'{"zarr_format": 3, "node_type": "group", "attributes": {}}'
DATA = [1, 2, 3, 4]


@pytest.fixture(params=[2, 3])
def path(request: Any, tmp_path: Any) -> Any:
    """The path of an array, in each format."""
    array = zarr.create_array(tmp_path / "a.zarr", shape=4, dtype="i4", zarr_format=request.param)
    array[:] = DATA
    return tmp_path / "a.zarr"


@pytest.fixture
def group(tmp_path: Any) -> Any:
    """The path of a group."""
    (tmp_path / "g.zarr").mkdir()
    (tmp_path / "g.zarr" / "zarr.json").write_bytes(GROUP)
    return tmp_path / "g.zarr"


def test_an_array_is_opened_in_each_mode(path: Any) -> None:
    for mode in ("r", "r+", "a", None):
        for function in (zarr.open_array, zarr.open):
            array: Any = function(path, mode=mode)
            assert array[:].tolist() == DATA
            assert array.read_only == (mode == "r")


def test_reading_mode_refuses_all_changes(path: Any) -> None:
    array: Any = zarr.open_array(path, mode="r")
    changes = (
        lambda: array.__setitem__(0, 1),
        lambda: array.resize((2,)),
        lambda: array.append([1]),
        lambda: array.attrs.update(a=1),
        lambda: array.update_attributes({"a": 1}),
    )
    for change in changes:
        with pytest.raises(ValueError, match="read-only"):
            change()
    assert zarr.open_array(path)[:].tolist() == DATA


def test_an_open_array_is_not_destroyed(path: Any) -> None:
    for mode in ("r", "r+", "a", None):
        assert zarr.open_array(path, mode=mode, shape=(2,), dtype="f8")[:].tolist() == DATA
        assert zarr.open(path, mode=mode, shape=(2,), dtype="f8")[:].tolist() == DATA
    for function in (zarr.open_array, zarr.open):
        with pytest.raises(FileExistsError):
            function(path, mode="w-", shape=(2,))
        with pytest.raises(TypeError, match="nonsense"):
            function(path, mode="w", shape=(2,), nonsense=3)
    with pytest.raises(TypeError, match="shape"):
        zarr.open_array(path, mode="w")
    assert zarr.open_array(path)[:].tolist() == DATA
    assert zarr.open_array(path, mode="w", shape=(2,), dtype="i2")[:].tolist() == [0, 0]


def test_a_missing_array_is_created_where_the_mode_says_so(tmp_path: Any) -> None:
    for mode in ("a", "w", "w-"):
        for function in (zarr.open_array, zarr.open):
            place = tmp_path / f"{mode}{function.__name__}"
            assert function(place, mode=mode, shape=(3,), dtype="i4").shape == (3,)
    for mode in ("r", "r+"):
        for function in (zarr.open_array, zarr.open):
            with pytest.raises(FileNotFoundError):
                function(tmp_path / "none", mode=mode, shape=(3,))
    assert not (tmp_path / "none").exists()
    with pytest.raises(TypeError, match="none2.*shape"):
        zarr.open_array(tmp_path / "none2", mode="a")


def test_an_error_names_path_and_format_looked_for_and_found(path: Any, group: Any) -> None:
    found = zarr.open_array(path).metadata.zarr_format
    other: Any = 5 - found
    wanted, present = {2: (".zarray", "zarr.json"), 3: ("zarr.json", ".zarray")}[other]
    with pytest.raises(ArrayNotFoundError) as error:
        zarr.open_array(path, mode="r", zarr_format=other)
    for part in (str(path), f"no {wanted}", present):
        assert part in str(error.value)
    with pytest.raises(NodeTypeValidationError, match="group"):
        zarr.open_array(group, mode="r")
    (group / "zarr.json").rename(group / ".zgroup")
    with pytest.raises(ArrayNotFoundError, match=r"a group of format 2"):
        zarr.open_array(group, mode="r")
    with pytest.raises(NodeNotFoundError, match="Neither"):
        zarr.open(MemoryStore(), mode="r")


def test_an_array_is_not_made_over_a_group(group: Any) -> None:
    with pytest.raises(ContainsGroupError):
        zarr.open(group, mode="a", shape=(3,))
    with pytest.raises(ContainsGroupError):
        zarr.create_array(group, shape=(3,), dtype="i4")
    assert (group / "zarr.json").read_bytes() == GROUP
    assert zarr.open_array(group, mode="w", shape=(3,)).shape == (3,)


def test_a_bad_mode_is_refused(path: Any) -> None:
    for function in (zarr.open_array, zarr.open):
        with pytest.raises(ValueError, match="Invalid mode: x"):
            function(path, mode="x")


def test_open_reads_only_where_the_store_does() -> None:
    store = MemoryStore()
    zarr.create_array(store, shape=(3,), dtype="i4")
    frozen = store.with_read_only(True)
    assert zarr.open(frozen).read_only
    with pytest.raises(ValueError, match="read-only"):
        zarr.open(frozen, mode="a")
    assert not zarr.open(store).read_only
    assert zarr.open(store, mode="r").read_only


def test_settings_hold_for_an_array_that_exists(path: Any) -> None:
    assert zarr.open_array(path, config={"write_empty_chunks": True}).config.write_empty_chunks
    assert zarr.open_array(path, read_only=True).read_only
    with pytest.warns(ZarrDeprecationWarning):
        zarr.open_array(path, zarr_version=zarr.open_array(path).metadata.zarr_format)


def test_opening_asks_the_store_as_little_as_possible(waiting_store: Any) -> None:
    store = waiting_store()
    zarr.create_array(store, name="a", shape=(3,), dtype="i4")
    zarr.create_array(store, name="b", shape=(3,), dtype="i4", zarr_format=2)
    for parameters, expected in (
        ({"path": "a"}, ["a/zarr.json"]),
        ({"path": "a", "zarr_format": 3}, ["a/zarr.json"]),
        ({"path": "b", "zarr_format": 2}, ["b/.zarray", "b/.zattrs"]),
        ({"path": "b"}, ["b/zarr.json", "b/.zarray", "b/.zattrs"]),
    ):
        store.log.clear()
        zarr.open_array(store, mode="r", **parameters)  # type: ignore[arg-type]
        assert store.log == [("get", key) for key in expected]


def test_creating_asks_the_store_as_little_as_possible(waiting_store: Any) -> None:
    store = waiting_store()
    zarr.create_array(store, shape=(3,), dtype="i4")
    names = ("zarr.json", ".zarray", ".zgroup")  # a node of format 2 would be hidden
    assert sorted(store.log) == sorted([*(("get", name) for name in names), ("set", "zarr.json")])
    assert store.log[-1] == ("set", "zarr.json")
    store = waiting_store()
    zarr.create_group(store, zarr_format=3)
    assert store.log == [("get", "zarr.json"), ("set", "zarr.json")]


def test_classes_open_arrays_too(path: Any) -> None:
    if zarr.open_array(path).metadata.zarr_format == 3:
        assert zarr.Array.open(path)[:].tolist() == DATA
    else:
        with pytest.raises(ArrayNotFoundError):
            zarr.Array.open(path)


def test_open_like_makes_what_is_not_there(tmp_path: Any) -> None:
    source = zarr.create_array({}, shape=(10,), dtype="i2", chunks=(5,))
    store = LocalStore(tmp_path)
    made = zarr.open_like(source, "x", store=store)
    assert (made.path, made.shape, made.chunks, made.dtype) == ("x", (10,), (5,), "i2")
    made[:] = 3
    assert zarr.open_like(source, "x", store=store)[0] == 3
    assert zarr.open_like(np.ones(3), "y", store=store).shape == (3,)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_saved_arrays_are_loaded(tmp_path: Any, zarr_format: Any) -> None:
    data = np.arange(12).reshape(3, 4)
    zarr.save(tmp_path / "a", data, zarr_format=zarr_format)
    np.testing.assert_array_equal(zarr.load(tmp_path / "a"), data)
    zarr.save_array(tmp_path / "b", data, path="x/y", chunks=(2, 2), zarr_format=zarr_format)
    np.testing.assert_array_equal(zarr.load(tmp_path / "b", path="x/y"), data)
    assert zarr.open_array(tmp_path / "b", path="x/y").chunks == (2, 2)
    with pytest.raises(ContainsArrayError):
        zarr.save_array(tmp_path / "a", data, zarr_format=zarr_format)
    zarr.save_array(tmp_path / "a", data + 1, overwrite=True, zarr_format=zarr_format)
    np.testing.assert_array_equal(zarr.load(tmp_path / "a"), data + 1)


def test_a_value_that_is_no_array_is_not_saved(tmp_path: Any) -> None:
    with pytest.raises(TypeError, match="NDArrayLike"):
        zarr.save_array(tmp_path / "a", [1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one array"):
        zarr.save(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        zarr.load(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("opens", [zarr.open, zarr.open_array])
def test_a_parameter_that_there_is_none_of_is_told(opens: Any) -> None:
    store: dict[str, Any] = {}
    with pytest.raises(TypeError, match="lock"):
        opens(store, mode="w", shape=(3,), dtype="i4", lock=None)
    zarr.create_array(store, shape=(3,), dtype="i4")
    with pytest.warns(ZarrUserWarning, match="no parameter 'lock'"):
        assert opens(store, mode="r", lock=None).shape == (3,)


def test_a_group_is_not_opened_with_what_belongs_to_an_array(group: Any, tmp_path: Any) -> None:
    for place in (group, tmp_path / "new"):
        for given in ({"config": {"order": "F"}}, {"dtype": "i4"}, {"read_only": True}):
            with pytest.raises(TypeError, match=next(iter(given))):
                zarr.open(place, mode="a", **given)  # type: ignore[arg-type]
    assert not list((tmp_path / "new").glob("*"))
    assert isinstance(zarr.open(group, mode="a", config=None, cache_attrs=False), zarr.Group)


def test_an_array_like_another_is_made_where_no_mode_is_given() -> None:
    like = zarr.create_array({}, shape=(4,), dtype="u1", fill_value=100)
    store: dict[str, Any] = {}
    for given in ({}, {"mode": None}, {"mode": "a"}):
        made = zarr.open_like(like, path="x", store=store, **given)
        assert made[:].tolist() == [100] * 4
    with pytest.raises(ArrayNotFoundError):
        zarr.open_like(like, path="y", store=store, mode="r")
