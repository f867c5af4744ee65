"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.chunk_key_encodings import *  # noqa: F403
