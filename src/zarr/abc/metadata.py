"""Base class of what is written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from zarr.types import JSON

__all__ = ["Metadata"]


@dataclass(frozen=True, eq=False, repr=False)
class Metadata:
    """A frozen dataclass with a form in JSON.

    It is compared and shown by its fields. The package's own classes leave that to this base, by
    ``eq=False, repr=False``: methods that a dataclass makes are compiled whenever zarr is imported.
    """

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        names = [field.name for field in fields(self) if field.compare]
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, field.name) for field in fields(self) if field.compare))

    @recursive_repr()
    def __repr__(self) -> str:
        shown = [
            f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr
        ]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def to_dict(self) -> dict[str, JSON]:
        """Return the fields as a dict, those that are `Metadata` as dicts in it.

        Returns
        -------
        dict
            The form in JSON.
        """
        result: dict[str, JSON] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Metadata):
                result[field.name] = value.to_dict()
            elif isinstance(value, str):
                result[field.name] = value
            elif isinstance(value, Sequence):
                result[field.name] = tuple(
                    item.to_dict() if isinstance(item, Metadata) else item for item in value
                )
            else:
                result[field.name] = value
        return result

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """Make an instance of the fields in a dict.

        Parameters
        ----------
        data : dict
            The form in JSON.
        """
        return cls(**data)
