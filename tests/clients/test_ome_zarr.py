"""ome-zarr: pyramids of real images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own dependencies
pytest.importorskip("ome_zarr")
data = pytest.importorskip("skimage.data")

from ome_zarr.io import parse_url  # noqa: E402
from ome_zarr.reader import Reader  # noqa: E402
from ome_zarr.writer import write_image  # noqa: E402


@pytest.fixture(scope="module")
def astronaut() -> Any:
    """A photograph: 3 channels of 512 × 512 bytes."""
    return np.ascontiguousarray(data.astronaut().transpose(2, 0, 1))


def formats() -> list[Any]:
    from ome_zarr.format import FormatV04, FormatV05

    return [FormatV04(), FormatV05()]


@pytest.mark.parametrize("fmt", formats(), ids=lambda fmt: f"v{fmt.version}")
def test_a_pyramid_comes_back(astronaut: Any, fmt: Any, tmp_path: Path) -> None:
    directory = str(tmp_path / "image.zarr")
    group = zarr.open_group(directory, mode="w", zarr_format=fmt.zarr_format)
    write_image(astronaut, group, axes="cyx", fmt=fmt, storage_options={"chunks": (1, 128, 128)})
    location = parse_url(directory)
    assert location is not None
    (node,) = list(Reader(location)())
    levels = node.data
    assert np.array_equal(np.asarray(levels[0]), astronaut)
    assert len(levels) > 1
    for below, above in zip(levels[1:], levels[:-1], strict=True):
        assert below.shape == (3, above.shape[1] // 2, above.shape[2] // 2)
        assert abs(float(np.mean(below)) - float(astronaut.mean())) < 2
    attributes = dict(zarr.open_group(directory, mode="r").attrs)
    multiscales = attributes.get("ome", attributes)["multiscales"]
    paths = [level["path"] for level in multiscales[0]["datasets"]]
    assert [zarr.open_array(f"{directory}/{path}", mode="r").shape for path in paths] == [
        level.shape for level in levels
    ]
