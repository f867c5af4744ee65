"""Helpers for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

from zarr.buffer.core import Buffer

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.types import BytesLike

__all__ = ["assert_bytes_equal"]

T = TypeVar("T", bound="Callable[..., Any] | type")


def assert_bytes_equal(b1: Buffer | BytesLike | None, b2: Buffer | BytesLike | None) -> None:
    """Assert that two objects hold the same bytes, or that both are None.

    Parameters
    ----------
    b1, b2 : Buffer, bytes-like or None
        The objects.
    """
    assert _as_bytes(b1) == _as_bytes(b2)


def _as_bytes(value: Buffer | BytesLike | None) -> bytes | None:
    if value is None:
        return None
    return value.to_bytes() if isinstance(value, Buffer) else bytes(value)


def has_cupy() -> bool:
    """Whether CuPy is here, and a GPU that it can use."""
    try:
        import cupy  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        return False
    try:
        return bool(cupy.cuda.runtime.getDeviceCount() > 0)
    except cupy.cuda.runtime.CUDARuntimeError:
        return False


def gpu_test(func: T) -> T:
    """Mark a test as one that needs a GPU; it is skipped where there is none.

    Parameters
    ----------
    func : callable or type
        The test.

    Returns
    -------
    callable or type
    """
    skipped = pytest.mark.skipif(not has_cupy(), reason="CuPy not installed or no GPU available")
    return cast("T", pytest.mark.gpu(skipped(func)))
