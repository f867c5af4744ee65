"""Changes of the elements of a source in a view: fields are taken, types are cast."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from zarr.dtype.base import shown
from zarr.dtype.storage import as_type
from zarr.indexing import check_fields

if TYPE_CHECKING:
    from zarr.indexing import Fields
    from zarr.types import AnyNDArray, NumpyDType


class Field(NamedTuple):
    """One field of a structured data type, or several as a structured data type."""

    names: str | tuple[str, ...]


class Cast(NamedTuple):
    """Elements of another data type, with the same values as far as it has them."""

    dtype: NumpyDType


Step: TypeAlias = Field | Cast


def dtype_after(step: Step, dtype: NumpyDType) -> NumpyDType:
    """The data type that elements of a data type have after a step.

    Raises
    ------
    IndexError
        The data type has no such field.
    """
    if isinstance(step, Cast):
        return step.dtype
    found = check_fields(step.names, dtype)
    if found.subdtype is not None:
        raise IndexError(
            f"field {step.names!r} has arrays of shape {found.shape} as elements: a view has no "
            "dimensions inside of elements; select the field in the result"
        )
    return found


def with_fields(steps: tuple[Step, ...], names: Fields, dtype: NumpyDType) -> tuple[Step, ...]:
    """Steps, and then one that takes fields of elements, which have a data type."""
    if not names:
        return steps
    step = Field(names if isinstance(names, str) else tuple(names))
    dtype_after(step, dtype)
    if steps and isinstance(steps[-1], Field) and not isinstance(steps[-1].names, str):
        steps = steps[:-1]  # some of some fields
    return (*steps, step)


def applied(steps: tuple[Step, ...], elements: AnyNDArray) -> AnyNDArray:
    """The elements after some steps."""
    for step in steps:
        if isinstance(step, Cast):
            elements = as_type(elements, step.dtype)
        else:
            names = step.names
            elements = elements[names if isinstance(names, str) else list(names)]
    return elements


def undone(
    steps: tuple[Step, ...], dtypes: list[NumpyDType], elements: AnyNDArray
) -> tuple[str | list[str] | None, AnyNDArray]:
    """The fields of the source that elements belong in, and the elements as they are stored there.

    Parameters
    ----------
    steps
        The steps from the source to the view.
    dtypes
        The data types before each step.
    elements
        Of the view.

    Raises
    ------
    ValueError
        A value changes when it is cast back.
    TypeError
        The steps cannot be undone.
    """
    fields: str | list[str] | None = None
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        if isinstance(step, Cast):
            elements = _cast_back(elements, dtypes[number])
        elif number:
            raise TypeError(
                "a view of fields of a field, or of fields of cast elements, cannot be written to: "
                "write whole elements"
            )
        else:
            fields = step.names if isinstance(step.names, str) else list(step.names)
    return fields, elements


def _cast_back(elements: AnyNDArray, dtype: NumpyDType) -> AnyNDArray:
    """Elements cast to a data type that holds each of their values."""
    with np.errstate(invalid="ignore", over="ignore"):
        stored = as_type(elements, dtype)
        again = as_type(stored, elements.dtype)
    same = again == elements
    if elements.dtype.kind in "fcmM":
        same |= (again != again) & (elements != elements)  # no number is no number
    if not np.all(same):
        index = tuple(int(i) for i in np.argwhere(~np.asarray(same))[0])
        place = f" at index {index}" if index else ""
        raise ValueError(
            f"expected values that {dtype}, the data type of the source, can hold, found "
            f"{shown(elements[index])} of {elements.dtype}{place}: nothing was written"
        )
    return stored
