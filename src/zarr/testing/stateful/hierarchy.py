"""A machine that makes, changes and deletes nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import assume, note
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import zarr
from zarr._async.run import SyncMixin
from zarr.storage import MemoryStore
from zarr.testing.stateful.stores import is_below, joined, split_prefix_name, with_frequency
from zarr.testing.strategies import (
    basic_indices,
    chunk_paths,
    dimension_names,
    node_names,
    np_array_and_chunks,
    numpy_arrays,
    orthogonal_indices,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable

    from hypothesis.strategies import DataObject

    from zarr.abc.store import Store


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
        """Choose the path of a node, or of a folder of chunks.

        Parameters
        ----------
        data : DataObject
            What chooses.
        """
        nodes = sorted(self.all_groups | self.all_arrays)
        path = data.draw(st.sampled_from(nodes), label="directory")
        if path not in self.all_arrays or not data.draw(st.booleans(), label="of chunks"):
            return path
        array = zarr.open_array(self.model, path=path, mode="r")
        # All but the last axis: with that, it is the key of a chunk.
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
        """A folder holds what it should."""
        path = self.draw_directory(data)
        found = set(self._sync_iter(self.store.list_dir(path)))
        expected = set(self._sync_iter(self.model.list_dir(path)))
        assert expected <= found
        for name in found - expected:  # folders of a file system may be left behind, empty
            assert not self._sync_iter(self.store.list_prefix(f"{path}/{name}/"))

    @invariant()
    def check_list_prefix_from_root(self) -> None:
        """The keys are those that they should be."""
        assert self._sorted_keys(self.store) == self._sorted_keys(self.model)


def _arrays_in(where: Iterable[Any], shape: tuple[int, ...]) -> builtins.list[Any]:
    """The index arrays of a selection, counted from the start."""
    items = zip(where, shape, strict=True)
    return [np.arange(length)[item] for item, length in items if isinstance(item, np.ndarray)]
