"""Objects of Python, which Zarr v2 stores by any object codec of numcodecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zarr.dtype.base import HasObjectCodec, ZDType, frozen, unknown_format, v2_form
from zarr.dtype.bytes import NullTerminatedBytes, VariableLengthBytes
from zarr.dtype.strings import FixedLengthUTF32, VariableLengthUTF8

if TYPE_CHECKING:
    from zarr.types import JSON, DTypeJSON, ZarrFormat

OBJECT_CODEC_IDS: tuple[str, ...] = (
    "vlen-utf8",
    "vlen-bytes",
    "vlen-array",
    "pickle",
    "json2",
    "msgpack2",
)
"""The codecs of numcodecs that make bytes of objects."""
# The first two have data types of their own; the last ones are, or were, named otherwise.
OF_ANY_OBJECT = (*OBJECT_CODEC_IDS[2:], "json", "msgpack", "categorize")


def behind_object_codec(dtype: ZDType[Any, Any], object_codec_id: str | None) -> ZDType[Any, Any]:
    """Return the data type of what an object codec codes, where a fixed length was named for it.

    The codecs of strings and of bytes store no length: elements of any are read and written.

    Raises
    ------
    ValueError
        If the codec does not code such elements.
    """
    if isinstance(dtype, FixedLengthUTF32) and object_codec_id == "vlen-utf8":
        return VariableLengthUTF8()
    if isinstance(dtype, NullTerminatedBytes) and object_codec_id == "vlen-bytes":
        return VariableLengthBytes()
    if str(object_codec_id).startswith("vlen-") and not isinstance(dtype, HasObjectCodec):
        raise ValueError(f"The object codec {object_codec_id!r} does not code elements of {dtype}.")
    return dtype


@frozen
class PythonObject(ZDType[np.dtype[Any], Any], HasObjectCodec):
    """Objects that a codec of numcodecs makes bytes of; for Zarr v2 only.

    Parameters
    ----------
    object_codec_id
        The name of the codec.
    """

    object_codec_id: str  # type: ignore[misc]

    dtype_cls = type(np.dtype("O"))
    _zarr_v3_name = "python_object"
    _holds_arrays = True

    @classmethod
    def _check_native_dtype(cls, dtype: np.dtype[Any]) -> bool:
        # Which codec is meant, the data type of NumPy does not say.
        return False

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        raise cls._invalid_native(dtype)

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype("O")

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        if isinstance(data, dict) and data.keys() == {"name", "object_codec_id"}:
            codec = data["object_codec_id"]
            if data["name"] == "|O" and codec in OF_ANY_OBJECT:
                return cls(object_codec_id=codec)
        raise cls._invalid_json(data, f"'|O' with one of the object codecs {OF_ANY_OBJECT}")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        raise cls._invalid_json(data, "Zarr v2: Zarr v3 has no such data type")

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return v2_form("|O", self.object_codec_id)
        if zarr_format == 3:
            raise ValueError("Zarr v3 has no data type for objects of Python.")
        raise unknown_format(zarr_format)

    def _check_scalar(self, data: object) -> bool:
        return True

    def cast_scalar(self, data: object) -> Any:
        return data

    def default_scalar(self) -> Any:
        return None

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        return data

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> Any:
        if data is None or isinstance(data, (str, int, float, bool, list, dict)):
            return data
        raise TypeError(
            f"A fill value of objects stands in the metadata as it is, which {data!r} cannot: "
            "use None, a string, a number, a list or a dict."
        )
