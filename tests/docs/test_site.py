"""The documentation site has an entry for every public name. Run by ``make docs``."""

from __future__ import annotations

import importlib.util
import inspect
import os
import zlib
from pathlib import Path

import pytest

SITE = os.environ.get("ZARR_SITE")
pytestmark = pytest.mark.skipif(not SITE, reason="the site is built and tested by `make docs`")

NAMES = Path(__file__).parents[1] / "unit" / "names.txt"

MODULES = [
    "zarr",
    "zarr.abc.buffer",
    "zarr.abc.codec",
    "zarr.abc.metadata",
    "zarr.abc.numcodec",
    "zarr.abc.store",
    "zarr.api.asynchronous",
    "zarr.api.synchronous",
    "zarr.buffer",
    "zarr.buffer.cpu",
    "zarr.buffer.gpu",
    "zarr.codecs",
    "zarr.codecs.numcodecs",
    "zarr.dtype",
    "zarr.errors",
    "zarr.experimental",
    "zarr.metadata.migrate_v3",
    "zarr.registry",
    "zarr.storage",
    "zarr.testing",
    "zarr.testing.buffer",
    "zarr.testing.codec",
    "zarr.testing.faults",
    "zarr.testing.stateful",
    "zarr.testing.store",
    "zarr.testing.strategies",
    "zarr.testing.strict",
    "zarr.testing.utils",
    "zarr.types",
]


def entries() -> set[str]:
    """The names in the inventory that other sites use to link to this one."""
    inventory = (Path(SITE or "") / "objects.inv").read_bytes()
    body = zlib.decompress(inventory[inventory.index(b"zlib.\n") + len(b"zlib.\n") :])
    return {line.split()[0] for line in body.decode().splitlines()}


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_of_a_module_is_in_the_reference(name: str) -> None:
    module = importlib.import_module(name)
    public = {
        f"{name}.{member}"
        for member in module.__all__
        if not member.startswith("_") and not inspect.ismodule(getattr(module, member))
    }
    assert sorted(public - entries()) == []


def test_every_member_of_arrays_and_groups_is_in_the_reference() -> None:
    handles = tuple(f"zarr.{name}." for name in ("Array", "AsyncArray", "Group", "AsyncGroup"))
    members = {name for name in NAMES.read_text().split() if name.startswith(handles)}
    assert sorted(name for name in members - entries() if "._" not in name) == []


def test_every_public_module_is_in_the_reference() -> None:
    tops = {".".join(name.split(".")[:2]) for name in NAMES.read_text().split()} - {"zarr"}
    modules = {top for top in tops if importlib.util.find_spec(top) and top != "zarr.config"}
    # zarr.core has names of internals of zarr-python, for programs that use these.
    covered = {".".join(name.split(".")[:2]) for name in MODULES[1:]}
    assert sorted(modules - covered) == ["zarr.core"]
