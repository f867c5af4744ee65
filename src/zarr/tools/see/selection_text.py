"""Selections as strings, in NumPy's syntax: ``0, 1:9:2, ..., -1`` or ``[1, 5, 7], :``."""

from __future__ import annotations

import re
from types import EllipsisType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Item: TypeAlias = int | slice | EllipsisType | list[int]

__all__ = ["Item", "parse_selection", "written"]

_TOKEN = re.compile(r"\s*(?:(?P<number>[+-]?\d+)|(?P<dots>\.\.\.)|(?P<sign>[:,\[\]]))")
_DIGITS = 18


def parse_selection(text: str) -> tuple[Item, ...]:
    """Return the selection that a string means: what stands between the brackets in ``a[…]``.

    Nothing of it is evaluated.

    Parameters
    ----------
    text
        Integers, slices, ``...`` and lists of integers, with commas between them. The empty string
        selects all.

    Raises
    ------
    ValueError
        If it is something else; the message shows where.

    Examples
    --------
    >>> parse_selection("0, 1:9:2, ..., [3, -1]")
    (0, slice(1, 9, 2), Ellipsis, [3, -1])
    """
    if not text.strip():
        return (...,)
    tokens = list(_tokens(text))
    items: list[Item] = []
    while tokens:
        items.append(_item(tokens, text))
        if tokens:
            _expect(tokens, ",", text)  # one may also end the selection, as in Python
    if sum(item is Ellipsis for item in items) > 1:
        raise ValueError(f"the selection {text!r} has '...' more than once")
    return tuple(items)


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise _wrong(text, at)
        token = found.group().strip()
        if len(token) > _DIGITS:
            raise ValueError(f"{token} is no index: no dimension is as long")
        yield token, found.end() - len(token)
        at = found.end()


def _item(tokens: list[tuple[str, int]], text: str) -> Item:
    token, at = tokens[0]
    if token == "...":
        tokens.pop(0)
        return ...
    if token == "[":
        return _list(tokens, text)
    parts: list[int | None] = [None]
    while tokens and tokens[0][0] not in (",", "]"):
        token, at = tokens.pop(0)
        if token == ":" and len(parts) < 3:
            parts.append(None)
        elif _is_number(token) and parts[-1] is None:
            parts[-1] = int(token)
        else:
            raise _wrong(text, at)
    if len(parts) == 1:
        if parts[0] is None:
            raise _wrong(text, at)
        return parts[0]
    if len(parts) == 3 and parts[2] == 0:
        raise ValueError(f"the selection {text!r} has a slice with step 0")
    return slice(*parts)


def _list(tokens: list[tuple[str, int]], text: str) -> list[int]:
    tokens.pop(0)
    numbers: list[int] = []
    while tokens and tokens[0][0] != "]":
        token, at = tokens.pop(0)
        if not _is_number(token):
            raise _wrong(text, at)
        numbers.append(int(token))
        if tokens and tokens[0][0] != "]":
            _expect(tokens, ",", text)
    _expect(tokens, "]", text)
    return numbers


def _is_number(token: str) -> bool:
    return token not in (":", ",", "[", "]", "...")


def _expect(tokens: list[tuple[str, int]], wanted: str, text: str) -> None:
    token, at = tokens.pop(0) if tokens else ("", len(text))
    if token != wanted:
        raise _wrong(text, at)


def _wrong(text: str, at: int) -> ValueError:
    return ValueError(
        f"the selection {text!r} makes no sense from {text[at:]!r} on: write integers, slices, "
        "'...' and lists, as in 0, 1:9:2, ..., [3, 7]"
    )


def written(items: tuple[Item, ...]) -> str:
    """Return a selection as a string that `parse_selection` takes."""
    return ", ".join(map(_written, items))


def _written(item: Item) -> str:
    if isinstance(item, slice):
        ends = ":".join("" if each is None else str(each) for each in (item.start, item.stop))
        return ends if item.step is None else f"{ends}:{item.step}"
    return "..." if item is Ellipsis else str(item)
