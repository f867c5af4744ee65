"""Stores around another store."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from zarr.abc._traits import Notes, data_id_of, effective, overrides
from zarr.abc.store import (
    Store,
    StoreTraits,
    SupportsDeleteSync,
    SupportsGetSync,
    SupportsSetSync,
    get_versioned,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Generator,
        Iterable,
        Iterator,
        Sequence,
    )
    from types import TracebackType

    from zarr.abc.store import ByteRequest, StoreTraits, ValueInfo
    from zarr.buffer.core import Buffer, BufferPrototype

T = TypeVar("T")
T_Store = TypeVar("T_Store", bound=Store)

# Where a subclass changes one of the methods on the right, the one on the left is made of these
# by `Store`, and does not go around them to the inner store.
_MADE_OF = {
    "list_values": frozenset({"list_prefix", "getsize", "get", "intercept"}),
    "clear": frozenset({"delete", "list"}),
    "delete_dir": frozenset({"delete", "list_prefix"}),
    "get_partial_values": frozenset({"get"}),
    "get_ranges": frozenset({"get", "intercept"}),
    "getsize": frozenset({"get"}),
    "getsize_prefix": frozenset({"get", "getsize", "list_prefix"}),
    "is_empty": frozenset({"list_prefix"}),
    "set_if_not_exists": frozenset({"set"}),
}
# The traits of an inner store, and those of its wrapper then.
_wrapped: Notes[tuple[StoreTraits, StoreTraits]] = Notes()


class WrapperStore(Store, Generic[T_Store]):
    """A store that passes everything on to another; subclass it to change or watch some of it.

    To change a request, override its method; to watch all of them, override `intercept` and
    `intercept_sync`.

    Parameters
    ----------
    store : Store
        The inner store.

    Notes
    -----
    Its traits are those of the inner store. A subclass that overrides an asynchronous method counts
    as one that may wait, unless it defines `declare_traits` as well.

    Examples
    --------
    >>> import zarr
    >>> class Noted(zarr.storage.WrapperStore):
    ...     async def get(self, key, prototype, byte_range=None):
    ...         print("get", key)
    ...         return await super().get(key, prototype, byte_range)
    >>> inner = zarr.storage.MemoryStore()
    >>> array = zarr.create_array(inner, shape=(4,), dtype="i4")
    >>> zarr.open_array(Noted(inner), zarr_format=3).shape
    get zarr.json
    (4,)
    """

    # Whether it answers by values that it has kept.
    keeps_values: bool = False

    _store: T_Store

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
            Its arguments.
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
        inner = self._store.traits
        name = inner.data_id or data_id_of(self._store)
        return replace(inner, data_id=name, native_handle=None, presigned_urls=None)

    @property
    def traits(self) -> StoreTraits:
        # docstring inherited
        inner = self._store.traits
        found = _wrapped.kept.get(id(self))
        if found is None or found[1][0] is not inner:  # the inner store may be replaced
            own = effective(self.declare_traits(), self._changes, self)
            own = replace(own, versions=own.versions and inner.versions)
            _wrapped.replace(self, (inner, own))
            return own
        return found[1][1]

    @property
    def read_only(self) -> bool:
        # docstring inherited
        return self._store.read_only

    def _check_writable(self) -> None:
        self._store._check_writable()

    def __str__(self) -> str:
        return f"wrapping-{self._store}"

    def shown_as(self) -> str:
        # docstring inherited
        return f"wrapping-{self._store.shown_as()}"

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

    # -- requests ---------------------------------------------------------------------------

    async def intercept(
        self,
        method: str,
        key: str,
        call: Callable[[], Awaitable[T]],
        byte_range: ByteRequest | None = None,
    ) -> T:
        """Make a request to the inner store: each one that is passed on goes through here.

        Parameters
        ----------
        method : str
            The name of the method. A value and its version are read by ``get``, too.
        key : str
            The key or prefix.
        call : callable
            ``await call()`` makes the request, and returns the answer. A listing is answered as a
            whole.
        byte_range : ByteRequest, optional
            Which bytes are asked for; all by default.

        Returns
        -------
        object
            The answer.

        Examples
        --------
        >>> import zarr
        >>> from zarr.storage import MemoryStore, WrapperStore
        >>> class Counting(WrapperStore[MemoryStore]):
        ...     requests = 0
        ...
        ...     async def intercept(self, method, key, call, byte_range=None):
        ...         self.requests += 1
        ...         return await call()
        >>> store = Counting(MemoryStore())
        >>> a = zarr.create_array(store, data=[1, 2, 3])
        >>> store.requests > 0
        True
        """
        return await call()

    def intercept_sync(
        self, method: str, key: str, call: Callable[[], T], byte_range: ByteRequest | None = None
    ) -> T:
        """Make a request to the inner store by its synchronous methods: see `intercept`.

        Parameters
        ----------
        method : str
            The name of the method, without ``_sync``.
        key : str
            The key.
        call : callable
            ``call()`` makes the request, and returns the answer.
        byte_range : ByteRequest, optional
            Which bytes are asked for; all by default.

        Returns
        -------
        object
            The answer.
        """
        return call()

    def passes_on(self, method: str) -> bool:
        """Whether a request goes to the same method of the inner store.

        Parameters
        ----------
        method : str
            The name of the method.

        Returns
        -------
        bool
            False where a subclass changes it, or one that it is made of.
        """
        return getattr(type(self), method) is getattr(WrapperStore, method) and not overrides(
            type(self), WrapperStore, _MADE_OF.get(method, frozenset())
        )

    def _base(self, method: str) -> Store:
        """The inner store, or one whose method is made of others of this store."""
        return super() if overrides(type(self), WrapperStore, _MADE_OF[method]) else self._store  # type: ignore[return-value]

    def _not_sync(self, method: str) -> TypeError:
        return TypeError(
            f"Store {type(self._store).__name__} does not support synchronous {method}."
        )

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
        call = partial(self._store.get_sync, key, prototype=prototype, byte_range=byte_range)
        return self.intercept_sync("get", key, call, byte_range)

    def set_sync(self, key: str, value: Buffer) -> None:
        """Store a value in an inner store that has synchronous methods."""
        if not isinstance(self._store, SupportsSetSync):
            raise self._not_sync("set")
        self.intercept_sync("set", key, partial(self._store.set_sync, key, value))

    def delete_sync(self, key: str) -> None:
        """Remove a key from an inner store that has synchronous methods."""
        if not isinstance(self._store, SupportsDeleteSync):
            raise self._not_sync("delete")
        self.intercept_sync("delete", key, partial(self._store.delete_sync, key))

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        call = partial(self._store.get, key, prototype, byte_range)
        return await self.intercept("get", key, call, byte_range)

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, object | None] | None:
        # docstring inherited
        call = partial(get_versioned, self._store, key, prototype, byte_range)
        return await self.intercept("get", key, call, byte_range)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        # docstring inherited
        wanted = list(key_ranges)
        call = partial(self._base("get_partial_values").get_partial_values, prototype, wanted)
        return await self.intercept("get_partial_values", ",".join(key for key, _ in wanted), call)

    async def get_ranges(
        self,
        key: str,
        byte_ranges: Sequence[ByteRequest | None],
        *,
        prototype: BufferPrototype,
        **limits: Any,
    ) -> AsyncIterator[Sequence[tuple[int, Buffer | None]]]:
        # docstring inherited
        base = self._base("get_ranges")
        async for part in base.get_ranges(key, byte_ranges, prototype=prototype, **limits):
            yield part

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await self.intercept("set", key, partial(self._store.set, key, value))

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        call = partial(self._base("set_if_not_exists").set_if_not_exists, key, value)
        await self.intercept("set_if_not_exists", key, call)

    async def set_if_unchanged(self, key: str, value: Buffer, version: object) -> bool:
        # docstring inherited
        call = partial(self._store.set_if_unchanged, key, value, version)
        return await self.intercept("set_if_unchanged", key, call)

    async def delete_if_unchanged(self, key: str, version: object) -> bool:
        # docstring inherited
        call = partial(self._store.delete_if_unchanged, key, version)
        return await self.intercept("delete_if_unchanged", key, call)

    async def delete(self, key: str) -> None:
        # docstring inherited
        await self.intercept("delete", key, partial(self._store.delete, key))

    async def exists(self, key: str) -> bool:
        # docstring inherited
        return await self.intercept("exists", key, partial(self._store.exists, key))

    async def getsize(self, key: str) -> int:
        # docstring inherited
        return await self.intercept("getsize", key, partial(self._base("getsize").getsize, key))

    # -- directories ----------------------------------------------------------------------------

    async def getsize_prefix(self, prefix: str) -> int:
        # docstring inherited
        call = partial(self._base("getsize_prefix").getsize_prefix, prefix)
        return await self.intercept("getsize_prefix", prefix, call)

    async def is_empty(self, prefix: str = "") -> bool:
        # docstring inherited
        return await self.intercept(
            "is_empty", prefix, partial(self._base("is_empty").is_empty, prefix)
        )

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        await self.intercept(
            "delete_dir", prefix, partial(self._base("delete_dir").delete_dir, prefix)
        )

    async def clear(self) -> None:
        # docstring inherited
        await self.intercept("clear", "", self._base("clear").clear)

    def passes_link(self, path: str, key: str) -> bool:
        # docstring inherited
        return self._store.passes_link(path, key)

    def list(self) -> AsyncIterator[str]:
        # docstring inherited
        return self._listed("list", "", self._store.list)

    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        return self._listed("list_prefix", prefix, partial(self._store.list_prefix, prefix))

    def list_dir(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        return self._listed("list_dir", prefix, partial(self._store.list_dir, prefix))

    def list_values(self, prefix: str) -> AsyncIterator[ValueInfo]:
        # docstring inherited
        base = self._base("list_values")
        return self._listed("list_values", prefix, partial(base.list_values, prefix))

    def _listed(
        self, method: str, prefix: str, call: Callable[[], AsyncIterator[T]]
    ) -> AsyncIterator[T]:
        if self.passes_on("intercept"):
            return call()

        async def listed() -> tuple[T, ...]:
            return tuple([item async for item in call()])

        async def items() -> AsyncIterator[T]:
            for item in await self.intercept(method, prefix, listed):
                yield item

        return items()


def layers(store: Store) -> Iterator[Store]:
    """Yield a store, the one that it wraps, and so on."""
    yield store
    while isinstance(store, WrapperStore):
        store = store._store
        yield store


def composed(store: Store, name: str) -> bool:
    """Whether a method is the one of `Store`, made of smaller requests."""
    while isinstance(store, WrapperStore) and store.passes_on(name):
        store = store._store
    if isinstance(store, WrapperStore) and getattr(type(store), name) is getattr(
        WrapperStore, name
    ):
        return True
    return getattr(type(store), name) is getattr(Store, name)


_FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"


class LoggingStore(WrapperStore[T_Store]):
    """A store that logs each call, and how long it took, and passes it on to another store.

    Parameters
    ----------
    store : Store
        The inner store.
    log_level : str
        Records below this level are dropped. Calls are logged as ``INFO``.
    log_handler : logging.Handler, optional
        Where the records go; to the standard output by default.

    Attributes
    ----------
    counter : dict
        How often each method was called.

    Examples
    --------
    >>> import logging, zarr
    >>> store = zarr.storage.LoggingStore(
    ...     zarr.storage.MemoryStore(), log_handler=logging.NullHandler()
    ... )
    >>> array = zarr.create_array(store, shape=(4,), dtype="i4")
    >>> sum(store.counter.values()) > 0
    True
    """

    counter: defaultdict[str, int]

    def __init__(
        self,
        store: T_Store,
        log_level: str = "DEBUG",
        log_handler: logging.Handler | None = None,
    ) -> None:
        super().__init__(store)
        self.counter = defaultdict(int)
        self.log_level = log_level
        self.log_handler = log_handler
        self._configure_logger()

    def _configure_logger(self) -> None:
        import logging  # late: every store client imports this module

        self.logger = logging.getLogger(f"LoggingStore({self._store})")
        self.logger.setLevel(self.log_level)
        handler = self.log_handler
        if handler is None and not self.logger.hasHandlers():
            handler = logging.StreamHandler(stream=sys.stdout)
            handler.setLevel(self.log_level)
            handler.setFormatter(logging.Formatter(_FORMAT))
        if handler is not None and handler not in self.logger.handlers:
            self.logger.addHandler(handler)

    def __getstate__(self) -> dict[str, object]:
        # Handlers hold streams and locks: the copy logs to the standard output.
        return {"_store": self._store, "log_level": self.log_level, "counter": self.counter}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.log_handler = None
        self._configure_logger()

    @classmethod
    async def open(cls: type[Self], store_cls: type[T_Store], *args: Any, **kwargs: Any) -> Self:
        """Make the inner store, open it, and wrap it.

        Parameters
        ----------
        store_cls : type
            The class of the inner store.
        *args, **kwargs
            Its arguments; `log_level` and `log_handler` are the wrapper's.
        """
        own = {key: kwargs.pop(key) for key in ("log_level", "log_handler") if key in kwargs}
        store = store_cls(*args, **kwargs)
        await store._open()
        return cls(store, **own)

    def _with_store(self, store: T_Store) -> Self:
        return type(self)(store, log_level=self.log_level, log_handler=self.log_handler)

    @contextmanager
    def log(self, hint: object = "", method: str | None = None) -> Generator[None, None, None]:
        """Log, as a context manager, the call of the method that uses it.

        Parameters
        ----------
        hint : object
            What to show as the method's argument.
        method : str, optional
            The name of the method; that of the function that calls by default.

        Yields
        ------
        None
            While the call is timed.
        """
        if method is None:
            method = sys._getframe(2).f_code.co_name
        self.counter[method] += 1
        name = f"{type(self._store).__name__}.{method}"
        if hint != "":
            name = f"{name}({hint})"
        self.logger.info(" Calling %s", name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.logger.info("Finished %s [%.2f s]", name, time.perf_counter() - start)

    def __str__(self) -> str:
        return f"logging-{self._store}"

    def shown_as(self) -> str:
        return f"logging-{self._store.shown_as()}"

    def __eq__(self, other: object) -> bool:
        with self.log(other):
            return isinstance(other, type(self)) and self._store == other._store

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        return super().declare_traits()  # nothing here waits, or changes a value

    @property
    def read_only(self) -> bool:
        # docstring inherited
        with self.log():
            return self._store.read_only

    @property
    def supports_writes(self) -> bool:
        # docstring inherited
        with self.log():
            return self._store.supports_writes

    @property
    def supports_deletes(self) -> bool:
        # docstring inherited
        with self.log():
            return self._store.supports_deletes

    @property
    def supports_listing(self) -> bool:
        # docstring inherited
        with self.log():
            return self._store.supports_listing

    async def intercept(
        self,
        method: str,
        key: str,
        call: Callable[[], Awaitable[T]],
        byte_range: ByteRequest | None = None,
    ) -> T:
        # docstring inherited
        with self.log(key, method):
            return await call()

    def intercept_sync(
        self, method: str, key: str, call: Callable[[], T], byte_range: ByteRequest | None = None
    ) -> T:
        # docstring inherited
        with self.log(key, f"{method}_sync"):
            return call()
