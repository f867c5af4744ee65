"""Traits of stores: what a store says of itself, and the rest of zarr takes for granted."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar
from weakref import WeakValueDictionary, ref

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from zarr import _core
    from zarr.abc.store import Store

V = TypeVar("V")

# Methods that may wait: a class that defines one of these has a say in whether it does.
ASYNC_METHODS = frozenset(
    {
        "_get_many",
        "_open",
        "_set_many",
        "clear",
        "copy_value",
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
        "intercept",
        "is_empty",
        "list",
        "list_dir",
        "list_prefix",
        "list_values",
        "move_dir",
        "open",
        "set",
        "set_if_not_exists",
        "set_if_unchanged",
    }
)
# Methods that values are read by: a class that defines one knows alone what parts of a value are.
READING_METHODS = frozenset(
    {"get", "get_partial_values", "get_ranges", "get_versioned", "intercept"}
)
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
# Members of stores that show a trait: a class that defines one declares the trait by it.
MEMBERS = {
    "data_id": "data_id",
    "supports_conditional_deletes": "conditional_deletes",
    "supports_conditional_writes": "conditional_writes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTraits:
    """The traits of a store: see `Store.declare_traits`.

    Nothing is known of a trait that is not declared; the careful way is taken then. A class that
    overrides methods and declares nothing itself has the traits of its base, less those that the
    methods may break. A wrapper has those of its inner store, less the handle and the URLs, which
    would go around it.

    Parameters
    ----------
    data_id : str or callable
        A name of the place where the data are, or a function that returns it and is called when
        the name is first needed. Stores that have equal names show the same data: in this
        process, changes of a value by any of them are made one after another, and their requests
        count against one limit. A store without a name, by default, is a place of its own, and
        each of its copies is another. The name of a key is this name, a slash and the key, so the
        name of a store that shows a directory of another ends in the path of the directory. The
        function must not hold the store. The name is not compared.
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
    conditional_writes : bool
        Whether a value can be replaced on condition that nobody else has: by `get_versioned` and
        `set_if_unchanged`. Changes of parts of a chunk are safe from other processes then. It does
        not hold for a class that overrides `set`, and not `set_if_unchanged`.
    conditional_deletes : bool
        Whether a value can be deleted on the same condition: by `delete_if_unchanged`.
    versions : bool
        Whether `get_versioned` is asked for values and their versions, and not `get`. It need not
        be declared, since it follows from the methods: it holds for a class that defines
        `get_versioned`, unless one below overrides `get` only.
    multi_writer : bool
        Whether processes on several machines are likely to write here. A user is warned when a
        part of a chunk is written where they could undo each other's work.
    max_requests : int, optional
        How many requests this process may have under way at the data; None, by default, is the
        setting ``requests.limit``. `Store.max_requests`, which users set, comes first.
    presigned_urls : callable, optional
        ``await presigned_urls(keys)`` returns URLs from which the engine may fetch the values of
        keys by itself, by GET; or None if it may not. It must not hold the store.
    native_handle : object, optional
        The handle by which the engine reads and writes chunks without the store; for the
        package's own stores.

    Examples
    --------
    >>> from zarr.storage import MemoryStore
    >>> MemoryStore().traits.needs_event_loop
    False
    """

    data_id: str | Callable[[], str] = field(default="", repr=False, compare=False)
    needs_event_loop: bool = True
    byte_ranges: bool | None = None
    detects_truncation: bool = False
    conditional_writes: bool = False
    conditional_deletes: bool = False
    versions: bool = False
    multi_writer: bool = False
    max_requests: int | None = None
    presigned_urls: Callable[[Sequence[str]], Awaitable[list[str] | None]] | None = field(
        default=None, repr=False, compare=False
    )
    native_handle: _core.Files | _core.Mapping | None = field(
        default=None, repr=False, compare=False
    )


class Notes(Generic[V]):
    """Values noted about objects; nothing that an object defines is called for it.

    They are not kept in the object: a copy of it would have them, too.
    """

    def __init__(self) -> None:
        # By the id of an object.
        self.kept: dict[int, tuple[ref[object], V]] = {}

    def get(self, about: object) -> V | None:
        """Return what was noted; None if nothing was."""
        found = self.kept.get(id(about))
        return None if found is None else found[1]

    def note(self, about: object, value: V) -> V:
        """Note a value, unless one was noted before; return the one that is noted."""
        number = id(about)

        def forget(_: object) -> None:
            # Called before the memory of the object can be used again.
            self.kept.pop(number, None)

        # In one step: two threads that do this at once get one value.
        return self.kept.setdefault(number, (ref(about, forget), value))[1]

    def replace(self, about: object, value: V) -> V:
        """Note a value in place of the one before."""
        self.kept.pop(id(about), None)
        return self.note(about, value)


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


class Changes(NamedTuple):
    """Facts of a class of stores: how it changes the class that declares the traits."""

    waits: bool
    """Whether it overrides a method that may wait."""
    reads: bool
    """Whether it overrides a method that values are read by."""
    values: bool
    """Whether it overrides a method that values go through."""
    versions: bool
    """Whether `get_versioned` is asked for versions: there is one, and `get` was not changed."""
    writes: bool
    """Whether `set` was changed after `set_if_unchanged`."""
    members: tuple[tuple[str, str], ...]
    """Traits that it declares by members, and these."""


def changes_of(kind: type[Store], root: Any) -> Changes:
    """Find out how a class changes the one that declares the traits; `root` is `Store`."""
    base = next(base for base in kind.__mro__ if "declare_traits" in vars(base))
    own_versions = kind.get_versioned is not root.get_versioned
    return Changes(
        overrides(kind, base, ASYNC_METHODS),
        overrides(kind, base, READING_METHODS),
        overrides(kind, base, VALUE_METHODS),
        own_versions and not supersedes(kind, "get", "get_versioned"),
        supersedes(kind, "set", "set_if_unchanged"),
        tuple(
            (trait, member)
            for member, trait in MEMBERS.items()
            if getattr(kind, member) is not getattr(root, member)
        ),
    )


def effective(declared: StoreTraits, changes: Changes, store: Store) -> StoreTraits:
    """Return the declared traits, less those that the class has changed and not declared."""
    waits, reads, values, versions, writes, members = changes
    changed: dict[str, Any] = {}
    for trait, member in members:
        changed[trait] = getattr(store, member)
    if waits and not declared.needs_event_loop:
        changed["needs_event_loop"] = True
    if reads:
        changed["byte_ranges"] = None if declared.byte_ranges else declared.byte_ranges
        changed["detects_truncation"] = False
    if values:
        changed["native_handle"] = changed["presigned_urls"] = None
    if versions != declared.versions:
        changed["versions"] = versions
    if (writes or not versions) and (declared.conditional_writes or declared.conditional_deletes):
        # Values are read or written in another way than conditional writes do.
        changed["conditional_writes"] = changed["conditional_deletes"] = False
    return replace(declared, **changed) if changed else declared


def supersedes(kind: type, changed: str, derived: str) -> bool:
    """Whether a class changes a method after the other one, which does the same, was defined."""
    for base in kind.__mro__:
        if derived in vars(base):
            return False
        if changed in vars(base):
            return True
    return False


def overrides(kind: type, base: type, names: frozenset[str]) -> bool:
    """Whether a class that comes before a base, a subclass or one mixed in, defines a method."""
    for other in kind.__mro__:
        if other is base:
            return False
        if not names.isdisjoint(vars(other)):
            return True
    return False


# The names of stores that tell none begin so.
OWN_PLACE = "store:"
_names: Notes[str] = Notes()


class Place:
    """An object in the memory of this process that several stores may show.

    It keeps the object alive, so that no other can take its place in memory, and its name, while a
    store holds it.
    """

    __slots__ = ("__weakref__", "name", "object")

    def __init__(self, held: object) -> None:
        self.object = held
        # Unlike the address in memory, never used again, and different in every process.
        self.name = _new_name()


class Held:
    """An object that a store shows; its place is found when somebody asks for the name."""

    __slots__ = ("_place", "object")

    def __init__(self, held: object) -> None:
        self.object = held
        self._place: Place | None = None

    @property
    def name(self) -> str:
        """The name of the object: the same for all stores that show it."""
        if self._place is None:
            self._place = place_of(self.object)
        return self._place.name

    def __reduce__(self) -> tuple[object, ...]:
        # A store decides itself what it is pickled with, and a copy is another place.
        return _nowhere, ()


def _new_name() -> str:
    """A name that is never given again, in any process."""
    return os.urandom(16).hex()


def _nowhere() -> None:
    """The place of a copy, until it is asked for."""


_lock = threading.RLock()
_places: WeakValueDictionary[int, Place] = WeakValueDictionary()


def place_of(held: object) -> Place:
    """The place that an object is: the same for all stores that show this object."""
    with _lock:
        place = _places.get(id(held))
        if place is None:
            place = _places[id(held)] = Place(held)
        return place


def data_id_of(store: Store) -> str:
    """The name of the data of a store: locks and limits go by it.

    A store is asked for it once: what others define is not called on the way of a request.
    """
    known = _names.kept.get(id(store))
    if known is not None:
        return known[1]
    found = store.traits.data_id
    found = found if isinstance(found, str) else found()
    return note_data_id(store, found or OWN_PLACE + _new_name())


def note_data_id(store: Store, name: str) -> str:
    """Give a store that has no name yet this one; return the one that it has."""
    return _names.note(store, name)


def _renew() -> None:
    """In a forked child: the thread that held the lock is not there."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
