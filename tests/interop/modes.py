"""The behaviour of opening and making in each mode, whatever is there, printed as JSON.

Run with this library and with zarr-python: ``modes.py`` takes no arguments.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from typing import Any

import numpy as np

import zarr
from zarr.storage import MemoryStore

MODES = (None, "r", "r+", "a", "w", "w-")
FORMATS = (None, 2, 3)
THERE = (
    "nothing",
    "group2",
    "group3",
    "array2",
    "array3",
    "consolidated2",
    "consolidated3",
    "chunks",
    "not json",
    "no node",
    "above2",
    "above3",
)
ARRAY: dict[str, Any] = {"shape": (2,), "dtype": "i1"}


def _value(data: bytes) -> Any:
    from zarr.core.buffer.cpu import Buffer

    return Buffer.from_bytes(data)


def with_node(there: str, path: str) -> Any:
    """A store with something at a path."""
    store = MemoryStore()
    prefix = f"{path}/" if path else ""
    if there.startswith(("group", "consolidated")):
        number: Any = int(there[-1])
        root = zarr.create_group(store, path=path, zarr_format=number, attributes={"old": 1})
        root.create_group("below")
        if there.startswith("consolidated"):
            zarr.consolidate_metadata(store, path=path)
    elif there.startswith("array"):
        made = zarr.create_array(
            store, name=path, zarr_format=int(there[-1]), attributes={"old": 1}, **ARRAY
        )
        made[:] = [3, 4]
    elif there.startswith("above"):
        number = int(there[-1])
        zarr.create_array(store, zarr_format=number, **ARRAY)
    elif there == "chunks":
        asyncio.run(store.set(f"{prefix}c/0", _value(b"xx")))
        asyncio.run(store.set(f"{prefix}0", _value(b"xx")))
    elif there == "not json":
        for name in ("zarr.json", ".zgroup", ".zarray"):
            asyncio.run(store.set(prefix + name, _value(b"{")))
    elif there == "no node":
        document = json.dumps({"zarr_format": 3, "node_type": "other", "attributes": {}})
        asyncio.run(store.set(f"{prefix}zarr.json", _value(document.encode())))
    return store


def _documents(store: Any) -> dict[str, bytes]:
    return {key: value.to_bytes() for key, value in store._store_dict.items()}


def functions() -> tuple[dict[str, Any], dict[str, Any]]:
    """The calls, by name: with a mode, and without. Each takes a store and a path."""
    data = np.arange(2, dtype="i1")
    opening = {
        "open": zarr.open,
        "open with shape": lambda store, **kw: zarr.open(store, **ARRAY, **kw),
        "open_group": zarr.open_group,
        "open_group with attributes": lambda store, **kw: zarr.open_group(
            store, attributes={"new": 1}, **kw
        ),
        "open_group plain": lambda store, **kw: zarr.open_group(
            store, use_consolidated=False, **kw
        ),
        "open_consolidated": zarr.open_consolidated,
        "open_array": zarr.open_array,
        "open_array with shape": lambda store, **kw: zarr.open_array(store, **ARRAY, **kw),
    }
    making = {
        "group": zarr.group,
        "group overwrite": lambda store, **kw: zarr.group(store, overwrite=True, **kw),
        "create_group": zarr.create_group,
        "create_group overwrite": lambda store, **kw: zarr.create_group(
            store, overwrite=True, **kw
        ),
        "create_array": lambda store, path, **kw: zarr.create_array(
            store, name=path, **ARRAY, **kw
        ),
        "create_array overwrite": lambda store, path, **kw: zarr.create_array(
            store, name=path, overwrite=True, **ARRAY, **kw
        ),
        "create": lambda store, **kw: zarr.create(store=store, **ARRAY, **kw),
        "zeros overwrite": lambda store, **kw: zarr.zeros(
            store=store, overwrite=True, **ARRAY, **kw
        ),
        "save_array": lambda store, **kw: zarr.save_array(store, data, **kw),
        "save_group": lambda store, **kw: zarr.save_group(store, x=data, **kw),
        "load": zarr.load,
        "consolidate_metadata": zarr.consolidate_metadata,
    }
    return opening, making


def told(found: Any) -> str:
    """Describe the result of a call."""
    if isinstance(found, zarr.Group):
        consolidated = "" if found.metadata.consolidated_metadata is None else " consolidated"
        kind = f"group{found.metadata.zarr_format}{consolidated}"
    elif isinstance(found, zarr.Array):
        kind = f"array{found.metadata.zarr_format} {found[:].tolist()}"
    elif isinstance(found, np.ndarray):
        return str(found.tolist())
    else:
        return "nothing" if found is None else "other"
    return f"{kind} {dict(found.attrs)}{' read-only' if found.read_only else ''}"


def answer(call: Any, there: str, path: str, **kwargs: Any) -> str:
    """The result or error of a call, and the store afterwards."""
    store = with_node(there, path)
    before = _documents(store)
    try:
        result = told(call(store, path=path, **kwargs))
    except Exception as error:
        kinds = [cls.__name__ for cls in type(error).__mro__]
        result = "!" + ",".join(kinds[: kinds.index("Exception")])
    after = _documents(store)
    lost = sorted(key for key in before if after.get(key) != before[key])
    made = sorted(after.keys() - before.keys())
    return f"{result} | lost {lost} | made {made}"


def main() -> None:
    """Print all answers."""
    answers: dict[str, str] = {}
    opening, making = functions()
    for there in THERE:
        path = "x/y" if there.startswith("above") else "x"
        for number in FORMATS:
            for name, call in opening.items():
                for mode in MODES:
                    given = {} if mode is None else {"mode": mode}
                    key = f"{name} {mode} {number} on {there}"
                    answers[key] = answer(call, there, path, zarr_format=number, **given)
            for name, call in making.items():
                key = f"{name} - {number} on {there}"
                answers[key] = answer(call, there, path, zarr_format=number)
    print(json.dumps(answers))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
