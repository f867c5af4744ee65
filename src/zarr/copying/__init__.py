"""Copies of arrays, groups and stores: what :func:`zarr.copy` and its kin do.

First it is found out what there is to do, and whether it may be done; then nodes are made, parents
first; then the arrays are filled, several chunks at a time.
"""
