"""Whether a hierarchy is whole: its documents, its keys, its values."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from math import prod
from operator import lt
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from zarr._async.progress import metered
from zarr._async.run import offload
from zarr.arrays.copy import check_reach, spread
from zarr.arrays.stored_chunks import KeyDecoder
from zarr.hierarchy.documents import not_found
from zarr.metadata.chunk_grids import chunk_count
from zarr.metadata.chunk_key_encodings import DefaultChunkKeyEncoding, V2ChunkKeyEncoding
from zarr.metadata.layout import layout_of
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.storage.local import leftovers
from zarr.storage.path import StorePath
from zarr.tools.check.document_rules import check_documents
from zarr.tools.check.findings import Finding, Findings, Severity, Verification
from zarr.tools.check.stored_values import (
    Checked,
    Values,
    check_some,
    check_values,
    most_together,
)
from zarr.tools.check.survey import Node, Survey, joined, refuses_to_list
from zarr.tools.nodes import place_of
from zarr.tools.reshape.unfinished import MARKER, WORKING
from zarr.tools.workers import workers

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator
    from concurrent.futures import Executor

    from zarr._async.progress import Progress
    from zarr.tools.check.digests import Digest
    from zarr.tools.nodes import Source
    from zarr.types import ArrayMetadata, StorageOptions

    Coords = tuple[int, ...]

__all__ = ["Level", "Scan", "scan", "verify"]

Level: TypeAlias = Literal["metadata", "presence", "full"]
"""How thorough a check is: documents; and keys, by listing; and values, which are decoded."""

_FEW = 4
"""So few values are not worth a second thread."""


async def verify(
    source: Source,
    *,
    path: str = "",
    level: Level = "full",
    complete: bool = False,
    against: Digest | str | os.PathLike[str] | None = None,
    limit: int | None = 1000,
    executor: Executor | None = None,
    progress: Progress = None,
    storage_options: StorageOptions | None = None,
) -> Verification:
    """Check whether a hierarchy, or an array, is whole.

    Nothing is changed. Every document is compared with the rules of its format. From the level
    ``"presence"`` on, the store is listed once, and each key must belong to something. At the level
    ``"full"`` each stored chunk is read and decoded, the chunks in shards one by one.

    Parameters
    ----------
    source : store, str, path-like, Array or Group
        Where it is.
    path : str, default: ""
        A path below it.
    level : {"metadata", "presence", "full"}, default: "full"
        How thorough the check is.
    complete : bool, default: False
        Whether each chunk must be stored. A chunk that holds nothing but the fill value is usually
        not, so that is no finding by default.
    against : Digest, str or path-like, optional
        A digest, or the JSON file of one, as `digest` made it: the content must be that.
    limit : int, optional
        How many findings of one code are kept; all if None. All are counted.
    executor : concurrent.futures.Executor, optional
        Whose workers decode; threads of this process by default.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Verification
        The findings, each with a stable code, a severity, the node, the key, and a remedy.

    Raises
    ------
    FileNotFoundError
        If there is nothing at all.
    NotImplementedError
        If keys are asked for, and the store does not list any.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> array = zarr.create_array(store, data=[1, 2, 3, 4], chunks=(2,))
    >>> report = zarr.tools.verify(store)
    >>> report.ok, report.decoded
    (True, 2)
    >>> store["c/7"] = store["c/1"]
    >>> print(*zarr.tools.verify(store).findings)
    warning chunk-outside           c/7: expected a grid of (2,), found (7,)
    """
    if level not in get_args(Level):
        raise ValueError(f"level must be one of {get_args(Level)}. Got {level!r}.")
    place = await place_of(source, path, mode="r", storage_options=storage_options)
    done = await scan(
        place,
        level,
        Findings(limit),
        complete=complete,
        executor=executor,
        progress=progress,
    )
    if against is not None:
        from zarr.tools.check.digests import compared  # late: few compare

        done.findings.extend(await compared(place, against, executor=executor, progress=progress))
    return done.report(place, level)


class Scan:
    """A check that was made: its findings, and the figures of its report.

    Attributes
    ----------
    survey
        The nodes and keys.
    findings
        The findings.
    stored
        By the paths of arrays, the places in the grid of their stored values.
    """

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.findings = survey.findings
        self.stored: dict[str, list[Coords]] = {}
        self.chunks = self.decoded = self.bytes = 0

    def report(self, place: StorePath, level: Level) -> Verification:
        """Return the report."""
        nodes, keys = self.survey.nodes.values(), self.survey.keys
        return Verification(
            source=place.shown_as(),
            level=level,
            ok=not any(each.severity is not Severity.INFO for each in self.findings.sorted()),
            groups=sum(node.is_group is True for node in nodes),
            arrays=sum(node.is_group is False for node in nodes),
            keys=0 if keys is None else len(keys) + sum(len(node.names) for node in nodes),
            chunks=self.chunks,
            stored=self.decoded
            if self.survey.keys is None
            else sum(map(len, self.stored.values())),
            decoded=self.decoded,
            bytes=self.bytes,
            counts=dict(self.findings.counts),
            findings=self.findings.sorted(),
        )


async def scan(
    place: StorePath,
    level: Level,
    findings: Findings,
    *,
    complete: bool = False,
    executor: Executor | None = None,
    progress: Progress = None,
) -> Scan:
    """Check a place; see `verify`."""
    survey = Survey(place, findings)
    if not await _listed(survey, level):
        if level == "presence" or complete:
            raise NotImplementedError(
                f"{place.store.shown_as()} does not list its keys, so it cannot be told which are "
                "there: verify its metadata, or all of it (level 'full')"
            )
        await survey.follow()
    if not survey.nodes:
        await _nothing_there(survey)
    await check_documents(survey)
    done = Scan(survey)
    left = await offload(leftovers, place.store, place.path) if level != "metadata" else ()
    no_files = {each.key: each.kind for each in left if not each.is_temporary}
    if survey.keys is not None:
        chunks = _check_keys(done, survey.keys, no_files)
        if level == "full":  # who reads them is told
            no_files = {key: kind for key, kind in no_files.items() if key not in chunks}
    if level != "metadata":
        _count_missing(done, complete=complete)
    for each in left:
        if each.is_temporary:
            findings.add(Finding("temporary-file", each.key.rpartition("/")[0], each.key))
    for key, kind in no_files.items():
        findings.add(Finding("no-file", key.rpartition("/")[0], key, found=kind))
    if level == "full":
        await _decode(done, executor, progress)
    return done


async def _listed(survey: Survey, level: Level) -> bool:
    """List what a survey is of; whether its store does that."""
    store = survey.place.store
    if not store.supports_listing:
        return False
    try:
        await (survey.walk() if level == "metadata" else survey.list())
    except OSError as error:
        if survey.nodes or not refuses_to_list(store, error):
            raise
        return False
    return True


async def _nothing_there(survey: Survey) -> None:
    place, keys = survey.place, survey.keys
    if not keys or any(key.rpartition("/")[2] == MARKER for key in keys):
        if not keys:
            raise await not_found(place, None, None)
        return
    found = f"{len(keys):,} keys and no document"
    survey.findings.add(Finding("document-lost", place.path, place.path, found=found))


# -- keys -----------------------------------------------------------------------------------------


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


def _check_keys(done: Scan, keys: list[str], no_files: Collection[str]) -> set[str]:
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


def _places(counts: tuple[int, ...]) -> Iterator[Coords]:
    """All places in a grid, however large, one at a time: `product` would list each dimension."""
    for number in range(prod(counts)):
        place = []
        for count in reversed(counts):
            number, at = divmod(number, count)
            place.append(at)
        yield tuple(reversed(place))


def _count_missing(done: Scan, *, complete: bool) -> None:
    for path, node in done.survey.nodes.items():
        if node.array is None or node.is_group is not False:
            continue
        counts = counts_of(node.array)
        total = prod(counts)
        stored = done.stored.setdefault(path, [])
        done.chunks += total
        if complete and len(stored) < total:
            have = set(stored)
            # Of an array that has next to nothing, the first are enough.
            absent = (each for each in _places(counts) if each not in have)
            kept = list(islice(absent, done.findings.room("chunk-missing")))
            encode = node.array.encode_chunk_key
            for each in kept:
                key = joined(path, encode(each))
                done.findings.add(Finding("chunk-missing", path, key, each))
            done.findings.count("chunk-missing", total - len(have) - len(kept))


# -- values ---------------------------------------------------------------------------------------


async def _decode(done: Scan, executor: Executor | None, progress: Progress) -> None:
    store, listed = done.survey.place.store, done.survey.keys is not None
    arrays = [(node.path, node.array) for node in done.survey.nodes.values() if node.array]
    total = sum(len(done.stored[path]) for path, _ in arrays) if listed else done.chunks
    if executor is not None:
        await check_reach(executor, store)

    def parts() -> Iterator[tuple[ArrayMetadata, StorePath, list[Coords], bool]]:
        for path, metadata in arrays:
            places = iter(done.stored[path] if listed else _places(counts_of(metadata)))
            while part := list(islice(places, most_together(metadata))):
                yield metadata, StorePath(store, path), part, listed

    with metered("verify", total, unit=" chunks", progress=progress) as meter:

        def take(result: Checked) -> None:
            done.findings.extend(result.findings)
            done.decoded += result.read
            done.bytes += result.size
            meter.advance(result.looked)

        if executor is None and (store.traits.needs_event_loop or total <= _FEW):
            for metadata, place, coords, _ in parts():
                take(await check_values(Values(metadata, place), coords, listed=listed))
            return
        with workers(executor) as own:
            await spread(own, check_some, parts(), take)
