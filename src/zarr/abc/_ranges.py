"""Parts of a stored value: how they are asked for, and how several are fetched by one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence

    from zarr.buffer.core import Buffer

T = TypeVar("T")
V = TypeVar("V")


async def completed(
    items: Sequence[T], fn: Callable[[T], Awaitable[V]], limit: int
) -> AsyncGenerator[tuple[int, V], None]:
    """Yield the place of an item and ``await fn(item)``, as they complete.

    At most `limit` are under way. The first error ends the iteration; what is still under way
    then, or when the iteration is left early, is cancelled and waited for.
    """
    import asyncio

    waiting = iter(enumerate(items))
    running: dict[asyncio.Future[V], int] = {}

    def start_next() -> None:
        for place, item in waiting:
            running[asyncio.ensure_future(fn(item))] = place
            return

    for _ in range(max(1, limit)):
        start_next()
    try:
        while running:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                place = running.pop(task)
                result = task.result()
                start_next()
                yield place, result
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def gathered(items: Iterable[T], fn: Callable[[T], Awaitable[V]], limit: int) -> list[V]:
    """Return ``await fn(item)`` of each item, in order."""
    work = list(items)
    if len(work) < 2 or limit == 1:
        return [await fn(item) for item in work]
    results = {place: result async for place, result in completed(work, fn, limit)}
    return [results[place] for place in range(len(work))]


@dataclass(frozen=True, slots=True)
class RangeByteRequest:
    """The bytes from `start` up to, and not with, `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class OffsetByteRequest:
    """The bytes from `offset` to the end."""

    offset: int


@dataclass(frozen=True, slots=True)
class SuffixByteRequest:
    """The last `suffix` bytes."""

    suffix: int


ByteRequest: TypeAlias = RangeByteRequest | OffsetByteRequest | SuffixByteRequest


@dataclass(slots=True)
class Group:
    """One request, and the ranges that it answers: (place, start, stop), or (place, 0, None)."""

    request: ByteRequest | None
    members: list[tuple[int, int, int | None]]


def coalesced(
    byte_ranges: Sequence[ByteRequest | None], max_gap: int, max_length: int
) -> list[Group]:
    """Join ranges that lie near each other."""
    alone = [
        Group(request, [(place, 0, None)])
        for place, request in enumerate(byte_ranges)
        if not isinstance(request, RangeByteRequest)
    ]
    ranges = sorted(
        (request.start, request.end, place)
        for place, request in enumerate(byte_ranges)
        if isinstance(request, RangeByteRequest)
    )
    joined: list[Group] = []
    first = last = 0
    for start, end, place in ranges:
        stop = max(last, end)
        if not joined or start - last > max_gap or stop - first > max_length:
            joined.append(Group(None, []))
            first, last = start, end
        else:
            last = stop
        joined[-1].request = RangeByteRequest(first, last)
        joined[-1].members.append((place, start - first, end - first))
    return alone + joined


def split(key: str, group: Group, value: Buffer | None) -> list[tuple[int, Buffer | None]]:
    """Cut the answer to one request into the ranges that were asked for."""
    if value is None:
        raise FileNotFoundError(key)
    if len(group.members) == 1:
        return [(group.members[0][0], value)]
    return [(place, value[start:stop]) for place, start, stop in group.members]
