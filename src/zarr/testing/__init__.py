"""Tests for authors of stores, buffers and codecs. Needs pytest (``zarr[testing]``)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from zarr.testing.installation import smoke
    from zarr.testing.store import StoreTests
    from zarr.testing.utils import assert_bytes_equal

__all__ = ["StoreTests", "assert_bytes_equal", "smoke"]

_MODULES = {"StoreTests": "store", "assert_bytes_equal": "utils", "smoke": "installation"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known that the test classes use."""
    config.addinivalue_line("markers", "gpu: needs a GPU and CuPy")
