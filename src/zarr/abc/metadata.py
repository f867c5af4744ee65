"""Base class of what is written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from zarr.types import JSON

__all__ = ["Metadata"]


@dataclass(frozen=True)
class Metadata:
    """A frozen dataclass with a form in JSON."""

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
