"""The functions of zarr: ``asynchronous``, and ``synchronous``, which is derived from it."""
