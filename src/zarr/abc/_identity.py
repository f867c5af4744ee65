"""Names of the places where data are: a store is its own place unless it proves otherwise."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import uuid4
from weakref import WeakValueDictionary, ref

if TYPE_CHECKING:
    from zarr.abc.store import Store

V = TypeVar("V")


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


# The names of stores that tell none begin so.
OWN_PLACE = "store:"
_names: Notes[str] = Notes()


class Place:
    """An object in the memory of this process that several stores may show.

    It keeps the object alive, so that no other can take its place in memory, and its name, while a
    store holds it.
    """

    __slots__ = ("__weakref__", "name", "object")

    def __init__(self, held: Any) -> None:
        self.object = held
        # Unlike the address in memory, never used again, and different in every process.
        self.name = uuid4().hex

    def __reduce__(self) -> tuple[Any, ...]:
        # What a store is pickled with is its own matter, and a copy is another place.
        return _nowhere, ()


def _nowhere() -> None:
    """The place of a copy, until it is asked for."""


_lock = threading.RLock()
_places: WeakValueDictionary[int, Place] = WeakValueDictionary()


def place_of(held: Any) -> Place:
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
    name = _names.get(store)
    return note_data_id(store, store.data_id or OWN_PLACE + uuid4().hex) if name is None else name


def note_data_id(store: Store, name: str) -> str:
    """Give a store that has no name yet this one; return the one that it has."""
    return _names.note(store, name)


def _renew() -> None:
    """In a forked child: whoever held the lock is not there."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
