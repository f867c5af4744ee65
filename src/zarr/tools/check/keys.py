"""To what each key of a hierarchy belongs: to a document, a chunk within the shape, or nothing."""

from __future__ import annotations

import re
from collections import Counter
from operator import lt
from typing import TYPE_CHECKING

from zarr.arrays.stored_chunks import KeyDecoder
from zarr.metadata.chunk_grids import chunk_count
from zarr.metadata.chunk_key_encodings import DefaultChunkKeyEncoding, V2ChunkKeyEncoding
from zarr.metadata.layout import layout_of
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.tools.check.findings import Finding, Findings
from zarr.tools.check.survey import Node, Survey, joined
from zarr.tools.reshape.unfinished import MARKER, WORKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from zarr.tools.check.verification import Scan
    from zarr.types import ArrayMetadata

    Coords = tuple[int, ...]


class _Owners:
    """Tells to which node the keys of a directory belong."""

    def __init__(self, survey: Survey) -> None:
        self._nodes = survey.nodes
        self._root = survey.place.path
        self.known: dict[str, Node | None] = {}
        self.unfinished: set[str] = set()

    def of(self, directory: str) -> Node | None:
        """Return the nearest node at or above a directory; None if there is none."""
        found = self.known.get(directory, self)
        if found is self:
            node = self._nodes.get(directory)
            if node is not None and node.zarr_format:
                found = node
            elif len(directory) <= len(self._root):
                found = None
            else:
                found = self.of(directory.rpartition("/")[0])
            self.known[directory] = found
        return found  # type: ignore[return-value]

    def is_unfinished(self, key: str) -> bool:
        """Whether a key is below the target of a rechunk that goes on, or is one of its files."""
        return bool(self.unfinished) and any(
            not each or key.startswith(f"{each}/") for each in self.unfinished
        )


def check_keys(done: Scan, keys: list[str], no_files: Collection[str]) -> set[str]:
    """Find out to what each key belongs; return those of chunks that are no files."""
    owners, findings = _Owners(done.survey), done.findings
    marked = [key for key in keys if key.rpartition("/")[2] == MARKER]
    for key in marked:
        path = key.rpartition("/")[0]
        complete = path in done.survey.nodes
        findings.add(Finding("unfinished-remains" if complete else "unfinished", path, key))
        owners.unfinished.add(joined(path, WORKING) if complete else path)
    readers: dict[str, _Keys] = {}
    lost = _Lost(findings, done.survey.lost)
    chunks: set[str] = set()
    for key in keys:
        directory, _, name = key.rpartition("/")
        if marked and (name == MARKER or owners.is_unfinished(key)):
            continue
        node = owners.of(directory)
        if node is None or node.is_group is None:
            continue  # no hierarchy, or one of which the document says nothing
        if node.is_group:
            if key not in no_files:
                lost.take(node.path, key)
        elif node.array is not None:
            reader = readers.get(node.path)
            if reader is None:
                reader = readers[node.path] = _Keys(node.path, node.array)
            if key not in no_files:
                reader.take(key, findings)
            elif reader.is_chunk(key):
                chunks.add(key)
    for path, reader in readers.items():
        done.stored[path] = reader.stored
    lost.report()
    above: set[str] = set(owners.known)
    for key in keys:
        if key in above:
            node = owners.of(key)
            path = "" if node is None else node.path
            findings.add(Finding("key-is-directory", path, key))
    return chunks


# Files beside the documents that other programs read: netCDF's, and those of OME.
_OF_OTHERS = frozenset(
    (".nczarr", ".nczarray", ".nczattr", ".nczgroup", ".nczvar", "METADATA.ome.xml")
)
_CHUNK_BELOW = re.compile(r"(.+?)/(c(/\d+)*|c(\.\d+)+|\d+(\.\d+)*|\d+(/\d+)*)")


class _Lost:
    """The keys in directories of groups: those of arrays without a document, and others."""

    def __init__(self, findings: Findings, known: set[str]) -> None:
        self._findings = findings
        self._known = known
        self._arrays: Counter[str] = Counter()
        self._orphans: list[tuple[str, str]] = []

    def take(self, group: str, key: str) -> None:
        """Take note of a key for which the nearest node is a group."""
        if key.rpartition("/")[2] in _OF_OTHERS:
            return
        below = key[len(group) + 1 :] if group else key
        match = _CHUNK_BELOW.fullmatch(below)
        if match is None:
            self._orphans.append((group, key))
        else:  # the chunk of an array, it seems, which nobody must take for rubbish
            self._arrays[joined(group, match[1])] += 1

    def report(self) -> None:
        """Report them."""
        for path, count in self._arrays.items():
            if path not in self._known:
                found = f"{count:,} keys like those of chunks, and no document"
                self._findings.add(Finding("document-lost", path, path, found=found))
        lost = tuple(f"{path}/" for path in (*self._arrays, *self._known))
        for group, key in self._orphans:
            if not key.startswith(lost):
                self._findings.add(Finding("key-orphaned", group, key))


class _Keys:
    """Tells the keys of one array apart."""

    def __init__(self, path: str, metadata: ArrayMetadata) -> None:
        self._path = path
        self._skip = len(path) + 1 if path else 0
        self._metadata = metadata
        self._decode = KeyDecoder(metadata)
        self._counts = counts_of(metadata)
        self._others: list[KeyDecoder] | None = None
        self.stored: list[Coords] = []

    def is_chunk(self, key: str) -> bool:
        """Take note of a key that is of a chunk within the shape, and tell whether it is."""
        coords = self._decode(key[self._skip :])
        if coords is None or not self._has(coords):
            return False
        self.stored.append(coords)
        return True

    def take(self, key: str, findings: Findings) -> None:
        """Take note of a key."""
        name = key[self._skip :]
        coords = self._decode(name)
        if coords is not None:
            if self._has(coords):
                self.stored.append(coords)
            else:
                findings.add(self._outside(key, coords))
            return
        for decode in self._other_encodings():
            coords = decode(name)
            if coords is not None and self._has(coords):
                expected = joined(self._path, self._metadata.encode_chunk_key(coords))
                findings.add(
                    Finding("key-of-other-encoding", self._path, key, coords, None, expected, key)
                )
                return
        if key.rpartition("/")[2] not in _OF_OTHERS:
            findings.add(Finding("key-orphaned", self._path, key))

    def _has(self, coords: Coords) -> bool:
        return all(map(lt, coords, self._counts))

    def _outside(self, key: str, coords: Coords) -> Finding:
        expected, found = f"a grid of {self._counts}", str(coords)
        return Finding("chunk-outside", self._path, key, coords, None, expected, found)

    def _other_encodings(self) -> list[KeyDecoder]:
        if self._others is None:
            self._others = [KeyDecoder(each) for each in _with_other_encodings(self._metadata)]
        return self._others


def _with_other_encodings(metadata: ArrayMetadata) -> Iterator[ArrayMetadata]:
    if isinstance(metadata, ArrayV2Metadata):
        other = "." if metadata.dimension_separator == "/" else "/"
        yield ArrayV2Metadata.from_dict({**metadata.to_dict(), "dimension_separator": other})
        return
    for encoding in (DefaultChunkKeyEncoding, V2ChunkKeyEncoding):
        for separator in ("/", "."):
            yield metadata.rebuilt(chunk_key_encoding=encoding(separator=separator))


def counts_of(metadata: ArrayMetadata) -> tuple[int, ...]:
    """Return how many values an array has along each dimension."""
    return tuple(map(chunk_count, layout_of(metadata).grid, metadata.shape))
