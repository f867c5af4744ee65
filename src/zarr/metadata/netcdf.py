"""Arrays that the netCDF library wrote, where it leaves open what numcodecs takes otherwise.

The library shuffles bytes by the size of the elements, and writes ``"elementsize": 0``. numcodecs,
whose codec it is, does not shuffle by a size of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zarr.metadata.v2 import ArrayV2Metadata


def leaves_size_open(metadata: ArrayV2Metadata) -> bool:
    """Return whether bytes are shuffled by a size that is not told."""
    return any(map(_is_open, metadata.filter_configs))


def marks_netcdf(fields: Mapping[str, Any]) -> bool:
    """Return whether a document, or attributes, are those of a node that the library wrote.

    All that it writes is marked in its own form of Zarr; in plain Zarr only the root is.

    Examples
    --------
    >>> marks_netcdf({"_NCProperties": "version=2,netcdf=4.10.1,nczarr=2.0.0"})
    True
    """
    return "nczarr" in str(fields.get("_NCProperties")) or any(
        str(name).lower().startswith("_nczarr") for name in fields
    )


def with_size_of_elements(metadata: ArrayV2Metadata) -> ArrayV2Metadata:
    """Return metadata that tell the size by which the library shuffled."""
    size = getattr(metadata.dtype, "item_size", 1)
    configs = (
        {**config, "elementsize": size} if _is_open(config) else config
        for config in metadata.filter_configs
    )
    return metadata._with(filter_configs=tuple(configs))


def _is_open(config: Mapping[str, Any]) -> bool:
    return config["id"] == "shuffle" and config.get("elementsize") == 0
