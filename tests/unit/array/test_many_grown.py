"""Arrays that others of this process made longer, more of them than are remembered by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import zarr
from zarr.hierarchy import locking

if TYPE_CHECKING:
    import pytest


def test_a_handle_keeps_what_others_appended_however_many_arrays_grew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(locking, "_MOST_GROWN", 2)
    monkeypatch.setattr(locking, "_some_forgotten", False)
    old = [
        zarr.create_array(tmp_path / str(number), shape=(5,), chunks=(4,), dtype="i4")
        for number in range(5)
    ]
    for number in range(5):
        longer: Any = zarr.open_array(tmp_path / str(number))
        longer.append(np.full(3, 7, "i4"))
    for number, handle in enumerate(old):
        handle[4] = 1  # the last chunk, as far as the handle knows
        found: Any = zarr.open_array(tmp_path / str(number))
        assert found[4:].tolist() == [1, 7, 7, 7]
