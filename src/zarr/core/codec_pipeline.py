"""Names of zarr-python, kept for programs that import them from here."""

from zarr.codecs.pipeline import ChunkPipeline as BatchedCodecPipeline
from zarr.codecs.pipeline import ChunkPipeline as FusedCodecPipeline
from zarr.codecs.pipeline import ChunkPipeline as SyncCodecPipeline

__all__ = ["BatchedCodecPipeline", "FusedCodecPipeline", "SyncCodecPipeline"]
