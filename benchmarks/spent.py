"""Puts away files that have been measured."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_numbers = itertools.count()


def empty(directory: Path) -> None:
    """Give back the space of a directory's files, but keep the files, under another name.

    ext4 does not reuse an inode for a minute or more after its file was deleted, and looks at
    all such inodes whenever it makes a file: after deleting thousands of files, making one takes
    ten times as long. The next measurement would pay for it.
    """
    if not directory.exists():
        return
    for path in directory.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)
    directory.rename(directory.with_name(f"spent-{os.getpid()}-{next(_numbers)}"))
