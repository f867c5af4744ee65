"""The codecs that other packages do: ``arrow-ipc``, ``jpeg``, ``jpegxl``, ``lzw`` and ``zfp``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from zarr.abc.codec import ArrayBytesCodec, BytesBytesCodec
from zarr.codecs.base import DeclaredCodec
from zarr.codecs.configuration import (
    bool_field,
    choice_field,
    chunk_edges,
    extra,
    int_field,
    int_tuple,
    named,
)
from zarr.codecs.limits import (
    MOST_RATE,
    chunk_bytes,
    most_decoded,
    over_limit,
    padded,
    takes_limit,
)
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.codecs.base import AnyDType, Array, Shape
    from zarr.dtype.base import TBaseDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["ArrowIPCCodec", "JpegCodec", "JpegXLCodec", "LzwCodec", "ZfpCodec", "ZfpMode"]

ColorSpace: TypeAlias = Literal["ycbcr", "rgb"]
_LONGEST_EDGE: Final = 65535
_LZW_RATIO: Final = 4096
"""Bytes that a byte may become: a code of nine bits or more stands for a string of the table."""
_SUBSAMPLING: Final = {
    (1, 1): "444",
    (2, 1): "422",
    (1, 2): "440",
    (2, 2): "420",
    (4, 1): "411",
}


def _imagecodecs(codec: str) -> ModuleType:
    return extra("imagecodecs", codec, "images")


class _ImageCodec(DeclaredCodec, ArrayBytesCodec):
    """The base of the codecs of images: a chunk is one image, or several."""

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Refuse types and chunks that are no images of this kind."""
        edges = chunk_edges(chunk_grid)
        self._check(
            dtype.to_native_dtype(),
            shape if edges is None else tuple(max(lengths) for lengths in edges),
        )

    def _check(self, dtype: TBaseDType, shape: Shape) -> None:
        raise NotImplementedError

    def _decoded(self, data: bytes, out: Array) -> None:
        raise NotImplementedError

    def _encoded(self, array: Array) -> Any:
        raise NotImplementedError

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        # Decoded where it belongs: an image of another size is refused before it takes memory.
        out: Array = np.zeros(chunk_spec.shape, chunk_spec.dtype.to_native_dtype())
        try:
            self._decoded(chunk_data.to_bytes(), out)
        except (ValueError, RuntimeError, TypeError) as error:  # what imagecodecs raises
            raise ChunkDecodeError(
                f"The codec {self._name!r} expected an image of shape {out.shape}: {error}"
            ) from error
        return chunk_spec.prototype.nd_buffer.from_numpy_array(out)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        array = np.ascontiguousarray(chunk_data.as_numpy_array())
        self._check(array.dtype, array.shape)
        return chunk_spec.prototype.buffer.from_bytes(bytes(self._encoded(array)))


@dataclass(frozen=True, init=False, eq=False, repr=False)
class JpegCodec(_ImageCodec):
    """Stores chunks as JPEG images, with loss; needs ``zarr[images]``.

    Parameters
    ----------
    quality : int
        From 0 to 100.
    encoded_color_space : {'ycbcr', 'rgb'}, optional
        For chunks of shape ``(H, W, 3)`` and only for them: whether the three are a color, or have
        nothing to do with each other.
    subsampling : iterable of pairs of int, optional
        The sampling factors of each component; by default ``[[2, 2], [1, 1], [1, 1]]`` for
        ``'ycbcr'``.

    Notes
    -----
    For ``uint8`` and chunks of shape ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)``.

    Examples
    --------
    >>> from zarr.codecs import JpegCodec
    >>> JpegCodec(quality=90).to_dict()["configuration"]
    {'quality': 90}
    """

    _name = "jpeg"
    _short = True

    quality: int
    encoded_color_space: ColorSpace | None = None
    subsampling: tuple[tuple[int, ...], ...] | None = None

    def __init__(
        self,
        *,
        quality: int,
        encoded_color_space: ColorSpace | None = None,
        subsampling: Iterable[Iterable[int]] | None = None,
    ) -> None:
        if not 0 <= int_field(quality, "quality") <= 100:
            raise ValueError(f"quality must be from 0 to 100, got {quality}.")
        if encoded_color_space is not None:
            choice_field(encoded_color_space, "encoded_color_space", ("ycbcr", "rgb"))
        factors = None if subsampling is None else tuple(map(int_tuple, subsampling))
        self._set(quality=quality, encoded_color_space=encoded_color_space, subsampling=factors)

    def _check(self, dtype: TBaseDType, shape: Shape) -> None:
        if dtype != np.uint8:
            raise ValueError(f"The codec jpeg stores uint8, not {dtype}.")
        components = 1 if len(shape) == 2 else shape[2] if len(shape) == 3 else 0
        if components not in (1, 3) or max(shape[:2]) > _LONGEST_EDGE:
            raise ValueError(
                "The codec jpeg stores chunks of shape (H, W), (H, W, 1) or (H, W, 3) with edges "
                f"of at most {_LONGEST_EDGE}. Got {shape}. Put the codec reshape before it."
            )
        if (components == 3) != (self.encoded_color_space is not None):
            raise ValueError(
                "The parameter encoded_color_space of the codec jpeg is for three components, "
                f"and must be given then. Got {self.encoded_color_space!r} for {components}."
            )
        self._factors(components)

    def _factors(self, components: int) -> str:
        default = ((2, 2),) if self.encoded_color_space == "ycbcr" else ((1, 1),)
        factors = self.subsampling or (*default, *((1, 1),) * (components - 1))
        luma = factors[0] if factors else ()
        fits = len(factors) == components and all(pair == (1, 1) for pair in factors[1:])
        if not fits or luma not in _SUBSAMPLING:
            raise ValueError(f"The codec jpeg cannot subsample {components} by {factors}.")
        if self.encoded_color_space != "ycbcr" and luma != (1, 1):
            raise ValueError(f"Only 'ycbcr' can be subsampled, by {factors} or not.")
        return _SUBSAMPLING[luma]

    def _encoded(self, array: Array) -> Any:
        color = array.ndim == 3 and array.shape[2] == 3
        image = array if color else array.reshape(array.shape[:2])
        stored = (self.encoded_color_space or "").upper() if color else "GRAYSCALE"
        return _imagecodecs("jpeg").jpeg8_encode(
            image,
            level=self.quality,
            colorspace="RGB" if color else "GRAYSCALE",
            outcolorspace=stored,
            subsampling=self._factors(3) if color else None,
        )

    def _decoded(self, data: bytes, out: Array) -> None:
        color = out.ndim == 3 and out.shape[2] == 3
        expected = (*out.shape[:2], 3 if color else 1)
        found = _jpeg_shape(data)
        if found != expected:
            raise ValueError(f"found one of {found}")
        image = out if color else out.reshape(out.shape[:2])
        _imagecodecs("jpeg").jpeg8_decode(data, out=image)


def _jpeg_shape(data: bytes) -> tuple[int, int, int] | None:
    """Height, width and components of a JPEG image, as its first frame header tells."""
    if data[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            header = data[place + 5 : place + 10]
            if len(header) < 5:
                return None
            return int.from_bytes(header[:2], "big"), int.from_bytes(header[2:4], "big"), header[4]
        place += 2 + length
    return None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class JpegXLCodec(_ImageCodec):
    """Stores chunks as JPEG XL images, with or without loss; needs ``zarr[images]``.

    Parameters
    ----------
    bitspersample : int
        Bits of a sample that are stored: for floating point numbers all, for integers those that
        are used.
    lossless : bool, default: True
        Whether chunks are read as they were written.
    distance : float, default: 0
        How much may be lost, as Butteraugli measures it.
    effort : int, default: 7
        From 1 (fast) to 10 (small).
    decodingspeed : int, default: 0
        From 0 (small) to 4 (fast to read).
    photometric : {'gray', 'rgb', 'xyb', 'unknown'}, default: 'gray'
    primaries : {'srgb', 'p3', 'bt2100', 'custom'}, default: 'srgb'
    transfer : {'srgb', 'linear', 'pq', 'hlg', 'dci', 'bt709', 'gamma', 'unknown'}, default: 'srgb'
        How colors are described in the image.
    usecontainer : bool, default: False
        Whether the image is in a container.

    Notes
    -----
    For ``uint8``, ``uint16``, ``float16`` and ``float32``, and chunks of shape ``(H, W)``,
    ``(H, W, S)`` with up to four samples, ``(F, H, W)`` or ``(F, H, W, S)`` with several frames.

    Examples
    --------
    >>> from zarr.codecs import JpegXLCodec
    >>> JpegXLCodec(bitspersample=16, lossless=False, distance=1.0).distance
    1.0
    """

    _name = "jpegxl"

    bitspersample: int
    lossless: bool = True
    distance: float = 0
    effort: int = 7
    decodingspeed: int = 0
    photometric: str = "gray"
    primaries: str = "srgb"
    transfer: str = "srgb"
    usecontainer: bool = False

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            if not least <= int_field(getattr(self, name), name) <= most:
                raise ValueError(f"{name} must be from {least} to {most}, got {self}.")
        for name, choices in _CHOICES.items():
            choice_field(getattr(self, name), name, choices)
        bool_field(self.lossless, "lossless")
        bool_field(self.usecontainer, "usecontainer")
        if not isinstance(self.distance, (int, float)) or (self.distance > 0) == self.lossless:
            raise ValueError(
                f"distance must be 0 without loss, and positive otherwise. Got {self}."
            )

    def _check(self, dtype: TBaseDType, shape: Shape) -> None:
        if dtype.hasobject or dtype.newbyteorder("=").str[1:] not in ("u1", "u2", "f2", "f4"):
            raise ValueError(f"The codec jpegxl cannot store elements of {dtype}.")
        bits = dtype.itemsize * 8
        if self.bitspersample > bits or (dtype.kind == "f" and self.bitspersample != bits):
            raise ValueError(f"Samples of {dtype} do not have {self.bitspersample} bits.")
        if not 2 <= len(shape) <= 4 or (len(shape) == 4 and shape[3] > 4):
            raise ValueError(
                "The codec jpegxl stores chunks of shape (H, W), (H, W, S), (F, H, W) or "
                f"(F, H, W, S) with S of at most 4. Got {shape}. Put the codec reshape before it."
            )

    def _encoded(self, array: Array) -> Any:
        return _imagecodecs("jpegxl").jpegxl_encode(
            array,
            lossless=self.lossless,
            distance=None if self.lossless else self.distance,
            effort=self.effort,
            decodingspeed=self.decodingspeed,
            photometric=self.photometric,
            bitspersample=self.bitspersample,
            primaries=self.primaries,
            transfer=self.transfer,
            usecontainer=self.usecontainer,
            numthreads=1,
        )

    def _decoded(self, data: bytes, out: Array) -> None:
        _imagecodecs("jpegxl").jpegxl_decode(data, keeporientation=True, numthreads=1, out=out)


_RANGES = {"bitspersample": (1, 32), "effort": (1, 10), "decodingspeed": (0, 4)}
_CHOICES = {
    "photometric": ("gray", "rgb", "xyb", "unknown"),
    "primaries": ("srgb", "p3", "bt2100", "custom"),
    "transfer": ("srgb", "linear", "pq", "hlg", "dci", "bt709", "gamma", "unknown"),
}


@dataclass(frozen=True, eq=False, repr=False)
class LzwCodec(DeclaredCodec, BytesBytesCodec):
    """Compresses by LZW, as TIFF does; needs ``zarr[images]``.

    Examples
    --------
    >>> from zarr.codecs import LzwCodec
    >>> LzwCodec().to_dict()
    {'name': 'lzw'}
    """

    _name = "lzw"
    _optional = True

    @takes_limit
    def _decode_sync(
        self, chunk_data: Buffer, chunk_spec: ArraySpec, limit: int | None = None
    ) -> Buffer:
        stored = chunk_data.to_bytes()
        if limit is None:
            limit = most_decoded(len(stored), chunk_bytes(chunk_spec))
        most = min(limit, _LZW_RATIO * len(stored))
        try:
            decoded = _imagecodecs("lzw").lzw_decode(stored, out=most + 1)
        except (ValueError, RuntimeError) as error:
            raise ChunkDecodeError(f"The data are no LZW: {error}") from error
        if len(decoded) > most:
            over_limit("lzw", limit)
        return chunk_spec.prototype.buffer.from_bytes(bytes(decoded))

    def _encode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer | None:
        encoded = _imagecodecs("lzw").lzw_encode(chunk_data.to_bytes())
        return chunk_spec.prototype.buffer.from_bytes(bytes(encoded))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ArrowIPCCodec(DeclaredCodec, ArrayBytesCodec):
    """Stores each chunk as an Arrow stream of one column; needs ``zarr[arrow]``.

    Parameters
    ----------
    column_name : str
        The name of the column; best that of the array.

    Notes
    -----
    For booleans, integers, floating point numbers, dates and times that Arrow has, and strings.

    Examples
    --------
    >>> from zarr.codecs import ArrowIPCCodec
    >>> ArrowIPCCodec(column_name="temperature").to_dict()["configuration"]
    {'column_name': 'temperature'}
    """

    _name = "arrow-ipc"
    column_name: str

    def __post_init__(self) -> None:
        if not isinstance(self.column_name, str):
            raise TypeError(f"column_name must be a string, got {self.column_name!r}.")

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse types that Arrow does not have."""
        native = dtype.to_native_dtype()
        if native.kind not in "biufTmM" or native.isbuiltin == 2 or native.itemsize > 16:
            raise ValueError(f"Arrow has no data type with the meaning of {dtype}.")

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        arrow, ipc = self._arrow("pyarrow"), self._arrow("pyarrow.ipc")
        flat = np.ascontiguousarray(chunk_data.as_numpy_array()).reshape(-1)
        if flat.dtype.hasobject:
            column = arrow.array(flat.tolist(), arrow.string())
        else:
            column = arrow.array(flat.astype(flat.dtype.newbyteorder("="), copy=False))
        sink = arrow.BufferOutputStream()
        batch = arrow.RecordBatch.from_arrays([column], names=[self.column_name])
        with ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        return chunk_spec.prototype.buffer.from_bytes(sink.getvalue().to_pybytes())

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        arrow, ipc = self._arrow("pyarrow"), self._arrow("pyarrow.ipc")
        dtype, shape = chunk_spec.dtype.to_native_dtype(), chunk_spec.shape
        try:
            with ipc.open_stream(arrow.py_buffer(chunk_data.to_bytes())) as stream:
                batch = stream.read_next_batch()
            batch.validate(full=True)
            column = batch.column(self.column_name)
        except (arrow.ArrowException, LookupError, StopIteration, OSError, ValueError) as error:
            raise ChunkDecodeError(f"The chunk is no stream of Arrow: {error}") from error
        if len(column) != prod(shape) or column.null_count:
            raise ChunkDecodeError(
                f"Expected {prod(shape)} elements in the column {self.column_name!r}, found "
                f"{len(column)}, of which {column.null_count} are null."
            )
        if dtype.hasobject != arrow.types.is_string(column.type):
            raise ChunkDecodeError(f"Expected elements of {dtype}, found {column.type}.")
        if dtype.hasobject:
            array = np.array(column.to_pylist(), dtype)
        else:
            found = column.to_numpy(zero_copy_only=False)
            if found.dtype != dtype.newbyteorder("="):
                raise ChunkDecodeError(f"Expected elements of {dtype}, found {column.type}.")
            array = found.astype(dtype)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array.reshape(shape))

    @staticmethod
    def _arrow(module: str) -> ModuleType:
        return extra(module, "arrow-ipc", "arrow")


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
# The data types that ZFP takes, and those that are widened to them.
_OWN: Final = ("i4", "i8", "f4", "f8")
_NARROW: Final = ("i1", "i2", "u1", "u2", "f2")
_MOST_BITS, _MOST_PRECISION, _LEAST_EXPONENT = 16658, 64, -1074


@dataclass(frozen=True, init=False, eq=False, repr=False)
class ZfpCodec(DeclaredCodec, ArrayBytesCodec):
    """Compresses chunks of one to four dimensions by ZFP; needs ``zarr[zfp]``.

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
        """Refuse chunks of more than four dimensions, and types that ZFP does not have."""
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
                f"The codec zfp stores chunks of at most four dimensions; these have {ndim}. Put "
                "the codec reshape before it."
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


def _demoted(array: Array, dtype: TBaseDType) -> Array:
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
