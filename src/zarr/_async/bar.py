"""A bar of progress in a terminal, with tqdm's convention, drawn by rich."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress, TaskID

__all__ = ["Bar"]


class Bar:
    """A bar on the standard error stream, if that is a terminal.

    It appears when the operation has taken a while: most end before.

    Parameters
    ----------
    desc
        The name of the operation.
    unit
        ``"B"`` for bytes, or for example ``" chunks"``.
    total
        How much there is to do.
    **ignored
        Other parameters of tqdm.
    """

    delay: ClassVar[float] = 0.5
    """Seconds until the bar appears."""

    def __init__(
        self, *, desc: str = "", unit: str = "B", total: int | None = None, **ignored: object
    ) -> None:
        self.desc = desc
        self.unit = unit
        self.total = total
        self.n = 0
        self._began = time.monotonic()
        self._shown: tuple[Progress, TaskID] | None = None
        self._silent = not sys.stderr.isatty()

    def update(self, count: int = 1) -> None:
        """Say that so much more is done."""
        self.n += count
        if self._silent:
            return
        if self._shown is None:
            if time.monotonic() - self._began < self.delay:
                return
            self._shown = self._draw()
        progress, task = self._shown
        progress.update(task, completed=self.n, total=self.total or None)

    def _draw(self) -> tuple[Progress, TaskID]:
        # late: most operations end before there is a bar
        from rich import progress as rich
        from rich.console import Console

        columns: list[Any] = [rich.TextColumn("{task.description}", markup=False), rich.BarColumn()]
        if self.unit == "B":
            columns += [rich.DownloadColumn(binary_units=True), rich.TransferSpeedColumn()]
        else:
            columns += [rich.MofNCompleteColumn(), rich.TextColumn(self.unit.strip(), markup=False)]
        columns.append(rich.TimeRemainingColumn(elapsed_when_finished=True))
        shown = rich.Progress(*columns, console=Console(stderr=True))
        shown.start()
        return shown, shown.add_task(self.desc, total=self.total or None)

    def close(self) -> None:
        """Draw the bar for the last time, and leave it there."""
        if self._shown is not None:
            progress, task = self._shown
            progress.update(task, completed=self.n, total=self.total or None)
            progress.stop()
            self._shown = None
            self._silent = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
