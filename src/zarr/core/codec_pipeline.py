"""Names of zarr-python, kept for programs that import them from here."""

from zarr.codecs.chain import codecs_from_list as codecs_from_list
from zarr.codecs.pipeline import BatchedCodecPipeline as BatchedCodecPipeline
from zarr.codecs.pipeline import FusedCodecPipeline as FusedCodecPipeline
