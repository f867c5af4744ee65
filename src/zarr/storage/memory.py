"""Stores in memory."""

from __future__ import annotations

import os
import threading
from collections.abc import MutableMapping
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakValueDictionary

from zarr import _core
from zarr.abc._traits import VALUE_METHODS, overrides
from zarr.abc.store import StoreTraits
from zarr.buffer import cpu
from zarr.buffer.core import Buffer, default_buffer_prototype
from zarr.storage.blocking import BlockingStore
from zarr.storage.keys import (
    absolute,
    bounds,
    check_key,
    check_prefix,
    check_value,
    children,
    is_immutable,
    normalize_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from zarr.abc._traits import Held
    from zarr.abc.store import ByteRequest
    from zarr.buffer import gpu
    from zarr.buffer.core import BufferPrototype

T = TypeVar("T")


def _name_of(held: Held, below: str = "") -> str:
    return f"memory://{held.name}{below}"


async def _at_once(fn: Callable[..., T], *args: object) -> T:
    return fn(*args)


class MemoryStore(BlockingStore):
    """A store in a dict, or in any other mutable mapping.

    Parameters
    ----------
    store_dict : MutableMapping, optional
        Where the values are; a new dict by default. A dict holds `Buffer` objects; in any other
        mapping, as of a database or cache, values are stored as `bytes`. Either is read.
    read_only : bool
        Whether writing is refused.

    Attributes
    ----------
    supports_writes
    supports_deletes
    supports_listing

    Examples
    --------
    >>> import zarr
    >>> values = {}
    >>> array = zarr.create_array(zarr.storage.MemoryStore(values), shape=(4,), dtype="i4")
    >>> list(values)
    ['zarr.json']
    """

    _call = staticmethod(_at_once)

    _store_dict: MutableMapping[str, Buffer]

    def __init__(
        self,
        store_dict: MutableMapping[str, Buffer] | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        super().__init__(read_only=read_only)
        if store_dict is None:
            store_dict = {}
        if not isinstance(store_dict, MutableMapping):
            raise TypeError(f"a MutableMapping is needed, got {type(store_dict).__name__!r}")
        self._place(store_dict)

    def _place(self, store_dict: MutableMapping[str, Buffer]) -> None:
        self._store_dict = store_dict
        self._holds_buffers = isinstance(store_dict, dict)

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k != "_holds_buffers"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._place(self._store_dict)

    def with_read_only(self, read_only: bool = False) -> MemoryStore:
        """Return a store of the same mapping that is read-only, or not."""
        return type(self)(store_dict=self._store_dict, read_only=read_only)

    def __str__(self) -> str:
        return f"memory://{id(self._store_dict)}"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, type(self))
            and self._store_dict == other._store_dict
            and self.read_only == other.read_only
        )

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        return self._traits_of(MemoryStore)

    def _traits_of(self, base: type[MemoryStore]) -> StoreTraits:
        """The traits; with a handle of the values if no subclass of a class changes them."""
        mapping = None
        if type(self._store_dict) is dict and not overrides(type(self), base, VALUE_METHODS):
            mapping = _core.Mapping(self._store_dict, cpu.Buffer.from_bytes)
        return StoreTraits(
            data_id=partial(_name_of, self._note_held(self._store_dict)),
            needs_event_loop=False,
            byte_ranges=True,
            versions=True,
            native_handle=mapping,
        )

    # -- values -----------------------------------------------------------------------------

    def _kept(self, value: Buffer) -> Buffer:
        """The form in which `value` is stored: the caller cannot change it any more."""
        check_value(self, value)
        if not self._holds_buffers:
            return value.to_bytes()  # type: ignore[return-value]
        return value if is_immutable(value) else type(value).from_bytes(value.to_bytes())

    def _read(
        self, key: str, prototype: BufferPrototype | None, byte_range: ByteRequest | None
    ) -> Buffer | None:
        self._is_open = True
        bounds(byte_range)
        try:
            value = self._store_dict[check_key(key)]
        except KeyError:
            return None
        kind = (prototype or default_buffer_prototype()).buffer
        if isinstance(value, Buffer):
            found: Buffer = kind.from_buffer(value)
        else:
            found = kind.from_bytes(value)
        return found if byte_range is None else found[absolute(byte_range, len(found))]

    def _write(self, key: str, value: Buffer, exclusive: bool) -> None:
        self._is_open = True
        self._check_writable()
        if exclusive:
            self._store_dict.setdefault(check_key(key), self._kept(value))
        else:
            self._store_dict[check_key(key)] = self._kept(value)

    def _remove(self, key: str) -> None:
        self._is_open = True
        self._check_writable()
        self._store_dict.pop(check_key(key), None)

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        """Store a value under a key.

        Parameters
        ----------
        key : str
            The key.
        value : Buffer
            The value.
        byte_range : tuple of int, optional
            Where in the present value to put it: the first byte, and the one behind the last.
        """
        if byte_range is not None and (current := self._read(key, None, None)) is not None:
            start, stop = byte_range
            value = current[:start] + value + current[stop:]
        self._write(key, value, False)

    def _has(self, key: str) -> bool:
        return check_key(key) in self._store_dict

    def _size(self, key: str) -> int | None:
        try:
            return len(self._store_dict[check_key(key)])
        except KeyError:
            return None

    # -- directories ----------------------------------------------------------------------------

    async def clear(self) -> None:
        # docstring inherited
        self._check_writable()
        self._store_dict.clear()

    def _keys(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        return (key for key in self._present() if key.startswith(prefix))

    def _names(self, prefix: str) -> Iterable[str]:
        return children(self._present(), prefix)

    def _present(self) -> list[str]:
        # In one step, as `tuple` is not without a GIL: others may change the dict meanwhile.
        return list(self._store_dict)


class GpuMemoryStore(MemoryStore):
    """A store in a dict whose values lie in the memory of a GPU. Needs CuPy.

    Parameters
    ----------
    store_dict : MutableMapping, optional
        Where the values are, as `zarr.buffer.gpu.Buffer`; a new dict by default.
    read_only : bool
        Whether writing is refused.

    Examples
    --------
    >>> import zarr
    >>> store = zarr.storage.GpuMemoryStore()
    >>> zarr.create_array(store, shape=(4,), dtype="i4")
    <Array memory://... shape=(4,) dtype=int32>
    """

    _store_dict: MutableMapping[str, gpu.Buffer]  # type: ignore[assignment]

    def __init__(
        self,
        store_dict: MutableMapping[str, gpu.Buffer] | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        super().__init__(store_dict=store_dict, read_only=read_only)  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, store_dict: MutableMapping[str, Buffer]) -> Self:
        """Make a store of copies, in the memory of the GPU, of buffers in any memory.

        Parameters
        ----------
        store_dict : MutableMapping
            The values.

        Returns
        -------
        GpuMemoryStore
        """
        return cls({key: _on_gpu(value) for key, value in store_dict.items()})

    def __str__(self) -> str:
        return f"gpumemory://{id(self._store_dict)}"

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        # Values are moved between memories on the way, by Python.
        return replace(super().declare_traits(), native_handle=None)

    def _kept(self, value: Buffer) -> Buffer:
        check_value(self, value)
        return _on_gpu(value)


class _Named:
    """The dict of all stores of one name; gone when the last of them is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.data: dict[str, Buffer] = {}


_named: WeakValueDictionary[str, _Named] = WeakValueDictionary()
_numbers = count()
# Two threads that ask for one name get one dict: asking for one and setting it are two steps.
_naming = threading.Lock()


def _after_fork() -> None:
    global _naming
    _naming = threading.Lock()  # the thread that held it is not in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _obtain(name: str | None) -> _Named:
    if name is not None and "/" in name:
        raise ValueError(
            f"Store name cannot contain '/': {name!r}. "
            "Use the 'path' parameter to specify a path within the store."
        )
    with _naming:
        if name is None:
            name = next(number for number in map(str, _numbers) if number not in _named)
        found = _named.get(name)
        if found is None:
            found = _named[name] = _Named(name)
        return found


class ManagedMemoryStore(MemoryStore):
    """A store in memory that other stores of the same name share.

    The values live as long as a store of that name does. ``memory://name/path`` finds them.

    Parameters
    ----------
    name : str, optional
        The name; a new number by default.
    path : str
        A directory: all keys are below it.
    read_only : bool
        Whether writing is refused.

    Attributes
    ----------
    name
    path

    Examples
    --------
    >>> import zarr
    >>> store = zarr.storage.ManagedMemoryStore("shared")
    >>> array = zarr.create_array(store, shape=(4,), dtype="i4")
    >>> zarr.open_array("memory://shared").shape
    (4,)
    """

    def __init__(self, name: str | None = None, *, path: str = "", read_only: bool = False) -> None:
        self._named = _obtain(name)
        self.path = normalize_path(path)
        super().__init__(self._named.data, read_only=read_only)

    @classmethod
    def from_url(cls, url: str, *, read_only: bool = False) -> ManagedMemoryStore:
        """Find a living store by its URL.

        Parameters
        ----------
        url : str
            ``memory://name`` or ``memory://name/path``.
        read_only : bool
            Whether writing is refused.

        Returns
        -------
        ManagedMemoryStore
        """
        scheme, _, rest = url.partition("://")
        if scheme.lower() != "memory":
            raise ValueError(f"Expected a 'memory://' URL, got scheme {scheme!r} in {url!r}.")
        # No character of the path means anything else.
        name, _, path = rest.partition("/")
        if name not in _named:
            raise ValueError(
                f"Memory store not found for URL {url!r}. The store may have been garbage "
                "collected."
            )
        return cls(name, path=path, read_only=read_only)

    @property
    def name(self) -> str:
        """The name that the stores share."""
        return self._named.name

    def with_read_only(self, read_only: bool = False) -> ManagedMemoryStore:
        """Return a store of the same name and path that is read-only, or not."""
        return type(self)(self.name, path=self.path, read_only=read_only)

    def __str__(self) -> str:
        return f"memory://{self.name}/{self.path}" if self.path else f"memory://{self.name}"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, type(self))
            and self._named is other._named
            and self.path == other.path
            and self.read_only == other.read_only
        )

    def __getstate__(self) -> dict[str, object]:
        return {
            "name": self.name,
            "path": self.path,
            "read_only": self.read_only,
            "created_pid": os.getpid(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["created_pid"] != os.getpid():
            raise RuntimeError(
                f"ManagedMemoryStore {state['name']!r} was created in process "
                f"{state['created_pid']} but is being unpickled in process {os.getpid()}: its "
                "values are in the memory of the first. Use a store that processes can share, "
                "such as LocalStore or ZipStore."
            )
        type(self).__init__(self, state["name"], path=state["path"], read_only=state["read_only"])

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        traits = self._traits_of(ManagedMemoryStore)
        if not self.path:
            return traits
        name = partial(_name_of, self._note_held(self._store_dict), f"/{self.path}")
        return replace(traits, data_id=name, native_handle=None)

    def _key(self, key: str) -> str:
        return f"{self.path}/{key}" if self.path else key

    # -- values -----------------------------------------------------------------------------

    def _read(
        self, key: str, prototype: BufferPrototype | None, byte_range: ByteRequest | None
    ) -> Buffer | None:
        return super()._read(self._key(key), prototype, byte_range)

    def _write(self, key: str, value: Buffer, exclusive: bool) -> None:
        super()._write(self._key(key), value, exclusive)

    def _remove(self, key: str) -> None:
        super()._remove(self._key(key))

    def _has(self, key: str) -> bool:
        return super()._has(self._key(key))

    def _size(self, key: str) -> int | None:
        return super()._size(self._key(key))

    # -- directories ----------------------------------------------------------------------------

    async def clear(self) -> None:
        # docstring inherited
        self._check_writable()
        for key in self._keys(""):
            self._remove(key)

    def _keys(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        skip = len(self._key(""))
        return (key[skip:] for key in self._present() if key.startswith(self._key(prefix)))

    def _names(self, prefix: str) -> Iterable[str]:
        return super()._names(self._key(check_prefix(prefix)))


def find(url: str, *, read_only: bool) -> ManagedMemoryStore | None:
    """The living store that a ``memory://`` URL names, or None."""
    if url.partition("://")[2].partition("/")[0] not in _named:
        return None
    return ManagedMemoryStore.from_url(url, read_only=read_only)


def _on_gpu(value: Buffer) -> gpu.Buffer:
    from zarr.buffer import gpu  # late: few programs have one

    return value if isinstance(value, gpu.Buffer) else gpu.Buffer.from_buffer(value)
