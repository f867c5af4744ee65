"""How nodes are copied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from concurrent.futures import Executor

IfExists: TypeAlias = Literal["raise", "replace", "skip", "skip_initialized"]


_NEW = frozenset(
    (
        "chunk_key_encoding",
        "chunks",
        "compressor",
        "compressors",
        "config",
        "dimension_names",
        "dtype",
        "fill_value",
        "filters",
        "order",
        "serializer",
        "shards",
    )
)
"""Parameters of ``create_array`` that make sense for a copy, and zarr-python 2's `compressor`."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of a copy wants.

    Parameters
    ----------
    if_exists
        What to do where an array would be, if there is a node.
    without_attrs
        Whether attributes stay behind.
    dry_run
        Whether nothing is really done.
    executor
        Whose workers copy the chunks.
    create
        Parameters of the new arrays, in place of those of their sources.
    sources
        Where that is which is copied: it is never replaced.
    """

    if_exists: IfExists = "raise"
    without_attrs: bool = False
    dry_run: bool = False
    executor: Executor | None = None
    create: dict[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = self.create.keys() - _NEW
        if unknown:
            names = ", ".join(map(repr, sorted(unknown)))
            raise TypeError(f"no parameters of new arrays: {names}. These are {sorted(_NEW)}.")


def check_if_exists(value: object, *, without: tuple[str, ...] = ()) -> None:
    """Fail unless a value of ``if_exists`` is one that there is.

    Raises
    ------
    ValueError
        If not; the message lists them.
    """
    known = [name for name in get_args(IfExists) if name not in without]
    if value not in known:
        names = ", ".join(map(repr, known[:-1]))
        raise ValueError(f"if_exists must be one of {names} or {known[-1]!r}. Got {value!r}.")
