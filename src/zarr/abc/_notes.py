"""What is known of objects, for as long as they live."""

from __future__ import annotations

from typing import Generic, TypeVar
from weakref import ref

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
