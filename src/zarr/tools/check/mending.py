"""Mending what a check found: repair, its undoing, and vacuum."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from zarr._async.run import offload
from zarr.api.groups import consolidate_metadata
from zarr.arrays.async_array import AsyncArray
from zarr.buffer.cpu import Buffer
from zarr.hierarchy.documents import documents_of, load_node
from zarr.metadata.group import GroupMetadata, is_group
from zarr.metadata.json import to_json
from zarr.storage.client import Requests
from zarr.storage.local import leftovers
from zarr.storage.memory import MemoryStore
from zarr.storage.path import StorePath, address, is_within
from zarr.storage.wrapper import WrapperStore
from zarr.tools.check.findings import Finding, Findings, Severity
from zarr.tools.check.journal import ABSENT, Change, Entry, Journal, change, current
from zarr.tools.check.mended_values import mended
from zarr.tools.check.stored_values import Values, version_of
from zarr.tools.check.survey import joined
from zarr.tools.check.verification import scan
from zarr.tools.nodes import place_of
from zarr.tools.reshape.unfinished import WORKING
from zarr.tools.result import Result, plain
from zarr.tools.text import printable

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Collection, Iterable
    from concurrent.futures import Executor

    from zarr._async.progress import Progress
    from zarr.abc.store import Store, StoreTraits
    from zarr.tools.check.verification import Scan
    from zarr.tools.nodes import Source
    from zarr.types import JSON, AnyAsyncArray, StorageOptions, ZarrFormat

__all__ = ["Repair", "Step", "Unmended", "repair", "vacuum"]


@dataclass(frozen=True)
class Step:
    """A step of a repair.

    Attributes
    ----------
    code : str
        The code of the finding that it mends.
    action : {"delete", "write", "move", "put back"}
        The change of the value of the key.
    key : str
        The key.
    how : str
        How, in words.
    outcome : {"planned", "done", "left"}
        Whether it was done.
    """

    code: str
    action: str
    key: str
    how: str
    outcome: str = "planned"

    def __str__(self) -> str:
        head = f"{self.outcome:<8}{self.action:<10}{printable(self.key) or '/'}"
        return f"{head}: {printable(self.how)}" if self.how else head


@dataclass(frozen=True)
class Unmended(Finding):
    """A finding that stays.

    Attributes
    ----------
    why : str
        Why, and the way to mend it.
    """

    why: str = ""

    def __str__(self) -> str:
        return f"{super().__str__()}\n          {printable(self.why)}"


@dataclass(frozen=True)
class Repair(Result):
    """The report of a repair.

    Attributes
    ----------
    source : str
        The store and the path in it.
    applied : bool
        Whether anything was to be changed; else it was a dry run.
    kept : str or None
        The directory that has the old values.
    steps : tuple of Step
        The steps.
    left : tuple of Unmended
        The findings that stay, each with the reason.
    """

    source: str
    applied: bool
    kept: str | None
    steps: tuple[Step, ...]
    left: tuple[Unmended, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is left to do."""
        stays = any(each.severity is not Severity.INFO for each in self.left)
        return not stays and all(step.outcome == "done" for step in self.steps)

    def to_dict(self) -> dict[str, JSON]:
        """Return the report as values that JSON has; findings with their severity."""
        made = super().to_dict()
        made["ok"] = self.ok
        made["left"] = [
            {"severity": each.severity.value, **cast("dict[str, JSON]", plain(each))}
            for each in self.left
        ]
        return made

    def __str__(self) -> str:
        lines = [f"Store   : {printable(self.source)}"]
        if not self.applied and self.steps:
            lines.append("Dry run : nothing was changed")
        if self.kept is not None:
            lines.append(f"Kept    : the old values are in {printable(self.kept)}")
        count = Counter(step.outcome for step in self.steps)
        told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(count.items()))
        lines.append(f"Steps   : {told or 'none'}")
        lines += [f"  {step}" for step in self.steps]
        if self.left:
            lines += ["", f"These stay ({len(self.left):,}):", *(f"  {each}" for each in self.left)]
        return "\n".join(lines)


class _Plan(NamedTuple):
    """A step, and the changes that it consists of, in order."""

    step: Step
    changes: tuple[Change, ...]


_DELETED = frozenset(("key-orphaned", "attributes-alone", "consolidated-alone"))
_CONSOLIDATED = frozenset(
    ("consolidated-invalid", "consolidated-lacks", "consolidated-surplus", "consolidated-differs")
)
_DOCUMENTS = frozenset(("document-lost", "document-empty", "document-not-json", "document-invalid"))
_DAMAGED = frozenset(
    (
        "chunk-empty",
        "chunk-size",
        "chunk-checksum",
        "chunk-damaged",
        "chunk-unreadable",
        "shard-too-short",
        "shard-index-damaged",
        "shard-entry-outside",
        "shard-chunks-overlap",
        "shard-chunk-damaged",
    )
)
_CHANGED = "somebody changed it meanwhile: verify again"
_DROP = "--drop deletes it, and its elements read as the fill value"
_OF_VACUUM = frozenset(("chunk-outside", "temporary-file", "unfinished-remains"))


async def repair(
    source: Source,
    *,
    path: str = "",
    apply: bool = False,
    keep: str | os.PathLike[str] | None = None,
    second: Source | None = None,
    drop: bool = False,
    codes: Collection[str] | None = None,
    undo: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: Progress = None,
    storage_options: StorageOptions | None = None,
) -> Repair:
    """Mend what `verify` finds, as far as that is possible without making values up.

    Keys that belong to nothing are deleted, and chunks under keys of another encoding are moved to
    their places. The index of a shard is rebuilt where all chunks in it are whole. Missing groups,
    lost documents and consolidated metadata are written anew. Damaged chunks are taken from a
    second copy.

    By default nothing is changed: the result says what would be. When it is, everything that is
    replaced or deleted is first kept in a directory, from which it can be put back byte for byte,
    also if the repair is killed. A value that somebody else changes meanwhile is left as it is.

    Parameters
    ----------
    source : store, str, path-like, Array or Group
        Where it is.
    path : str, default: ""
        A path below it.
    apply : bool, default: False
        Whether it is done.
    keep : str or path-like, optional
        The directory in which old values are kept: a new or an empty one. Needed to apply.
    second : store, str, path-like, Array or Group, optional
        A second copy of the same hierarchy.
    drop : bool, default: False
        Whether damaged chunks that cannot be got back are deleted. Their elements read as the fill
        value then.
    codes : collection of str, optional
        The codes of the findings that are mended; all by default.
    undo : str or path-like, optional
        The directory of an earlier repair: its values are put back, and nothing else is done.
    executor : concurrent.futures.Executor, optional
        Whose workers decode.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Repair
        The steps, and the findings that are left.

    Raises
    ------
    ValueError
        If it is applied and no directory is given, or the second copy is the same place.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> array = zarr.create_array(store, data=[1, 2, 3, 4], chunks=(2,))
    >>> store["notes"] = store["c/1"]
    >>> print(*zarr.tools.repair(store).steps)
    planned delete    notes: it belongs to nothing
    """
    mode: Any = "r+" if apply else "r"
    place = await place_of(source, path, mode=mode, storage_options=storage_options)
    if undo is not None:
        return await _undo(place, Journal(undo), apply=apply)
    if apply and keep is None:
        raise ValueError("apply needs keep=, a new directory for what is replaced or deleted")
    copy = None
    if second is not None:
        copy = await place_of(second, mode="r")
        if is_within(address(copy), address(place)) or is_within(address(place), address(copy)):
            raise ValueError(f"the second copy, {copy.shown_as()}, is at the same place")
    done = await scan(place, "full", Findings(), executor=executor, progress=progress)
    planner = _Planner(place, done, copy, drop=drop, apply=apply)
    findings = [each for each in done.findings.sorted() if codes is None or each.code in codes]
    return await _mend(place, planner.plans(findings), planner, apply=apply, keep=keep)


async def vacuum(
    source: Source,
    *,
    path: str = "",
    apply: bool = False,
    keep: str | os.PathLike[str] | None = None,
    older: float = 3600.0,
    storage_options: StorageOptions | None = None,
) -> Repair:
    """Delete what is of no use: temporary files, chunks outside of the shape, working files.

    Parameters
    ----------
    source : store, str, path-like, Array or Group
        Where it is.
    path : str, default: ""
        A path below it.
    apply : bool, default: False
        Whether it is done; else the result says what would be.
    keep : str or path-like, optional
        A new directory in which everything is kept that is deleted; nowhere by default.
    older : float, default: 3600.0
        Seconds since a temporary file was written to, at least: others may belong to a write that
        is under way.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Repair

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> array = zarr.create_array(store, data=[1, 2, 3, 4], chunks=(2,))
    >>> store["c/7"] = store["c/1"]
    >>> print(*zarr.tools.vacuum(store, apply=True).steps)
    done    delete    c/7: it lies outside of the shape
    >>> sorted(store)
    ['c/0', 'c/1', 'zarr.json']
    """
    mode: Any = "r+" if apply else "r"
    place = await place_of(source, path, mode=mode, storage_options=storage_options)
    done = await scan(place, "presence", Findings())
    planner = _Planner(place, done, None, drop=False, apply=apply)
    findings = [each for each in done.findings.sorted() if each.code in _OF_VACUUM]
    plans = planner.rubbish(findings, older)
    return await _mend(place, plans, planner, apply=apply, keep=keep)


async def _mend(
    place: StorePath,
    plans: AsyncIterator[_Plan],
    planner: _Planner,
    *,
    apply: bool,
    keep: str | os.PathLike[str] | None,
) -> Repair:
    journal: Journal | None = None
    steps: list[Step] = []
    async for step, changes in plans:
        if not apply:
            steps.append(step)
            continue
        if any(todo.value is None for todo in changes) and not place.store.supports_deletes:
            steps.append(_with(step, "left", "the store deletes nothing"))
            continue
        if journal is None and keep is not None:
            journal = Journal.new(keep, place.store)
        made = True
        for todo in changes:
            made = made and await change(place.store, todo, journal)
        if made:
            steps.append(_with(step, "done"))
        else:
            steps.append(_with(step, "left", _CHANGED))
    kept = None if journal is None else str(journal.directory)
    return Repair(place.shown_as(), apply, kept, tuple(steps), tuple(planner.left))


def _with(step: Step, outcome: str, how: str | None = None) -> Step:
    return Step(step.code, step.action, step.key, step.how if how is None else how, outcome)


async def _undo(place: StorePath, journal: Journal, *, apply: bool) -> Repair:
    """Put back what a repair replaced or deleted, and delete what it made."""
    entries = await offload(journal.entries, place.store)
    steps: list[Step] = []
    for entry in entries:
        now = await current(place.store, entry.key)
        version = ABSENT if now is None else version_of(now)
        value = await offload(journal.value, entry)
        step = Step("undo", "delete" if value is None else "put back", entry.key, "")
        if version == entry.before:
            continue
        if version != entry.after and not _is_later(entry, entries, apply=apply):
            steps.append(_with(step, "left", "it was changed since"))
        elif not apply:
            steps.append(step)
        else:
            made = await change(place.store, Change(entry.key, value, version), None)
            steps.append(_with(step, "done") if made else _with(step, "left", "it changes"))
    return Repair(place.shown_as(), apply, str(journal.directory), tuple(steps), ())


def _is_later(entry: Entry, entries: list[Entry], *, apply: bool) -> bool:
    """Whether, in a dry run, a later change of the same value would be undone before."""
    later = entries[: entries.index(entry)]
    return not apply and any(each.key == entry.key for each in later)


class _Planner:
    """Plans the steps that mend findings.

    Attributes
    ----------
    left
        The findings for which there is no step.
    """

    def __init__(
        self,
        place: StorePath,
        done: Scan,
        second: StorePath | None,
        *,
        drop: bool,
        apply: bool,
    ) -> None:
        self._place = place
        self._store = place.store
        self._nodes = done.survey.nodes
        self._survey = done.survey
        # Attributes of an array that lost its other document are all that is left of those.
        self._lost = {each.key for each in done.findings.sorted() if each.code == "document-lost"}
        self._second = second
        self._drop = drop
        self._apply = apply
        self._copies: dict[str, AnyAsyncArray | None] = {}
        self.left: list[Unmended] = []

    def _leave(self, finding: Finding, why: str) -> None:
        """Take note of a finding for which there is no step."""
        known = {each.name: getattr(finding, each.name) for each in fields(finding)}
        self.left.append(Unmended(**known, why=why))

    async def plans(self, findings: list[Finding]) -> AsyncIterator[_Plan]:
        """Yield the steps of a repair, in the order in which they are done."""
        damaged: dict[str, list[Finding]] = {}
        stale: dict[str, Finding] = {}
        documents: dict[str, Finding] = {}
        keys: list[Finding] = []
        for each in findings:
            if each.code == "key-of-other-encoding" or (
                each.code in _DELETED and each.node not in self._lost
            ):
                keys.append(each)
            elif each.code == "group-missing":
                async for plan in self._group(each):
                    yield plan
            elif each.code in _CONSOLIDATED or (
                each.code in _DOCUMENTS and each.key.endswith(".zmetadata")
            ):
                stale.setdefault(each.key, each)
            elif each.code in _DOCUMENTS:
                documents.setdefault(each.node, each)
            elif each.code in _DAMAGED:
                damaged.setdefault(each.key, []).append(each)
            else:
                self._leave(each, f"left for another remedy: {each.remedy}")
        for each in documents.values():
            async for plan in self._document(each):
                yield plan
        for group in damaged.values():
            async for plan in self._value(group):
                yield plan
        # The deepest first: a group has the consolidated metadata of those below it.
        for key in sorted(stale, key=lambda key: -key.count("/")):
            async for plan in self._consolidated(stale[key]):
                yield plan
        # The last of all: consolidated metadata may still have said where they are.
        for each in keys:
            if each.code == "key-of-other-encoding":
                async for plan in self._moved(each):
                    yield plan
            else:
                step = Step(each.code, "delete", each.key, "it belongs to nothing")
                yield _Plan(step, (Change(each.key, None),))

    async def rubbish(self, findings: Iterable[Finding], older: float) -> AsyncIterator[_Plan]:
        """Yield the steps of a vacuum."""
        now = time.time()
        ages = {
            left.key: now - left.modified
            for left in await offload(leftovers, self._store, self._place.path)
            if left.is_temporary
        }
        for each in findings:
            if each.code == "temporary-file":
                age = ages.get(each.key)
                if age is None:
                    continue  # it is gone
                if age < older:
                    why = (
                        f"left: it is {age:,.0f} s old, and may belong to a write that is under way"
                    )
                    self._leave(each, why)
                    continue
                how = f"a temporary file, {age:,.0f} s old"
            elif each.code == "chunk-outside":
                how = "it lies outside of the shape"
            else:
                working = joined(each.node, WORKING)
                for key in self._survey.keys or ():
                    if key.startswith(f"{working}/"):
                        step = Step(each.code, "delete", key, "a working file of a rechunk")
                        yield _Plan(step, (Change(key, None),))
                how = "the marker of a rechunk that was finished"
            yield _Plan(Step(each.code, "delete", each.key, how), (Change(each.key, None),))

    # -- keys -------------------------------------------------------------------------------

    async def _moved(self, finding: Finding) -> AsyncIterator[_Plan]:
        """A chunk under a key of another encoding: to its place, if that is free."""
        there = await Requests(self._store).exists(finding.expected)
        if there:
            how = f"a remnant: {finding.expected!r} has the chunk"
            step = Step(finding.code, "delete", finding.key, how)
            yield _Plan(step, (Change(finding.key, None),))
            return
        value = await current(self._store, finding.key)
        values = self._values(finding.node)
        coords = finding.chunk
        if value is None or values is None or coords is None:
            self._leave(finding, _CHANGED)
            return
        if await offload(values.is_damaged, coords, value):
            self._leave(finding, f"cannot be mended: it is damaged, too; {finding.remedy}")
            return
        step = Step(finding.code, "move", finding.key, f"to {finding.expected!r}")
        yield _Plan(
            step,
            (
                Change(finding.expected, value, ABSENT),
                Change(finding.key, None, version_of(value)),
            ),
        )

    def _values(self, path: str) -> Values | None:
        node = self._nodes.get(path)
        if node is None or node.array is None:
            return None
        return Values(node.array, StorePath(self._store, path))

    # -- documents --------------------------------------------------------------------------

    async def _group(self, finding: Finding) -> AsyncIterator[_Plan]:
        above = next(
            node
            for path in self._survey.above(finding.key)
            if (node := self._nodes.get(path)) is not None and node.is_group
        )
        found, how = await self._documents(finding.key)
        if not found:
            zarr_format: ZarrFormat = 2 if above.zarr_format == 2 else 3
            made = documents_of("", GroupMetadata(zarr_format=zarr_format))
            found = {name: value.to_bytes() for name, value in made}
            how = "a group without attributes"
        changes = tuple(
            Change(joined(finding.key, name), value, ABSENT) for name, value in found.items()
        )
        yield _Plan(Step(finding.code, "write", changes[-1].key, how), changes)

    async def _documents(self, path: str) -> tuple[dict[str, bytes], str]:
        """The documents of a node, wherever else they are."""
        found = await self._documents_in_second(path)
        if found:
            return found, "from the second copy"
        return self._documents_in_consolidated(path), "from consolidated metadata"

    async def _document(self, finding: Finding) -> AsyncIterator[_Plan]:
        """A document from the second copy, or from consolidated metadata."""
        path = finding.node
        found, how = await self._documents(path)
        changes = []
        for name, value in found.items():
            key = joined(path, name)
            now = await current(self._store, key)
            if now != value:
                version = ABSENT if now is None else version_of(now)
                changes.append(Change(key, value, version))
        if changes and await self._is_sound(path, found):
            yield _Plan(Step(finding.code, "write", changes[-1].key, how), tuple(changes))
        else:
            why = f"cannot be mended: there is no sound copy of it; {finding.remedy}"
            self._leave(finding, why)

    async def _documents_in_second(self, path: str) -> dict[str, bytes]:
        if self._second is None:
            return {}
        there = joined(self._second.path, self._below(path))
        found = {}
        # The main document last, so that there is no node before.
        for name in (".zattrs", ".zarray", ".zgroup", "zarr.json"):
            value = await current(self._second.store, joined(there, name))
            if value is not None:
                found[name] = value
        return found

    def _below(self, path: str) -> str:
        return path[len(self._place.path) :].strip("/")

    def _documents_in_consolidated(self, path: str) -> dict[str, bytes]:
        for above in self._survey.above(path):
            node = self._nodes.get(above)
            if node is None or node.consolidated is None:
                continue
            below = path[len(above) :].strip("/")
            if node.zarr_format == 3:
                document = node.consolidated.get(below)
                if document is not None:
                    own = {k: v for k, v in document.items() if k != "consolidated_metadata"}
                    return {"zarr.json": to_json(own)}
            else:
                found = {
                    name: to_json(document)
                    for name in (".zattrs", ".zarray", ".zgroup")
                    if (document := node.consolidated.get(f"{below}/{name}")) is not None
                }
                if found.keys() - {".zattrs"}:
                    return found
        return {}

    async def _is_sound(self, path: str, documents: dict[str, bytes]) -> bool:
        """Whether documents are those of a node."""
        store = MemoryStore({joined(path, n): Buffer.from_bytes(v) for n, v in documents.items()})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return await load_node(store, path, None) is not None
        except Exception:  # codecs and data types of others raise anything
            return False

    async def _consolidated(self, finding: Finding) -> AsyncIterator[_Plan]:
        """Consolidated metadata, made anew of the documents as they are by then."""
        step = Step(finding.code, "write", finding.key, "consolidated metadata, made anew")
        if not self._apply:  # they are made of documents that are not mended yet
            yield _Plan(step, ())
            return
        path, _, name = finding.key.rpartition("/")
        writes = _Writes(self._store)
        zarr_format: ZarrFormat = 2 if name == ".zmetadata" else 3
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                await consolidate_metadata(StorePath(writes, path), zarr_format=zarr_format)
            except (ValueError, TypeError, KeyError, OSError) as error:
                self._leave(finding, f"cannot be mended: the nodes below cannot be read: {error}")
                return
        changes = []
        for key, value in writes.written.items():
            now = await current(self._store, key)
            changes.append(Change(key, value, ABSENT if now is None else version_of(now)))
        yield _Plan(step, tuple(changes))

    # -- values -----------------------------------------------------------------------------

    async def _value(self, findings: list[Finding]) -> AsyncIterator[_Plan]:
        first = findings[0]

        def leave(why: str) -> None:
            for each in findings:
                self._leave(each, f"cannot be mended: {why}")

        values, coords = self._values(first.node), first.chunk
        if values is None or coords is None:
            leave("the document of its array cannot be read")
            return
        try:
            value = await current(self._store, first.key)
        except OSError as error:  # what cannot be read cannot be kept
            leave(f"{error}; move it elsewhere")
            return
        version = "" if value is None else version_of(value)
        if first.version and version != first.version:
            leave(_CHANGED)
            return
        copy = await self._copy_of(first.node)
        made = await mended(values, coords, value, copy, drop=self._drop)
        if isinstance(made, str):
            leave(made if self._drop else f"{made}; {_DROP}")
            return
        if made.value is not None and await offload(values.is_damaged, coords, made.value):
            leave("the mended value would be damaged, too")
            return
        action = "delete" if made.value is None else "write"
        step = Step(first.code, action, first.key, made.how)
        yield _Plan(step, (Change(first.key, made.value, version),))

    async def _copy_of(self, path: str) -> AnyAsyncArray | None:
        """The array in the second copy, if it is there."""
        if self._second is None:
            return None
        if path not in self._copies:
            there = StorePath(self._second.store, joined(self._second.path, self._below(path)))
            found = await load_node(there.store, there.path, None)
            is_array = found is not None and not is_group(found)
            self._copies[path] = AsyncArray(found, there) if is_array else None
        return self._copies[path]


class _Writes(WrapperStore["Store"]):
    """A store that keeps what is written, and writes nothing."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.written: dict[str, bytes] = {}

    @property
    def traits(self) -> StoreTraits:
        """Those of the store: nothing here waits by itself."""
        return self.declare_traits()

    async def set(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.written[key] = value.to_bytes()

    async def set_if_unchanged(self, key: str, value: Any, version: object) -> bool:
        """Keep a value."""
        self.written[key] = value.to_bytes()
        return True
