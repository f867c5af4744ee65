"""Copies of values, whatever they mean, from store to store; and the report of any copy."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, TypeAlias

from zarr._async.progress import metered
from zarr._async.run import bounded
from zarr.errors import CopyError
from zarr.hierarchy.transfer import in_order, prefix_of
from zarr.storage.client import Requests
from zarr.storage.path import address, is_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from zarr._async.progress import Meter, Progress
    from zarr.copying.nodes import IfExists
    from zarr.storage.path import StorePath

    Log: TypeAlias = Callable[[str], object] | str | os.PathLike[str] | IO[str] | None


class Report:
    """Counts, lines for a log, and progress of one copy; used on one thread.

    Parameters
    ----------
    write
        Takes a line of the log.
    meter
        Counts the bytes that are done.
    dry_run
        Whether nothing is really done.
    """

    def __init__(self, write: Callable[[str], object], meter: Meter, dry_run: bool) -> None:
        self._write = write
        self._meter = meter
        self._dry_run = dry_run
        self.copied = self.skipped = self.bytes = 0

    @property
    def is_shown(self) -> bool:
        """Whether somebody wants to see how far the copy is."""
        return self._meter.is_shown

    def expect(self, size: int) -> None:
        """Say how many bytes there are to copy."""
        self._meter.expect(size)

    def copy(self, what: str) -> None:
        """Count a node or value that is copied."""
        self.copied += 1
        self._write(f"copy {what}")

    def skip(self, what: str) -> None:
        """Count a node or value that is not copied."""
        self.skipped += 1
        self._write(f"skip {what}")

    def done(self, size: int) -> None:
        """Count bytes that were copied."""
        self.bytes += size
        self._meter.advance(size)

    def ended(self) -> tuple[int, int, int]:
        """Write the last line; the counts of what was copied, what was skipped, and of bytes."""
        if self._dry_run:
            self._write(f"dry run: {self.copied} copied, {self.skipped} skipped")
        else:
            counts = f"{self.copied} copied, {self.skipped} skipped, {self.bytes:,} bytes copied"
            self._write(f"all done: {counts}")
        return self.copied, self.skipped, self.bytes


@contextmanager
def reporting(log: Log, progress: Progress, *, dry_run: bool) -> Iterator[Report]:
    """Open what a report writes to.

    Parameters
    ----------
    log
        A function of a line, the path of a file, a file, or None.
    progress
        How the bytes that are done are shown; see `zarr._async.progress.metered`.
    dry_run
        Whether nothing is really done.

    Raises
    ------
    TypeError
        If either is something else.
    ImportError
        If a bar is asked for and tqdm is not installed.
    """
    with _writer(log) as write, metered("copy", progress=progress) as meter:
        yield Report(write, meter, dry_run)


@contextmanager
def _writer(log: Log) -> Iterator[Callable[[str], object]]:
    if log is None:
        yield lambda line: None
    elif callable(log):
        yield log
    elif isinstance(log, (str, os.PathLike)):
        with open(log, "w", encoding="utf-8") as file:
            yield _lines_to(file)
    elif hasattr(log, "write"):
        yield _lines_to(log)
    else:
        raise TypeError(
            "log must be a function of a line, the path of a file, a file, or None. "
            f"Got an instance of {type(log)}."
        )


def _lines_to(file: IO[str]) -> Callable[[str], object]:
    return lambda line: print(line, file=file, flush=True)


def key_filter(
    excludes: str | Iterable[str] | None, includes: str | Iterable[str] | None, flags: int
) -> Callable[[str], bool]:
    """Return whether a key is to be copied, as a function.

    Parameters
    ----------
    excludes
        Regular expressions, searched for in the keys of what is not to be copied.
    includes
        Those of what is to be copied all the same.
    flags
        Of the module `re`.
    """
    out, back = _compiled(excludes, flags), _compiled(includes, flags)

    def wanted(key: str) -> bool:
        if not any(pattern.search(key) for pattern in out):
            return True
        return any(pattern.search(key) for pattern in back)

    return wanted


def _compiled(patterns: str | Iterable[str] | None, flags: int) -> list[re.Pattern[str]]:
    if patterns is None:
        return []
    return [re.compile(p, flags) for p in ([patterns] if isinstance(patterns, str) else patterns)]


async def copy_values(
    source: StorePath,
    dest: StorePath,
    wanted: Callable[[str], bool],
    if_exists: IfExists,
    report: Report,
    *,
    dry_run: bool,
) -> None:
    """Copy the values of all keys below a path to the same keys below another.

    The documents of nodes come last: whoever looks meanwhile sees no node that is not whole.

    Parameters
    ----------
    source, dest
        The paths.
    wanted
        Whether a key of the source is copied.
    if_exists
        What to do with a key that the destination has.
    report
        Where it is counted.
    dry_run
        Whether nothing is really done.

    Raises
    ------
    CopyError
        If a key is there already, and `if_exists` is ``"raise"``; then nothing was copied.
    ValueError
        If one path lies within the other, in one store.
    """
    check_apart(source, dest)
    before, after = prefix_of(source), prefix_of(dest)
    read, write = Requests(source.store), Requests(dest.store)
    sizes: dict[str, int] = {}
    if report.is_shown and not dry_run:
        sizes = {v.key: v.size async for v in read.list_values(before) if wanted(v.key)}
        keys = sorted(sizes)
    else:
        keys = sorted([key async for key in read.list_prefix(before) if wanted(key)])
    there = {key[len(after) :] async for key in write.list_prefix(after)}
    if if_exists == "raise":
        for key in keys:
            if key[len(before) :] in there:
                new = after + key[len(before) :]
                raise CopyError(f"key {new!r} exists in destination {dest.store}")
    skipped = there if if_exists == "skip" else ()
    report.expect(sum(n for key, n in sizes.items() if key[len(before) :] not in skipped))

    async def copy(old: str) -> None:
        key = old[len(before) :]
        new = after + key
        what = old if old == new else f"{old} -> {new}"
        if key in there and if_exists == "skip":
            report.skip(what)
            return
        size = None if dry_run else await read.copy_value(old, write, new)
        if size is None and not dry_run:  # deleted meanwhile
            report.skip(what)
            return
        report.copy(what)
        report.done(size or 0)

    for part in in_order(keys, source.path):
        await bounded(part, copy, min(read.width, write.width))


def check_apart(source: StorePath, dest: StorePath) -> None:
    """Fail if one place lies within the other, in one store.

    Raises
    ------
    ValueError
        If so.
    """
    one, other = address(source), address(dest)
    if is_within(one, other) or is_within(other, one):
        raise ValueError(
            f"{source} cannot be copied to {dest}: one lies within the other, in the same store."
        )
