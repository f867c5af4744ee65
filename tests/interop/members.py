"""The behaviour of members of groups, as JSON. Run with this library and with zarr-python."""

from __future__ import annotations

import asyncio
import inspect
import json
import warnings
from typing import Any

import numpy as np

import zarr
from zarr.core.group import GroupMetadata
from zarr.storage import MemoryStore

EXPRESSIONS = """
g.name, g.path, g.basename, g.read_only
g["g"].name, g["g"].path, g["g"].basename
g["g/h/c"].name, g["g/h/c"].path, g["g/h/c"].basename
g.info._zarr_format, g.info._read_only, g.info._store_type, g.info._count_members
str(g["g"].info).splitlines()[0]
g.info_complete()._count_members, g.info_complete()._count_arrays, g.info_complete()._count_groups
str(g.info_complete()).splitlines()[1:]
str(g.tree())
str(g.tree(level=0))
str(g.tree(level=1))
str(g["g"].tree())
len(g), g.nmembers(), g.nmembers(None), g.nmembers(1), g.nmembers(max_depth=0)
g.nmembers(-1)
sorted(g), sorted(g.keys())
sorted(name for name, _ in g.members(None))
sorted(name for name, _ in g.members(1))
g.members(max_depth=-1)
type(g.members()).__name__
sorted(name for name, _ in g.groups()), sorted(name for name, _ in g.arrays())
sorted(g.group_keys()), sorted(g.array_keys())
sorted(x.path for x in g.group_values()), sorted(x.path for x in g.array_values())
g["g"]
g["b"]
g["g/h"]
g["g/h/c"]
g["none"]
g["b/none"]
g["/g"]
g["g/"]
g[1]
g[None]
"g" in g, "g/h/c" in g, "none" in g, "" in g
1 in g
g.get("g")
g.get("none")
g.get("none", 5)
g.get_array("b")
g.get_array("g")
g.get_array("none")
g.get_group("g")
g.get_group("b")
g.get_group("none")
dict(g.attrs), len(g.attrs), "a" in g.attrs, g.attrs["a"]
g.attrs["none"]
g.attrs.get("none", 3)
g.attrs.asdict()
g.attrs.__setitem__("x", [1, {"y": None}])
g.attrs.__setitem__("x", (1, 2)), g.attrs["x"]
g.attrs.__setitem__("x", np.int64(3)), g.attrs["x"]
g.attrs.__setitem__("x", float("nan"))
g.attrs.__setitem__("x", object())
g.attrs.__delitem__("a")
g.attrs.__delitem__("none")
g.attrs.update({"x": 1}), dict(g.attrs)
g.attrs.update({"x": 1}, y=2), dict(g.attrs)
g.attrs.put({"x": 1}), dict(g.attrs)
g.update_attributes({"x": 1})
dict(g.update_attributes({"x": 1}).attrs)
g.create_group("n")
g.create_group("n/m")
g.create_group("g")
g.create_group("b")
g.create_group("b/x")
g.create_group("g", overwrite=True)
g.create_group("b", overwrite=True)
g.create_group("n", attributes={"x": 1})
g.create_group("n", attributes={1: 1})
g.create_group("n", wrong=1)
g.require_group("g")
g.require_group("n")
g.require_group("b")
g.require_group("g", overwrite=True)
g.require_groups("g", "n", "n/m")
g.require_groups()
g.create_array("n", shape=(2,), dtype="i4")
g.create_array("n", shape=2, dtype="i4", attributes={"x": 1})
g.create_array("n/m", shape=(2,), dtype="i4")
g.create_array("b", shape=(2,), dtype="i4")
g.create_array("g", shape=(2,), dtype="i4")
g.create_array("b", shape=(2,), dtype="i4", overwrite=True)
g.create_array("g", shape=(2,), dtype="i4", overwrite=True)
g.create_array("n", data=np.arange(3))
g.create_array("n", data=np.arange(3), chunks=(2,), fill_value=7)
g.create_array("n", data=np.arange(3), shape=(3,))
g.create_array("n", shape=(3,))
g.create_array("n", dtype="i4")
g.create_array("n", shape=(4,), dtype="i4", chunks=(2,), compressors=None, order="F")
g.create_array("n", shape=(4,), dtype="i4", filters=None, compressors=None, fill_value=None)
g.create_array("n", shape=(4,), dtype="nope")
g.create_array("n", shape=(-4,), dtype="i4")
g.create("n", shape=(2,), dtype="i4")
g.require_array("b", shape=(3,))
g.require_array("b", shape=(3,), dtype="i8")
g.require_array("b", shape=(3,), dtype="i4")
g.require_array("b", shape=(4,))
g.require_array("b", shape=(3,), dtype="f8", exact=True)
g.require_array("b", shape=(3,), dtype="f8")
g.require_array("g", shape=(3,))
g.require_array("n", shape=(3,), dtype="i2")
g.empty(name="n", shape=(2,)).fill_value
g.zeros(name="n", shape=(2,))
g.ones(name="n", shape=(2,))
g.full(name="n", shape=(2,), fill_value=5)
g.full(name="n", shape=(2,), fill_value=5, dtype="i2", chunks=1)
g.empty_like(name="n", data=np.zeros((2, 3), "i2")).shape
g.zeros_like(name="n", data=np.zeros((2, 3), "i2"))
g.ones_like(name="n", data=g["b"])
g.full_like(name="n", data=np.zeros((2, 3), "i2"), fill_value=3)
g.zeros(name="b", shape=(2,))
g.__setitem__("n", np.arange(3))
g.__setitem__("b", np.arange(3))
g.__setitem__("g", np.arange(3))
g.__setitem__("n/m", np.arange(3))
g.__setitem__("n", [1, 2])
g.__setitem__("n", 5)
g.__delitem__("b")
g.__delitem__("g")
g.__delitem__("g/h")
g.__delitem__("none")
dict(g.create_hierarchy({"n": GM, "n/m": GM}))
dict(g.create_hierarchy({"n/m/o": GM}))
sorted(name for name, _ in g.create_hierarchy({"n/m/o": GM}))
dict(g.create_hierarchy({"g": GM}))
dict(g.create_hierarchy({"g": GM}, overwrite=True))
dict(g.create_hierarchy({"b/x": GM}))
dict(g.create_hierarchy({"": GM}))
dict(g.create_hierarchy({"n": OTHER}))
dict(g.create_hierarchy({"n": AM, "n/m": GM}))
dict(g.create_hierarchy({"n": AM}))
dict(g.create_hierarchy({}))
dict(g.create_hierarchy({"n": AM}))["n"]
g == zarr.open_group(g.store, mode="r"), g == g["g"], g == 3
g != zarr.open_group(g.store, mode="a")
g.metadata.to_dict()
GroupMetadata.from_dict(g.metadata.to_dict()) == g.metadata
GroupMetadata({"a": 1}).to_dict()
GroupMetadata(zarr_format=2).to_dict()
GroupMetadata(zarr_format=4)
GroupMetadata.from_dict({"zarr_format": 3, "node_type": "group", "x": 1})
GroupMetadata.from_dict({"zarr_format": 3, "node_type": "group", "x": {"must_understand": False}})
GroupMetadata.from_dict({"zarr_format": 3, "node_type": "array"})
GroupMetadata.from_dict({"zarr_format": 2, "attributes": {"a": 1}})
GroupMetadata.from_dict({"zarr_format": 3, "node_type": "group"}).attributes
ConsolidatedMetadata({}).to_dict()
ConsolidatedMetadata({"x": GM}).flattened_metadata
zarr.Group.open(g.store, zarr_format=g.metadata.zarr_format)
zarr.Group.open(g.store, zarr_format=None)
zarr.Group.open(MemoryStore())
zarr.Group.from_store(MemoryStore(), attributes={"x": 1})
zarr.Group.from_store(g.store, zarr_format=g.metadata.zarr_format)
zarr.Group.from_store(g.store, overwrite=True)
zarr.tree(g)
zarr.consolidate_metadata(g.store)
zarr.consolidate_metadata(g.store, path="g")
zarr.consolidate_metadata(g.store, path="b")
sorted(n for n, _ in zarr.consolidate_metadata(g.store).members(None))
sorted(zarr.consolidate_metadata(g.store).metadata.consolidated_metadata.flattened_metadata)
zarr.consolidate_metadata(g.store).metadata.consolidated_metadata.to_dict()
zarr.consolidate_metadata(g.store)["g/h"].metadata.consolidated_metadata.to_dict()
zarr.consolidate_metadata(g.store)["none"]
sorted(zarr.consolidate_metadata(g.store)["g"].keys())
zarr.consolidate_metadata(g.store) == zarr.open_consolidated(g.store)
str(zarr.consolidate_metadata(g.store).info).splitlines()[1:]
zarr.consolidate_metadata(g.store).create_group("n"), sorted(zarr.open_group(g.store))
zarr.consolidate_metadata(g.store).create_array("n", shape=2, dtype="i1")
zarr.consolidate_metadata(g.store).__delitem__("b"), sorted(zarr.open_group(g.store))
zarr.consolidate_metadata(g.store).attrs.update(z=1), dict(zarr.open_group(g.store).attrs)
zarr.consolidate_metadata(g.store).nmembers(None)
zarr.consolidate_metadata(g.store).nmembers()
"""


def tree(zarr_format: Any) -> Any:
    """A group with members."""
    root = zarr.create_group(MemoryStore(), zarr_format=zarr_format, attributes={"a": 1})
    root["b"] = np.arange(3)
    group = root.create_group("g", attributes={"y": [2]})
    group.create_array("h/c", shape=(2,), dtype="i1", chunks=(1,), attributes={"x": 1})
    return root


def told(found: Any) -> Any:
    """A result, as JSON can tell it."""
    if isinstance(found, zarr.Group):
        consolidated = found.metadata.consolidated_metadata is not None
        return ["group", found.path, dict(found.attrs), consolidated, found.metadata.zarr_format]
    if isinstance(found, zarr.Array):
        return ["array", found.path, dict(found.attrs), str(found.dtype), found[:].tolist()]
    if isinstance(found, dict):
        return {str(key): told(value) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [told(item) for item in found]
    if isinstance(found, (np.generic, np.ndarray)):
        return str(found)
    if isinstance(found, (str, int, float, type(None))):
        return found
    return str(found) if type(found).__name__ in ("TreeRepr", "Tree") else type(found).__name__


def documents(group: Any) -> dict[str, str]:
    """The contents of the store; chunks are only counted."""
    return {
        key: value.to_bytes().decode() if key.rpartition("/")[2][0] in "z." else str(len(value))
        for key, value in group.store._store_dict.items()
    }


def ask(expression: str, zarr_format: Any) -> Any:
    """The answer to one question, and what became of the store."""
    group = tree(zarr_format)
    before = documents(group)
    other: Any = 5 - zarr_format
    names = {
        **globals(),
        "g": group,
        "GM": GroupMetadata(zarr_format=zarr_format),
        "OTHER": GroupMetadata(zarr_format=other),
        "AM": group["b"].metadata,
    }
    try:
        found = eval(expression, names)
        if inspect.iscoroutine(found):
            found = asyncio.run(found)
        result = told(found)
    except Exception as error:
        kinds = [cls.__name__ for cls in type(error).__mro__]
        result = ["!", *kinds[: kinds.index("Exception")]]
    after = documents(group)
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    gone = sorted(before.keys() - after.keys())
    return {"result": result, "changed": dict(sorted(changed.items())), "gone": gone}


def main() -> None:
    """Print all answers."""
    lines = [line for line in EXPRESSIONS.splitlines() if line]
    answers = {f"{line} # format {n}": ask(line, n) for line in lines for n in (2, 3)}
    print(json.dumps(answers))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
