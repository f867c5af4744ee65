"""Saved arrays and groups are loaded again, from directories and zip files."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.errors import ContainsArrayError

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = [2, 3, None]


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("name", ["directory", "file.zip"])
def test_an_array_alone_is_an_array(tmp_path: Path, name: str, zarr_format: Any) -> None:
    place = tmp_path / name
    zarr.save(place, np.arange(5), zarr_format=zarr_format)
    assert zarr.load(place, zarr_format=zarr_format).tolist() == list(range(5))
    assert zipfile.is_zipfile(place) == name.endswith(".zip")
    zarr.save(str(place.with_suffix(".2.zip")), np.array(7.5), path="a/b")
    assert zarr.load(place.with_suffix(".2.zip"), path="a/b") == 7.5
    with pytest.raises(ContainsArrayError):
        zarr.save(place, np.arange(3), zarr_format=zarr_format)
    assert zarr.load(place).tolist() == list(range(5))


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("name", ["directory", "file.zip"])
def test_several_are_a_group_that_reads_each_when_asked(
    tmp_path: Path, name: str, zarr_format: Any
) -> None:
    place = tmp_path / name
    zarr.save(place, np.arange(3), np.ones(2), path="p/q", x=np.zeros(1), zarr_format=zarr_format)
    loaded: Any = zarr.load(place, path="p/q")
    assert sorted(loaded) == ["arr_0", "arr_1", "x"]
    assert len(loaded) == 3
    assert loaded["arr_0"].tolist() == [0, 1, 2]
    assert loaded["arr_0"] is loaded["arr_0"]
    assert "y" not in loaded
    root = zarr.open_group(place, path="p/q", mode="r")
    assert root.metadata.zarr_format == (zarr_format or 3)
    zarr.save_array(place, np.arange(4), path="p/more", zarr_format=zarr_format)
    assert zarr.load(place, path="p/more").tolist() == [0, 1, 2, 3]
    assert zarr.load(place, path="p/q")["x"].tolist() == [0]  # type: ignore[index]
    assert zipfile.is_zipfile(place) == name.endswith(".zip")


def test_nothing_is_loaded_before_it_is_asked_for(tmp_path: Path) -> None:
    zarr.save(tmp_path / "g", a=np.arange(3), b=np.arange(4))
    loaded: Any = zarr.load(tmp_path / "g")
    (tmp_path / "g/a/c/0").write_bytes(b"damaged")
    assert loaded["b"].tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="a/c/0"):
        loaded["a"]


@pytest.mark.parametrize("name", ["directory", "file.zip"])
def test_a_value_that_is_no_array_is_refused_and_makes_nothing(tmp_path: Path, name: str) -> None:
    for arguments in ((), ([1, 2],), ([1], [2])):
        with pytest.raises((TypeError, ValueError), match="arr"):
            zarr.save(tmp_path / name, *arguments)  # type: ignore[arg-type]
    assert not (tmp_path / name).exists()
