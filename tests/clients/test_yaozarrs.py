"""yaozarrs: it finds a pyramid that was written here to be sound OME-Zarr."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own dependencies
yaozarrs = pytest.importorskip("yaozarrs")
pytest.importorskip("ome_zarr")

from ome_zarr.format import FormatV04, FormatV05  # noqa: E402
from ome_zarr.writer import write_image  # noqa: E402


@pytest.mark.parametrize("fmt", [FormatV04(), FormatV05()], ids=lambda fmt: f"v{fmt.version}")
def test_a_pyramid_is_valid(fmt: FormatV05, tmp_path: Path) -> None:
    directory = str(tmp_path / "image.zarr")
    group = zarr.open_group(directory, mode="w", zarr_format=fmt.zarr_format)
    image = np.arange(3 * 256 * 256, dtype="u2").reshape(3, 256, 256)
    write_image(image, group, axes="cyx", fmt=fmt, storage_options={"chunks": (1, 64, 64)})
    yaozarrs.validate_zarr_store(directory)
    found = yaozarrs.open_group(directory)
    assert found.ome_version() == fmt.version
    del group["s1" if "s1" in group else "1"]
    with pytest.raises(ValueError, match="1"):
        yaozarrs.validate_zarr_store(directory)
