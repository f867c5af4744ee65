"""Batches of samples for training, read ahead and in an order that can be made again."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from math import ceil, prod
from operator import index
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias

import numpy as np

from zarr._async.ahead import ahead, ahead_in_threads
from zarr.arrays.batch import Read, fill_many
from zarr.indexing import Selection
from zarr.metadata.chunk_grids import chunk_sizes
from zarr.views.batch import look_at, view_of
from zarr.views.plan import Reading, empty
from zarr.views.running import check_not_deleted
from zarr.views.source import Leaf
from zarr.views.transform import Range

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator, Sequence

    import numpy.typing as npt

    from zarr.types import AnyAsyncArray, AnyNDArray
    from zarr.views.async_view import AsyncView

    Rows: TypeAlias = npt.NDArray[np.int64]

__all__ = ["BatchLoader"]

Shuffle: TypeAlias = Literal["none", "blocks", "full"]
Batch: TypeAlias = Any
"""An array, or a dict or tuple of them, as the views were given."""

_GROUP = 32 << 20
"""Bytes of samples that are read as one operation, where that takes several blocks."""
_SLAB = 16 << 20
"""Bytes of batches that share one piece of memory: the fewer pieces, the less there is to plan."""
_PAGE = 2 << 20
"""The bytes of a large page: the system clears such a page sooner than many small ones."""
_LARGE = _PAGE
"""Pieces of fewer bytes are not worth to be used again."""
_KEPT = 64 << 20
"""So many bytes are kept for batches to come."""
_SPARSE = 4
"""Blocks are at most so many times as long as the longest chunk."""
_STATE = 1
"""The version of what `state_dict` returns."""


class BatchLoader:
    """Batches of samples of arrays or views, in order or shuffled.

    A sample is what an array has at one index along `axis`. All arrays are read by one plan, in
    which each chunk is fetched and decoded once, and placed into all batches that want some of it.
    An iteration over the loader is an epoch; it gives the same batches for the same seed and epoch.

    Parameters
    ----------
    views : array, view, or mapping or sequence of these
        What to read. All have the same length along `axis`. Batches are an array, a dict or a tuple
        accordingly.
    axis : int, default 0
        The dimension along which the samples are. It is the same one in batches.
    batch_size : int, default 32
        How many samples a batch has. The last of an epoch may have fewer.
    shuffle : "none", "blocks" or "full", default "none"
        The order of the samples. ``"none"`` is that of the arrays. ``"blocks"`` shuffles chunks,
        and mixes the samples of as many as have 32 MiB: all chunks are read once in an epoch.
        ``"full"`` is any order; each chunk is read once for all batches of 32 MiB in which it has
        a sample. It keeps 16 bytes for each sample.
    seed : int, optional
        From which the order of all epochs follows; a random one if None.
    prefetch : int, default 2
        How many batches are read before they are asked for, at least: batches of 32 MiB are read
        together. With 0, they are read when they are asked for.
    drop_last : bool, default False
        Whether to leave out the last batch if it has fewer samples. Then all shards have as many
        batches.
    shard : tuple of int, default (0, 1)
        Which part of each epoch is read here: the rank of this process, and how many there are.
        Parts of one epoch have no sample in common, and differ in length by one at most.

    Raises
    ------
    ValueError
        If the lengths differ, or a parameter is out of range.
    TypeError
        If something is neither an array nor a view, or a number is no integer.

    Notes
    -----
    Batches of 16 MiB share one piece of memory, which is kept as long as one of them is, and is
    then used for other batches: a loader keeps 64 MiB for them. A loader has no threads and can be
    pickled; iterations of it have, and cannot. Iterations may be shared by threads. One that began
    before a fork raises `RuntimeError` in the forked process: begin another one there.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.loader import BatchLoader
    >>> images = zarr.create_array({}, data=np.arange(40).reshape(10, 4), chunks=(2, 4))
    >>> labels = zarr.create_array({}, data=np.arange(10) % 2, chunks=5)
    >>> loader = BatchLoader({"x": images, "y": labels}, batch_size=4, shuffle="blocks", seed=1)
    >>> [batch["x"].shape for batch in loader]
    [(4, 4), (4, 4), (2, 4)]
    >>> len(loader)
    3
    """

    def __init__(
        self,
        views: Any,
        axis: int = 0,
        batch_size: int = 32,
        shuffle: Shuffle = "none",
        seed: int | None = None,
        prefetch: int = 2,
        drop_last: bool = False,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        self._names: list[object] | None = None
        given: list[object]
        if isinstance(views, Mapping):
            self._names, given = list(views), list(views.values())
        else:
            given = list(views) if isinstance(views, list | tuple) else [views]
        self._single = not isinstance(views, Mapping | list | tuple)
        if not given:
            raise ValueError("a loader needs an array or a view")
        names = self._names or range(len(given))
        self._views = [
            view_of(one, f"views[{name!r}]") for name, one in zip(names, given, strict=True)
        ]
        self._axes = [
            _axis_of(view, axis, name) for view, name in zip(self._views, names, strict=True)
        ]
        self._plain = [_plain(view) for view in self._views]
        lengths = [view.shape[axis] for view, axis in zip(self._views, self._axes, strict=True)]
        if len(set(lengths)) > 1:
            found = ", ".join(f"views[{n!r}]: {k}" for n, k in zip(names, lengths, strict=True))
            raise ValueError(f"views must have one length along axis {axis}; they have {found}")
        batch_size = _number(batch_size, 1, "batch_size is a number of samples of at least 1")
        prefetch = _number(prefetch, 0, "prefetch is a number of batches")
        if shuffle not in ("none", "blocks", "full"):
            raise ValueError(f"shuffle is 'none', 'blocks' or 'full', not {shuffle!r}")
        try:
            rank, world = map(index, shard)
        except (TypeError, ValueError):
            raise TypeError(f"shard is (rank, world), two integers, not {shard!r}") from None
        if not 0 <= rank < world:
            raise ValueError(f"shard is (rank, world) with 0 <= rank < world, not {shard}")
        self._length = lengths[0]
        self._batch_size = batch_size
        self._shuffle: Shuffle = shuffle
        if seed is None:
            seed = int.from_bytes(os.urandom(8), "little")
        self._seed = _number(seed, 0, "seed is an integer of at least 0")
        self._prefetch = prefetch
        self._drop_last = bool(drop_last)
        self._shard = (rank, world)
        self._epoch = 0
        self._start = 0
        self._resumed = False
        self._order: _Order | None = None
        self._spare = _Spare()

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        low, high = self._span()
        return _batches(high - low, self._batch_size, self._drop_last)

    def _span(self) -> tuple[int, int]:
        """The part of the order of an epoch that is read here."""
        (rank, world), length = self._shard, self._length
        if self._drop_last:
            each = length // world
            return rank * each, (rank + 1) * each
        return rank * length // world, (rank + 1) * length // world

    # -- epochs and state -------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The number of the epoch that the next iteration gives, or the present one goes through.

        Returns
        -------
        int
        """
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration gives; each complete one counts it up.

        Parameters
        ----------
        epoch : int
            The number of the epoch, which is at least 0.
        """
        epoch = _number(epoch, 0, "epoch is an integer of at least 0")
        self._epoch, self._start, self._resumed = epoch, 0, False

    def _described(self) -> dict[str, object]:
        """The parameters from which the batches of an epoch follow, besides the values."""
        return {
            "seed": self._seed,
            "length": self._length,
            "batch_size": self._batch_size,
            "shuffle": self._shuffle,
            "drop_last": self._drop_last,
            "shard": list(self._shard),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return where the loader is, so that another one can go on there.

        Batches count that were handed out, and not those that were read ahead: of the iteration
        that was begun last, where there are several.

        Returns
        -------
        dict
            Of plain values, which JSON can hold.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> from zarr.loader import BatchLoader
        >>> array = zarr.create_array({}, data=np.arange(6), chunks=2)
        >>> loader = BatchLoader(array, batch_size=2, seed=0)
        >>> first = next(iter(loader))
        >>> other = BatchLoader(array, batch_size=2)
        >>> other.load_state_dict(loader.state_dict())
        >>> [batch.tolist() for batch in other]
        [[2, 3], [4, 5]]
        """
        place = {"version": _STATE, "epoch": self._epoch, "batch": self._start}
        return {**place, **self._described()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another loader was: the next iteration gives the rest of its epoch.

        Parameters
        ----------
        state : mapping
            The result of `state_dict` of a loader with the same parameters; its seed is taken over.

        Raises
        ------
        ValueError
            If the state is that of a loader with other parameters, or of arrays of another length.
        """
        if state.get("version") != _STATE:
            raise ValueError(f"no state of version {_STATE} of a loader: {dict(state)!r}")
        own = self._described()
        wrong = [
            f"{name} {state.get(name)!r} in place of {value!r}"
            for name, value in own.items()
            if name != "seed" and state.get(name) != value
        ]
        if wrong:
            raise ValueError(f"the state is that of another loader: {', '.join(wrong)}")
        self._seed = int(state["seed"])
        self._epoch, self._start = int(state["epoch"]), int(state["batch"])
        self._resumed = True

    # -- iterations -------------------------------------------------------------------------

    def __iter__(self) -> Batches:
        """Begin an epoch, or go on with one of a state that was loaded."""
        return Batches(self._epoch_in_threads(*self._begin()))

    async def __aiter__(self) -> AsyncGenerator[Batch, None]:
        """The same for asynchronous code."""
        order, count = self._begin()
        async with aclosing(ahead(order.groups(), self._read, count)) as groups:
            async for group in groups:
                for batch in group.complete:
                    yield self._handed_out(batch, order)
        self._end(order)

    def _epoch_in_threads(self, order: _Order, count: int) -> Generator[Batch, None, None]:
        waits = any(view.needs_event_loop for view in self._views)
        for group in ahead_in_threads(order.groups(), self._read, count, waits=waits):
            for batch in group.complete:
                yield self._handed_out(batch, order)
        self._end(order)

    def _begin(self) -> tuple[_Order, int]:
        """The order of an epoch, and how many groups of batches are read ahead."""
        if not self._resumed:
            self._start = 0
        elif self._start >= len(self):  # nothing is left of the epoch
            self._epoch, self._start = self._epoch + 1, 0
        self._resumed = False
        self._order = order = _Order(self, self._start)
        return order, ceil(self._prefetch / order.batches_of_group)

    def _end(self, order: _Order) -> None:
        if order is self._order:
            self._epoch, self._start, self._order = self._epoch + 1, 0, None

    def _handed_out(self, arrays: list[AnyNDArray], order: _Order) -> Batch:
        if order is self._order:  # the iteration that was begun last
            self._start += 1
        if self._names is not None:
            return dict(zip(self._names, arrays, strict=True))
        return arrays[0] if self._single else tuple(arrays)

    async def _read(self, group: _Group) -> _Group:
        """Read what a group of batches needs."""
        await look_at(self._views)
        reading = Reading()
        for number, stretch in group.pieces:
            rows = group.rows[stretch.at : stretch.at + stretch.count]
            view, axis, plain = self._views[number], self._axes[number], self._plain[number]
            run = _run(rows)
            ahead_of: tuple[Any, ...] = (slice(None),) * axis
            memory = stretch.slab[(*ahead_of, slice(stretch.to, stretch.to + len(rows)), ...)]
            if plain is not None:
                reading.reads.append(_plain_read(plain, axis, rows, run, memory))
                continue
            part = view[(*ahead_of, rows if run is None else run)].reads(memory, fresh=True)
            reading.reads += part.reads
            reading.after += part.after
        await fill_many(reading.reads)
        reading.finish()
        for view in self._views:
            await check_not_deleted(view.expression, reading)
        return group

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_order": None, "_spare": _Spare()}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._described().items())
        return f"<BatchLoader of {len(self._views)} views: {shown}>"


class Batches:
    """The batches of an epoch. Threads may take them in turns: each gets others.

    Parameters
    ----------
    batches : generator
        Makes them.
    """

    def __init__(self, batches: Generator[Batch, None, None]) -> None:
        self._batches = batches
        self._lock = threading.Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        with self._lock:
            return next(self._batches)

    def close(self) -> None:
        """End the iteration: nothing is read ahead any more."""
        with self._lock:
            self._batches.close()


@dataclass(slots=True)
class _Stretch:
    """Samples that follow one another in the order and in memory."""

    slab: AnyNDArray
    to: int
    """The first of them in memory."""
    at: int
    """The first of them among the rows of the group."""
    count: int = 0


class _Piece(NamedTuple):
    """Samples of one view that are read as one selection."""

    view: int
    stretch: _Stretch


class _Group(NamedTuple):
    """The samples that are read as one operation."""

    rows: Rows
    pieces: list[_Piece]
    complete: list[list[AnyNDArray]]
    """The batches that are complete when it is read."""


class _Order:
    """The order of the samples of an epoch, and the groups in which they are read.

    Parameters
    ----------
    loader
        The loader.
    start
        The first batch that is read.
    """

    def __init__(self, loader: BatchLoader, start: int) -> None:
        self._views, self._axes = loader._views, loader._axes
        self._size, self._start = loader._batch_size, start
        low, high = loader._span()
        self._count = high - low
        if loader._drop_last:
            self._count -= self._count % self._size
        self._key = (loader._seed, loader._epoch)
        self._memory = [
            _Memory(view, axis, self._size, self._count, loader._spare)
            for view, axis in zip(self._views, self._axes, strict=True)
        ]
        each = sum(
            view.nbytes // max(1, view.shape[axis])
            for view, axis in zip(self._views, self._axes, strict=True)
        )
        room = max(1, _GROUP // max(1, each))
        self._starts: Rows
        if loader._shuffle == "full":
            self._order = _shuffled(loader._length, *self._key)[low:high]
            together = max(1, room // self._size)
            self._ends = _every(self._count, together * self._size)
            self._mixed = False
            self.batches_of_group = together
            return
        starts = _block_starts(self._views, self._axes, loader._length)
        lengths = np.diff(starts, append=loader._length)
        if loader._shuffle == "blocks":
            order = _shuffled(len(starts), *self._key)
            starts, lengths = starts[order], lengths[order]
        self._mixed = loader._shuffle == "blocks"
        # Where each block begins in the order of the epoch, and what is read of it here.
        places = np.cumsum(lengths) - lengths
        first = np.maximum(places, low)
        last = np.minimum(places + lengths, low + self._count)
        here = np.flatnonzero(first < last)
        self._rows_from = (starts + first - places)[here]
        self._lengths = (last - first)[here]
        least = max(self._size, room)
        self._block_ends = np.cumsum(self._lengths)
        self._ends = _joined(self._block_ends, least)
        self._order = None
        self.batches_of_group = max(1, least // self._size)

    _order: Rows | None

    def _rows(self, number: int, begin: int, end: int) -> Rows:
        """The samples of a group, in order."""
        if self._order is not None:
            return self._order[begin:end]
        first, last = np.searchsorted(self._block_ends, [begin, end], side="left")
        blocks = slice(int(first) + (begin > 0), int(last) + 1)
        rows = np.concatenate(
            [
                np.arange(first, first + length)
                for first, length in zip(
                    self._rows_from[blocks], self._lengths[blocks], strict=True
                )
            ]
        )
        return rows[_shuffled(len(rows), *self._key, begin, number)] if self._mixed else rows

    def groups(self) -> Iterator[_Group]:
        """The groups, one after the other."""
        size, skipped = self._size, self._start * self._size
        begin = 0
        open_batch: list[_Taken] = []
        for number, end in enumerate(self._ends.tolist()):
            if end > skipped:
                rows = self._rows(number, begin, end)
                pieces: list[_Piece] = []
                last: list[_Stretch | None] = [None] * len(self._views)
                complete: list[list[AnyNDArray]] = []
                at = max(begin, skipped)
                while at < end:
                    first = at // size * size
                    stop = min(first + size, self._count)
                    to = min(stop, end)
                    if at == first:
                        open_batch = [memory.take(stop - first) for memory in self._memory]
                    for view, (_, slab, base) in enumerate(open_batch):
                        stretch = last[view]
                        if stretch is None or stretch.slab is not slab:
                            stretch = last[view] = _Stretch(slab, base + at - first, at - begin)
                            pieces.append(_Piece(view, stretch))
                        stretch.count += to - at
                    if to == stop:
                        complete.append([array for array, _, _ in open_batch])
                    at = to
                yield _Group(rows, pieces, complete)
            begin = end


class _Taken(NamedTuple):
    """The memory for a batch of one view, as a part of a larger piece."""

    array: AnyNDArray
    slab: AnyNDArray
    base: int
    """The first sample of the piece that is the batch's."""


class _Memory:
    """The memory for batches of one view.

    Parameters
    ----------
    view, axis
        The view, and the dimension along which its samples are.
    size, count
        How many samples a batch has, and an epoch.
    spare
        Memory that no batch uses any more.
    """

    def __init__(self, view: AsyncView, axis: int, size: int, count: int, spare: _Spare) -> None:
        self._view, self._axis, self._spare = view, axis, spare
        each = view.nbytes // max(1, view.shape[axis]) * size
        # Samples along another dimension do not follow one another in memory.
        self._together = min(count, max(1, _SLAB // max(1, each)) * size)
        self._slab = self._empty(0)
        self._used = 0

    def _empty(self, count: int) -> AnyNDArray:
        shape, axis, dtype = self._view.shape, self._axis, self._view.dtype
        shape = (*shape[:axis], count, *shape[axis + 1 :])
        nbytes = prod(shape) * dtype.itemsize
        if nbytes < _LARGE or dtype.hasobject or dtype.kind in "mM":
            return empty(shape, dtype)
        return self._spare.take(nbytes).view(dtype).reshape(shape)

    def take(self, count: int) -> _Taken:
        """Memory for so many samples."""
        if self._axis:
            array = self._empty(count)
            return _Taken(array, array, 0)
        if self._used + count > len(self._slab):
            self._slab, self._used = self._empty(max(count, self._together)), 0
        base, self._used = self._used, self._used + count
        return _Taken(self._slab[base : self._used], self._slab, base)


class _Spare:
    """Memory that is used again when nobody holds a batch in it any more.

    The system takes as long to clear new memory as it takes to copy samples.
    """

    def __init__(self) -> None:
        self._free: deque[AnyNDArray] = deque()

    def take(self, nbytes: int) -> AnyNDArray:
        """Memory of so many bytes."""
        memory = self._found(nbytes)
        if memory is None:
            memory = np.empty(nbytes + _PAGE, np.uint8)
            first = -memory.ctypes.data % _PAGE
            memory = memory[first : first + nbytes]
        # All views of this array, and views of these, hold it: its own base is no array.
        lent: AnyNDArray = np.frombuffer(memoryview(memory), np.uint8)
        weakref.finalize(lent, _given_back, self._free, memory).atexit = False
        return lent

    def _found(self, nbytes: int) -> AnyNDArray | None:
        for _ in range(len(self._free)):
            try:
                memory = self._free.popleft()
            except IndexError:  # another thread has taken the last one
                return None
            if memory.nbytes == nbytes:
                return memory
            self._free.append(memory)
        return None


def _given_back(free: deque[AnyNDArray], memory: AnyNDArray) -> None:
    # This runs wherever the last batch goes, perhaps in the midst of `take`: it must not wait.
    free.append(memory)
    try:
        while sum(each.nbytes for each in tuple(free)) > _KEPT:
            free.popleft()
    except IndexError:  # another thread did the same
        pass


def _number(value: object, least: int, meaning: str) -> int:
    """An integer; an error that says its meaning if it is none, or too small."""
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{meaning}, not {value!r}") from None
    if number < least:
        raise ValueError(f"{meaning}, not {number}")
    return number


def _batches(samples: int, size: int, drop_last: bool) -> int:
    return samples // size if drop_last else -(-samples // size)


def _axis_of(view: AsyncView, axis: int, name: object) -> int:
    if not -view.ndim <= axis < view.ndim:
        raise ValueError(f"views[{name!r}] has {view.ndim} dimensions, and so no axis {axis}")
    return axis % view.ndim


def _run(rows: Rows) -> slice | None:
    """Rows as a slice, if they follow one another."""
    first = int(rows[0])
    if int(rows[-1]) - first == len(rows) - 1 and bool((rows[1:] > rows[:-1]).all()):
        return slice(first, first + len(rows))
    return None


class _Plain(NamedTuple):
    """A view that takes a range of each dimension of one array, forwards and in their order."""

    array: AnyAsyncArray
    ranges: tuple[tuple[int, int, int], ...]


def _plain(view: AsyncView) -> _Plain | None:
    """The view as ranges, if it is no more than that: most are, and batches of it cost little."""
    source, transform, steps = view.expression
    if steps or not isinstance(source, Leaf) or len(transform.maps) != view.ndim:
        return None
    ranges: list[tuple[int, int, int]] = []
    for dim, one in enumerate(transform.maps):
        if not isinstance(one, Range) or one.dim != dim or one.step < 1:
            return None
        ranges.append((one.start, one.step, view.shape[dim]))
    return _Plain(source.array, tuple(ranges))


def _plain_read(
    plain: _Plain, axis: int, rows: Rows, run: slice | None, memory: AnyNDArray
) -> Read:
    """The read of some samples of such a view: what the general way would give."""
    start, step, _ = plain.ranges[axis]
    taken: Any = start + step * rows
    if run is not None:
        taken = (start + step * run.start, step, len(rows))
    axes = (*plain.ranges[:axis], taken, *plain.ranges[axis + 1 :])
    return Read(plain.array, Selection(axes, None, memory.shape, memory.shape), memory, True)


def _every(count: int, size: int) -> Rows:
    """The ends of stretches of one size; the last may be shorter."""
    ends = np.arange(size, count + size, size, dtype=np.int64)
    return np.minimum(ends, count)


def _joined(ends: Rows, least: int) -> Rows:
    """Some of the ends of blocks, so that at least so many samples lie between them.

    The rest at the end belongs to the last.
    """
    found: list[int] = []
    at = 0
    while at < len(ends):
        last = found[-1] if found else 0
        at = int(np.searchsorted(ends, last + least, side="left"))
        if at >= len(ends):
            if ends[-1] > last:
                found.append(int(ends[-1]))
            break
        found.append(int(ends[at]))
        at += 1
    return np.array(found, np.int64)


def _shuffled(count: int, *key: int) -> Rows:
    """A random order of so many numbers, which follows from the key alone.

    It is made of the generator's own words, which stay the same in all versions of NumPy; how its
    other methods use them may change.
    """
    words = np.random.PCG64(np.random.SeedSequence(key)).random_raw(count)
    return np.argsort(words, kind="stable")


def _block_starts(views: Sequence[AsyncView], axes: Sequence[int], length: int) -> Rows:
    """Where blocks begin: where chunks of all views do, if that is often enough.

    Else where those chunks begin that are the longest.
    """
    if length == 0:
        return np.empty(0, np.int64)
    edges: list[Rows] = []
    for view, axis in zip(views, axes, strict=True):
        sizes = np.array(chunk_sizes(view.chunks[axis], length), np.int64)
        edges.append(np.cumsum(sizes) - sizes)
    longest = [int(np.diff(starts, append=length).max()) for starts in edges]
    common = edges[0]
    for starts in edges[1:]:
        common = np.intersect1d(common, starts, assume_unique=True)
    if int(np.diff(common, append=length).max()) <= _SPARSE * max(longest):
        return common
    return edges[longest.index(max(longest))]
