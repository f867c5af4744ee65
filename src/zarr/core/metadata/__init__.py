"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.v2 import ArrayV2Metadata as ArrayV2Metadata
from zarr.metadata.v2 import ArrayV2MetadataDict as ArrayV2MetadataDict
from zarr.metadata.v3 import ArrayMetadataJSON_V3 as ArrayMetadataJSON_V3
from zarr.metadata.v3 import ArrayV3Metadata as ArrayV3Metadata

ArrayMetadata = ArrayV2Metadata | ArrayV3Metadata
