"""All that is in a hierarchy: the documents of its nodes, and the keys that are none."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from zarr._async.run import bounded
from zarr.errors import UnknownCodecError
from zarr.hierarchy.documents import (
    DOCUMENTS,
    array_v2,
    below_netcdf,
    get_values,
    group_v2,
    node_v3,
)
from zarr.metadata.group import is_group
from zarr.metadata.json import parse_json
from zarr.metadata.layout import layout_of
from zarr.storage.client import Requests
from zarr.storage.client.retry import AnswerError
from zarr.tools.check.findings import Finding
from zarr.tools.reshape.unfinished import MARKER, WORKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from zarr.abc.store import Store
    from zarr.metadata.group import NodeMetadata
    from zarr.storage.path import StorePath
    from zarr.tools.check.findings import Findings
    from zarr.types import ArrayMetadata

__all__ = ["Node", "Survey", "canonical", "fingerprint", "joined", "refuses_to_list"]

_NAMES = sorted(DOCUMENTS)
_ALIKE = 1024
"""So many documents are kept that other nodes may have, too."""


@dataclass(slots=True)
class Node:
    """A path at which there are documents.

    Attributes
    ----------
    path
        Where it is, relative to the store.
    names
        The names of its documents.
    zarr_format
        The format in which it is read; 0 if its documents tell none.
    is_group
        Whether it is a group; None if its documents do not tell.
    array
        The metadata of an array, if they are sound.
    is_sound
        Whether all of its documents can be read and contradict no rule.
    prints
        The fingerprints of its documents, by their names.
    consolidated
        The documents of other nodes that it has, by their paths or keys, as it has them.
    """

    path: str
    names: frozenset[str]
    zarr_format: int = 0
    is_group: bool | None = None
    array: ArrayMetadata | None = None
    is_sound: bool = True
    prints: dict[str, bytes] = field(default_factory=dict)
    consolidated: dict[str, Any] | None = None


def joined(path: str, name: str) -> str:
    """Return the key of a name below a path."""
    return f"{path}/{name}" if path else name


def canonical(document: object) -> bytes:
    """Return JSON as bytes that are the same for the same content."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def fingerprint(document: dict[str, Any]) -> bytes:
    """Return a hash of a document, less what it says of other nodes."""
    own = {key: value for key, value in document.items() if key != "consolidated_metadata"}
    return hashlib.blake2b(canonical(own), digest_size=16).digest()


_UNLISTED = (405, 501)
"""The answers of web servers that do not list."""


def refuses_to_list(store: Store, error: Exception) -> bool:
    """Whether an error says that a service lists nothing, or not for everybody."""
    if isinstance(error, AnswerError):
        return error.status in _UNLISTED
    return isinstance(error, PermissionError) and store.traits.needs_event_loop


class Survey:
    """The nodes and keys below a place.

    Attributes
    ----------
    place
        Where it begins.
    nodes
        The nodes by their paths, parents first.
    keys
        All keys that are no documents; None where they were not listed.
    lost
        The paths of nodes whose documents are in consolidated metadata only.
    """

    def __init__(self, place: StorePath, findings: Findings) -> None:
        self.place = place
        self.findings = findings
        self.nodes: dict[str, Node] = {}
        self.keys: list[str] | None = None
        self.lost: set[str] = set()
        self._alike: dict[bytes, Node] = {}

    async def list(self) -> None:
        """Find all keys by one listing, and read all documents."""
        names: dict[str, frozenset[str]] = {}
        keys: list[str] = []
        # Most nodes have the same documents, and share one set of them.
        none = frozenset[str]()
        more: dict[tuple[frozenset[str], str], frozenset[str]] = {}
        prefix = f"{self.place.path}/" if self.place.path else ""
        async for key in Requests(self.place.store).list_prefix(prefix):
            path, _, name = key.rpartition("/")
            if name in DOCUMENTS:
                step = names.get(path, none), name
                names[path] = more.setdefault(step, step[0] | {name})
            else:
                keys.append(key)
        self.keys = keys
        await self._read(names)

    async def walk(self) -> None:
        """Find the nodes group by group. Arrays, which may have many keys, are not listed."""
        requests = Requests(self.place.store)

        async def below(path: str) -> list[str]:
            names = [name.rstrip("/") async for name in requests.list_dir(path)]
            others = (*DOCUMENTS, MARKER, WORKING)
            return [joined(path, name) for name in names if name and name not in others]

        level = [self.place.path]
        while level:
            await self._read(dict.fromkeys(level))
            groups = [path for path in level if self._may_be_group(path)]
            level = [
                path for found in await bounded(groups, below, requests.width) for path in found
            ]

    def _may_be_group(self, path: str) -> bool:
        return path in self.nodes and self.nodes[path].is_group is not False

    async def follow(self) -> None:
        """Find the nodes that consolidated metadata name, in a store that lists nothing."""
        paths, tried = {self.place.path}, set[str]()
        while paths:
            await self._read(dict.fromkeys(paths))
            tried |= paths
            found = [self.nodes[path] for path in paths if path in self.nodes]
            paths = set()
            for node in found:
                for told in node.consolidated or ():
                    below = told if node.zarr_format == 3 else told.rpartition("/")[0]
                    paths.add(joined(node.path, below) if below else node.path)
            paths -= tried

    async def _read(self, names: Mapping[str, frozenset[str] | None]) -> None:
        """Read documents at paths; all that are there where their names are not known."""
        paths = sorted(names, key=lambda path: (path.count("/"), path))
        limit = max(1, Requests(self.place.store).width // 2)

        async def read(path: str) -> Node | None:
            return await self._node(path, names[path])

        for node in await bounded(paths, read, limit):
            if node is not None:
                self.nodes[node.path] = node

    async def _node(self, path: str, names: frozenset[str] | None) -> Node | None:
        order = _NAMES if names is None else sorted(names)
        try:
            values = await get_values(self.place.store, path, *order)
        except OSError as error:
            self._add("document-unreadable", path, "", f"{type(error).__name__}: {error}")
            return Node(path, names or frozenset(), is_sound=False)
        if names is None:
            there = [at for at, value in enumerate(values) if value is not None]
            if not there:
                return None
            order, values = [order[at] for at in there], [values[at] for at in there]
            names = frozenset(order)
        document = values[0] if order == ["zarr.json"] else None
        alike = None if document is None else self._alike.get(document)
        if alike is not None:
            return replace(alike, path=path)
        before = self.findings.total
        node = await self._checked_node(Node(path, names), order, values)
        is_plain = node.consolidated is None and before == self.findings.total
        if document is not None and is_plain and len(self._alike) < _ALIKE:
            # Nodes with the same document, of which there may be very many, are parsed once.
            self._alike[document] = node
        return node

    async def _checked_node(
        self, node: Node, order: Sequence[str], values: Sequence[bytes | None]
    ) -> Node:
        path, names = node.path, node.names
        for name, value in zip(order, values, strict=True):
            if value is None:
                self._add("document-vanished", path, name)
        documents = {
            name: value for name, value in zip(order, values, strict=True) if value is not None
        }
        parsed = {
            name: found
            for name, value in documents.items()
            if (found := self._json(path, name, value)) is not None
        }
        node.is_sound = len(parsed) == len(names) and not {".zarray", ".zgroup"} <= names
        node.prints = {name: fingerprint(document) for name, document in parsed.items()}
        if "zarr.json" in documents:
            self._as_v3(node, documents["zarr.json"], parsed.get("zarr.json"))
        elif ".zarray" in documents:
            node.zarr_format, node.is_group = 2, False
            if ".zarray" in parsed and (".zattrs" not in documents or ".zattrs" in parsed):
                array, attributes = documents[".zarray"], documents.get(".zattrs")
                netcdf = await below_netcdf(self.place.store, path, array)
                made = self._parsed(
                    path, ".zarray", lambda: array_v2(array, attributes, path, netcdf=netcdf)
                )
                node.is_sound = node.is_sound and made is not None
                self._take(node, made, ".zarray")
        elif ".zgroup" in documents:
            node.zarr_format, node.is_group = 2, True
            if ".zgroup" in parsed and (".zattrs" not in documents or ".zattrs" in parsed):
                group, attributes = documents[".zgroup"], documents.get(".zattrs")
                made = self._parsed(path, ".zgroup", lambda: group_v2(group, attributes, path))
                node.is_sound = node.is_sound and made is not None
            if ".zmetadata" in parsed:
                self._consolidated(node, ".zmetadata", parsed[".zmetadata"].get("metadata"))
        return node

    def _as_v3(self, node: Node, value: bytes, parsed: dict[str, Any] | None) -> None:
        node.zarr_format = 3
        if parsed is None:
            return
        node.is_group = {"array": False, "group": True}.get(str(parsed.get("node_type")))
        store, path = self.place.store, node.path
        made = self._parsed(
            path, "zarr.json", lambda: node_v3(value, store, path, consolidated=False)
        )
        node.is_sound = made is not None
        self._take(node, made, "zarr.json")
        consolidated = parsed.get("consolidated_metadata")
        if made is not None and node.is_group and consolidated is not None:
            inside = consolidated.get("metadata") if isinstance(consolidated, dict) else None
            self._parsed(
                path, "zarr.json", lambda: node_v3(value, store, path), "consolidated-invalid"
            )
            self._consolidated(node, "zarr.json", inside)

    def _consolidated(self, node: Node, name: str, inside: object) -> None:
        if isinstance(inside, dict) and all(isinstance(each, dict) for each in inside.values()):
            node.consolidated = inside
        elif name == ".zmetadata":
            self._add("consolidated-invalid", node.path, name, "no objects by their keys")

    def _take(self, node: Node, made: NodeMetadata | None, name: str) -> None:
        """Keep the metadata of an array, if its chunks can be told and decoded."""
        if made is None or is_group(made):
            return
        if self._parsed(node.path, name, lambda: layout_of(made)) is not None:
            node.array = made
        else:
            node.is_sound = False
        count = len(made.shape)
        names = made.attributes.get("_ARRAY_DIMENSIONS")
        if isinstance(names, list) and len(names) != count:
            expected, found = f"{count} names", f"{len(names)}: {names}"
            self._add("dimension-names-count", node.path, name, found, expected)

    def _parsed(
        self, path: str, name: str, parse: Callable[[], Any], code: str = "document-invalid"
    ) -> Any:
        """Parse a document; None if that fails."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they are for those who work with the node
                return parse()
        except UnknownCodecError as error:
            self._add("codec-unknown", path, name, _said(error))
        except Exception as error:  # codecs and data types of others raise anything
            self._add(code, path, name, _said(error))
        return None

    def _json(self, path: str, name: str, value: bytes) -> dict[str, Any] | None:
        if not value.strip():
            self._add("document-empty", path, name)
            return None
        try:
            parsed = parse_json(value, path, name)
        except ValueError as error:
            self._add("document-not-json", path, name, _said(error))
            return None
        twice: list[str] = []
        numbers: list[str] = []

        def pairs(found: list[tuple[str, object]]) -> None:
            seen = [key for key, _ in found]
            twice.extend(key for key in set(seen) if seen.count(key) > 1)

        json.loads(value, object_pairs_hook=pairs, parse_constant=numbers.append)
        if twice:
            self._add("document-repeated-name", path, name, ", ".join(sorted(set(twice))))
        if numbers:
            self._add("document-nonstandard-number", path, name, ", ".join(sorted(set(numbers))))
        return parsed

    def _add(self, code: str, path: str, name: str, found: str = "", expected: str = "") -> None:
        key = joined(path, name) if name else path
        self.findings.add(Finding(code, path, key, expected=expected, found=found))

    # -- relations between nodes ------------------------------------------------------------

    def above(self, path: str) -> Iterable[str]:
        """Yield the paths above a path, the nearest first, as far as the survey goes."""
        while len(path) > len(self.place.path):
            path = path.rpartition("/")[0]
            yield path

    def members(self, group: Node) -> dict[str, Node]:
        """Return the nodes that are listed below a group, by their paths relative to it."""
        prefix = f"{group.path}/" if group.path else ""
        found: dict[str, Node] = {}
        for path, node in self.nodes.items():  # parents first
            if path == group.path or not path.startswith(prefix):
                continue
            above = path.rpartition("/")[0]
            parent = group if above == group.path else found.get(above[len(prefix) :])
            if (
                parent is not None
                and parent.is_group
                and node.zarr_format == group.zarr_format
                and node.is_group is not None
            ):
                found[path[len(prefix) :]] = node
        return found


def _said(error: BaseException) -> str:
    text = str(error).partition(" (in the metadata of ")[0].partition("\n")[0]
    return text or type(error).__name__
