"""Names, keys and paths, and what attributes hold."""

from __future__ import annotations

import string
import sys
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.hierarchy.documents import DOCUMENTS
from zarr.storage.keys import is_hidden

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from zarr.abc.store import ByteRequest

zarr_key_chars = st.sampled_from(tuple(sorted(string.ascii_letters + string.digits + "._-")))
"""Characters that any store can have in its keys."""


def _is_name(text: str) -> bool:
    # What the specification reserves, and names that are those of documents, also on file systems
    # which do not tell upper from lower case.
    reserved = text in (".", "..") or text.startswith("__") or text.lower() in DOCUMENTS
    # Listings of folders skip the files that systems put there.
    return not reserved and not is_hidden(text)


node_names = st.text(zarr_key_chars, min_size=1).filter(_is_name)
"""Names of nodes."""
short_node_names = st.text(zarr_key_chars, min_size=1, max_size=3).filter(_is_name)
"""Names of nodes that are likely to meet again."""
array_names = node_names
"""Names of arrays."""

_attribute_names = st.text(min_size=1)
_attribute_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda children: st.lists(children) | st.dictionaries(_attribute_names, children),
    max_leaves=3,
)
attrs: SearchStrategy[Any] = st.none() | st.dictionaries(_attribute_names, _attribute_values)
"""Attributes of a node, or None."""


@st.composite
def keys(draw: st.DrawFn, *, max_num_nodes: int | None = None) -> str:
    """Keys: one name, or several with slashes between them.

    Parameters
    ----------
    max_num_nodes : int, optional
        The most names.
    """
    return "/".join(draw(st.lists(node_names, min_size=1, max_size=max_num_nodes)))


@st.composite
def paths(draw: st.DrawFn, *, max_num_nodes: int | None = None) -> str:
    """Paths of nodes, the root (``"/"``) included.

    Parameters
    ----------
    max_num_nodes : int, optional
        The most names.
    """
    return draw(st.just("/") | keys(max_num_nodes=max_num_nodes))


@st.composite
def dimension_names(draw: st.DrawFn, *, ndim: int | None = None) -> list[str | None] | None:
    """Names of the axes of an array, or None.

    Parameters
    ----------
    ndim : int, optional
        The number of axes; any small one if None.
    """
    if ndim is None:
        ndim = draw(st.integers(0, 4))
    name = st.none() | st.text(zarr_key_chars, min_size=1)
    return draw(st.none() | st.lists(name, min_size=ndim, max_size=ndim))


@st.composite
def key_ranges(
    draw: st.DrawFn, keys: SearchStrategy[str] = node_names, max_size: int = sys.maxsize
) -> list[tuple[str, ByteRequest | None]]:
    """Requests for values, or parts of values, of several keys.

    Parameters
    ----------
    keys : strategy of str, optional
        The keys.
    max_size : int, optional
        No part begins or ends behind this byte.
    """
    place = st.integers(0, max_size)
    requests: SearchStrategy[Any] = st.one_of(
        st.none(),
        st.tuples(place, place).map(sorted).map(lambda ends: RangeByteRequest(*ends)),
        place.map(OffsetByteRequest),
        place.map(SuffixByteRequest),
    )
    return draw(st.lists(st.tuples(keys, requests), min_size=1, max_size=10))
