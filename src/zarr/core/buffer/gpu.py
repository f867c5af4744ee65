"""Names of zarr-python, kept for programs that import them from here."""

from zarr.buffer.gpu import Buffer as Buffer
from zarr.buffer.gpu import NDBuffer as NDBuffer
from zarr.buffer.gpu import buffer_prototype as buffer_prototype
