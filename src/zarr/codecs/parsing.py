"""Codecs from what users and documents give: objects, named configurations, names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.abc.numcodec import _is_numcodec
from zarr.codecs.translate import v3_codec
from zarr.registry import get_codec_class

if TYPE_CHECKING:
    from zarr.abc.codec import Codec

_KINDS = (ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec)


def parse_codec(data: Any) -> Codec:
    """One codec from an object, a named configuration or a name.

    An object of numcodecs becomes the codec of format 3 with its meaning.
    """
    if isinstance(data, _KINDS):
        return data
    if isinstance(data, str):
        # A name alone stands for a codec without configuration.
        return get_codec_class(data).from_dict({"name": data})
    if isinstance(data, Mapping):
        name = data.get("name")
        if not isinstance(name, str):
            raise ValueError(f"Named configuration does not have a 'name' key. Got {dict(data)}.")
        return get_codec_class(name).from_dict(_renamed(data, name))
    if _is_numcodec(data):
        return v3_codec(data)
    raise TypeError(f"Expected dict, got {type(data)}")


# Documents of early drafts call the codec "bytes" by the name of its only parameter.
_FORMER_NAMES = {"endian": "bytes"}


def _renamed(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {**data, "name": _FORMER_NAMES.get(name, name)}


def parse_codecs(data: Any) -> tuple[Codec, ...]:
    """The codecs of a chain, from an iterable of what `parse_codec` takes."""
    if not isinstance(data, Iterable) or isinstance(data, (str, Mapping)):
        raise TypeError(f"Expected iterable, got {type(data)}")
    return tuple(parse_codec(item) for item in data)
