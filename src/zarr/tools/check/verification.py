"""Whether a hierarchy is whole: its documents, its keys, its values."""

from __future__ import annotations

from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from zarr._async.progress import metered
from zarr._async.run import offload
from zarr.arrays.copy import check_reach, spread
from zarr.hierarchy.documents import not_found
from zarr.storage.local import leftovers
from zarr.storage.path import StorePath
from zarr.tools.check.document_rules import check_documents
from zarr.tools.check.findings import Finding, Findings, Severity, Verification
from zarr.tools.check.keys import check_keys, counts_of
from zarr.tools.check.stored_values import (
    Checked,
    Values,
    check_some,
    check_values,
    most_together,
)
from zarr.tools.check.survey import Survey, joined, refuses_to_list
from zarr.tools.nodes import place_of
from zarr.tools.reshape.unfinished import MARKER
from zarr.tools.workers import workers

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
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
        chunks = check_keys(done, survey.keys, no_files)
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
