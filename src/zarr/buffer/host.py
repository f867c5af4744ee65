"""Memory of the host that other libraries own, as arrays of NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from zarr.types import AnyNDArray

__all__ = ["host_array"]

_DEVICES = {
    2: "a CUDA device",
    4: "an OpenCL device",
    7: "a Vulkan device",
    8: "a Metal device",
    10: "a ROCm device",
    14: "a oneAPI device",
}
"""The kinds of devices of DLPack whose memory the processor cannot reach."""


def host_array(value: Any, what: str = "out") -> AnyNDArray:
    """The memory of an object as an array of NumPy, without a copy.

    Parameters
    ----------
    value
        An array of NumPy, or an object that exports memory of the host by DLPack or by the buffer
        protocol: a tensor of PyTorch, a `bytearray`, a `memoryview`.
    what
        The name of the object in errors.

    Returns
    -------
    ndarray
        It is writable if the object says that its memory is.

    Raises
    ------
    TypeError
        If the object exports no memory.
    ValueError
        If the memory is that of a device.

    Examples
    --------
    >>> memory = bytearray(3)
    >>> host_array(memory)[1] = 7
    >>> memory
    bytearray(b'\\x00\\x07\\x00')
    """
    if isinstance(value, np.ndarray):
        return value
    device = getattr(value, "__dlpack_device__", None)
    if device is not None:
        kind, number = device()
        if int(kind) in _DEVICES:
            raise ValueError(
                f"{what} is memory of {_DEVICES[int(kind)]} (number {number}), which the processor "
                "cannot write to: read into memory of the host and copy it there, or read into "
                "CuPy's arrays with zarr.config.enable_gpu(), which needs zarr[gpu]"
            )
    try:
        return np.asarray(memoryview(value))
    except (TypeError, ValueError, BufferError):
        pass  # it does not export a buffer, or one whose elements NumPy does not know
    if device is None:
        raise TypeError(
            f"{what} argument needs to be an ndarray or an NDBuffer, or to export its memory by "
            f"DLPack or the buffer protocol. Got {type(value)!r}"
        )
    try:
        shared: AnyNDArray = np.from_dlpack(value)
    except (TypeError, ValueError, BufferError, RuntimeError) as error:
        raise TypeError(f"{what} cannot be shared by DLPack: {error}") from error
    if shared.flags.writeable:
        return shared
    # The first form of DLPack does not say whether memory may be written to, and NumPy then takes
    # it for read-only. The library itself does say so, where it shares the same memory with NumPy.
    to_numpy = getattr(value, "numpy", None)
    own = to_numpy() if callable(to_numpy) else None
    if isinstance(own, np.ndarray) and _place(own) == _place(shared):
        return own
    return shared


def _place(array: AnyNDArray) -> tuple[object, ...]:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype
