"""Names that other packages use are here, and take the parameters that they pass.

``downstream.txt`` has a line for each name and member that 66 packages use of zarr-python 3.4.2,
with the names of the parameters that they pass to it and that it has there. Not in it: what
zarr-python refuses or ignores (``open_array(like=, lock=, asarray=)``), and ``ZipStore._zf``, which
is how it reads zip files.
"""

from __future__ import annotations

import importlib
import inspect
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

import zarr
from zarr.storage import LocalStore, MemoryStore, StorePath, WrapperStore, ZipStore

LINES = [
    line.split() for line in Path(__file__).with_name("downstream.txt").read_text().split("\n")
]
USED = [(name, keywords) for name, *keywords in filter(None, LINES)]
# Functions pass these on: what they get by other names must be a parameter of one of them.
PASSED_ON = (
    zarr.create,
    zarr.create_array,
    zarr.open_array,
    zarr.open_group,
)


def instances(tmp_path: Path) -> dict[str, list[Any]]:
    """Objects of the classes whose members are looked up, by the names of the classes."""
    store = MemoryStore()
    group = zarr.create_group(store)
    three = group.create_array("a", shape=(4,), chunks=(2,), dtype="<i4", dimension_names=["x"])
    two = zarr.create_array({}, shape=(4,), chunks=(2,), dtype="<i4", zarr_format=2)
    stores: list[Any] = [store, LocalStore(tmp_path), WrapperStore(store)]
    zipped = ZipStore(tmp_path / "a.zip", mode="w")
    zarr.create_group(zipped)
    stores.append(zipped)
    fsspec, obstore = pytest.importorskip("fsspec"), pytest.importorskip("obstore.store")
    from zarr.storage import FsspecStore, ObjectStore

    stores.append(ObjectStore(obstore.MemoryStore()))
    stores.append(FsspecStore.from_mapper(fsspec.get_mapper(f"local://{tmp_path}/f")))
    prototype = zarr.buffer.cpu.buffer_prototype
    nothing = zarr.core.group.ConsolidatedMetadata({})
    return {
        "zarr.Array": [three, two],
        "zarr.Group": [group],
        "zarr.AsyncArray": [three.async_array],
        "zarr.AsyncGroup": [group._async_group],
        "ArrayMetadata": [three.metadata, two.metadata],
        "ChunkGrid": [three.metadata.chunk_grid],
        "zarr.core.array_spec.ArraySpec": [
            zarr.core.array_spec.ArraySpec(
                (4,), zarr.dtype.Int32(), 0, three.async_array.config, prototype
            )
        ],
        "zarr.core.attributes.Attributes": [group.attrs],
        "zarr.core.buffer.Buffer": [prototype.buffer.from_bytes(b"1")],
        "zarr.core.buffer.NDBuffer": [prototype.nd_buffer.create(shape=(1,), dtype="i4")],
        "zarr.core.buffer.BufferPrototype": [prototype],
        "zarr.core.group.ConsolidatedMetadata": [nothing],
        "zarr.core.group.GroupMetadata": [group.metadata],
        "zarr.abc.store.Store": stores,
        "zarr.storage.StorePath": [StorePath(store)],
        "zarr.dtype.ZDType": [zarr.dtype.Int32()],
    }


def resolved(dotted: str) -> Any:
    """Resolve a name by ``import`` and attributes."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[count:], module)
    raise ModuleNotFoundError(dotted)


def found(name: str, objects: dict[str, list[Any]]) -> list[Any]:
    """Resolve a name: itself, or that member of the objects that have it."""
    owner, _, member = name.rpartition(".")
    if owner not in objects:
        return [resolved(name)]
    having = [each for each in objects[owner] if hasattr(each, member)]
    return [getattr(each, member) for each in having] or [resolved(name)]


def takes(function: Any, keyword: str) -> bool:
    """Whether a call may pass a parameter of that name, and something is done with it."""
    if isinstance(function, type) and issubclass(function, dict):  # the shape of one
        return keyword in function.__annotations__
    parameters = inspect.signature(function).parameters
    if keyword in parameters:
        return True
    if not any(each.kind == each.VAR_KEYWORD for each in parameters.values()):
        return False
    module = getattr(function, "__module__", "")
    if not module.startswith(("zarr.api", "zarr.arrays", "zarr.groups")):
        return True  # options of another library
    if getattr(function, "__name__", "") == "update":
        return True
    return any(keyword in inspect.signature(each).parameters for each in PASSED_ON)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_names_and_members_are_there_and_take_what_is_passed(tmp_path: Path) -> None:
    objects = instances(tmp_path)
    missing = []
    for name, keywords in USED:
        try:
            meant = found(name, objects)
        except (AttributeError, ModuleNotFoundError):
            meant = []
        if not meant:
            missing.append(name)
            continue
        missing += [f"{name}({key}=)" for key in keywords for it in meant if not takes(it, key)]
    assert missing == []
    assert len(USED) > 500
    assert sum(len(keywords) for _, keywords in USED) > 400


def test_a_missing_name_or_parameter_would_be_found(tmp_path: Path) -> None:
    assert not takes(zarr.open_group, "chonks")
    assert not takes(zarr.open, "chonks")
    assert found("zarr.abc.store.Store.root", instances(tmp_path))
    with pytest.raises(AttributeError):
        found("zarr.abc.store.Store.no_such", instances(tmp_path))
    with pytest.raises(AttributeError):
        resolved("zarr.no_such")
