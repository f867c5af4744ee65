"""Names of zarr-python, kept for programs that import them from here."""

from zarr.attributes import Attributes as Attributes
