"""Which values a setting may have, and which settings there are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from operator import index
from typing import Any

from zarr._async.warnings import warn
from zarr.errors import ZarrUserWarning

__all__ = ["Known"]


class BadConfigError(ValueError):
    """A setting has a value that cannot be used."""


_BOOLEANS = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip

# Numbers that nobody needs to set, and what they are: None is their default, or means "no limit".
_OPTIONAL: Mapping[str, type] = {
    "array.target_shard_size_bytes": int,
    "async.concurrency": int,
    "async.timeout": float,
    "json_indent": int,
    "requests.give_up_after": float,
    "requests.limit": int,
    "requests.timeout": float,
    "threading.max_workers": int,
}

# Sections in which others have settings of their own.
_OPEN = frozenset({"codecs", "codec_pipeline"})


class Known:
    """The settings that there are by default, and what kinds of values they have.

    Parameters
    ----------
    defaults
        Trees of settings.
    """

    def __init__(self, defaults: Sequence[Mapping[str, Any]]) -> None:
        self.values: dict[str, Any] = {}
        for tree in reversed(defaults):
            self.values.update(leaves(tree))
        self.sections = {path.rpartition(".")[0] for path in self.values if "." in path}

    def checked(self, path: str, value: Any, source: str) -> Any:
        """A value as it counts, or a section with such values.

        Parameters
        ----------
        path
            The name of the setting.
        value
            What is given for it.
        source
            Where, for messages.

        Raises
        ------
        BadConfigError
            If it is no boolean, or no number, where it must be one.
        """
        if isinstance(value, Mapping):
            return {
                key: self.checked(f"{path}.{key}" if path else str(key), each, source)
                for key, each in value.items()
            }
        path = path.replace("-", "_")
        default = self.values.get(path)
        optional = _OPTIONAL.get(path) if path in self.values else None
        if isinstance(default, bool):
            return _boolean(path, value, source)
        kind = optional or (type(default) if isinstance(default, int | float) else None)
        if kind is None or path.partition(".")[0] in _OPEN:
            return value
        if optional and (value is None or _word(value) in ("none", "null")):
            return None
        return _number(path, value, source, whole=issubclass(kind, int))

    def warn_of_unknown(self, path: str, source: str) -> None:
        """Warn of a setting that is not there, if one that is seems to be meant.

        A package may have a section of its own.
        """
        path = path.replace("-", "_")
        top = path.partition(".")[0]
        if path in self.values or path in self.sections or top in _OPEN:
            return
        if any(path.startswith(f"{value}.") for value in self.values):
            return  # a value has nothing below it: that is an error of its own
        inside = any(path.startswith(f"{section}.") for section in self.sections)
        from difflib import get_close_matches

        near = get_close_matches(path, [*self.values, *self.sections], 1, 0.6 if inside else 0.85)
        if inside or near:
            meant = f" Did you mean {near[0]!r}?" if near else ""
            warn(
                f"There is no setting {path!r} ({source}): it has no effect.{meant}",
                ZarrUserWarning,
            )


def leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The paths and values in a tree of settings."""
    for key, value in tree.items():
        path = f"{above}{key}".replace("-", "_")
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}.")
        else:
            yield path, value


def _word(value: Any) -> str | None:
    return value.strip().lower() if isinstance(value, str) else None


def _boolean(path: str, value: Any, source: str) -> bool:
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    word = str(value) if type(value) is int else _word(value)
    if word not in _BOOLEANS:
        raise BadConfigError(
            f"{source}: the setting {path!r} is true or false (also 1, yes, on; 0, no, off), not "
            f"{value!r}"
        )
    return _BOOLEANS[word]


def _number(path: str, value: Any, source: str, *, whole: bool) -> int | float:
    kind = "a whole number" if whole else "a number"
    try:
        if isinstance(value, bool):
            raise TypeError
        number = float(value)
        if not math.isfinite(number) or number < 0 or (whole and number != int(number)):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise BadConfigError(
            f"{source}: the setting {path!r} is {kind} that is not negative, not {value!r}"
        ) from None
    if not whole:
        return number
    return index(value) if hasattr(value, "__index__") else int(number)
