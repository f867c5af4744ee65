"""How far long operations are, for those who wait for them.

An operation that may take long counts what it does in a `Meter`. Somebody who wants to see it gives
the parameter ``progress=``, or runs it within `progress`. Otherwise nothing is counted.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress: TypeAlias = bool | type | Callable[[int, int], object] | None
    """True for a bar, a class like ``tqdm.tqdm``, or a function of what is done and of all."""

__all__ = ["Meter", "is_shown", "metered", "progress", "watchers"]

# How the operations of this context are shown that are not asked to show themselves otherwise.
watchers = 0
"""How many contexts of `progress` there are: without one, no operation looks any further."""
_lock = threading.Lock()

_shown: ContextVar[Progress] = ContextVar("zarr_progress", default=None)


class Meter:
    """Counts how much of an operation is done. May be used by several threads.

    Parameters
    ----------
    show : callable, optional
        Takes how much is done, and how much there is to do.
    total : int, default: 0
        How much there is to do.
    """

    __slots__ = ("_lock", "_show", "done", "total")

    def __init__(self, show: Callable[[int, int], object] | None = None, total: int = 0) -> None:
        self._show = show
        self._lock = threading.Lock()
        self.done = 0
        self.total = total

    @property
    def is_shown(self) -> bool:
        """Whether somebody sees it."""
        return self._show is not None

    def expect(self, total: int) -> None:
        """Say how much there is to do, as soon as that is known."""
        with self._lock:
            self.total = total
            self._tell()

    def advance(self, count: int = 1) -> None:
        """Say that so much more is done."""
        with self._lock:
            self.done += count
            self._tell()

    def end(self) -> None:
        """Say that all is done, also what turned out not to be needed."""
        with self._lock:
            if self.done != self.total:
                self.done = self.total
                self._tell()

    def _tell(self) -> None:
        if self._show is not None:
            self._show(self.done, self.total)


@contextmanager
def progress(show: Progress = True) -> Iterator[None]:
    """Show every long operation within that is not told otherwise.

    Parameters
    ----------
    show : bool, callable or type, default: True
        True shows a bar: tqdm's if that is installed, otherwise one that only a terminal shows. A
        class like ``tqdm.tqdm`` is used as that one. A function is called with how much is done,
        and with how much there is to do. False shows nothing.

    Yields
    ------
    None

    Examples
    --------
    >>> import numpy as np, zarr
    >>> source = zarr.create_array({}, data=np.zeros(1000), chunks=500)
    >>> def show(done, total):
    ...     print(f"{done} of {total} bytes")
    >>> with zarr.progress(show):
    ...     array = zarr.from_array({}, data=source)
    0 of 8000 bytes
    8000 of 8000 bytes
    """
    global watchers
    token = _shown.set(show)
    with _lock:
        watchers += 1
    try:
        yield
    finally:
        with _lock:
            watchers -= 1
        _shown.reset(token)


def is_shown() -> bool:
    """Whether operations of this context are shown that are not told otherwise."""
    return bool(_shown.get())


@contextmanager
def metered(
    task: str, total: int = 0, *, unit: str = "B", progress: Progress = None
) -> Iterator[Meter]:
    """Count what an operation does.

    Operations that it consists of are not shown beside it.

    Parameters
    ----------
    task
        The name of the operation, in a word or two.
    total
        How much there is to do; `Meter.expect` says it later.
    unit
        Of what: ``"B"`` for bytes, or for example ``" chunks"``.
    progress
        How it is shown; by default as `progress` says around it, or not at all.

    Raises
    ------
    TypeError
        If `progress` is something else.
    """
    shown = _shown.get() if progress is None else progress
    if not shown:
        yield Meter(total=total)
        return
    with _opened(shown, task, unit) as show:
        token = _shown.set(None)
        try:
            meter = Meter(show, total)
            if total:
                meter.expect(total)
            yield meter
            meter.end()
        finally:
            _shown.reset(token)


@contextmanager
def _opened(progress: Progress, task: str, unit: str) -> Iterator[Callable[[int, int], object]]:
    if progress is True or (isinstance(progress, type) and hasattr(progress, "update")):
        make: Callable[..., Any] = _bar() if progress is True else progress
        with make(unit=unit, unit_scale=True, unit_divisor=1024, desc=task) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield show
    elif callable(progress):
        yield progress
    else:
        raise TypeError(
            "progress must be a function of two numbers, True for a bar, or a class like tqdm's. "
            f"Got an instance of {type(progress)}."
        )


def _bar() -> Callable[..., Any]:
    """The bar that people are shown; in a notebook it is the notebook's, by tqdm."""
    try:
        from tqdm.auto import tqdm  # late: few want a bar
    except ImportError:
        from zarr._async.bar import Bar  # late: as above

        return Bar
    made: Callable[..., Any] = tqdm
    return made
