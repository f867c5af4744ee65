"""Names of zarr-python, kept for programs that import them from here."""

from typing import TYPE_CHECKING

from zarr.metadata.v2 import ArrayV2Metadata as ArrayV2Metadata
from zarr.metadata.v2 import ArrayV2MetadataDict as ArrayV2MetadataDict
from zarr.metadata.v3 import ArrayMetadataJSON_V3 as ArrayMetadataJSON_V3
from zarr.metadata.v3 import ArrayV3Metadata as ArrayV3Metadata
from zarr.successors import lazy_submodules

ArrayMetadata = ArrayV2Metadata | ArrayV3Metadata
ArrayMetadataDict = ArrayV2MetadataDict | ArrayMetadataJSON_V3

if not TYPE_CHECKING:
    __getattr__ = lazy_submodules(__name__)
