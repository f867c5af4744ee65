"""A store that logs what is asked of it."""

from __future__ import annotations

import logging
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from zarr.storage.wrapper import T_Store, WrapperStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable

    from zarr.abc.store import ByteRequest, StoreTraits
    from zarr.buffer.core import Buffer, BufferPrototype

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
        self.logger = logging.getLogger(f"LoggingStore({self._store})")
        self.logger.setLevel(self.log_level)
        handler = self.log_handler
        if handler is None and not self.logger.hasHandlers():
            handler = logging.StreamHandler(stream=sys.stdout)
            handler.setLevel(self.log_level)
            handler.setFormatter(logging.Formatter(_FORMAT))
        if handler is not None and handler not in self.logger.handlers:
            self.logger.addHandler(handler)

    def __getstate__(self) -> dict[str, Any]:
        # Handlers hold streams and locks: the copy logs to the standard output.
        return {"_store": self._store, "log_level": self.log_level, "counter": self.counter}

    def __setstate__(self, state: dict[str, Any]) -> None:
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
            What it is made with; `log_level` and `log_handler` are the wrapper's.
        """
        own = {key: kwargs.pop(key) for key in ("log_level", "log_handler") if key in kwargs}
        store = store_cls(*args, **kwargs)
        await store._open()
        return cls(store, **own)

    def _with_store(self, store: T_Store) -> Self:
        return type(self)(store, log_level=self.log_level, log_handler=self.log_handler)

    @contextmanager
    def log(self, hint: Any = "", method: str | None = None) -> Generator[None, None, None]:
        """Log, as a context manager, the call of the method that uses it.

        Parameters
        ----------
        hint : Any
            What to show as the method's argument.
        method : str, optional
            The name of the method; that of the function that calls by default.
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

    __hash__ = None

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

    # -- values -----------------------------------------------------------------------------

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        # docstring inherited
        with self.log(key):
            return super().get_sync(key, prototype=prototype, byte_range=byte_range)

    def set_sync(self, key: str, value: Buffer) -> None:
        # docstring inherited
        with self.log(key):
            super().set_sync(key, value)

    def delete_sync(self, key: str) -> None:
        # docstring inherited
        with self.log(key):
            super().delete_sync(key)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        with self.log(key):
            return await self._store.get(key, prototype, byte_range)

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, Any | None] | None:
        # docstring inherited
        with self.log(key, "get"):  # it is the same request
            return await self._store.get_versioned(key, prototype, byte_range)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        # docstring inherited
        wanted = list(key_ranges)
        with self.log(",".join(key for key, _ in wanted)):
            return await self._store.get_partial_values(prototype, wanted)

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        with self.log(key):
            await self._store.set(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        with self.log(key):
            await self._store.set_if_not_exists(key, value)

    async def delete(self, key: str) -> None:
        # docstring inherited
        with self.log(key):
            await self._store.delete(key)

    async def exists(self, key: str) -> bool:
        # docstring inherited
        with self.log(key):
            return await self._store.exists(key)

    async def getsize(self, key: str) -> int:
        # docstring inherited
        with self.log(key):
            return await self._store.getsize(key)

    # -- folders ----------------------------------------------------------------------------

    async def getsize_prefix(self, prefix: str) -> int:
        # docstring inherited
        with self.log(prefix):
            return await self._store.getsize_prefix(prefix)

    async def is_empty(self, prefix: str = "") -> bool:
        # docstring inherited
        with self.log(prefix):
            return await self._store.is_empty(prefix)

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        with self.log(prefix):
            await self._store.delete_dir(prefix)

    async def clear(self) -> None:
        # docstring inherited
        with self.log():
            await self._store.clear()

    async def list(self) -> AsyncGenerator[str, None]:
        # docstring inherited
        with self.log():
            async for key in self._store.list():
                yield key

    async def list_prefix(self, prefix: str) -> AsyncGenerator[str, None]:
        # docstring inherited
        with self.log(prefix):
            async for key in self._store.list_prefix(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncGenerator[str, None]:
        # docstring inherited
        with self.log(prefix):
            async for name in self._store.list_dir(prefix):
                yield name
