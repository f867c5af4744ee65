"""Arrays that are made alike share parsed metadata, and nothing that can be told or changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zarr


def made(**options: Any) -> zarr.Array[Any]:
    return zarr.create_array({}, **{"shape": (4, 6), "dtype": "f8", "chunks": (2, 3), **options})


def test_attributes_are_those_of_each() -> None:
    first = made(attributes={"a": [1]})
    second = made(attributes={"b": 2})
    third = made()
    first.attrs["a"] = [3]
    assert dict(second.attrs) == {"b": 2}
    assert dict(third.attrs) == {}
    third.attrs["c"] = 4
    assert dict(made().attrs) == {}


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("fill_value", 0.0, -0.0),
        ("fill_value", 1, True),
        ("fill_value", float("nan"), np.float64("nan")),
        ("dimension_names", ("a", "b"), ("b", "a")),
        ("chunks", (2, 3), (3, 2)),
        ("shards", None, (4, 6)),
        ("dtype", "<f8", "<f4"),
        ("dtype", "<i2", ">i2"),
        ("shape", (4, 6), (6, 4)),
    ],
)
def test_different_parameters_make_different_arrays(name: str, one: Any, other: Any) -> None:
    for value in (one, other, one):
        array = made(**{name: value})
        alone = zarr.create_array(
            {},
            **{"shape": (4, 6), "dtype": "f8", "chunks": (2, 3), name: value},
            attributes={"alone": True},
        )
        found = {**array.metadata.to_dict(), "attributes": {"alone": True}}
        assert repr(found) == repr(alone.metadata.to_dict())
        if name == "fill_value":
            assert np.signbit(array.fill_value) == np.signbit(np.float64(value))


def test_values_that_are_refused_are_refused_again() -> None:
    assert made(chunks=(2, 3)).chunks == (2, 3)
    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            made(chunks=(2.5, 3))
        with pytest.raises((TypeError, ValueError)):
            made(fill_value="x")
        with pytest.raises(TypeError):
            made(attributes={"a": object()})


def test_changed_settings_make_other_arrays() -> None:
    before = made(chunks="auto", shards="auto", shape=(4000, 4000))
    with zarr.config.set({"array.target_shard_size_bytes": 1 << 20}):
        assert made(chunks="auto", shards="auto", shape=(4000, 4000)).shards != before.shards
    assert made(chunks="auto", shards="auto", shape=(4000, 4000)).shards == before.shards


def test_one_that_grows_leaves_the_others_as_they_are() -> None:
    first, second = made(), made()
    first.resize((8, 6))
    first[:] = 1
    assert second.shape == (4, 6)
    assert made().shape == (4, 6)
    assert second[:].sum() == 0


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
def test_records_are_made_alike() -> None:
    for _ in range(2):
        array = made(dtype=[("a", "<i4"), ("b", "<f8")])
        array[0, 0] = (1, 2.5)
        assert array[0, 0].item() == (1, 2.5)
        assert made(dtype=[("a", "<i4"), ("b", "<f8")])[0, 0].item() == (0, 0.0)
