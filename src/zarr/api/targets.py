"""Where `save` and its kin write to."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zarr.urls import local_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zarr.storage.path import StoreLike


@asynccontextmanager
async def target(store: StoreLike) -> AsyncIterator[StoreLike]:
    """What is to be saved to: for the name of a zip file, that file, which is whole at the end."""
    path = local_path(store) if isinstance(store, str) else store
    if not isinstance(path, str | Path) or not str(path).endswith(".zip") or os.path.isdir(path):
        yield store
        return
    from zarr.storage.zip import ZipStore  # late, as it takes a while

    archive = ZipStore(Path(path), mode="a" if os.path.exists(path) else "w")
    try:
        yield archive
    except BaseException:
        archive._abandon()  # the file is as it was
        raise
    archive.close()
