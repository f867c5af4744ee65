"""What both machines need: rules that run seldom, and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis.stateful import precondition

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def with_frequency(frequency: float) -> Callable[[F], F]:
    """Let a rule run in a share of the steps only.

    Parameters
    ----------
    frequency : float
        The share, from 0 to 1. It is kept by counting, so that runs can be repeated.
    """

    def decorate(function: F) -> F:
        counter = f"_{function.__name__}_asked"

        def is_due(self: Any) -> bool:
            asked = getattr(self, counter, 0) + 1
            setattr(self, counter, asked)
            return int(asked * frequency) > int((asked - 1) * frequency)

        limited: F = precondition(is_due)(function)
        return limited

    return decorate


def split_prefix_name(path: str) -> tuple[str, str]:
    """Split the path of a node into that of its group and its name there.

    Parameters
    ----------
    path : str
        The path.
    """
    prefix, _, name = path.rpartition("/")
    return prefix, name


def joined(prefix: str, name: str) -> str:
    """Return the path of a node in a group."""
    return f"{prefix}/{name}".lstrip("/")


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is another, or below it."""
    return prefix == "" or path == prefix or path.startswith(f"{prefix}/")
