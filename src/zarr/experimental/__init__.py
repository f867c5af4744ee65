"""What may still change.

``cache_store`` has a store that keeps what it read from a slower one.
"""

from zarr.metadata.chunk_grids import ChunkGrid, ChunkSpec

__all__ = ["ChunkGrid", "ChunkSpec"]
