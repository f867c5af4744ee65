"""References lead only to allowed places, if these are configured."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.storage import FsspecStore

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("fsspec")
VALUES = np.arange(4, dtype="i4")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bytes").write_bytes(b"----" + VALUES.tobytes())
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside" / "bytes")
    return tmp_path


def opened(url: str, **options: Any) -> Any:
    kept: dict[str, Any] = {}
    zarr.create_array(kept, shape=(4,), chunks=(4,), dtype="i4", compressors=None)
    document = kept["zarr.json"].to_bytes().decode()
    refs = {"zarr.json": document, "c/0": [url, 4, 16]}
    return zarr.open_array(
        "reference://", mode="r", storage_options={"fo": refs, "remote_protocol": "file", **options}
    )


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_without_the_setting_they_lead_anywhere(data: Path, scheme: str) -> None:
    assert opened(f"{scheme}{data}/outside/bytes")[:].tolist() == VALUES.tolist()


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize(
    "path", ["outside/bytes", "inside/../outside/bytes", "inside/link", "insidebytes"]
)
def test_outside_of_the_roots_they_are_refused(data: Path, scheme: str, path: str) -> None:
    with zarr.config.set({"storage.references.roots": [str(data / "inside")]}):
        assert opened(f"{scheme}{data}/inside/bytes")[:].tolist() == VALUES.tolist()
        array = opened(f"{scheme}{data}/{path}")
    # Also when the setting is another one, and in other processes.
    view = zarr.open_array(array.store.with_read_only(True), mode="r")
    for each in (array, view, pickle.loads(pickle.dumps(array))):
        with pytest.raises(PermissionError, match=r"c/0.*outside of what"):
            each[:]


@pytest.mark.parametrize("root", ["memory://bucket/directory", "memory://bucket/directory/"])
def test_urls_as_well(root: str) -> None:
    import fsspec

    fs = fsspec.filesystem("memory")
    for name in ("directory/x", "directoryx", "other/x"):
        fs.pipe_file(f"/bucket/{name}", b"----" + VALUES.tobytes())
    more = {"remote_protocol": "memory"}
    with zarr.config.set({"storage.references.roots": [root]}):
        inside = opened("memory://bucket/directory/x", **more)
        assert inside[:].tolist() == VALUES.tolist()
        for name in ("directoryx", "other/x", "directory/../other/x"):
            with pytest.raises(PermissionError, match="outside of what"):
                opened(f"memory://bucket/{name}", **more)[:]


def test_values_in_the_references_themselves_are_no_references() -> None:
    with zarr.config.set({"storage.references.roots": []}):
        store = FsspecStore.from_url("reference://", {"fo": {"zarr.json": "{}"}})
    from zarr._async.executors import sync
    from zarr.buffer.cpu import buffer_prototype

    value = sync(store.get("zarr.json", buffer_prototype))
    assert value is not None
    assert value.to_bytes() == b"{}"
