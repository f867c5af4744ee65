"""Choices: formats, stores, codecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from hypothesis import strategies as st

from zarr._async.run import sync
from zarr.codecs import BytesCodec, SubchunkWriteOrder, ZstdCodec
from zarr.storage import MemoryStore

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from zarr.abc.store import Store
    from zarr.types import ZarrFormat

SUBCHUNK_WRITE_ORDER: tuple[SubchunkWriteOrder, ...] = get_args(SubchunkWriteOrder)
"""The orders in which the chunks of a shard can be written."""


def clear_store(x: Store) -> Store:
    """Return a store, emptied.

    Parameters
    ----------
    x : Store
        The store.
    """
    sync(x.clear())
    return x


zarr_formats: SearchStrategy[ZarrFormat] = st.sampled_from([3, 2])
"""The formats."""
stores: SearchStrategy[Any] = st.builds(lambda: clear_store(MemoryStore()))
"""Empty stores."""
compressors: SearchStrategy[Any] = st.sampled_from([None, "default"])
"""No compressor, or the one that is chosen where none is named."""
subchunk_write_orders: SearchStrategy[SubchunkWriteOrder] = st.sampled_from(SUBCHUNK_WRITE_ORDER)
"""The orders in which the chunks of a shard can be written."""
sharding_inner_codecs: SearchStrategy[Any] = st.sampled_from(
    [[BytesCodec()], [BytesCodec(), ZstdCodec()]]
)
"""Codecs of the chunks in a shard."""
