"""Names of zarr-python, kept for programs that import them from here."""

from zarr.api.asynchronous import create_array as create_array
from zarr.api.asynchronous import from_array as from_array
from zarr.arrays import *
from zarr.arrays.create import init_array as init_array
from zarr.arrays.inherit_options import keep as _parse_keep_array_attr  # noqa: F401
from zarr.arrays.parameters import *
from zarr.codecs.pipeline import create_codec_pipeline as create_codec_pipeline
from zarr.hierarchy.documents import parse_array_metadata as parse_array_metadata
from zarr.types import *
