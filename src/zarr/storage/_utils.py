"""zarr-python's name of `zarr.storage.keys`."""

from typing import Any

from zarr.storage.keys import ParsedStoreUrl as ParsedStoreUrl
from zarr.storage.keys import normalize_path as normalize_path
from zarr.storage.keys import parse_store_url as parse_store_url


def __getattr__(name: str) -> Any:
    if name != "UPath":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from upath import UPath  # late: not everybody has universal_pathlib

    return UPath
