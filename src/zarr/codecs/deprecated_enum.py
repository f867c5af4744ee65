"""Classes that once were enumerations of strings: their members still work, with a warning."""

from __future__ import annotations

import warnings
from typing import Any


class DeprecatedStrEnumMeta(type):
    """Makes ``Kind.member`` the plain string of that member, and warns."""

    def __getattr__(cls, name: str) -> str:
        members: dict[str, str] = cls.__dict__.get("_members", {})
        if name not in members:
            raise AttributeError(name)
        value = members[name]
        warnings.warn(
            f"{cls.__name__}.{name} is deprecated; pass the string {value!r} instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return value

    def __setattr__(cls, name: str, value: Any) -> None:
        if name in cls.__dict__.get("_members", {}):
            raise AttributeError(f"cannot reassign member {name!r}")
        super().__setattr__(name, value)
