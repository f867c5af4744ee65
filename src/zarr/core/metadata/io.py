"""Names of zarr-python, kept for programs that import them from here."""

from zarr.arrays.document import save_metadata as save_metadata
