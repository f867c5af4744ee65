"""Base class of stores: what keeps bytes under keys.

To write a store, subclass `Store` and define the abstract methods; the others have defaults made
of these. A store tells more about itself by `Store.declare_traits`, as whether it never waits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    NamedTuple,
    Protocol,
    Self,
    TypeAlias,
    TypeGuard,
    TypeVar,
    runtime_checkable,
)

from zarr._async.run import bounded, completed
from zarr.abc._traits import (
    OWN_PLACE,
    Changes,
    Held,
    StoreTraits,
    changes_of,
    data_id_of,
    effective,
    known,
)
from zarr.buffer.cpu import numpy_buffer_prototype

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Iterable,
        Sequence,
    )
    from types import TracebackType

    from zarr.buffer.core import Buffer, BufferPrototype

__all__ = [
    "ByteGetter",
    "ByteRequest",
    "ByteSetter",
    "OffsetByteRequest",
    "RangeByteRequest",
    "Store",
    "StoreTraits",
    "SuffixByteRequest",
    "SupportsDeleteSync",
    "SupportsGetSync",
    "SupportsSetSync",
    "SupportsSyncStore",
    "SyncByteGetter",
    "SyncByteSetter",
    "ValueInfo",
    "set_or_delete",
]

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class RangeByteRequest:
    """The bytes from `start` up to, and not with, `end`.

    Parameters
    ----------
    start : int
        The position of the first byte.
    end : int
        The position behind the last byte.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class OffsetByteRequest:
    """The bytes from `offset` to the end.

    Parameters
    ----------
    offset : int
        The position of the first byte.
    """

    offset: int


@dataclass(frozen=True, slots=True)
class SuffixByteRequest:
    """The last `suffix` bytes.

    Parameters
    ----------
    suffix : int
        The number of bytes.
    """

    suffix: int


ByteRequest: TypeAlias = RangeByteRequest | OffsetByteRequest | SuffixByteRequest


class ValueInfo(NamedTuple):
    """The facts that a store tells of a value without reading it.

    Parameters
    ----------
    key : str
        The key.
    size : int
        How many bytes the value has.
    modified : float, optional
        When it was written, in seconds since 1970 UTC by the clock of the store.
    version : str, optional
        A tag that two values have in common only if they are equal, as the ETag of a service.
    """

    key: str
    size: int
    modified: float | None = None
    version: str | None = None


@dataclass(slots=True)
class CoalescedRange:
    """One request, and the ranges that it answers: (place, start, stop), or (place, 0, None)."""

    request: ByteRequest | None
    members: list[tuple[int, int, int | None]]


def coalesced(
    byte_ranges: Sequence[ByteRequest | None], max_gap: int, max_length: int
) -> list[CoalescedRange]:
    """Join ranges that lie near each other."""
    alone = [
        CoalescedRange(request, [(place, 0, None)])
        for place, request in enumerate(byte_ranges)
        if not isinstance(request, RangeByteRequest)
    ]
    ranges = sorted(
        (request.start, request.end, place)
        for place, request in enumerate(byte_ranges)
        if isinstance(request, RangeByteRequest)
    )
    joined: list[CoalescedRange] = []
    first = last = 0
    for start, end, place in ranges:
        stop = max(last, end)
        if not joined or start - last > max_gap or stop - first > max_length:
            joined.append(CoalescedRange(None, []))
            first, last = start, end
        else:
            last = stop
        joined[-1].request = RangeByteRequest(first, last)
        joined[-1].members.append((place, start - first, end - first))
    return alone + joined


def split(key: str, group: CoalescedRange, value: Buffer | None) -> list[tuple[int, Buffer | None]]:
    """Cut the answer to one request into the ranges that were asked for."""
    if value is None:
        raise FileNotFoundError(key)
    if len(group.members) == 1:
        return [(group.members[0][0], value)]
    return [(place, value[start:stop]) for place, start, stop in group.members]


@runtime_checkable
class ByteGetter(Protocol):
    """A place that one value is read from."""

    async def get(
        self, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the value, or a part of it; None if there is none.

        Parameters
        ----------
        prototype : BufferPrototype
            The class of the result.
        byte_range : ByteRequest, optional
            The part that is read; all of the value by default.
        """
        ...


@runtime_checkable
class ByteSetter(Protocol):
    """A place that one value is read from and written to."""

    async def get(
        self, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the value, or a part of it; None if there is none.

        Parameters
        ----------
        prototype : BufferPrototype
            The class of the result.
        byte_range : ByteRequest, optional
            The part that is read; all of the value by default.
        """
        ...

    async def set(self, value: Buffer) -> None:
        """Write the value.

        Parameters
        ----------
        value : Buffer
            The value.
        """
        ...

    async def delete(self) -> None:
        """Take the value away."""
        ...

    async def set_if_not_exists(self, default: Buffer) -> None:
        """Write the value, unless there is one.

        Parameters
        ----------
        default : Buffer
            The value.
        """
        ...


@runtime_checkable
class SyncByteGetter(Protocol):
    """A place that one value is read from, without waiting."""

    def get_sync(
        self, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the value, or a part of it; None if there is none.

        Parameters
        ----------
        prototype : BufferPrototype
            The class of the result.
        byte_range : ByteRequest, optional
            The part that is read; all of the value by default.
        """
        ...


@runtime_checkable
class SyncByteSetter(SyncByteGetter, Protocol):
    """A place that one value is read from and written to, without waiting."""

    def set_sync(self, value: Buffer) -> None:
        """Write the value.

        Parameters
        ----------
        value : Buffer
            The value.
        """
        ...

    def delete_sync(self) -> None:
        """Take the value away."""
        ...


@runtime_checkable
class SupportsGetSync(Protocol):
    """A store that can be read without waiting."""

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the value of a key, or a part of it; None if there is none.

        Parameters
        ----------
        key : str
            The key.
        prototype : BufferPrototype, optional
            The class of the result.
        byte_range : ByteRequest, optional
            The part that is read; all of the value by default.
        """
        ...


@runtime_checkable
class SupportsSetSync(Protocol):
    """A store that can be written to without waiting."""

    def set_sync(self, key: str, value: Buffer) -> None:
        """Give a key a value.

        Parameters
        ----------
        key : str
            The key.
        value : Buffer
            The value.
        """
        ...


@runtime_checkable
class SupportsDeleteSync(Protocol):
    """A store that can delete without waiting."""

    def delete_sync(self, key: str) -> None:
        """Take the value of a key away.

        Parameters
        ----------
        key : str
            The key.
        """
        ...


@runtime_checkable
class SupportsSyncStore(SupportsGetSync, SupportsSetSync, SupportsDeleteSync, Protocol):
    """A store that can do all without waiting."""


class Store(ABC):
    """Bytes under keys.

    Parameters
    ----------
    read_only : bool, optional
        Whether to refuse to write.

    Attributes
    ----------
    max_requests : int or None
        How many requests this process may have under way at the data of this store; None, by
        default, is the setting ``requests.limit``.
    """

    max_requests: int | None = None

    _read_only: bool = False
    _is_open: bool = False

    def __init__(self, *, read_only: bool = False) -> None:
        self._is_open = False
        self._read_only = read_only

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls._changes = changes_of(cls, Store)

    # How the class changes the one that declares the traits.
    _changes: ClassVar[Changes]

    # Traits, and the other things that the rest of zarr asks of a store.

    def declare_traits(self) -> StoreTraits:
        """Say what the rest of zarr may take for granted of this store.

        Called once for each store, and again by `redeclare_traits`. A class that overrides a
        method for which more was promised, and does not define this one, promises it no more: it
        may wait, and its `get` may not know of parts of a value.

        Returns
        -------
        StoreTraits
            By default, the traits of a store of which nothing is known.

        Examples
        --------
        >>> from dataclasses import replace
        >>> from zarr.storage import MemoryStore
        >>> class Counting(MemoryStore):
        ...     reads = 0
        ...
        ...     async def get(self, key, prototype=None, byte_range=None):
        ...         self.reads += 1
        ...         return await super().get(key, prototype, byte_range)
        >>> Counting().traits.needs_event_loop  # its `get` may wait, for all that is known
        True
        >>> class Quick(Counting):
        ...     def declare_traits(self):
        ...         return replace(super().declare_traits(), needs_event_loop=False)
        >>> Quick().traits.needs_event_loop
        False
        """
        return StoreTraits()

    @property
    def traits(self) -> StoreTraits:
        """The traits that this store has: those that it declares, where they still hold.

        Returns
        -------
        StoreTraits
        """
        found = known.kept.get(id(self))
        if found is not None:
            return found[1]
        return known.note(self, effective(self.declare_traits(), self._changes, self))

    def redeclare_traits(self) -> None:
        """Ask for the traits again: call this where one does not hold any more."""
        known.replace(self, effective(self.declare_traits(), self._changes, self))

    # The object in memory that holds the data, where the store has noted one.
    _zarr_held: Held | None = None

    def _note_held(self, held: object) -> Held:
        """Keep an object in memory, which names the place of the data."""
        if self._zarr_held is None or self._zarr_held.object is not held:
            self._zarr_held = Held(held)
        return self._zarr_held

    def shown_as(self) -> str:
        """Return how messages name the store.

        By default, nothing that others define is called when a message is made.

        Returns
        -------
        str
            The class, and the `data_id` if there is one.
        """
        name = data_id_of(self)
        kind = type(self).__name__
        return kind if name.startswith(OWN_PLACE) else f"{kind}({name})"

    async def _map(self, items: Iterable[T], fn: Callable[[T], Awaitable[V]]) -> list[V]:
        """Await ``fn(item)`` for each item: together if that can save time."""
        return await bounded(items, fn, None if self.traits.needs_event_loop else 1)

    # Opening and closing.

    @classmethod
    async def open(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a store and open it.

        Parameters
        ----------
        *args, **kwargs
            Go to the constructor.
        """
        store = cls(*args, **kwargs)
        await store._open()
        return store

    async def _open(self) -> None:
        if self._is_open:
            raise ValueError("store is already open")
        self._is_open = True

    async def _ensure_open(self) -> None:
        if not self._is_open:
            try:
                await self._open()
            except ValueError:
                if not self._is_open:  # else another thread or task was faster
                    raise

    def close(self) -> None:
        """Let go of what the store holds: connections, files, threads."""
        self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def with_read_only(self, read_only: bool = False) -> Store:
        """Return a store of the same data that may, or may not, write.

        Parameters
        ----------
        read_only : bool, optional
            Whether the new store refuses to write.
        """
        raise NotImplementedError(
            f"with_read_only is not implemented for the {type(self)} store type."
        )

    @property
    def read_only(self) -> bool:
        """Whether the store refuses to write."""
        return self._read_only

    def _check_writable(self) -> None:
        if self.read_only:
            raise ValueError(
                "store was opened in read-only mode and does not support writing: "
                f"{self.shown_as()}. Open it in mode 'r+' or 'a', or make it with read_only=False."
            )

    @abstractmethod
    def __eq__(self, value: object) -> bool:
        """Tell whether another store shows the same data."""

    __hash__ = None  # type: ignore[assignment]

    # Abilities of the store.

    @property
    @abstractmethod
    def supports_writes(self) -> bool:
        """Whether values can be set."""

    @property
    @abstractmethod
    def supports_deletes(self) -> bool:
        """Whether values can be deleted."""

    @property
    @abstractmethod
    def supports_listing(self) -> bool:
        """Whether keys can be listed."""

    @property
    def supports_partial_writes(self) -> bool:
        """Whether a part of a value can be set: no store here can."""
        return False

    @property
    def supports_consolidated_metadata(self) -> bool:
        """Whether to look for consolidated metadata, and to write it."""
        return True

    @property
    def supports_conditional_writes(self) -> bool:
        """Whether the store declares conditional writes: see `StoreTraits`."""
        return self.declare_traits().conditional_writes

    @property
    def supports_conditional_deletes(self) -> bool:
        """Whether the store declares conditional deletes: see `StoreTraits`."""
        return self.declare_traits().conditional_deletes

    @property
    def data_id(self) -> str:
        """The name of the place where the data are; empty if the store declares none.

        See `StoreTraits`. A class that defines this member declares the name by it. The store is
        asked once, and the answer must not change.

        Returns
        -------
        str

        Examples
        --------
        >>> import os
        >>> from zarr.storage import LocalStore, MemoryStore
        >>> LocalStore("data").data_id == LocalStore(os.path.abspath("data")).data_id
        True
        >>> MemoryStore().data_id == MemoryStore().data_id
        False
        """
        found = self.declare_traits().data_id
        return found if isinstance(found, str) else found()

    # Reading.

    @abstractmethod
    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the value of a key, or a part of it; None if there is none.

        Parameters
        ----------
        key : str
            The key.
        prototype : BufferPrototype
            The class of the result.
        byte_range : ByteRequest, optional
            Which bytes; all by default. Bytes beyond the end are left out.
        """

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, object | None] | None:
        """Return the value of a key, or a part of it, and its version; None if there is none.

        Parts that have equal versions are parts of one value. The version of a whole value is
        what `set_if_unchanged` takes.

        Parameters
        ----------
        key : str
            The key.
        prototype : BufferPrototype
            The class of the value.
        byte_range : ByteRequest, optional
            Which bytes; all by default.

        Returns
        -------
        tuple of Buffer and object, or None
            The version compares equal with that of the same value; it is None if the store cannot
            tell versions apart.
        """
        value = await self.get(key, prototype, byte_range)
        return None if value is None else (value, None)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return parts of values, in the order of the requests.

        Parameters
        ----------
        prototype : BufferPrototype
            The class of the results.
        key_ranges : iterable of (str, ByteRequest or None)
            Keys, and which bytes of their values.

        Returns
        -------
        list of Buffer or None
            The parts; None where there is no value.
        """

        async def one(request: tuple[str, ByteRequest | None]) -> Buffer | None:
            return await self.get(request[0], prototype, request[1])

        return await self._map(key_ranges, one)

    async def get_ranges(
        self,
        key: str,
        byte_ranges: Sequence[ByteRequest | None],
        *,
        prototype: BufferPrototype,
        max_concurrency: int | None = None,
        max_gap_bytes: int = 1 << 20,
        max_coalesced_bytes: int = 16 << 20,
    ) -> AsyncIterator[Sequence[tuple[int, Buffer | None]]]:
        """Yield several parts of one value, as they arrive.

        Ranges near each other are fetched by one request.

        Parameters
        ----------
        key : str
            The key. If it has no value, that is a FileNotFoundError.
        byte_ranges : sequence of ByteRequest or None
            Which bytes; None is all of them.
        prototype : BufferPrototype
            The class of the results.
        max_concurrency : int, optional
            How many requests may be under way; by default as many as for any other operation.
        max_gap_bytes : int, optional
            How many bytes between two ranges are fetched in vain, to save a request.
        max_coalesced_bytes : int, optional
            How long a request for several ranges may become.

        Yields
        ------
        sequence of (int, Buffer)
            The parts that one request brought, each with its place in `byte_ranges`.
        """

        async def fetch(group: CoalescedRange) -> list[tuple[int, Buffer | None]]:
            return split(key, group, await self.get(key, prototype, group.request))

        groups = coalesced(byte_ranges, max_gap_bytes, max_coalesced_bytes)
        if len(groups) == 1 or not self.traits.needs_event_loop:
            for group in groups:
                yield await fetch(group)
            return
        arriving = completed(groups, fetch, max_concurrency)
        try:
            async for parts in arriving:
                yield parts
        finally:
            # Left early, this must end what is under way now, not when it is collected.
            await arriving.aclose()

    def get_ranges_sync(
        self,
        key: str,
        byte_ranges: Sequence[ByteRequest | None],
        *,
        prototype: BufferPrototype,
        max_gap_bytes: int = 1 << 20,
        max_coalesced_bytes: int = 16 << 20,
    ) -> Sequence[tuple[int, Buffer | None]]:
        """Return several parts of one value; see `get_ranges`.

        Parameters
        ----------
        key : str
            The key. If it has no value, that is a FileNotFoundError.
        byte_ranges : sequence of ByteRequest or None
            Which bytes; None is all of them.
        prototype : BufferPrototype
            The class of the results.
        max_gap_bytes, max_coalesced_bytes : int, optional
            Bounds of what is fetched by one request.

        Returns
        -------
        sequence of (int, Buffer or None)
            The parts, each with its place in `byte_ranges`.
        """
        if not isinstance(self, SupportsGetSync):
            raise TypeError(f"{type(self).__name__} does not support synchronous reads")
        parts: list[tuple[int, Buffer | None]] = []
        for group in coalesced(byte_ranges, max_gap_bytes, max_coalesced_bytes):
            value = self.get_sync(key, prototype=prototype, byte_range=group.request)
            parts += split(key, group, value)
        return parts

    async def _get_many(
        self, requests: Iterable[tuple[str, BufferPrototype, ByteRequest | None]]
    ) -> AsyncGenerator[tuple[str, Buffer | None], None]:
        """Yield keys and their values, in the order of the requests."""
        for request in requests:
            yield request[0], await self.get(*request)

    @abstractmethod
    async def exists(self, key: str) -> bool:
        """Tell whether a key has a value.

        Parameters
        ----------
        key : str
            The key.
        """

    async def getsize(self, key: str) -> int:
        """Return how many bytes the value of a key has; FileNotFoundError if it has none.

        Parameters
        ----------
        key : str
            The key.

        Returns
        -------
        int
            The number of bytes.
        """
        value = await self.get(key, numpy_buffer_prototype())
        if value is None:
            raise FileNotFoundError(key)
        return len(value)

    async def getsize_prefix(self, prefix: str) -> int:
        """Return how many bytes all values below a prefix have together.

        Parameters
        ----------
        prefix : str
            The beginning of the keys: a directory.

        Returns
        -------
        int
            The number of bytes.
        """
        keys = [key async for key in self.list_prefix(_as_directory(prefix))]
        return sum(await self._map(keys, self.getsize))

    async def is_empty(self, prefix: str) -> bool:
        """Tell whether no key has a value below a prefix.

        Parameters
        ----------
        prefix : str
            The beginning of the keys: a directory.

        Returns
        -------
        bool
            Whether there is no key.
        """
        async for _ in self.list_prefix(_as_directory(prefix)):
            return False
        return True

    @abstractmethod
    def list(self) -> AsyncIterator[str]:
        """Yield all keys."""

    @abstractmethod
    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that start with a prefix, as whole keys.

        Parameters
        ----------
        prefix : str
            The beginning of the keys: a directory.
        """

    @abstractmethod
    def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names of what lies directly below a prefix: values and further prefixes.

        Parameters
        ----------
        prefix : str
            The beginning of the keys: a directory.
        """

    async def list_values(self, prefix: str) -> AsyncIterator[ValueInfo]:
        """Yield the facts of the values whose keys start with a prefix.

        A store whose listings tell sizes defines this method; by default each value is asked for.

        Parameters
        ----------
        prefix : str
            The beginning of the keys: a directory.

        Yields
        ------
        ValueInfo
            The key, the size, and if the store knows them, the time and the version.
        """
        async for key in self.list_prefix(prefix):
            try:
                size = await self.getsize(key)
            except FileNotFoundError:  # deleted meanwhile
                continue
            yield ValueInfo(key, size)

    # Writing.

    @abstractmethod
    async def set(self, key: str, value: Buffer) -> None:
        """Give a key a value.

        Parameters
        ----------
        key : str
            The key.
        value : Buffer
            The value.
        """

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Give a key a value, unless it has one.

        A store that can do so in one step defines this method; by default it takes two.

        Parameters
        ----------
        key : str
            The key.
        value : Buffer
            The value.
        """
        if not await self.exists(key):
            await self.set(key, value)

    async def set_if_unchanged(self, key: str, value: Buffer, version: object | None) -> bool:
        """Give a key a value in one step, unless somebody else has changed it.

        Parameters
        ----------
        key : str
            The key.
        value : Buffer
            The new value.
        version : object or None
            The version that `get_versioned` returned; None if there was no value.

        Returns
        -------
        bool
            Whether the value was set.

        Raises
        ------
        NotImplementedError
            If the store cannot do this in one step; nothing was written then.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write on condition")

    async def delete_if_unchanged(self, key: str, version: object | None) -> bool:
        """Delete a value in one step, unless somebody else has changed it.

        Parameters
        ----------
        key : str
            The key.
        version : object or None
            The version that `get_versioned` returned; None if there was no value.

        Returns
        -------
        bool
            Whether there is no value now.

        Raises
        ------
        NotImplementedError
            If the store cannot do this in one step; nothing was deleted then.
        """
        raise NotImplementedError(f"{type(self).__name__} does not delete on condition")

    async def _set_many(self, values: Iterable[tuple[str, Buffer]]) -> None:
        """Give several keys their values."""

        async def one(item: tuple[str, Buffer]) -> None:
            await self.set(*item)

        await self._map(values, one)

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Take the value of a key away; nothing happens if it has none.

        Parameters
        ----------
        key : str
            The key.
        """

    async def delete_dir(self, prefix: str) -> None:
        """Delete all keys below a prefix.

        Parameters
        ----------
        prefix : str
            The beginning of the keys: a directory.
        """
        self._check_writable()
        await self._delete_all(_as_directory(prefix))

    async def copy_value(self, key: str, target: Store, target_key: str) -> int | None:
        """Copy a value to another key, or to another store, without its bytes passing through here.

        A store whose service or system can do so defines this method.

        Parameters
        ----------
        key : str
            The key of the value.
        target : Store
            The store that the copy is for; it may be this one.
        target_key : str
            The key of the copy. A value that it has is replaced.

        Returns
        -------
        int or None
            How many bytes the copy has; None, by default, if it was not made in this way, or if
            there is no value.
        """
        return None

    async def move_dir(
        self, prefix: str, target: Store, target_prefix: str, *, exchange: bool = False
    ) -> bool:
        """Move all values below a prefix to another prefix, or to another store, in one step.

        A store in which all of them are moved, or none, whatever happens, defines this method.

        Parameters
        ----------
        prefix : str
            The directory.
        target : Store
            The store to move it to; it may be this one.
        target_prefix : str
            The directory that it becomes.
        exchange : bool, default: False
            Whether a directory is there, and takes the place of the one that is moved. Otherwise
            nothing may be there.

        Returns
        -------
        bool
            Whether that was done; if not, which is the default, nothing was.
        """
        return False

    async def clear(self) -> None:
        """Delete all keys."""
        self._check_writable()
        await self._delete_all("")

    def passes_link(self, path: str, key: str) -> bool:
        """Whether the directory at a path, or one between it and a key, is a symbolic link.

        Parameters
        ----------
        path : str
            The path of a directory.
        key : str
            A key below it.

        Returns
        -------
        bool
            Whether there is a link.
        """
        return False

    async def _delete_all(self, prefix: str) -> None:
        if not (self.supports_deletes and self.supports_listing):
            raise NotImplementedError(
                f"{type(self).__name__} cannot delete what lies below {prefix!r}: that takes a "
                "store which lists and deletes keys"
            )
        # Listed to the end first: deleting must not upset the listing.
        keys = [key async for key in self.list_prefix(prefix)]
        await self._map(keys, self.delete)


def _as_directory(prefix: str) -> str:
    return prefix if prefix == "" or prefix.endswith("/") else prefix + "/"


async def get_versioned(
    store: Store, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
) -> tuple[Buffer, object | None] | None:
    """Return the value of a key, or a part of it, and its version; None if there is none.

    A class that overrides `get` only is asked by `get`: its values have no versions.
    """
    if store.traits.versions:
        return await store.get_versioned(key, prototype, byte_range)
    value = await store.get(key, prototype, byte_range)
    return None if value is None else (value, None)


def _store_supports_sync_io(store: object) -> TypeGuard[SupportsSyncStore]:
    return isinstance(store, SupportsSyncStore)


async def set_or_delete(byte_setter: ByteSetter, value: Buffer | None) -> None:
    """Write a value, or take it away where it is None.

    Parameters
    ----------
    byte_setter : ByteSetter
        Where to.
    value : Buffer or None
        What to write.
    """
    if value is None:
        await byte_setter.delete()
    else:
        await byte_setter.set(value)
