"""State machines that try stores with hypothesis. Needs hypothesis (``zarr[testing]``).

Derive from one with a store that takes no arguments, and give it to pytest::

    class MyStoreStateMachine(ZarrHierarchyStateMachine):
        def __init__(self) -> None:
            super().__init__(MyStore())

    TestMyStore = MyStoreStateMachine.TestCase
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from hypothesis import assume, note
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import zarr
from zarr._async.run import SyncMixin
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer import cpu
from zarr.buffer.core import default_buffer_prototype
from zarr.storage import MemoryStore
from zarr.testing.strategies import (
    basic_indices,
    chunk_paths,
    dimension_names,
    key_ranges,
    keys,
    node_names,
    np_array_and_chunks,
    numpy_arrays,
    orthogonal_indices,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable

    from hypothesis.strategies import DataObject

    from zarr.abc.store import ByteRequest, Store
    from zarr.buffer.core import Buffer, BufferPrototype


__all__ = [
    "MAX_BINARY_SIZE",
    "SyncStoreWrapper",
    "ZarrHierarchyStateMachine",
    "ZarrStoreStateMachine",
    "split_prefix_name",
    "with_frequency",
]

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
        """The names directly below a path."""
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
        The values that it should hold.
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
        # On a file system, no name is that of a file and of a directory.
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


class ZarrHierarchyStateMachine(SyncMixin, RuleBasedStateMachine):
    """Does to a store what it does to a `MemoryStore`, and compares.

    Parameters
    ----------
    store : Store
        The store to try. It is emptied first.

    Attributes
    ----------
    store, model : Store
        The store, and the one that it is compared to.
    all_groups, all_arrays : set of str
        The paths of the nodes that there are, but for the root.
    """

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.model: Store = MemoryStore()
        self.all_groups: set[str] = set()
        self.all_arrays: set[str] = set()

    @initialize()
    def init_store(self) -> None:
        """Begin with a root group, and nothing else."""
        for store in (self.store, self.model):
            self._sync(store.clear())
            zarr.create_group(store)

    # -- helpers --------------------------------------------------------------------------------

    def can_add(self, path: str) -> bool:
        """Whether there is no node at a path, and nothing in its way.

        Parameters
        ----------
        path : str
            Of a node.
        """
        return path not in self.all_groups and path not in self.all_arrays

    def draw_directory(self, data: DataObject) -> str:
        """Choose the path of a node, or of a directory of chunks.

        Parameters
        ----------
        data : DataObject
            The source of choices.
        """
        nodes = sorted(self.all_groups | self.all_arrays)
        path = data.draw(st.sampled_from(nodes), label="directory")
        if path not in self.all_arrays or not data.draw(st.booleans(), label="of chunks"):
            return path
        array = zarr.open_array(self.model, path=path, mode="r")
        # All but the last dimension: with that, it is the key of a chunk.
        counts = array.cdata_shape[:-1]
        inside = data.draw(chunk_paths(len(counts), counts), label="chunk path")
        return f"{path}/c/{inside}".rstrip("/") if array.ndim else path

    def _draw_array(self, data: DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.all_arrays)), label="array")

    def _draw_parent(self, data: DataObject) -> str:
        return data.draw(st.sampled_from(["", *sorted(self.all_groups)]), label="parent")

    def _forget(self, prefix: str) -> None:
        self.all_groups = {path for path in self.all_groups if not is_below(path, prefix)}
        self.all_arrays = {path for path in self.all_arrays if not is_below(path, prefix)}

    def _sorted_keys(self, store: Store) -> builtins.list[str]:
        return sorted(self._sync_iter(store.list_prefix("")))

    # -- adding ---------------------------------------------------------------------------------

    @rule(name=node_names, data=st.data())
    def add_group(self, name: str, data: DataObject) -> None:
        """Make a group in a group."""
        path = joined(self._draw_parent(data), name)
        assume(self.can_add(path))
        note(f"Adding group: path={path!r}")
        self.all_groups.add(path)
        for store in (self.store, self.model):
            zarr.create_group(store, path=path)

    @rule(data=st.data(), name=node_names)
    def add_array(self, data: DataObject, name: str) -> None:
        """Make an array in a group."""
        path = joined(self._draw_parent(data), name)
        assume(self.can_add(path))
        filled = numpy_arrays(dtype=data.draw(st.sampled_from([None, np.dtype("i4")])))
        values, chunks = data.draw(np_array_and_chunks(arrays=filled), label="array and chunks")
        names = data.draw(dimension_names(ndim=values.ndim), label="dimension names")
        note(f"Adding array: path={path!r} shape={values.shape} chunks={chunks}")
        self.all_arrays.add(path)
        for store in (self.store, self.model):
            array = zarr.create_array(
                store,
                name=path,
                shape=values.shape,
                dtype=values.dtype,
                chunks=chunks,
                dimension_names=names,
                fill_value=None,
            )
            array[...] = values

    # -- changing -------------------------------------------------------------------------------

    @precondition(lambda self: bool(self.all_arrays))
    @rule(data=st.data())
    def overwrite_array_basic_indexing(self, data: DataObject) -> None:
        """Write to integers and slices."""
        path = self._draw_array(data)
        array = zarr.open_array(self.model, path=path)
        where = data.draw(basic_indices(shape=array.shape), label="where")
        shape = np.empty(array.shape, dtype=bool)[where].shape
        values = data.draw(numpy_arrays(shapes=st.just(shape), dtype=array.dtype))
        note(f"Writing to {path!r} at {where}")
        for store in (self.store, self.model):
            zarr.open_array(store, path=path)[where] = values

    @precondition(lambda self: bool(self.all_arrays))
    @rule(data=st.data())
    def overwrite_array_orthogonal_indexing(self, data: DataObject) -> None:
        """Write to an outer product."""
        path = self._draw_array(data)
        array = zarr.open_array(self.model, path=path)
        assume(array.size > 0)
        where, same = data.draw(orthogonal_indices(shape=array.shape), label="where")
        # Several values for one element: any may win, and not the same in each store.
        assume(all(len(np.unique(item)) == item.size for item in _arrays_in(where, array.shape)))
        shape = np.empty(array.shape, dtype=bool)[same].shape
        values = data.draw(numpy_arrays(shapes=st.just(shape), dtype=array.dtype))
        note(f"Writing to {path!r} at {where}")
        for store in (self.store, self.model):
            zarr.open_array(store, path=path).oindex[where] = values

    @precondition(lambda self: bool(self.all_arrays))
    @rule(data=st.data())
    def resize_array(self, data: DataObject) -> None:
        """Resize an array."""
        path = self._draw_array(data)
        ndim = zarr.open_array(self.model, path=path).ndim
        shape = data.draw(npst.array_shapes(min_dims=ndim, max_dims=ndim, min_side=0, max_side=6))
        note(f"Resizing {path!r} to {shape}")
        for store in (self.store, self.model):
            zarr.open_array(store, path=path).resize(shape)

    # -- deleting -------------------------------------------------------------------------------

    @precondition(lambda self: self.store.supports_deletes)
    @precondition(lambda self: bool(self.all_arrays))
    @rule(data=st.data())
    def delete_array_using_del(self, data: DataObject) -> None:
        """Delete an array from its group."""
        self._delete_node(self._draw_array(data))

    @precondition(lambda self: self.store.supports_deletes)
    @precondition(lambda self: bool(self.all_groups))
    @rule(data=st.data())
    def delete_group_using_del(self, data: DataObject) -> None:
        """Delete a group, and what is in it, from its group."""
        self._delete_node(data.draw(st.sampled_from(sorted(self.all_groups)), label="group"))

    def _delete_node(self, path: str) -> None:
        prefix, name = split_prefix_name(path)
        note(f"Deleting {path!r}")
        for store in (self.store, self.model):
            del zarr.open_group(store, path=prefix)[name]
        self._forget(path)

    @precondition(lambda self: self.store.supports_deletes)
    @precondition(lambda self: bool(self.all_arrays))
    @rule(data=st.data())
    def delete_chunk(self, data: DataObject) -> None:
        """Delete a chunk of an array."""
        path = self._draw_array(data)
        array = zarr.open_array(self.model, path=path)
        place = chunk_paths(array.ndim, array.cdata_shape, subset=False)
        key = f"{path}/c/{data.draw(place, label='chunk')}".rstrip("/")
        note(f"Deleting chunk {key!r}")
        for store in (self.store, self.model):
            self._sync(store.delete(key))

    @precondition(lambda self: self.store.supports_deletes)
    @precondition(lambda self: bool(self.all_groups | self.all_arrays))
    @rule(data=st.data())
    def delete_dir(self, data: DataObject) -> None:
        """Delete all keys below a path."""
        path = self.draw_directory(data)
        note(f"Deleting directory {path!r}")
        for store in (self.store, self.model):
            self._sync(store.delete_dir(path))
        self._forget(path)

    @precondition(lambda self: self.store.supports_deletes)
    @rule()
    @with_frequency(0.25)
    def clear(self) -> None:
        """Delete all that there is."""
        note("Clearing")
        for store in (self.store, self.model):
            self._sync(store.clear())
            assert self._sync(store.is_empty(""))
            zarr.create_group(store)
        self._forget("")

    # -- comparing ------------------------------------------------------------------------------

    @precondition(lambda self: bool(self.all_arrays))
    @rule(data=st.data())
    def check_array(self, data: DataObject) -> None:
        """An array holds what it should."""
        path = self._draw_array(data)
        expected = zarr.open_array(self.model, path=path, mode="r")
        found = zarr.open_array(self.store, path=path, mode="r")
        # How elements are coded is the business of whoever overrides the rule that makes arrays.
        for name in ("shape", "dtype", "chunks", "shards", "fill_value", "attrs"):
            one, other = getattr(found, name), getattr(expected, name)
            np.testing.assert_equal(one, other, err_msg=name)
        np.testing.assert_array_equal(found[...], expected[...])

    @precondition(lambda self: bool(self.all_groups | self.all_arrays))
    @rule(data=st.data())
    def check_list_dir(self, data: DataObject) -> None:
        """A directory holds what it should."""
        path = self.draw_directory(data)
        found = set(self._sync_iter(self.store.list_dir(path)))
        expected = set(self._sync_iter(self.model.list_dir(path)))
        assert expected <= found
        for name in found - expected:  # directories of a file system may be left behind, empty
            assert not self._sync_iter(self.store.list_prefix(f"{path}/{name}/"))

    @invariant()
    def check_list_prefix_from_root(self) -> None:
        """The keys are those that they should be."""
        assert self._sorted_keys(self.store) == self._sorted_keys(self.model)


def _arrays_in(where: Iterable[object], shape: tuple[int, ...]) -> builtins.list[Any]:
    """The index arrays of a selection, counted from the start."""
    items = zip(where, shape, strict=True)
    return [np.arange(length)[item] for item, length in items if isinstance(item, np.ndarray)]
