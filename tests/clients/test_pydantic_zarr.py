"""pydantic-zarr: models of hierarchies, both ways, in both formats."""

from __future__ import annotations

import numpy as np
import pytest

import zarr
from zarr.errors import ContainsArrayError

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
pytest.importorskip("pydantic_zarr")
v2 = pytest.importorskip("pydantic_zarr.v2")
v3 = pytest.importorskip("pydantic_zarr.v3")

MODELS = pytest.mark.parametrize(("models", "zarr_format"), [(v2, 2), (v3, 3)])


def tree(zarr_format: int) -> zarr.Group:
    root = zarr.open_group(
        {}, mode="w", zarr_format=zarr_format, attributes={"a": [1, {"b": None}]}
    )  # type: ignore[arg-type]
    root.create_array("x", shape=(10, 4), chunks=(5, 4), dtype="f4", fill_value=np.nan)
    inner = root.create_group("inner", attributes={"n": 1})
    inner.create_array("y", shape=(3,), dtype=">i2", attributes={"u": "m"})
    return root


@MODELS
def test_a_model_of_a_tree_makes_the_same_tree(models: object, zarr_format: int) -> None:
    root = tree(zarr_format)
    spec = models.GroupSpec.from_zarr(root)  # type: ignore[attr-defined]
    assert set(spec.members) == {"x", "inner"}
    made = spec.to_zarr({}, path="copy")
    assert isinstance(made, zarr.Group)
    assert made.attrs.asdict() == {"a": [1, {"b": None}]}
    for path in ("x", "inner/y"):
        one, other = root[path], made[path]
        assert isinstance(one, zarr.Array)
        assert str(one.metadata.to_dict()) == str(other.metadata.to_dict())
    again = models.GroupSpec.from_zarr(made)  # type: ignore[attr-defined]
    assert again.model_dump_json() == spec.model_dump_json()
    assert models.GroupSpec.model_validate_json(spec.model_dump_json()).like(made)  # type: ignore[attr-defined]


@MODELS
def test_a_model_of_an_array_makes_that_array(models: object, zarr_format: int) -> None:
    data = np.arange(12, dtype="i1").reshape(3, 4)
    spec = models.ArraySpec.from_array(data)  # type: ignore[attr-defined]
    made = spec.to_zarr({}, path="a")
    made[:] = data
    assert made.metadata.zarr_format == zarr_format
    assert np.array_equal(made[:], data)
    found = models.ArraySpec.from_zarr(made)  # type: ignore[attr-defined]
    assert found.model_dump() == spec.model_dump()
    with pytest.raises(ContainsArrayError):
        zarr.create_array(
            made.store,
            name="a",
            shape=1,
            dtype="i1",
            zarr_format=zarr_format,  # type: ignore[arg-type]
        )
