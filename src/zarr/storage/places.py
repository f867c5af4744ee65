"""Where nodes are, across stores: to tell whether a copy would meet what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr.abc._identity import data_id_of

if TYPE_CHECKING:
    from zarr.storage.path import StorePath


def address(place: StorePath) -> str:
    """A name of a place, equal for all stores that show the same data.

    Examples
    --------
    >>> from zarr.storage import LocalStore, StorePath
    >>> address(StorePath(LocalStore("a"), "b")) == address(StorePath(LocalStore("a/b")))
    True
    """
    return f"{data_id_of(place.store)}/{place.path}".rstrip("/")


def is_within(inner: str, outer: str) -> bool:
    """Whether an address is another, or below it."""
    return inner == outer or inner.startswith(f"{outer}/")


def addresses(source: Any) -> tuple[str, ...]:
    """The addresses of a node's places."""
    return tuple(map(address, places_of(source)))


def places_of(source: Any) -> tuple[StorePath, ...]:
    """Where the documents and the chunks of a node are; none for what is not of zarr."""
    node = getattr(source, "_async", source)
    place, access = getattr(node, "store_path", None), getattr(node, "_access", None)
    if place is None or access is None:
        return ()
    return (place,) if access.chunk_path is None else (place, access.chunk_path)
