"""How a node is opened: the format that is meant, and what its metadata do not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from zarr._async.warnings import warn
from zarr.buffer import cpu
from zarr.errors import (
    MetadataValidationError,
    ZarrDeprecationWarning,
)
from zarr.metadata.spec import checked_settings, named_settings
from zarr.settings import config as of_process
from zarr.storage.path import make_store_path

if TYPE_CHECKING:
    from zarr.buffer.core import BufferPrototype
    from zarr.metadata.spec import ArrayConfigLike, ArrayConfigParams
    from zarr.storage.path import StoreLike, StorePath
    from zarr.synchronizer import Synchronizer
    from zarr.types import AccessModeLiteral, ZarrFormat


class Access(NamedTuple):
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
    config
        The settings that arrays in the group have, unless others are given for one of them.
    """

    chunk_path: StorePath | None = None
    synchronizer: Synchronizer | None = None
    cache_metadata: bool = True
    cache_attrs: bool = True
    read_only: bool = False
    prototype: BufferPrototype | None = None
    config: ArrayConfigParams | None = None

    def config_of(self, config: ArrayConfigLike | None) -> ArrayConfigLike | None:
        """The settings of an array in the group.

        Parameters
        ----------
        config
            Those that are given for the array itself.
        """
        if self.config is None or config is None:
            return self.config or config
        return cast("ArrayConfigParams", {**self.config, **named_settings(config)})

    def below(self, group: str, path: str) -> Access:
        """How a node in a group is accessed.

        Parameters
        ----------
        group
            The path of the group, which is accessed as this says.
        path
            The path of the node.
        """
        if self.chunk_path is None:
            return self
        return self._replace(chunk_path=self.chunk_path / path[len(group) :].strip("/"))


DEFAULT_ACCESS = Access()


async def make_access(
    store_path: StorePath,
    *,
    mode: AccessModeLiteral | None = None,
    chunk_store: StoreLike | None = None,
    synchronizer: Synchronizer | None = None,
    cache_metadata: bool | None = None,
    cache_attrs: bool | None = None,
    read_only: bool | None = None,
    meta_array: object = None,
    config: ArrayConfigLike | None = None,
) -> Access:
    """The access that parameters of ``create``, ``open_array`` and ``open_group`` ask for."""
    given = (chunk_store, synchronizer, cache_metadata, cache_attrs, read_only, meta_array, config)
    if given == (None,) * len(given):
        return DEFAULT_ACCESS
    chunk_path = None
    if chunk_store is not None:
        chunk_path = await make_store_path(chunk_store, path=store_path.path, mode=mode)
    if synchronizer is not None and not hasattr(synchronizer, "__getitem__"):
        raise TypeError(
            "synchronizer must give a lock for each key, synchronizer[key], as "
            "zarr.ThreadSynchronizer and zarr.ProcessSynchronizer do. "
            f"Got an instance of {type(synchronizer)} instead."
        )
    return Access(
        chunk_path=chunk_path,
        synchronizer=synchronizer,
        cache_metadata=cache_metadata is not False,
        cache_attrs=cache_attrs is not False,
        read_only=bool(read_only),
        prototype=None if meta_array is None else _prototype_of(meta_array),
        config=None if config is None else checked_settings(config),
    )


def _prototype_of(meta_array: object) -> BufferPrototype:
    """The kind of buffers that hold arrays like an example."""
    if isinstance(meta_array, np.ndarray | np.generic):
        return cpu.buffer_prototype
    if type(meta_array).__module__.partition(".")[0] == "cupy":
        from zarr.buffer import gpu  # late: few programs have one

        return gpu.buffer_prototype
    raise TypeError(
        "meta_array must be an array of NumPy or CuPy, which then is what reading returns. "
        f"Got an instance of {type(meta_array)} instead."
    )


def parse_format(
    zarr_format: ZarrFormat | None, zarr_version: ZarrFormat | None = None
) -> ZarrFormat | None:
    """Return the format, given by `zarr_format` or its former name; None if by neither."""
    if zarr_version is not None:
        if zarr_format is not None and zarr_format != zarr_version:
            raise ValueError(
                f"zarr_format {zarr_format} does not match zarr_version {zarr_version}; "
                "pass zarr_format only"
            )
        warn("zarr_version is deprecated, use zarr_format", ZarrDeprecationWarning)
        zarr_format = zarr_version
    if zarr_format not in (None, 2, 3):
        raise MetadataValidationError(f"zarr_format must be 2 or 3, got {zarr_format!r}")
    return zarr_format


def unless_default(zarr_format: ZarrFormat) -> ZarrFormat | None:
    """None for the format that new nodes have anyway, so that it does not look asked for."""
    return None if zarr_format == default_format() else zarr_format


def default_format() -> ZarrFormat:
    """The format of new arrays where none is given."""
    return of_process.settings.default_zarr_format
