"""`synced` and `synced_method`, for functions that give handles: under names that tell which.

A type checker cannot choose an overload by the result of a function whose parameters hold ``Any``:
mypy gives up on all of its type then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from zarr.runner import synced, synced_method

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from zarr.arrays import Array, AsyncArray
    from zarr.arrays.handle import M
    from zarr.groups import AsyncGroup, Group

P = ParamSpec("P")


def synced_array(
    fn: Callable[P, Coroutine[Any, Any, AsyncArray[M]]],
) -> Callable[P, Array[M]]:
    """Derive the synchronous function of one that gives an array."""
    made: Any = synced(fn)
    return made  # type: ignore[no-any-return]


def synced_group(fn: Callable[P, Coroutine[Any, Any, AsyncGroup]]) -> Callable[P, Group]:
    """Derive the synchronous function of one that gives a group."""
    made: Any = synced(fn)
    return made  # type: ignore[no-any-return]


def synced_node(
    fn: Callable[P, Coroutine[Any, Any, AsyncArray[Any] | AsyncGroup]],
) -> Callable[P, Array[Any] | Group]:
    """Derive the synchronous function of one that gives an array or a group."""
    made: Any = synced(fn)
    return made  # type: ignore[no-any-return]


def synced_array_method(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, AsyncArray[M]]],
) -> Callable[Concatenate[Any, P], Array[M]]:
    """Derive the method of a synchronous handle from its twin's, which gives an array."""
    made: Any = synced_method(method)
    return made  # type: ignore[no-any-return]


def synced_group_method(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, AsyncGroup]],
) -> Callable[Concatenate[Any, P], Group]:
    """Derive the method of a synchronous handle from its twin's, which gives a group."""
    made: Any = synced_method(method)
    return made  # type: ignore[no-any-return]
