"""Write a hierarchy, or say what is in one, with whatever is called zarr here.

``tree.py write|describe DIRECTORY FORMAT``; a description is JSON.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np

import zarr


def write(directory: str, zarr_format: Any) -> None:
    """Write a hierarchy, with consolidated metadata."""
    root = zarr.create_group(
        directory, zarr_format=zarr_format, attributes={"title": "é", "n": [1]}
    )
    root.create_array("a", data=np.arange(6, dtype="i4").reshape(2, 3), chunks=(1, 3))
    group = root.create_group("g", attributes={"deep": {"er": None}})
    group.create_array(
        "filled", shape=(3,), dtype="f8", fill_value=float("nan"), attributes={"unit": "m"}
    )
    group.create_group("empty")
    names = {} if zarr_format == 2 else {"dimension_names": ["x"]}
    options: dict[str, Any] = {"compressors": None, **names}
    root.create_array("g/h/b", data=np.ones(3, "u1"), **options)
    zarr.consolidate_metadata(directory)


def describe(directory: str, zarr_format: Any) -> dict[str, Any]:
    """Return what is found, node by node and in consolidated metadata."""
    plain = zarr.open_group(directory, mode="r", zarr_format=zarr_format, use_consolidated=False)
    consolidated = zarr.open_consolidated(directory, mode="r")
    return {"plain": _nodes(plain), "consolidated": _nodes(consolidated)}


def _nodes(root: Any) -> dict[str, Any]:
    found = {"": dict(root.attrs)}
    for path, node in root.members(max_depth=None):
        found[path] = {"attributes": dict(node.attrs)}
        if isinstance(node, zarr.Array):
            found[path]["data"] = repr(node[:].tolist())
            found[path]["dtype"] = str(node.dtype)
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    what, where, number = sys.argv[1:]
    if what == "write":
        write(where, int(number))
    else:
        print(json.dumps(describe(where, int(number))))
