"""The report of a copy: lines while it runs, and counts at its end."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Log: TypeAlias = Callable[[str], object] | str | os.PathLike[str] | IO[str] | None
    Progress: TypeAlias = bool | Callable[[int, int], object]


class Report:
    """Counts, lines for a log, and progress of one copy; used on one thread.

    Parameters
    ----------
    write
        Takes a line of the log.
    show
        Takes the bytes that are done, and all.
    dry_run
        Whether nothing is really done.
    """

    def __init__(
        self, write: Callable[[str], object], show: Callable[[int, int], object], dry_run: bool
    ) -> None:
        self._write = write
        self._show = show
        self._dry_run = dry_run
        self._total = 0
        self.copied = self.skipped = self.bytes = 0

    def expect(self, size: int) -> None:
        """Say how many bytes there are to copy."""
        self._total = size
        self._show(0, size)

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
        self._show(self.bytes, self._total)

    def ended(self) -> tuple[int, int, int]:
        """Write the last line; the counts of what was copied, what was skipped, and of bytes."""
        if self._dry_run:
            self._write(f"dry run: {self.copied} copied, {self.skipped} skipped")
        else:
            counts = f"{self.copied} copied, {self.skipped} skipped, {self.bytes:,} bytes copied"
            self._write(f"all done: {counts}")
            self._show(self._total, self._total)  # what is not stored need not be copied
        return self.copied, self.skipped, self.bytes


@contextmanager
def reporting(log: Log, progress: Progress, *, dry_run: bool) -> Iterator[Report]:
    """Open what a report writes to.

    Parameters
    ----------
    log
        A function of a line, the path of a file, a file, or None.
    progress
        A function of the bytes that are done and of all; True for a bar, False for nothing.
    dry_run
        Whether nothing is really done.

    Raises
    ------
    TypeError
        If either is something else.
    ImportError
        If a bar is asked for and tqdm is not installed.
    """
    with _writer(log) as write, _progress(progress) as show:
        yield Report(write, show, dry_run)


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


@contextmanager
def _progress(progress: Progress) -> Iterator[Callable[[int, int], object]]:
    if progress is False or progress is None:
        yield lambda done, total: None
    elif progress is True or (isinstance(progress, type) and hasattr(progress, "update")):
        with _bar(None if progress is True else progress) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield show
    elif callable(progress):
        yield progress
    else:
        raise TypeError(
            "progress must be a function of two numbers, or True for a bar. "
            f"Got an instance of {type(progress)}."
        )


def _bar(kind: Callable[..., Any] | None) -> Any:
    make = _tqdm() if kind is None else kind
    return make(unit="B", unit_scale=True, unit_divisor=1024, desc="copy")


def _tqdm() -> Callable[..., Any]:
    try:
        from tqdm.auto import tqdm  # late: few want a bar
    except ImportError as error:
        raise ImportError(
            "a progress bar needs tqdm: install it with `pip install zarr[progress]`"
        ) from error
    made: Callable[..., Any] = tqdm
    return made
