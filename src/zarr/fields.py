"""Names of fields in a selection, for arrays of a structured data type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Fields: TypeAlias = str | list[str] | None
"""Which fields: one, several as a structured data type, or all."""


def pop_fields(selection: Any) -> tuple[Fields, tuple[Any, ...]]:
    """Take the names of fields out of a selection.

    Parameters
    ----------
    selection
        What the user wrote.

    Returns
    -------
    fields : str or list of str, or None
        One name, several, or none at all.
    items : tuple
        The rest of the selection.
    """
    return popped(selection if isinstance(selection, tuple) else (selection,))


def popped(items: tuple[Any, ...]) -> tuple[Fields, tuple[Any, ...]]:
    """Take the names of fields out of the items of a selection."""
    names: list[str] = []
    rest: list[Any] = []
    single = True
    for item in items:
        if isinstance(item, str):
            names.append(item)
        elif isinstance(item, list) and item and all(isinstance(name, str) for name in item):
            names += item
            single = False
        else:
            rest.append(item)
    if not names:
        return None, items
    return (names[0] if single and len(names) == 1 else names), tuple(rest)


def check_fields(fields: Fields | tuple[str, ...], dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the data type of some fields.

    Parameters
    ----------
    fields : str or sequence of str, or None
        Names of fields. None, or none of them, is all of them.
    dtype : dtype
        The data type that has the fields.

    Raises
    ------
    IndexError
        The data type has no fields, or none of a name.
    """
    if not fields:
        return dtype
    if dtype.names is None:
        raise IndexError("invalid 'fields' argument, array does not have any fields")
    try:
        return dtype[fields] if isinstance(fields, str) else dtype[list(fields)]
    except KeyError as error:
        raise IndexError(
            f"invalid 'fields' argument, field not found: {error}; the fields are {dtype.names}"
        ) from None
