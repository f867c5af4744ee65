"""A store around another store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

from zarr.abc._traits import data_id_of, effective
from zarr.abc.store import (
    Store,
    StoreTraits,
    SupportsDeleteSync,
    SupportsGetSync,
    SupportsSetSync,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from types import TracebackType

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype

T_Store = TypeVar("T_Store", bound=Store)


class WrapperStore(Store, Generic[T_Store]):
    """A store that passes everything on to another; subclass it to change or watch some of it.

    Parameters
    ----------
    store : Store
        The inner store.

    Notes
    -----
    Its traits are those of the inner store. A subclass that overrides an asynchronous method counts
    as one that may wait, unless it defines `declare_traits` as well.
    """

    _store: T_Store

    # Where a subclass changes a method, these do not go around it to the inner store.
    _zarr_followers: ClassVar[dict[str, frozenset[str]]] = {
        "get": frozenset({"get_versioned", "get_partial_values", "get_ranges", "getsize"}),
        "get_sync": frozenset({"get_ranges_sync"}),
        "set": frozenset({"set_if_not_exists"}),
        "delete": frozenset({"clear", "delete_dir"}),
        "getsize": frozenset({"getsize_prefix"}),
        "list": frozenset({"clear"}),
        "list_prefix": frozenset({"delete_dir", "getsize_prefix", "is_empty"}),
    }

    def __init__(self, store: T_Store) -> None:
        self._store = store

    @classmethod
    async def open(cls: type[Self], store_cls: type[T_Store], *args: Any, **kwargs: Any) -> Self:
        """Make the inner store, open it, and wrap it.

        Parameters
        ----------
        store_cls : type
            The class of the inner store.
        *args, **kwargs
            What it is made with.
        """
        store = store_cls(*args, **kwargs)
        await store._open()
        return cls(store=store)

    def _with_store(self, store: T_Store) -> Self:
        return type(self)(store=store)

    def with_read_only(self, read_only: bool = False) -> Self:
        # docstring inherited
        return self._with_store(cast("T_Store", self._store.with_read_only(read_only)))

    def __enter__(self) -> Self:
        self._store.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._store.__exit__(exc_type, exc_value, traceback)

    async def _open(self) -> None:
        await self._store._open()

    async def _ensure_open(self) -> None:
        await self._store._ensure_open()

    def close(self) -> None:
        # docstring inherited
        self._store.close()

    @property
    def _is_open(self) -> bool:
        return self._store._is_open

    @_is_open.setter
    def _is_open(self, value: bool) -> None:
        self._store._is_open = value

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        # The engine must not go around what wraps a store.
        return replace(self._store.traits, native_handle=None)

    @property
    def traits(self) -> StoreTraits:
        # docstring inherited
        return effective(self)  # each time: the inner store may be replaced

    @property
    def data_id(self) -> str:
        # docstring inherited
        return data_id_of(self._store)

    @property
    def read_only(self) -> bool:
        # docstring inherited
        return self._store.read_only

    def _check_writable(self) -> None:
        self._store._check_writable()

    def __str__(self) -> str:
        return f"wrapping-{self._store}"

    def _shown_as(self) -> str:
        return f"wrapping-{self._store._shown_as()}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self._store).__name__}, '{self._store}')"

    def __eq__(self, value: object) -> bool:
        return isinstance(value, type(self)) and self._store == value._store

    __hash__ = None

    @property
    def supports_writes(self) -> bool:
        # docstring inherited
        return self._store.supports_writes

    @property
    def supports_deletes(self) -> bool:
        # docstring inherited
        return self._store.supports_deletes

    @property
    def supports_listing(self) -> bool:
        # docstring inherited
        return self._store.supports_listing

    @property
    def supports_partial_writes(self) -> bool:
        # docstring inherited
        return self._store.supports_partial_writes

    @property
    def supports_consolidated_metadata(self) -> bool:
        # docstring inherited
        return self._store.supports_consolidated_metadata

    @property
    def supports_conditional_writes(self) -> bool:
        # docstring inherited
        return self._store.supports_conditional_writes

    @property
    def supports_conditional_deletes(self) -> bool:
        # docstring inherited
        return self._store.supports_conditional_deletes

    @property
    def _shared(self) -> bool:
        return self._store._shared

    # -- values -----------------------------------------------------------------------------

    def _not_sync(self, what: str) -> TypeError:
        return TypeError(f"Store {type(self._store).__name__} does not support synchronous {what}.")

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the value of a key from an inner store that has synchronous methods."""
        if not isinstance(self._store, SupportsGetSync):
            raise self._not_sync("get")
        return self._store.get_sync(key, prototype=prototype, byte_range=byte_range)

    def set_sync(self, key: str, value: Buffer) -> None:
        """Store a value in an inner store that has synchronous methods."""
        if not isinstance(self._store, SupportsSetSync):
            raise self._not_sync("set")
        self._store.set_sync(key, value)

    def delete_sync(self, key: str) -> None:
        """Remove a key from an inner store that has synchronous methods."""
        if not isinstance(self._store, SupportsDeleteSync):
            raise self._not_sync("delete")
        self._store.delete_sync(key)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        return await self._store.get(key, prototype, byte_range)

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, Any | None] | None:
        # docstring inherited
        return await self._store.get_versioned(key, prototype, byte_range)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        # docstring inherited
        return await self._store.get_partial_values(prototype, key_ranges)

    async def get_ranges(
        self,
        key: str,
        byte_ranges: Sequence[ByteRequest | None],
        *,
        prototype: BufferPrototype,
        max_concurrency: int | None = None,
        max_gap_bytes: int | None = None,
        max_coalesced_bytes: int | None = None,
    ) -> AsyncIterator[Sequence[tuple[int, Buffer | None]]]:
        # docstring inherited
        limits = {
            "max_concurrency": max_concurrency,
            "max_gap_bytes": max_gap_bytes,
            "max_coalesced_bytes": max_coalesced_bytes,
        }
        given: dict[str, Any] = {k: v for k, v in limits.items() if v is not None}
        parts = self._store.get_ranges(key, byte_ranges, prototype=prototype, **given)
        async for part in parts:
            yield part

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await self._store.set(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await self._store.set_if_not_exists(key, value)

    async def set_if_unchanged(self, key: str, value: Buffer, version: Any | None) -> bool:
        # docstring inherited
        return await self._store.set_if_unchanged(key, value, version)

    async def delete_if_unchanged(self, key: str, version: Any | None) -> bool:
        # docstring inherited
        return await self._store.delete_if_unchanged(key, version)

    async def delete(self, key: str) -> None:
        # docstring inherited
        await self._store.delete(key)

    async def exists(self, key: str) -> bool:
        # docstring inherited
        return await self._store.exists(key)

    async def getsize(self, key: str) -> int:
        # docstring inherited
        return await self._store.getsize(key)

    # -- folders ----------------------------------------------------------------------------

    async def getsize_prefix(self, prefix: str) -> int:
        # docstring inherited
        return await self._store.getsize_prefix(prefix)

    async def is_empty(self, prefix: str) -> bool:
        # docstring inherited
        return await self._store.is_empty(prefix)

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        await self._store.delete_dir(prefix)

    async def clear(self) -> None:
        # docstring inherited
        await self._store.clear()

    def _passes_link(self, path: str, key: str) -> bool:
        return self._store._passes_link(path, key)

    def list(self) -> AsyncIterator[str]:
        # docstring inherited
        return self._store.list()

    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        return self._store.list_prefix(prefix)

    def list_dir(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        return self._store.list_dir(prefix)
