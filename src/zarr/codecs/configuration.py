"""Reading a codec's JSON form: its name, its configuration, and the fields of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from zarr.types import JSON


def _named(data: object) -> tuple[str, Any]:
    """The name and the configuration (None where absent) of a named configuration."""
    if not isinstance(data, Mapping):
        raise TypeError(f"Expected dict, got {type(data)}")
    if "name" not in data:
        raise ValueError(f"Named configuration does not have a 'name' key. Got {data}.")
    name = data["name"]
    if not isinstance(name, str):
        raise TypeError(f"Expected a string, got an instance of {type(name)}.")
    return name, data.get("configuration")


def optional_configuration(data: object, name: str) -> dict[str, Any]:
    """The configuration of the codec `name`, which may be left out."""
    found, configuration = _named(data)
    if found != name:
        raise ValueError(f"Expected '{name}'. Got {found} instead.")
    return {} if configuration is None else _fields(configuration)


def required_configuration(data: object, name: str) -> dict[str, Any]:
    """The configuration of the codec `name`, which must be there."""
    found, configuration = _named(data)
    if found != name:
        raise ValueError(f"Expected '{name}'. Got {found} instead.")
    return configuration_of(data, configuration)


def named_configuration(data: object) -> tuple[str, dict[str, Any]]:
    """The name and the configuration, which must be there, of a codec of any name."""
    name, configuration = _named(data)
    return name, configuration_of(data, configuration)


def configuration_of(data: object, configuration: object) -> dict[str, Any]:
    """The configuration found in `data` as a dict, or an error that shows `data`."""
    if configuration is None:
        raise ValueError(f"Named configuration does not have a 'configuration' key. Got {data}.")
    return _fields(configuration)


def _fields(configuration: object) -> dict[str, Any]:
    if not isinstance(configuration, Mapping):
        raise TypeError(f"Expected dict, got {type(configuration)}")
    return dict(configuration)


def int_field(value: object, field: str) -> int:
    """`value` if it is an integer; a bool is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"Failed to parse input for '{field}': expected int, got {value!r}.")


def bool_field(value: object, field: str) -> bool:
    """`value` if it is a bool."""
    if isinstance(value, bool):
        return value
    raise TypeError(f"Failed to parse input for '{field}': expected bool, got {value!r}.")


def choice_field(value: object, field: str, choices: tuple[str, ...]) -> str:
    """`value` if it is one of `choices`, or a member of any enumeration that stands for one."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str) and value in choices:
        return value
    raise ValueError(f"{field} must be one of {list(choices)}. Got {value!r}.")


def int_tuple(value: object) -> tuple[int, ...]:
    """`value` as a tuple of integers, if it is an iterable of them."""
    if not isinstance(value, Iterable):
        raise TypeError(f"Expected an iterable. Got {value} instead.")
    items = tuple(value)
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        raise TypeError(f"Expected an iterable of integers. Got {value} instead.")
    return items


def shape_field(value: object, *, least: int = 0) -> tuple[int, ...]:
    """`value`, an integer or an iterable of them, as a shape."""
    if isinstance(value, (int, np.integer)):
        value = (value,)
    if not isinstance(value, Iterable):
        raise TypeError(f"Expected an iterable of integers. Got {value} instead.")
    items = tuple(value)
    if not all(isinstance(item, (int, np.integer)) for item in items):
        raise TypeError(f"Expected an iterable of integers. Got {value!s} instead.")
    shape = tuple(index(item) for item in items)
    if any(size < 0 for size in shape):
        raise ValueError(f"Expected all values to be non-negative. Got {shape} instead.")
    for axis, size in enumerate(shape):
        if size < least:
            raise ValueError(f"Dimension {axis}: chunk edge length must be >= {least}, got {size}")
    return shape


def named(name: str, configuration: Mapping[str, Any] | None = None) -> dict[str, JSON]:
    """The JSON form of a codec."""
    if configuration is None:
        return {"name": name}
    return {"name": name, "configuration": dict(configuration)}
