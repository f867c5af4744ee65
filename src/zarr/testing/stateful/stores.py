"""A machine that sets, gets and deletes keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from zarr._async.run import SyncMixin
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer import cpu
from zarr.buffer.core import default_buffer_prototype
from zarr.testing.strategies import (
    key_ranges,
    keys,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable

    from hypothesis.strategies import DataObject

    from zarr.abc.store import ByteRequest, Store
    from zarr.buffer.core import Buffer, BufferPrototype

F = TypeVar("F", bound="Callable[..., Any]")


def with_frequency(frequency: float) -> Callable[[F], F]:
    """Let a rule run in a share of the steps only.

    Parameters
    ----------
    frequency : float
        The share, from 0 to 1. It is kept by counting, so that runs can be repeated.
    """

    def decorate(function: F) -> F:
        counter = f"_{function.__name__}_asked"

        def is_due(self: Any) -> bool:
            asked = getattr(self, counter, 0) + 1
            setattr(self, counter, asked)
            return int(asked * frequency) > int((asked - 1) * frequency)

        limited: F = precondition(is_due)(function)
        return limited

    return decorate


def split_prefix_name(path: str) -> tuple[str, str]:
    """Split the path of a node into that of its group and its name there.

    Parameters
    ----------
    path : str
        The path.
    """
    prefix, _, name = path.rpartition("/")
    return prefix, name


def joined(prefix: str, name: str) -> str:
    """Return the path of a node in a group."""
    return f"{prefix}/{name}".lstrip("/")


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is another, or below it."""
    return prefix == "" or path == prefix or path.startswith(f"{prefix}/")


MAX_BINARY_SIZE = 100
"""The most bytes of a value."""


class SyncStoreWrapper(SyncMixin):
    """A store for programs that are not asynchronous.

    Parameters
    ----------
    store : Store
        The store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def read_only(self) -> bool:
        """Whether the store can only be read."""
        return self.store.read_only

    @property
    def supports_listing(self) -> bool:
        """Whether the keys can be listed."""
        return self.store.supports_listing

    @property
    def supports_deletes(self) -> bool:
        """Whether keys can be deleted."""
        return self.store.supports_deletes

    @property
    def supports_writes(self) -> bool:
        """Whether values can be written."""
        return self.store.supports_writes

    def set(self, key: str, data_buffer: Buffer) -> None:
        """Write a value."""
        self._sync(self.store.set(key, data_buffer))

    def get(self, key: str, prototype: BufferPrototype) -> Buffer | None:
        """Read a value."""
        return self._sync(self.store.get(key, prototype=prototype))

    def get_partial_values(
        self, key_ranges: Iterable[Any], prototype: BufferPrototype
    ) -> builtins.list[Buffer | None]:
        """Read parts of values."""
        return self._sync(self.store.get_partial_values(prototype=prototype, key_ranges=key_ranges))

    def exists(self, key: str) -> bool:
        """Whether there is a key."""
        return self._sync(self.store.exists(key))

    def delete(self, path: str) -> None:
        """Delete a key."""
        self._sync(self.store.delete(path))

    def clear(self) -> None:
        """Delete all keys."""
        self._sync(self.store.clear())

    def is_empty(self, prefix: str) -> bool:
        """Whether there is no key below a path."""
        return self._sync(self.store.is_empty(prefix))

    def getsize_prefix(self, prefix: str) -> int:
        """The bytes of all values below a path."""
        return self._sync(self.store.getsize_prefix(prefix))

    def list(self) -> builtins.list[str]:
        """All keys."""
        return self._sync_iter(self.store.list())

    def list_dir(self, prefix: str) -> builtins.list[str]:
        """What is directly below a path."""
        return self._sync_iter(self.store.list_dir(prefix))

    def list_prefix(self, prefix: str) -> builtins.list[str]:
        """All keys that start with a prefix."""
        return self._sync_iter(self.store.list_prefix(prefix))


class ZarrStoreStateMachine(RuleBasedStateMachine):
    """Does to a store what it does to a dict, and compares.

    Parameters
    ----------
    store : Store
        The store to try. It is emptied first.

    Attributes
    ----------
    store : SyncStoreWrapper
        The store.
    model : dict of str to Buffer
        What it should hold.
    """

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.model: dict[str, Buffer] = {}
        self.store = SyncStoreWrapper(store)
        self.prototype = default_buffer_prototype()

    @initialize()
    def init_store(self) -> None:
        """Begin with nothing."""
        self.store.clear()

    @rule(key=keys(max_num_nodes=4), data=st.binary(max_size=MAX_BINARY_SIZE))
    def set(self, key: str, data: bytes) -> None:
        """Write a value."""
        assume(not self.store.read_only)
        # On a file system, no name is that of a file and of a folder.
        assume(not any(is_below(key, other) or is_below(other, key) for other in self.model))
        value = cpu.Buffer.from_bytes(data)
        self.store.set(key, value)
        self.model[key] = value

    @precondition(lambda self: bool(self.model))
    @rule(data=st.data(), value=st.binary(max_size=MAX_BINARY_SIZE))
    def overwrite(self, data: DataObject, value: bytes) -> None:
        """Write another value."""
        assume(not self.store.read_only)
        key = data.draw(st.sampled_from(sorted(self.model)))
        self.store.set(key, cpu.Buffer.from_bytes(value))
        self.model[key] = cpu.Buffer.from_bytes(value)

    @precondition(lambda self: bool(self.model))
    @rule(key=keys(max_num_nodes=4), data=st.data())
    def get(self, key: str, data: DataObject) -> None:
        """Read a value that there is."""
        key = data.draw(st.sampled_from(sorted(self.model)))
        found = self.store.get(key, self.prototype)
        assert found is not None
        assert found.to_bytes() == self.model[key].to_bytes()

    @rule(key=keys(max_num_nodes=4), data=st.data())
    def get_invalid_zarr_keys(self, key: str, data: DataObject) -> None:
        """Read a value that there is not."""
        assume(key not in self.model)
        assert self.store.get(key, self.prototype) is None

    @precondition(lambda self: bool(self.model))
    @rule(data=st.data())
    def get_partial_values(self, data: DataObject) -> None:
        """Read parts of values."""
        known = st.sampled_from(sorted(self.model))
        requests = data.draw(key_ranges(keys=known, max_size=MAX_BINARY_SIZE))
        # A part that begins behind the end: stores differ.
        requests = [(key, part) for key, part in requests if _starts_in(part, self.model[key])]
        found = self.store.get_partial_values(requests, self.prototype)
        assert [value.to_bytes() for value in found if value is not None] == [
            _part(part, self.model[key].to_bytes()) for key, part in requests
        ]

    @precondition(lambda self: self.store.supports_deletes)
    @precondition(lambda self: bool(self.model))
    @rule(data=st.data())
    def delete(self, data: DataObject) -> None:
        """Delete a key."""
        key = data.draw(st.sampled_from(sorted(self.model)))
        self.store.delete(key)
        del self.model[key]

    @rule()
    def clear(self) -> None:
        """Delete all keys."""
        assume(not self.store.read_only)
        self.store.clear()
        self.model.clear()

    @precondition(lambda self: not self.model)
    @rule()
    def is_empty(self) -> None:
        """A store without keys says so."""
        assert self.store.is_empty("")

    @rule(key=keys(max_num_nodes=4))
    def exists(self, key: str) -> None:
        """A key exists if it should."""
        assert self.store.exists(key) == (key in self.model)

    @precondition(lambda self: bool(self.model))
    @rule(data=st.data())
    def getsize_prefix(self, data: DataObject) -> None:
        """The values below a path have the size that they should."""
        prefix = split_prefix_name(data.draw(st.sampled_from(sorted(self.model))))[0]
        expected = sum(len(value) for key, value in self.model.items() if is_below(key, prefix))
        assert self.store.getsize_prefix(prefix) == expected

    @invariant()
    def check_paths_equal(self) -> None:
        """The keys below the root are those that they should be."""
        assert sorted(self.store.list_prefix("")) == sorted(self.model)

    @invariant()
    def check_vals_equal(self) -> None:
        """The values are those that they should be."""
        for key, value in self.model.items():
            found = self.store.get(key, self.prototype)
            assert found is not None
            assert found.to_bytes() == value.to_bytes()

    @invariant()
    def check_num_zarr_keys_equal(self) -> None:
        """There are as many keys as there should be."""
        assert len(self.store.list()) == len(self.model)

    @invariant()
    def check_zarr_keys(self) -> None:
        """The keys are those that they should be."""
        assert sorted(self.store.list()) == sorted(self.model)
        assert self.store.is_empty("") == (not self.model)


def _starts_in(part: ByteRequest | None, value: Buffer) -> bool:
    if isinstance(part, RangeByteRequest):
        return part.start < len(value) and part.start < part.end
    return not isinstance(part, OffsetByteRequest) or part.offset < len(value)


def _part(part: ByteRequest | None, value: bytes) -> bytes:
    if isinstance(part, RangeByteRequest):
        return value[part.start : part.end]
    if isinstance(part, OffsetByteRequest):
        return value[part.offset :]
    if isinstance(part, SuffixByteRequest):
        return value[max(0, len(value) - part.suffix) :]
    return value
