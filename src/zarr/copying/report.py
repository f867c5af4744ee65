"""The report of a copy: lines while it runs, and counts at its end."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, TypeAlias

from zarr._async.progress import metered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zarr._async.progress import Meter, Progress

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
