"""Names of zarr-python, kept for programs that import them from here."""

from zarr.arrays.placing import save_metadata as save_metadata
