"""Nodes that are listed in one large document, and read when they are asked for.

A hierarchy may have 100,000 nodes, of which a program opens three.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from zarr import _core
from zarr.errors import MetadataValidationError
from zarr.metadata.json import MOST_BYTES, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.types import JSON, Document, ZarrFormat

N = TypeVar("N")

DEEPEST_NODE = 64
"""How many levels of nodes consolidated metadata may hold; each is an object in another one."""


class Documents(Mapping[str, object]):
    """The members of an object in a document, by name; each is parsed when it is asked for.

    Parameters
    ----------
    document
        The document.
    names, kinds, places
        Its members, as ``zarr._core.members`` tells them. Of members of one name the last one
        holds.
    where
        How the node that has the document is named in messages.
    """

    __slots__ = ("_document", "_kinds", "_numbers", "_places", "where")

    def __init__(
        self, document: bytes, names: list[str], kinds: bytes, places: bytes, where: str
    ) -> None:
        self._document = document
        self._numbers = {name: number for number, name in enumerate(names)}
        self._kinds = kinds.decode("ascii")
        self._places = memoryview(places).cast("Q")
        self.where = where

    def __getitem__(self, name: str) -> object:
        first = 4 * self._numbers[name]
        return json.loads(self._document[self._places[first] : self._places[first + 1]])

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def without_attributes(self, name: str) -> tuple[bytes, dict[str, object]]:
        """Return the text of a member that is an object without its attributes, and these."""
        first = 4 * self._numbers[name]
        start, end, begins, ends = self._places[first : first + 4]
        document = self._document
        if begins == ends:
            return document[start:end], {}
        text = b"%b{}%b" % (document[start:begins], document[ends:end])
        return text, json.loads(document[begins:ends])

    def kind(self, name: str) -> str:
        """Return the kind of a member; see ``zarr._core.members``."""
        return self._kinds[self._numbers[name]]

    def is_object(self, name: str) -> bool:
        """Return whether a member is an object."""
        return self._document[self._places[4 * self._numbers[name]]] == ord("{")


def parse_listing(document: bytes, path: str, name: str, *members: str) -> dict[str, JSON]:
    """Parse a document of which one object, the one at `members`, may list very many nodes.

    That object becomes `Documents`. It is a plain dict in a document that is unusual.

    Parameters
    ----------
    document
        The value of the key `name`.
    path, name
        Where it was found, for error messages.
    *members
        The name of the object in the document, after those of the objects that it is in.

    Raises
    ------
    MetadataValidationError
        If the document is not JSON, or not an object.
    """
    found = None if len(document) > MOST_BYTES else _core.members(document, members)
    if found is None:
        return parse_json(document, path, name)
    start, end, names, kinds, places = found
    parsed = parse_json(b"%b{}%b" % (document[:start], document[end:]), path, name)
    *above, last = members
    inner: Document = parsed
    for each in above:
        inner = inner[each]
    inner[last] = Documents(document, names, kinds, places, path)
    return parsed


class Nodes(Mapping[str, N]):
    """The children of a group by name; each is read when it is asked for, and kept.

    Parameters
    ----------
    paths
        The paths of the children by their names.
    read
        Reads the node at a path.
    zarr_format
        The format of all of them.
    is_group
        Whether the node at a path is a group.
    """

    __slots__ = ("_is_group", "_paths", "_read", "_seen", "zarr_format")

    def __init__(
        self,
        paths: dict[str, str],
        read: Callable[[str], N],
        zarr_format: ZarrFormat,
        is_group: Callable[[str], bool],
    ) -> None:
        self._paths = paths
        self._read = read
        self._seen: dict[str, N] = {}
        self.zarr_format = zarr_format
        self._is_group = is_group

    def __getitem__(self, name: str) -> N:
        node = self._seen.get(name)
        # All threads get the node of the first one.
        return self._seen.setdefault(name, self._read(self._paths[name])) if node is None else node

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[type, tuple[dict[str, N]]]:
        return dict, (dict(self),)  # a group below takes no document of all the others with it

    def is_group(self, name: str) -> bool:
        """Return whether a child is a group, without reading it."""
        return self._is_group(self._paths[name])


def children_of(paths: Iterable[str], is_group: Callable[[str], bool]) -> dict[str, dict[str, str]]:
    """Return the children of each group, given the paths of all nodes.

    Parameters
    ----------
    paths
        The paths.
    is_group
        Whether the node at one of them is a group. Parents that are not among them are groups.

    Returns
    -------
    dict
        For the path of each group, the paths of its children by their names.

    Raises
    ------
    MetadataValidationError
        If a path leads elsewhere, or below an array.
    """
    # The children of each group, so that they are there before the group's own document is.
    children: dict[str, dict[str, str]] = {"": {}}
    for path in sorted(paths, key=_depth):
        parent, _, name = path.rpartition("/")
        if _depth(path) >= DEEPEST_NODE:
            raise MetadataValidationError(
                f"Consolidated metadata: the node at {path[:60]!r}... is more than {DEEPEST_NODE} "
                "levels deep."
            )
        siblings = children.get(parent)
        if siblings is None or path.startswith("/"):
            siblings = _children_of(parent, path, children)
        if name in ("", ".", ".."):
            raise MetadataValidationError(f"Consolidated metadata: {path!r} is no path of a node.")
        if is_group(path):
            children[path] = {}
        siblings[name] = path
    return children


def _depth(path: str) -> int:
    return path.count("/")


def _children_of(path: str, below: str, children: dict[str, dict[str, str]]) -> dict[str, str]:
    """The children of the group at a path, which is made if it was not listed."""
    found = children.get(path)
    if found is not None and not (path == "" and below.startswith("/")):
        return found
    parent, _, name = path.rpartition("/")
    if name in ("", ".", ".."):
        raise MetadataValidationError(f"Consolidated metadata: {below!r} is no path of a node.")
    siblings = _children_of(parent, below, children)
    if name in siblings:
        raise MetadataValidationError(
            f"Consolidated metadata: there is an array at {path!r}, and a node below it at "
            f"{below!r}."
        )
    siblings[name] = path
    made = children[path] = {}
    return made
