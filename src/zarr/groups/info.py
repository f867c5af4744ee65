"""What there is to say about a group, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(kw_only=True)
class GroupInfo:
    """A summary of a group; printed, it is a table.

    The numbers are known only where the members are: from consolidated metadata, or because the
    store was asked, see ``Group.info_complete``.
    """

    _name: str
    _zarr_format: int
    _read_only: bool
    _store_type: str
    _count_members: int | None = None
    _count_arrays: int | None = None
    _count_groups: int | None = None
    _type: str = "Group"

    def _rows(self) -> Iterator[tuple[str, object]]:
        yield "Name", self._name
        yield "Type", self._type
        yield "Zarr format", self._zarr_format
        yield "Read-only", self._read_only
        yield "Store type", self._store_type
        if self._count_members is not None:
            yield "No. members", self._count_members
            yield "No. arrays", self._count_arrays
            yield "No. groups", self._count_groups

    def __repr__(self) -> str:
        return "\n".join(f"{name:<11} : {value}" for name, value in self._rows())

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f'<tr><th style="text-align: left">{escape(name)}</th>'
            f'<td style="text-align: left">{escape(str(value))}</td></tr>'
            for name, value in self._rows()
        )
        return f'<table class="zarr-info"><tbody>{rows}</tbody></table>'
