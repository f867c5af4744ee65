"""The interface of the codecs of the ``numcodecs`` package."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeGuard, runtime_checkable

__all__ = ["Numcodec"]


@runtime_checkable
class Numcodec(Protocol):
    """A codec as the ``numcodecs`` package has them: a name, a configuration, two functions."""

    codec_id: str

    def encode(self, buf: Any) -> Any:
        """Encode an object with the buffer protocol.

        Parameters
        ----------
        buf : buffer
            The data.
        """
        ...

    def decode(self, buf: Any, out: Any | None = None) -> Any:
        """Decode an object with the buffer protocol, into `out` if that is given.

        Parameters
        ----------
        buf : buffer
            The encoded data.
        out : buffer, optional
            Where the data go.
        """
        ...

    def get_config(self) -> Any:
        """Return the configuration as a dict, ``"id"`` included."""
        ...

    @classmethod
    def from_config(cls, config: Any) -> Self:
        """Make a codec of a configuration.

        Parameters
        ----------
        config : dict
            The configuration, without ``id``.
        """
        ...


_MEMBERS = ("codec_id", "encode", "decode", "get_config", "from_config")


def _is_numcodec_cls(obj: object) -> TypeGuard[type[Numcodec]]:
    """Tell whether an object is a class of numcodecs codecs."""
    return isinstance(obj, type) and all(hasattr(obj, name) for name in _MEMBERS)


def _is_numcodec(obj: object) -> TypeGuard[Numcodec]:
    """Tell whether an object is a numcodecs codec."""
    return not isinstance(obj, type) and _is_numcodec_cls(type(obj))
