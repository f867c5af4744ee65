"""Names of zarr-python, kept for programs that import them from here."""

from zarr.setting_values import BadConfigError as BadConfigError
from zarr.settings import Config as Config
from zarr.settings import config as config
from zarr.settings import deprecations as deprecations
from zarr.settings import parse_indexing_order as parse_indexing_order
