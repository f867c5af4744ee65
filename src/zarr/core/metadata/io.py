"""Names of zarr-python, kept for programs that import them from here."""

from zarr.hierarchy.place import save_metadata as save_metadata
