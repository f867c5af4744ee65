"""anndata: single-cell data are written and read without a loss."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr

pytestmark = pytest.mark.filterwarnings("ignore")  # anndata's, of its own dependencies
anndata = pytest.importorskip("anndata")
pd = pytest.importorskip("pandas")
sparse = pytest.importorskip("scipy.sparse")

FORMATS = pytest.mark.parametrize("zarr_format", [2, 3])


@pytest.fixture(scope="module")
def cells() -> Any:
    """700 blood cells with 765 genes, as scanpy ships them."""
    found = importlib.util.find_spec("scanpy")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the data set comes with scanpy")
    path = Path(found.submodule_search_locations[0]) / "datasets" / "10x_pbmc68k_reduced.h5ad"
    data = anndata.read_h5ad(path)
    data.layers["sparse"] = sparse.csr_matrix(np.maximum(data.X, 0))
    data.layers["by column"] = sparse.csc_matrix(np.maximum(data.X, 0))
    data.obs["name"] = pd.array([f"cell {i}" for i in range(data.n_obs)], dtype="string")
    data.obs["flag"] = data.obs["percent_mito"] > 0.02
    data.obs["count"] = pd.array([1, None] * (data.n_obs // 2), dtype="Int64")
    data.uns["nested"] = {"a": np.arange(5), "text": "ä", "deeper": {"b": 1.5}}
    return data


def same(one: Any, other: Any) -> bool:
    """Whether two matrices have one type and the same values."""
    if sparse.issparse(one):
        pairs = [(getattr(one, n), getattr(other, n)) for n in ("data", "indices", "indptr")]
        return type(one) is type(other) and all(np.array_equal(a, b) for a, b in pairs)
    return bool(one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True))


def check(found: Any, expected: Any) -> None:
    assert same(found.X, expected.X)
    pd.testing.assert_frame_equal(found.obs, expected.obs)
    pd.testing.assert_frame_equal(found.var, expected.var)
    for part in ("obsm", "varm", "obsp", "varp", "layers"):
        one, other = getattr(found, part), getattr(expected, part)
        assert set(one) == set(other)
        assert all(same(one[key], other[key]) for key in other), part
    assert same(found.raw.X, expected.raw.X)
    assert set(found.uns) == set(expected.uns)
    assert found.uns["nested"]["text"] == "ä"
    assert found.uns["nested"]["deeper"]["b"] == 1.5
    names = expected.uns["rank_genes_groups"]["names"]
    assert np.array_equal(found.uns["rank_genes_groups"]["names"], names)


@FORMATS
def test_a_real_data_set_comes_back_as_it_was(cells: Any, zarr_format: int, tmp_path: Path) -> None:
    with anndata.settings.override(zarr_write_format=zarr_format):
        cells.write_zarr(tmp_path / "cells.zarr")
    group = zarr.open_group(tmp_path / "cells.zarr", mode="r")
    assert group.metadata.zarr_format == zarr_format
    assert type(group["layers/sparse"]) is zarr.Group
    check(anndata.read_zarr(tmp_path / "cells.zarr"), cells)


def test_parts_are_read_by_themselves(cells: Any, tmp_path: Path) -> None:
    cells.write_zarr(tmp_path / "cells.zarr")
    group = zarr.open_group(tmp_path / "cells.zarr", mode="r")
    obs = anndata.io.read_elem(group["obs"])
    pd.testing.assert_frame_equal(obs, cells.obs)
    backed = anndata.io.sparse_dataset(group["layers/sparse"])
    assert (backed[10:20] != cells.layers["sparse"][10:20]).nnz == 0
    assert (backed[[3, 1, 200]] != cells.layers["sparse"][[3, 1, 200]]).nnz == 0


def test_rows_are_appended_to_a_sparse_matrix(cells: Any, tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "matrix.zarr", mode="w")
    matrix = cells.layers["sparse"]
    anndata.io.write_elem(group, "m", matrix[:300])
    anndata.io.sparse_dataset(group["m"]).append(matrix[300:])
    assert (anndata.io.read_elem(group["m"]) != matrix).nnz == 0
