"""The engine is lent plain memory only: arrays of pointers are refused beforehand."""

from __future__ import annotations

import array as arrays
import ctypes
from typing import Any

import numpy as np
import pytest

import zarr


def _compiled() -> tuple[Any, Any]:
    array = zarr.create_array({}, shape=(4,), chunks=(4,), dtype="u8", compressors=None)
    array[:] = 0x41
    inner: Any = array._async_array
    return inner.engine().compiled, inner.chunk_store_path.store.traits.native_handle


POINTERS = [
    np.array([object() for _ in range(4)], object),
    np.array([(None,)] * 4, [("a", object)]),
    (ctypes.py_object * 4)(),
    (ctypes.c_void_p * 4)(),
    (ctypes.c_char_p * 4)(),
    (ctypes.POINTER(ctypes.c_int) * 4)(),
]


class Disguised(np.ndarray):
    """An array that says of itself what is not so."""

    dtype = np.dtype("u8")  # type: ignore[assignment]


@pytest.mark.parametrize(
    "out", [*POINTERS, POINTERS[0].view(Disguised)], ids=lambda out: type(out).__name__
)
def test_memory_of_pointers_is_refused(out: Any) -> None:
    compiled, source = _compiled()
    whole = ((0, 1, 4),)
    for call in (
        lambda: compiled.read(source, whole, None, out),
        lambda: compiled.plan_read(whole, None, out),
        lambda: compiled.plan_write(whole, None, out, True),
        lambda: compiled.write(source, whole, None, out, True, "lock"),
    ):
        with pytest.raises(TypeError, match="are pointers"):
            call()


def test_strings_of_numpy_are_refused_as_memory() -> None:
    compiled, source = _compiled()
    with pytest.raises((TypeError, ValueError, BufferError)):
        compiled.read(source, ((0, 1, 4),), None, np.array(["a" * 99] * 4, np.dtypes.StringDType()))


def test_memory_that_cannot_be_written_or_overlaps_is_refused() -> None:
    compiled, source = _compiled()
    frozen = np.zeros(4, "u8")
    frozen.flags.writeable = False
    overlapping = np.lib.stride_tricks.as_strided(np.zeros(1, "u8"), (4,), (0,))
    for out in (frozen, bytes(32), overlapping, np.zeros(3, "u8"), np.zeros(4, "u4")):
        with pytest.raises((ValueError, BufferError, IndexError)):
            compiled.read(source, ((0, 1, 4),), None, out)


def test_values_of_any_exporter_are_read_into() -> None:
    compiled, source = _compiled()
    for out in (
        np.zeros(4, "u8"),
        arrays.array("Q", [0] * 4),
        np.zeros(4, "M8[s]"),
        np.zeros(4, [("Opaque", "u4"), ("b", "u4")]),
    ):
        compiled.read(source, ((0, 1, 4),), None, out)
        assert memoryview(np.asarray(out).view("u8")).tolist() == [0x41] * 4
