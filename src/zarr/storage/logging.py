"""A store that logs what is asked of it."""

from __future__ import annotations

import logging
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from zarr.storage.wrapper import T_Store, WrapperStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from zarr.abc.store import ByteRequest, StoreTraits

T = TypeVar("T")

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
