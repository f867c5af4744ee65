"""The codecs of elements that are arrays: ``label_multiset`` and ``vlen-ndarray``."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs import vlen
from zarr.codecs.base import DeclaredCodec
from zarr.dtype.elements import ENTRIES, LabelMultiset, NDArray, multiset
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.codecs.base import AnyDType, Array
    from zarr.metadata.spec import ArraySpec

__all__ = ["LabelMultisetCodec", "N5LabelMultisetCodec", "VLenNDArrayCodec"]

_WORD = 4


class _MultisetCodec(DeclaredCodec, ArrayBytesCodec):
    """The base of the two codecs: the offset of each element's list, then the lists."""

    _optional = True
    _places: ClassVar[str]

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse all but multisets of labels."""
        if not isinstance(dtype, LabelMultiset):
            raise ValueError(f"The codec {self._name!r} stores label_multiset. Got {dtype}.")

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        places, lists = self._listed(chunk_data.as_numpy_array())
        return chunk_spec.prototype.buffer.from_bytes(self._head() + places + lists)

    def _listed(self, array: Array) -> tuple[bytes, bytes]:
        starts: dict[bytes, int] = {}
        # Arrays that were read have one object for all elements with the same list.
        seen: dict[int, int] = {}
        lists = bytearray()
        places = []
        for item in array.reshape(-1).tolist():
            place = seen.get(id(item))
            if place is None:
                entries = multiset(() if item is None else item)
                encoded = len(entries).to_bytes(_WORD, "little") + entries.tobytes()
                place = starts.setdefault(encoded, len(lists))
                if place == len(lists):
                    lists += encoded
                seen[id(item)] = place
            places.append(place)
        if len(lists) > np.iinfo(self._places).max:
            raise ValueError(f"The lists of a chunk have {len(lists)} bytes, which are too many.")
        return np.array(places, self._places).tobytes(), bytes(lists)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        data = self._body(chunk_data.to_bytes())
        count = prod(chunk_spec.shape)
        if len(data) < count * _WORD:
            raise ChunkDecodeError(f"Expected {count} places of lists in {len(data)} bytes.")
        lists = data[count * _WORD :]
        places, which = np.unique(np.frombuffer(data, self._places, count), return_inverse=True)
        found = np.empty(len(places), object)
        end = 0
        for index, place in enumerate(places.tolist()):
            found[index], stop = _list_at(lists, place)
            end = max(end, stop)
        if end != len(lists):
            raise ChunkDecodeError(f"Expected {end} bytes of lists, found {len(lists)}.")
        array = found[which.reshape(-1)].reshape(chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    def _head(self) -> bytes:
        return b""

    def _body(self, data: bytes) -> bytes:
        return data


def _list_at(lists: bytes, place: int) -> tuple[Array, int]:
    """The list that begins at a place, and where it ends."""
    start = place + _WORD
    if not 0 <= place <= len(lists) - _WORD:
        raise ChunkDecodeError(f"A list begins at {place}, of {len(lists)} bytes.")
    count = int.from_bytes(lists[place:start], "little")
    stop = start + count * ENTRIES.itemsize
    if stop > len(lists):
        raise ChunkDecodeError(f"A list of {count} labels ends beyond the chunk.")
    return np.frombuffer(lists, ENTRIES, count, start if count else 0), stop


@dataclass(frozen=True, eq=False, repr=False)
class LabelMultisetCodec(_MultisetCodec):
    """Stores multisets of labels: each list once, and where each element's list is.

    Examples
    --------
    >>> from zarr.codecs import LabelMultisetCodec
    >>> LabelMultisetCodec().to_dict()
    {'name': 'label_multiset'}
    """

    _name = "label_multiset"
    _places = "<u4"


@dataclass(frozen=True, eq=False, repr=False)
class N5LabelMultisetCodec(_MultisetCodec):
    """Stores multisets of labels as N5 does; to be used in `N5VarlenCodec`.

    Examples
    --------
    >>> from zarr.codecs import N5LabelMultisetCodec
    >>> N5LabelMultisetCodec().to_dict()
    {'name': 'n5_label_multiset'}
    """

    _name = "n5_label_multiset"
    _places = ">i4"

    def _head(self) -> bytes:
        return bytes(_WORD)

    def _body(self, data: bytes) -> bytes:
        # Labels that older writers stored beside the lists they follow from.
        count = int.from_bytes(data[:_WORD], "big", signed=True)
        start = _WORD + 8 * count
        if len(data) < _WORD or count < 0 or start > len(data):
            raise ChunkDecodeError(f"The chunk of {len(data)} bytes ends before its lists.")
        return data[start:]


@dataclass(frozen=True, eq=False, repr=False)
class VLenNDArrayCodec(DeclaredCodec, ArrayBytesCodec):
    """Stores arrays of the data type ``ndarray``, whose first dimension has any length.

    A chunk has the bytes that ``vlen-bytes`` makes of the elements' bytes.

    Examples
    --------
    >>> from zarr.codecs import VLenNDArrayCodec
    >>> VLenNDArrayCodec().to_dict()
    {'name': 'vlen-ndarray'}
    """

    _name = "vlen-ndarray"
    _optional = True

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse all but arrays of which the first length, and no other, is open."""
        if not isinstance(dtype, NDArray) or dtype.variable != 1 or dtype.shape[0] is not None:
            raise ValueError(
                "The codec 'vlen-ndarray' stores arrays of the data type ndarray whose first "
                f"length, and no other, is open. Got {dtype}."
            )

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        dtype: Any = chunk_spec.dtype
        items = chunk_data.as_numpy_array().reshape(-1).tolist()
        payloads = np.empty(len(items), object)
        payloads[:] = [b"" if item is None else dtype.array(item).tobytes() for item in items]
        return chunk_spec.prototype.buffer.from_bytes(vlen.encode("vlen-bytes", payloads))

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        dtype: Any = chunk_spec.dtype
        count = prod(chunk_spec.shape)
        payloads = vlen.decode("vlen-bytes", chunk_data.as_buffer_like(), count, np.dtype(object))
        found = np.empty(count, object)
        try:
            for index, payload in enumerate(payloads.tolist()):
                found[index] = dtype.array_of_bytes(payload)
        except ValueError as error:
            raise ChunkDecodeError(f"Element {index}: {error}") from error
        return chunk_spec.prototype.nd_buffer.from_numpy_array(found.reshape(chunk_spec.shape))
