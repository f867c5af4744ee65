"""Where `save` and its kin write to."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zarr.storage.path import StoreLike


@asynccontextmanager
async def target(store: StoreLike) -> AsyncIterator[StoreLike]:
    """What is to be saved to: for the name of a zip file, that file, which is whole at the end."""
    named = isinstance(store, str | Path) and "://" not in str(store)
    if not (named and str(store).endswith(".zip")) or os.path.isdir(str(store)):
        yield store
        return
    from zarr.storage.zip import ZipStore  # late, as it takes a while

    archive = ZipStore(Path(str(store)), mode="a" if os.path.exists(str(store)) else "w")
    try:
        yield archive
    finally:
        archive.close()
