"""zarr-python's name of `zarr.storage.urls`."""

from typing import Any

from zarr.storage.urls import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if name != "UPath":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from upath import UPath  # late: not everybody has universal_pathlib

    return UPath
