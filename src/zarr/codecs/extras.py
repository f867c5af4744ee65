"""Packages that some codecs need, imported when a chunk is coded."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def extra(module: str, codec: str, name: str) -> Any:
    """The module that a codec needs, or an error that tells which extra of zarr brings it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The codec {codec!r} needs the package {module}: pip install 'zarr[{name}]'"
        ) from error
