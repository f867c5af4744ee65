"""The codecs ``pad`` and ``offset``: bytes before or after a chunk, which mean nothing to Zarr."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from zarr.codecs.base import NativeBytesCodec
from zarr.codecs.configuration import choice_field, int_field

if TYPE_CHECKING:
    from zarr.codecs.base import Link
    from zarr.metadata.spec import ArraySpec

__all__ = ["OffsetCodec", "PadCodec"]

Location: TypeAlias = Literal["start", "end"]
LOCATION: Final = ("start", "end")


@dataclass(frozen=True, kw_only=True)
class PadCodec(NativeBytesCodec):
    """Adds bytes before or after a chunk, such as the header of another format.

    Parameters
    ----------
    location : {'start', 'end'}
        Where.
    nbytes : int
        How many bytes. So many are skipped when the chunk is read, whatever they are.
    padding : str, optional
        The bytes, in Base64; by default zeros.

    Examples
    --------
    >>> from zarr.codecs import PadCodec
    >>> PadCodec(location="start", nbytes=2, padding="SUk=")._bytes
    b'II'
    """

    _name = "pad"
    _short = True
    is_fixed_size = True

    location: Location
    nbytes: int
    padding: str | None = None

    def __post_init__(self) -> None:
        self._set(location=choice_field(self.location, "location", LOCATION))
        _decoded(self.padding, _size(self.nbytes, "nbytes"), "padding")

    @property
    def _bytes(self) -> bytes:
        return _decoded(self.padding, self.nbytes, "padding")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        return input_byte_length + self.nbytes

    def _link(self, spec: ArraySpec) -> Link:
        return ("pad", (self.location, self.nbytes, self._bytes))


@dataclass(frozen=True, kw_only=True)
class OffsetCodec(NativeBytesCodec):
    """Adds bytes before a chunk, such as the header of another format.

    Parameters
    ----------
    offset : int
        How many bytes. So many are skipped when the chunk is read, whatever they are.
    prefix : str, optional
        The bytes, in Base64; by default zeros.

    Examples
    --------
    >>> from zarr.codecs import OffsetCodec
    >>> OffsetCodec(offset=4).to_dict()
    {'name': 'offset', 'configuration': {'offset': 4}}
    """

    _name = "offset"
    _short = True
    is_fixed_size = True

    offset: int
    prefix: str | None = None

    def __post_init__(self) -> None:
        _decoded(self.prefix, _size(self.offset, "offset"), "prefix")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        return input_byte_length + self.offset

    def _link(self, spec: ArraySpec) -> Link:
        return ("offset", (self.offset, _decoded(self.prefix, self.offset, "prefix")))


_MOST = 1 << 24
"""More bytes than that are no header: they would be made of nothing but a number in a document."""


def _size(value: object, field: str) -> int:
    size = int_field(value, field)
    if not 0 <= size <= _MOST:
        raise ValueError(f"{field} must be from 0 to {_MOST}, got {size}.")
    return size


def _decoded(text: object, size: int, field: str) -> bytes:
    """The bytes that a field says in Base64; zeros if it is not there."""
    if text is None:
        return bytes(size)
    if not isinstance(text, str):
        raise TypeError(f"Failed to parse input for '{field}': expected str, got {text!r}.")
    try:
        data = b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"{field} is not in Base64: {text!r}.") from error
    if len(data) != size:
        raise ValueError(f"{field} must be {size} bytes, got {len(data)}: {b64encode(data)!r}.")
    return data
