"""Elements are read into memory of other libraries, without a copy, and never into a device's."""

from __future__ import annotations

import array as arrays
from typing import Any

import numpy as np
import pytest

import zarr

DATA = np.arange(40, dtype="i4").reshape(5, 8)


class Tensor:
    """An array of another library, which exports its memory by DLPack and by nothing else."""

    def __init__(self, memory: Any, device: tuple[int, int] = (1, 0)) -> None:
        self.memory = memory
        self.device = device

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, **options: Any) -> Any:
        return self.memory.__dlpack__(**options)


class OldTensor(Tensor):
    """The same in the first form of DLPack, which does not say whether memory may be written."""

    def __dlpack__(self, **options: Any) -> Any:
        options.pop("max_version", None)
        return self.memory.__dlpack__(**options)


class Torch(OldTensor):
    """The same of a library that shares its memory with NumPy when it is asked to."""

    def numpy(self) -> Any:
        return self.memory


@pytest.fixture
def array(store: Any) -> Any:
    """An array of 5 x 8."""
    return zarr.create_array(store, data=DATA, chunks=(2, 3))


@pytest.mark.parametrize("kind", [Tensor, Torch])
def test_tensors_are_filled_in_place(array: Any, kind: Any) -> None:
    memory = np.zeros((5, 8), "i4")
    tensor = kind(memory)
    assert array.get_basic_selection(..., out=tensor) is tensor
    np.testing.assert_array_equal(memory, DATA)
    memory[:] = 0
    assert array.lazy.result(out=tensor) is tensor
    np.testing.assert_array_equal(memory, DATA)
    memory[:] = 0
    (found,) = array.read_many([...], out=[tensor])
    assert found is tensor
    np.testing.assert_array_equal(memory, DATA)
    rows = np.zeros((2, 8), "i4")
    zarr.read([(array, 4), array.lazy[2]], out=kind(rows))
    np.testing.assert_array_equal(rows, DATA[[4, 2]])
    columns = kind(np.zeros((8, 5), "i4").T)
    array.get_orthogonal_selection((slice(None), slice(None)), out=columns)
    np.testing.assert_array_equal(columns.memory, DATA)


def test_buffers_are_filled_in_place(array: Any) -> None:
    memory = bytearray(4 * 8)
    array.get_basic_selection(3, out=memoryview(memory).cast("i"))
    np.testing.assert_array_equal(np.frombuffer(memory, "i4"), DATA[3])
    numbers = arrays.array("i", [0] * 8)
    array.read_many([1], out=[numbers])
    np.testing.assert_array_equal(numbers, DATA[1])


@pytest.mark.parametrize(("kind", "name"), [(2, "CUDA"), (8, "Metal"), (10, "ROCm")])
def test_memory_of_a_device_is_refused_by_name(array: Any, kind: int, name: str) -> None:
    tensor = Tensor(np.zeros((5, 8), "i4"), (kind, 3))
    with pytest.raises(ValueError, match=f"{name} device .number 3.*zarr\\[gpu\\]"):
        array.get_basic_selection(..., out=tensor)
    assert not tensor.memory.any()


def test_memory_that_must_not_be_written_is_refused(array: Any) -> None:
    locked = np.zeros((5, 8), "i4")
    locked.flags.writeable = False
    for out in (locked, Tensor(locked), memoryview(locked), OldTensor(np.zeros((5, 8), "i4"))):
        with pytest.raises(ValueError, match="read-only"):
            array.get_basic_selection(..., out=out)
    assert not locked.any()


def test_what_exports_no_memory_is_refused(array: Any) -> None:
    for out in (3, "rows", [[0] * 8] * 5):
        with pytest.raises(TypeError, match="DLPack or the buffer protocol"):
            array.get_basic_selection(..., out=out)


def test_results_are_shared_by_dlpack(array: Any) -> None:
    result = array.read_many([slice(0, 2)])[0]
    assert np.shares_memory(np.from_dlpack(result), result)
