"""Stores in memory that have a name, by which the whole process finds them."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from zarr.storage.keys import check_prefix
from zarr.storage.memory import MemoryStore
from zarr.storage.urls import normalize_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zarr.abc.store import ByteRequest, StoreTraits
    from zarr.buffer.core import Buffer, BufferPrototype


class _Named:
    """The dict of all stores of one name; gone when the last of them is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.data: dict[str, Buffer] = {}


_named: WeakValueDictionary[str, _Named] = WeakValueDictionary()
_numbers = count()


def _obtain(name: str | None) -> _Named:
    if name is None:
        name = next(number for number in map(str, _numbers) if number not in _named)
    if "/" in name:
        raise ValueError(
            f"Store name cannot contain '/': {name!r}. "
            "Use the 'path' parameter to specify a path within the store."
        )
    # One that lives already, or a new one: decided in one step for all threads.
    return _named.setdefault(name, _Named(name))


class ManagedMemoryStore(MemoryStore):
    """A store in memory that other stores of the same name share.

    The values live as long as a store of that name does. ``memory://name/path`` finds them.

    Parameters
    ----------
    name : str, optional
        The name; a new number by default.
    path : str
        A folder: all keys are below it.
    read_only : bool
        Whether writing is refused.

    Attributes
    ----------
    name
    path
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

    _shown_as = __str__

    @property
    def data_id(self) -> str:
        # docstring inherited
        name = super().data_id
        return f"{name}/{self.path}" if self.path else name

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, type(self))
            and self._named is other._named
            and self.path == other.path
            and self.read_only == other.read_only
        )

    __hash__ = None

    def __getstate__(self) -> dict[str, Any]:
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
        return replace(traits, native_handle=None) if self.path else traits

    def _key(self, key: str) -> str:
        return f"{self.path}/{key}" if self.path else key

    # -- values -----------------------------------------------------------------------------

    def _read(
        self, key: str, prototype: BufferPrototype | None, byte_range: ByteRequest | None
    ) -> Buffer | None:
        return super()._read(self._key(key), prototype, byte_range)

    def _write(self, key: str, value: Buffer) -> None:
        super()._write(self._key(key), value)

    def _remove(self, key: str) -> None:
        super()._remove(self._key(key))

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await super().set_if_not_exists(self._key(key), value)

    async def exists(self, key: str) -> bool:
        # docstring inherited
        return await super().exists(self._key(key))

    async def getsize(self, key: str) -> int:
        # docstring inherited
        return await super().getsize(self._key(key))

    # -- folders ----------------------------------------------------------------------------

    async def clear(self) -> None:
        # docstring inherited
        self._check_writable()
        for key in self._keys():
            self._store_dict.pop(self._key(key), None)

    def _keys(self) -> list[str]:
        folder = self._key("")
        return [key[len(folder) :] for key in tuple(self._store_dict) if key.startswith(folder)]

    async def list(self) -> AsyncIterator[str]:
        # docstring inherited
        for key in self._keys():
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        check_prefix(prefix)
        for key in self._keys():
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        async for name in super().list_dir(self._key(check_prefix(prefix))):
            yield name


def find(url: str, *, read_only: bool) -> ManagedMemoryStore | None:
    """The living store that a ``memory://`` URL names, or None."""
    if url.partition("://")[2].partition("/")[0] not in _named:
        return None
    return ManagedMemoryStore.from_url(url, read_only=read_only)
