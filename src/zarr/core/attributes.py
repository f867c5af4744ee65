"""Names of zarr-python, kept for programs that import them from here."""

from zarr.hierarchy.attributes import Attributes as Attributes
