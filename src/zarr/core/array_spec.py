"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.spec import ArrayConfig as ArrayConfig
from zarr.metadata.spec import ArrayConfigLike as ArrayConfigLike
from zarr.metadata.spec import ArrayConfigParams as ArrayConfigParams
from zarr.metadata.spec import ArraySpec as ArraySpec
from zarr.metadata.spec import parse_array_config as parse_array_config
