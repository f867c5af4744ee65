"""Names of zarr-python, kept for programs that import them from here."""

from zarr.config import BadConfigError, Config, config, parse_indexing_order

__all__ = ["BadConfigError", "Config", "config", "parse_indexing_order"]
