"""Reading many selections of many arrays as one operation.

The engine fetches and decodes each chunk once, whatever number of selections want some of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import aclosing
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from zarr import _core
from zarr._async.executors import coders
from zarr._async.run import bounded, offload, pause, stepping
from zarr.abc._traits import data_id_of
from zarr.arrays.read import gives_scalar, placed, understand
from zarr.buffer import cpu
from zarr.buffer.core import default_buffer_prototype
from zarr.buffer.host import host_array
from zarr.dtype.storage import buffer_view
from zarr.indexing import parse
from zarr.storage.client.chunks import SMALL, read_all

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

    from zarr.abc.store import Store
    from zarr.arrays.compiled import Engine
    from zarr.buffer.core import BufferPrototype, NDArrayLikeOrScalar
    from zarr.codecs.vlen import Table
    from zarr.indexing import Selection
    from zarr.types import AnyAsyncArray, AnyNDArray, SelectionLike

T = TypeVar("T")

_LOT = 32 << 20
"""Bytes of decoded chunks after which selections that are complete are handed out."""
_TABLE = 64 << 20
"""Bytes of decoded chunks whose elements of no fixed size are kept until they are placed."""


class Read(NamedTuple):
    """One selection of one array, and the memory that its elements go to.

    Parameters
    ----------
    array
        The array to read of.
    selection
        The selection.
    memory
        An array of as many elements, of the data type of `array`, that can be shaped as the engine
        sees the selection without a copy. It may have any strides: mostly it is a view of the
        result.
    fresh
        Whether NumPy has just made that memory.
    """

    array: AnyAsyncArray
    selection: Selection
    memory: AnyNDArray
    fresh: bool = False


class _Job(NamedTuple):
    """A read as the engine takes it."""

    number: int
    engine: Engine
    compiled: _core.CompiledArray
    selection: Selection
    memory: AnyNDArray
    place: Callable[[], None] | None
    """The work that is left when the memory is filled."""


class _Lot:
    """The part of a plan that is read next: so many chunks of it at most.

    It notes which chunks were handed out.
    """

    def __init__(self, plan: _core.ReadPlan, most: int) -> None:
        self._plan = plan
        self._wants: Iterator[_core.ReadWant] = islice(iter(plan.next, None), most)
        self._most = most
        self.taken: list[int] = []

    def __len__(self) -> int:
        return min(len(self._plan), self._most)

    @property
    def raw(self) -> bool:
        return self._plan.raw

    @property
    def cached(self) -> bool:
        return self._plan.cached

    def next(self) -> _core.ReadWant | None:
        want = next(self._wants, None)
        if want is not None:
            self.taken.append(want.number)
        return want


class _Batch:
    """The reads of one store.

    Parameters
    ----------
    store
        Where the chunks are.
    prototype
        The kind of buffers that the store is asked for.
    """

    def __init__(self, store: Store, prototype: BufferPrototype) -> None:
        self.store = store
        self._prototype = prototype
        self._jobs: list[_Job] = []
        self._chunk_bytes = 1
        self._engine: Engine | None = None

    def add(self, number: int, engine: Engine, bound: _Bound | None, read: Read) -> None:
        """Take a read; `bound` is the engine for elements that are no plain memory."""
        chosen = read.selection
        view = read.memory.reshape(chosen.engine_shape)
        place = None
        if bound is None:
            compiled = engine.compiled
            if engine.is_opaque:
                view = buffer_view(view)
        else:
            compiled = bound.compiled
            numbers: AnyNDArray = np.empty(chosen.engine_shape, bound.table.number_type)
            place = _Placed(bound.table, numbers, view, fresh=read.fresh)
            view = numbers
        if compiled is None:
            raise AssertionError("elements that are no plain memory are read by way of a table")
        if engine is not self._engine:
            self._engine = engine
            self._chunk_bytes = max(self._chunk_bytes, engine.stored_bytes)
        self._jobs.append(_Job(number, engine, compiled, chosen, view, place))

    def _is_small(self) -> bool:
        """Whether a worker thread would begin no sooner than all is decoded here."""
        work = 0
        for job in self._jobs:
            work += job.engine.work(job.selection)
            if work > SMALL:
                return False
        return True

    def _made(self) -> _core.Batch:
        return _core.Batch(
            [
                (job.compiled, job.selection.axes, job.selection.points, job.memory)
                for job in self._jobs
            ]
        )

    def _finished(self, done: list[int]) -> list[int]:
        """Do what is left to do for jobs whose memory is filled; the numbers of their reads."""
        for job in done:
            place = self._jobs[job].place
            if place is not None:
                place()
        return [self._jobs[job].number for job in done]

    async def read(self) -> None:
        """Read everything."""
        batch = self._made()
        source = self.store.traits.native_handle
        if source is None:
            await read_all(self.store, batch.plan(), self._chunk_bytes, self._prototype)
        elif stepping():
            batch.read(source)
        elif isinstance(source, _core.Mapping) and self._is_small():
            await pause()
            batch.read(source)
        else:
            cancel = _core.Cancel()
            await offload(batch.read, source, None, cancel, cancel=cancel)
        self._finished(list(range(len(self._jobs))))

    async def arrivals(self) -> AsyncGenerator[list[int], None]:
        """Read everything; yield the numbers of the reads that are complete, as they are."""
        batch = self._made()
        source = self.store.traits.native_handle
        most = max(2 * coders(), _LOT // self._chunk_bytes)
        if source is not None:
            while True:
                cancel = _core.Cancel()
                done = await offload(batch.read, source, most, cancel, cancel=cancel)
                if done is None:
                    return
                yield self._finished(done)
        elif stepping():
            plan = batch.plan(every=True)
            while True:
                lot = _Lot(plan, most)
                await read_all(self.store, lot, self._chunk_bytes, self._prototype)
                if not lot.taken:
                    return
                yield self._finished([job for chunk in lot.taken for job in batch.done(chunk)])
        else:
            async with aclosing(self._fetched(batch)) as fetched:
                async for done in fetched:
                    yield self._finished(done)

    async def _fetched(self, batch: _core.Batch) -> AsyncGenerator[list[int], None]:
        """The same of a store that waits: it is asked on while others look at what came."""
        import asyncio

        done: list[int] = []
        news = asyncio.Event()

        def settled(chunk: int) -> None:
            found = batch.done(chunk)
            if found:
                done.extend(found)
                news.set()

        async def fetch() -> None:
            try:
                plan = batch.plan(every=True)
                await read_all(self.store, plan, self._chunk_bytes, self._prototype, settled)
            finally:
                news.set()

        task = asyncio.ensure_future(fetch())
        try:
            while not task.done() or done:
                await news.wait()
                news.clear()
                if done:
                    come, done[:] = list(done), []
                    yield come
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class _Placed:
    """Elements of no fixed size, on their way from numbers to their place."""

    def __init__(self, table: Table, numbers: AnyNDArray, out: AnyNDArray, *, fresh: bool) -> None:
        self._table = table
        self._numbers = numbers
        self._out = out
        self._fresh = fresh

    def __call__(self) -> None:
        self._table.place(self._numbers, self._out, fresh=self._fresh)


class _Bound(NamedTuple):
    """The engine for elements of one array that are no plain memory."""

    table: Table
    compiled: _core.CompiledArray


def _batches(
    reads: Sequence[Read], prototype: BufferPrototype
) -> Iterator[tuple[list[int], list[_Batch]]]:
    """Group reads by what is read together: a batch for each store.

    Yields the numbers of reads that need nothing, and batches that are read at the same time.
    Elements of no fixed size are kept from when they are decoded until they are placed, so that
    many of them are read in several turns.
    """
    empty = [number for number, read in enumerate(reads) if read.memory.size == 0]
    turn = _Turn(prototype)
    for number, read in enumerate(reads):
        if read.memory.size:
            if turn.is_full(read):
                yield empty, turn.batches
                empty, turn = [], _Turn(prototype)
            turn.add(number, read)
    yield empty, turn.batches


class _Turn:
    """Reads that are done together."""

    def __init__(self, prototype: BufferPrototype) -> None:
        self.batches: list[_Batch] = []
        self._prototype = prototype
        self._kept = 0
        self._engines: dict[int, Engine] = {}
        self._alike: dict[tuple[int, str], list[AnyAsyncArray]] = defaultdict(list)
        self._bound: dict[int, _Bound] = {}
        self._of_array: dict[int, _Batch] = {}

    def is_full(self, read: Read) -> bool:
        """Whether there is no room for this read beside those that are kept in a table."""
        engine = read.array.engine()
        if not engine.holds_objects:
            return False
        work = engine.work(read.selection)
        return self._kept > 0 and self._kept + work > _TABLE

    def add(self, number: int, read: Read) -> None:
        """Take a read."""
        array = read.array
        engine = self._engines.get(id(array))
        if engine is None:
            engine = self._engines[id(array)] = self._engine(array)
        bound = None
        if engine.holds_objects:
            self._kept += engine.work(read.selection)
            bound = self._bound.get(id(engine))
            if bound is None:
                table = engine.table(writing=False)
                bound = self._bound[id(engine)] = _Bound(table, engine.bound(table))
        self._of_array[id(array)].add(number, engine, bound, read)

    def _engine(self, array: AnyAsyncArray) -> Engine:
        """The engine of an array: of another handle of it that was met before, if there is one."""
        place = array.chunk_store_path
        batch = next((one for one in self.batches if _same(one.store, place.store)), None)
        if batch is None:
            batch = _Batch(place.store, self._prototype)
            self.batches.append(batch)
        self._of_array[id(array)] = batch
        alike = self._alike[id(batch), place.path]
        for other in alike:
            if other.metadata == array.metadata and other.config == array.config:
                return self._engines[id(other)]
        alike.append(array)
        return array.engine()


def _same(one: Store, other: Store) -> bool:
    """Whether two stores are the same to those who read.

    Stores in memory that are different objects would compare all of their values.
    """
    return one is other or (data_id_of(one) == data_id_of(other) and one == other)


async def fill_many(
    reads: Sequence[Read], prototype: BufferPrototype = cpu.buffer_prototype
) -> None:
    """Read many selections of many arrays: each chunk is fetched and decoded once.

    Parameters
    ----------
    reads
        What to read, and where to. No two of them share memory.
    prototype
        The kind of buffers that stores are asked for.
    """
    for _, batches in _batches(reads, prototype):
        await bounded(batches, _Batch.read)


async def arrivals(
    reads: Sequence[Read], prototype: BufferPrototype = cpu.buffer_prototype
) -> AsyncGenerator[list[int], None]:
    """Read many selections of many arrays; yield the numbers of those that are complete.

    Chunks are read in the order of the selections, so that the first of them are complete early.

    Parameters
    ----------
    reads, prototype
        As for `fill_many`.
    """
    for empty, batches in _batches(reads, prototype):
        if empty:
            yield empty
        for batch in batches:
            async with aclosing(batch.arrivals()) as come:
                async for done in come:
                    if done:
                        yield done


async def read_many(
    array: AnyAsyncArray, selections: Sequence[SelectionLike], out: Any = None
) -> list[NDArrayLikeOrScalar]:
    """Read many selections of one array.

    Parameters
    ----------
    array
        The array.
    selections
        As they would stand in the brackets of ``array[...]``.
    out
        An array for each of them, or one whose first dimension they are; new ones if None.
    """
    chosen = several(selections, "selections", "selections")
    if not array.access.cache_metadata:
        await array.reload()
    outs = outs_of(out, len(chosen))
    return await results(each_prepared(partial(prepare, array), chosen, outs))


def several(items: Iterable[T], name: str, meaning: str) -> list[T]:
    """The items of a sequence.

    Parameters
    ----------
    items
        The sequence.
    name, meaning
        The name of the sequence and of its items in errors.

    Raises
    ------
    TypeError
        It is no sequence, or an array or a view, whose items would be read one by one.
    """
    one = isinstance(items, str) or hasattr(items, "read_many") or hasattr(items, "iter_blocks")
    try:
        if not one:
            return list(items)
    except TypeError:
        if isinstance(items, Iterable):
            raise
    raise TypeError(f"{name} is a list of {meaning}, not {type(items).__name__}: use [...] for one")


def each_prepared(
    make: Callable[[T, Any], Prepared], items: Sequence[T], outs: Sequence[Any]
) -> list[Prepared]:
    """Prepare all items; an error says which of them it is about.

    Parameters
    ----------
    make
        Prepares an item, to be read into some memory.
    items, outs
        The items, and the memory for each.
    """
    prepared: list[Prepared] = []
    try:
        for item, one in zip(items, outs, strict=True):
            prepared.append(make(item, one))
    except Exception as error:
        error.add_note(f"It is number {len(prepared)} of {len(items)} that were to be read.")
        raise
    return prepared


class Prepared(NamedTuple):
    """The reads for one result, and how the result is made then.

    Parameters
    ----------
    reads
        The reads.
    finish
        Gives the result when all of them are done.
    given
        The memory of the result, where it is the caller's.
    """

    reads: list[Read]
    finish: Callable[[], NDArrayLikeOrScalar]
    given: AnyNDArray | None = None


def prepare(array: AnyAsyncArray, selection: SelectionLike, out: Any) -> Prepared:
    """Parse a selection of an array, and choose the memory for it.

    Parameters
    ----------
    array
        The array.
    selection
        As it would stand in the brackets of ``array[...]``.
    out
        Where the elements go; a new array if None.
    """
    engine = array.engine()
    chosen = understand(engine, parse, selection, None)
    prototype = array.access.prototype or default_buffer_prototype()
    scalar = chosen.shape == () and gives_scalar(parse, selection)
    plain = out is None and chosen.fields is None and prototype.nd_buffer is cpu.NDBuffer
    if plain and not scalar:  # the way of most, without a look at all that may be different
        order = engine.order if chosen.points is None else "C"
        fresh = engine.empty(chosen.shape, engine.dtype, order=order)
        return Prepared([Read(array, chosen, fresh, True)], partial(_itself, fresh))
    if out is not None and isinstance(chosen.points, tuple):
        # The engine reads indices while it places elements, perhaps in the same memory.
        chosen = chosen._replace(points=tuple(map(np.array, chosen.points)))
    memory, finish, target = placed(engine, chosen, out, prototype, scalar=scalar)
    given = None if out is None else target
    return Prepared([Read(array, chosen, memory, out is None)], finish, given)


def _itself(result: NDArrayLikeOrScalar) -> NDArrayLikeOrScalar:
    return result


async def results(prepared: Sequence[Prepared]) -> list[NDArrayLikeOrScalar]:
    """Read what was prepared, as one operation; the results in order."""
    check_apart([one.given for one in prepared if one.given is not None])
    await fill_many([read for one in prepared for read in one.reads])
    return [one.finish() for one in prepared]


async def results_as_they_come(
    prepared: Sequence[Prepared],
) -> AsyncGenerator[list[tuple[int, NDArrayLikeOrScalar]], None]:
    """Read what was prepared, as one operation; yield numbers and results that are complete."""
    check_apart([one.given for one in prepared if one.given is not None])
    owners = [number for number, one in enumerate(prepared) for _ in one.reads]
    left = [len(one.reads) for one in prepared]
    nothing = [(number, one.finish()) for number, one in enumerate(prepared) if not one.reads]
    if nothing:
        yield nothing
    async with aclosing(arrivals([read for one in prepared for read in one.reads])) as come:
        async for done in come:
            found = []
            for read in done:
                number = owners[read]
                left[number] -= 1
                if not left[number]:
                    found.append((number, prepared[number].finish()))
            if found:
                yield found


def outs_of(out: Any, count: int) -> list[Any]:
    """The memory for each of so many results, of what the caller gave for them."""
    if out is None:
        return [None] * count
    if not isinstance(out, list | tuple):
        out = host_array(out)
        if out.ndim == 0 or len(out) != count:
            raise ValueError(
                f"out is an array of shape {out.shape}: its first dimension must have the length "
                f"{count}, one for each selection"
            )
        return [out[number, ...] for number in range(count)]
    if len(out) != count:
        raise ValueError(f"out has {len(out)} arrays for {count} selections")
    return list(out)


def check_apart(arrays: Sequence[AnyNDArray]) -> None:
    """Raise `ValueError` if two of the arrays share memory, or may do."""
    spans = sorted((*_span(array), number) for number, array in enumerate(arrays) if array.size)
    for position, (_, end, number) in enumerate(spans):
        for low, _, other in spans[position + 1 :]:
            if low >= end:
                break
            if _share(arrays[number], arrays[other]):
                raise ValueError(
                    f"out arrays {min(number, other)} and {max(number, other)} share memory: each "
                    "result needs its own"
                )


def _span(array: AnyNDArray) -> tuple[int, int]:
    low, high = np.lib.array_utils.byte_bounds(array)
    return int(low), int(high)


def _share(one: AnyNDArray, other: AnyNDArray) -> bool:
    try:
        return np.shares_memory(one, other, max_work=10_000)
    except np.exceptions.TooHardError:
        return True
