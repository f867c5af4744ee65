"""Traits of stores: what a store says of itself, and the rest of zarr takes for granted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from zarr.abc._identity import Notes

if TYPE_CHECKING:
    from zarr import _core
    from zarr.abc.store import Store

# Methods that may wait: a class that defines one of these has a say in whether it does.
ASYNC_METHODS = frozenset(
    {
        "_get_many",
        "_open",
        "_set_many",
        "clear",
        "delete",
        "delete_dir",
        "delete_if_unchanged",
        "exists",
        "get",
        "get_partial_values",
        "get_ranges",
        "get_versioned",
        "getsize",
        "getsize_prefix",
        "is_empty",
        "list",
        "list_dir",
        "list_prefix",
        "open",
        "set",
        "set_if_not_exists",
        "set_if_unchanged",
    }
)
# Methods that values are read by: whoever defines one knows alone what parts of a value are.
READING_METHODS = frozenset({"get", "get_partial_values", "get_ranges", "get_versioned"})
# Methods that values go through: where a class defines one, the engine must not go around it.
VALUE_METHODS = READING_METHODS | {
    "_get_many",
    "_set_many",
    "delete",
    "delete_sync",
    "get_ranges_sync",
    "get_sync",
    "set",
    "set_if_not_exists",
    "set_if_unchanged",
    "set_sync",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTraits:
    """What a store says of itself: see `Store.declare_traits`.

    A trait that is not declared is one of which nothing is known, and then the careful way is
    taken.

    Parameters
    ----------
    needs_event_loop : bool
        Whether a method may wait when it is awaited. A store whose methods do all their work
        before they first wait says False: synchronous callers then use it on their own thread,
        without an event loop.
    byte_ranges : bool, optional
        Whether `get` returns the part of a value that it is asked for. If False, whole values are
        asked for only. If None, by default, parts are asked for only where no others do, in
        shards, and no more once the store has refused one.
    detects_truncation : bool
        Whether a value that is cut off on the way is an error.
    native_handle : object, optional
        What the engine reads and writes chunks by without the store; for the package's own.

    Examples
    --------
    >>> from zarr.storage import MemoryStore
    >>> MemoryStore().traits.needs_event_loop
    False
    """

    needs_event_loop: bool = True
    byte_ranges: bool | None = None
    detects_truncation: bool = False
    native_handle: _core.Files | _core.Mapping | None = field(
        default=None, repr=False, compare=False
    )


known: Notes[StoreTraits] = Notes()
_refused: Notes[bool] = Notes()


def gives_parts(store: Store, in_shard: bool) -> bool:
    """Whether to ask a store for a part of a value.

    Where it says nothing, it is asked only for what is in a shard, until it refuses.
    """
    ranges = store.traits.byte_ranges
    return in_shard and not _refused.get(store) if ranges is None else ranges


def note_refusal(store: Store) -> None:
    """Remember that a store does not return parts of values."""
    _refused.note(store, True)


def effective(store: Store) -> StoreTraits:
    """What a store declares, less what classes have changed since that do not declare anything."""
    kind = type(store)
    declared = store.declare_traits()
    base = next(base for base in kind.__mro__ if "declare_traits" in vars(base))
    if not declared.needs_event_loop and overrides(kind, base, ASYNC_METHODS):
        declared = replace(declared, needs_event_loop=True)
    if overrides(kind, base, READING_METHODS):
        ranges = None if declared.byte_ranges else declared.byte_ranges
        declared = replace(declared, byte_ranges=ranges, detects_truncation=False)
    if declared.native_handle is not None and overrides(kind, base, VALUE_METHODS):
        declared = replace(declared, native_handle=None)
    return declared


def overrides(kind: type, base: type, names: frozenset[str]) -> bool:
    """Whether a class that comes before a base, a subclass or one mixed in, defines a method."""
    for other in kind.__mro__:
        if other is base:
            return False
        if not names.isdisjoint(vars(other)):
            return True
    return False
