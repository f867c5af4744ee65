"""The codec ``zfp``: numbers compressed by ZFP, with or without loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs.base import DeclaredCodec
from zarr.codecs.configuration import choice_field, chunk_edges, extra, int_field, named
from zarr.codecs.zfp_stream import MOST_RATE, padded

if TYPE_CHECKING:
    from types import ModuleType

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.codecs.base import AnyDType, Array, Shape
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["ZfpCodec", "ZfpMode"]

ZfpMode: TypeAlias = Literal[
    "reversible", "fixed_accuracy", "fixed_precision", "fixed_rate", "expert"
]
PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "reversible": (),
    "fixed_accuracy": ("tolerance",),
    "fixed_precision": ("precision",),
    "fixed_rate": ("rate",),
    "expert": ("minbits", "maxbits", "maxprec", "minexp"),
}
_INTEGERS = frozenset({"precision", "minbits", "maxbits", "maxprec", "minexp"})
# What ZFP takes where a mode leaves a parameter open.
_OWN: Final = ("i4", "i8", "f4", "f8")
_NARROW: Final = ("i1", "i2", "u1", "u2", "f2")
_MOST_BITS, _MOST_PRECISION, _LEAST_EXPONENT = 16658, 64, -1074


@dataclass(frozen=True)
class ZfpCodec(DeclaredCodec, ArrayBytesCodec):
    """Compresses chunks of one to four axes by ZFP; needs ``zarr[zfp]``.

    Parameters
    ----------
    mode : str
        ``'reversible'``: without loss; ``'fixed_accuracy'``: with an error of at most `tolerance`;
        ``'fixed_precision'``: with `precision` bits of each number; ``'fixed_rate'``: with `rate`
        bits for each number; ``'expert'``: as `minbits`, `maxbits`, `maxprec` and `minexp` say, if
        that is one of the other modes.
    **parameters : int or float
        Those of the mode.

    Notes
    -----
    For ``int32``, ``int64``, ``float32`` and ``float64``; numbers of 8 and 16 bits are stored as
    ``int32`` or ``float32``. `fixed_accuracy` is for floating point numbers.

    Examples
    --------
    >>> from zarr.codecs import ZfpCodec
    >>> ZfpCodec(mode="fixed_accuracy", tolerance=0.05).to_dict()["configuration"]
    {'mode': 'fixed_accuracy', 'tolerance': 0.05}
    """

    _name = "zfp"
    mode: ZfpMode
    parameters: tuple[tuple[str, int | float], ...]

    def __init__(self, *, mode: ZfpMode, **parameters: int | float) -> None:
        choice_field(mode, "mode", tuple(PARAMETERS))
        if parameters.keys() != set(PARAMETERS[mode]):
            raise ValueError(
                f"The mode {mode!r} of zfp has the parameters {PARAMETERS[mode]}. Got {parameters}."
            )
        parsed = tuple((name, _number(parameters[name], name)) for name in PARAMETERS[mode])
        self._set(mode=mode, parameters=parsed)
        self._arguments()

    def to_dict(self) -> dict[str, JSON]:
        """Return the JSON form: the name, the mode and its parameters."""
        return named(self._name, {"mode": self.mode, **dict(self.parameters)})

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Refuse chunks of more than four axes, and types that ZFP does not have."""
        native = dtype.to_native_dtype()
        # How uint32 and uint64 are to be stored, the specification does not say.
        if native.hasobject or native.newbyteorder("=").str[1:] not in (*_OWN, *_NARROW):
            raise ValueError(f"The codec zfp cannot store elements of {dtype}.")
        if native.kind in "iu" and "tolerance" in self._arguments():
            raise ValueError(f"The mode {self.mode!r} of zfp is for floating point numbers.")
        edges = chunk_edges(chunk_grid)
        ndim = len(shape) if edges is None else len(edges)
        if ndim > 4:
            raise ValueError(
                f"The codec zfp stores chunks of at most four axes, and these have {ndim}. Put the "
                "codec reshape before it."
            )

    def _arguments(self) -> dict[str, float]:
        """The mode as the package zfpy takes it."""
        given = dict(self.parameters)
        if self.mode != "expert":
            return given
        bits = (given["minbits"], given["maxbits"])
        if bits in ((0, _MOST_BITS), (1, _MOST_BITS)):
            if given["minexp"] < _LEAST_EXPONENT and given["maxprec"] == _MOST_PRECISION:
                return {}
            if given["minexp"] == _LEAST_EXPONENT and given["maxprec"] <= _MOST_PRECISION:
                return {"precision": given["maxprec"]}
            if given["minexp"] > _LEAST_EXPONENT and given["maxprec"] == _MOST_PRECISION:
                return {"tolerance": math.ldexp(1.0, int(given["minexp"]))}
        raise ValueError(
            "The package zfpy has the modes reversible, fixed_accuracy and fixed_precision among "
            f"those of experts. Got {given}."
        )

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        array = np.ascontiguousarray(chunk_data.as_numpy_array())
        native = _promoted(array.astype(array.dtype.newbyteorder("="), copy=False))
        encoded = self._zfpy().compress_numpy(
            native.reshape(array.shape or (1,)), write_header=False, **self._arguments()
        )
        return chunk_spec.prototype.buffer.from_bytes(encoded)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        dtype, shape = chunk_spec.dtype.to_native_dtype(), chunk_spec.shape
        native = _promoted(np.empty(0, dtype.newbyteorder("="))).dtype
        data = padded(chunk_data.to_bytes(), shape, native.itemsize)
        zfpy = self._zfpy()
        out: Array = np.empty(shape or (1,), native)
        decoded = zfpy._decompress(
            data,
            zfpy.dtype_to_ztype(native),
            out.shape,
            out,
            **self._arguments(),
        )
        array = np.asarray(_demoted(decoded, dtype.newbyteorder("=")), dtype).reshape(shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    @staticmethod
    def _zfpy() -> ModuleType:
        return extra("zfpy", "zfp", "zfp")


def _promoted(array: Array) -> Array:
    """Numbers of 8 or 16 bits as ZFP is given them: in the upper bits of 31, around zero."""
    if array.dtype.kind == "f":
        return array.astype(np.float32) if array.dtype.itemsize < 4 else array
    bits = array.dtype.itemsize * 8
    if bits > 16:
        return array
    middle = 1 << bits - 1 if array.dtype.kind == "u" else 0
    return (array.astype(np.int32) - np.int32(middle)) << np.int32(31 - bits)


def _demoted(array: Array, dtype: np.dtype[Any]) -> Array:
    """The inverse of `_promoted`; what lies outside, as loss may bring it there, is clamped."""
    bits = dtype.itemsize * 8
    if dtype.kind == "f" or bits > 16:
        with np.errstate(over="ignore"):
            return array.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    middle = 1 << bits - 1 if dtype.kind == "u" else 0
    whole = (array >> np.int32(31 - bits)) + np.int32(middle)
    return whole.clip(limits.min, limits.max).astype(dtype)


def _number(value: object, name: str) -> int | float:
    if name in _INTEGERS:
        return int_field(value, name)
    most = MOST_RATE if name == "rate" else math.inf
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= most:
        return value
    raise ValueError(f"{name} must be a positive number of at most {most}, got {value!r}.")
