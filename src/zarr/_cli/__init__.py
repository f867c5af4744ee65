"""The command line, under the name that zarr-python has for it."""
