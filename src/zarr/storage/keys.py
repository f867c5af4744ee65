"""Keys of stored values: which are allowed, which are shown, and how they form folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zarr._core import TEMP_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

# Names that other programs, or writes under way, leave among the data: macOS keeps a file's
# extended attributes in "._name" where the file system has no place for them, and how a folder
# is shown in ".DS_Store".
_HIDDEN = ("._", ".DS_Store", TEMP_PREFIX)
# On Windows these would name another folder, another drive, or a second stream of a file.
_FORBIDDEN = frozenset("\0\\:" if os.name == "nt" else "\0")


def check_key(key: str) -> str:
    """Return `key`, or raise `ValueError` if it could name something outside of its store."""
    parts = key.split("/")
    if "" in parts or "." in parts or ".." in parts or not _FORBIDDEN.isdisjoint(key):
        raise ValueError(
            f"invalid key {key!r}: a key is relative, its parts are separated by '/', and no part "
            "is empty, '.' or '..', or holds a character that cannot be in a file's name"
        )
    return key


def is_safe(name: str) -> bool:
    """Whether a name that somebody else gave is that of a key."""
    try:
        check_key(name)
    except ValueError:
        return False
    return True


def check_prefix(prefix: str) -> str:
    """Return the folder that `prefix` names, without slashes at its ends; '' is the root."""
    folder = prefix.strip("/")
    return check_key(folder) if folder else ""


def is_hidden(name: str) -> bool:
    """Whether listings skip a file or folder of this name."""
    return name.startswith(_HIDDEN)


def children(keys: Iterable[str], prefix: str) -> list[str]:
    """The names just below the folder `prefix`: values and folders, each once."""
    folder = folder_of(prefix)
    skip = len(folder)
    names = (key[skip:].partition("/")[0] for key in keys if key.startswith(folder))
    return list(dict.fromkeys(name for name in names if name))


def folder_of(prefix: str) -> str:
    """What all keys in the folder `prefix` begin with: the folder with a slash; '' is the root."""
    folder = check_prefix(prefix)
    return f"{folder}/" if folder else ""


def successor(prefix: str) -> str:
    """The least text that is greater than all keys that begin with `prefix`."""
    for place in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[place]) + 1
        if 0xD800 <= following <= 0xDFFF:  # no characters, and not in a key
            following = 0xE000
        if following <= 0x10FFFF:
            return prefix[:place] + chr(following)
    return chr(0x10FFFF) * 4
