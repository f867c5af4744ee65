"""How one open array is accessed: what its metadata do not say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zarr.buffer.core import BufferPrototype
    from zarr.storage.path import StorePath


@dataclass(frozen=True, slots=True)
class Access:
    """Settings of one handle, given by those who open or create the array.

    Parameters
    ----------
    chunk_path
        Where the chunks are, if not beside the metadata.
    synchronizer
        Gives a lock for a key, ``synchronizer[key]``: taken around each change of a chunk or a
        document, beside the lock that the process has of its own.
    cache_metadata
        Whether the metadata are read once; otherwise before each operation.
    cache_attrs
        Whether the attributes are read once; otherwise whenever they are looked at.
    read_only
        Whether writing is refused though the store allows it.
    prototype
        The kind of arrays that reading returns; that of the configuration if None.
    """

    chunk_path: StorePath | None = None
    synchronizer: Any = None
    cache_metadata: bool = True
    cache_attrs: bool = True
    read_only: bool = False
    prototype: BufferPrototype | None = None


DEFAULT_ACCESS = Access()
