"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.group import parse_attributes as parse_attributes
