"""The parts of :func:`zarr.rechunk`, from its plan to its documents."""
