"""A pipe, socket or directory in the place of a file is an error: not waited for, not absent."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools
from zarr.core.sync import sync
from zarr.storage import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


KINDS: dict[str, Callable[[Path], Any]] = {
    "directory": os.mkdir,
    "pipe": os.mkfifo,
    "socket": _socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "link to nowhere": lambda path: path.symlink_to("not/there"),
}


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Any:
    return KINDS[request.param]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_in_the_place_of_a_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, zarr_format: Any
) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    array = zarr.create_array(
        "a", shape=(4,), chunks=(2,), dtype="u1", compressors=None, zarr_format=zarr_format
    )
    array[:2] = 7
    key = "c/1" if zarr_format == 3 else "1"
    make(tmp_path / "a" / key if zarr_format == 2 else tmp_path / "a" / "c" / "1")
    store = LocalStore("a")
    refusals: list[Callable[[], Any]] = [
        lambda: array[:],
        lambda: array[3],
        lambda: array.__setitem__(3, 1),
    ]
    if make is os.mkdir:
        assert store.get_sync(key) is None  # for a store, a prefix of other keys is no key
    else:
        refusals += [lambda: store.get_sync(key), lambda: sync(store.getsize(key))]
    for refused in refusals:
        with pytest.raises(OSError, match=f"(directory|in the place of the file).*{key}"):
            refused()
    np.testing.assert_array_equal(array[:2], 7)


@pytest.mark.parametrize("name", ["zarr.json", ".zarray", ".zattrs"])
def test_in_the_place_of_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    zarr_format: Any = 3 if name == "zarr.json" else 2
    zarr.create_array("a", shape=(4,), dtype="u1", zarr_format=zarr_format)
    (tmp_path / "a" / name).unlink(missing_ok=True)
    make(tmp_path / "a" / name)
    if make is os.mkdir:
        if name != ".zattrs":
            with pytest.raises(FileNotFoundError):
                zarr.open_array("a", mode="r")
        return
    with pytest.raises(OSError, match=rf"in the place of the file.*{name}"):
        zarr.open_array("a", mode="r")


@pytest.mark.filterwarnings("ignore:Object at")  # it is no member of the group
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_anywhere_in_a_hierarchy_it_is_told_and_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, zarr_format: Any
) -> None:
    if make is os.mkdir:
        return  # a directory is where keys are
    monkeypatch.chdir(tmp_path)
    data = np.arange(4, dtype="u1")
    root = zarr.create_group("g", zarr_format=zarr_format)
    array = root.create_array("a", data=data, chunks=(2,), compressors=None)
    chunk = "a/c/1" if zarr_format == 3 else "a/1"
    os.unlink(f"g/{chunk}")
    places = ("odd", "a/odd", chunk)
    for place in places:
        make(tmp_path / "g" / place)
    for look in (tools.ls, tools.tree, tools.du, tools.info, tools.find):
        assert "a" in str(look("g"))
    assert tools.ls("g", sizes=True).nodes[0].stored
    tools.info("g", "a")
    tools.report("g")
    for level in ("presence", "full"):
        report = tools.verify("g", level=level)
        told = {each.key for each in report.findings if each.code == "no-file"}
        unread = {each.key for each in report.findings if each.code == "chunk-unreadable"}
        assert told == set(places[:2] if level == "full" else places)
        assert unread == set(places[2:] if level == "full" else ())
        assert report.counts.keys() <= {"no-file", "chunk-unreadable"}
        assert not report.ok
    done = tools.repair("g", apply=True, keep="kept", drop=True)
    assert not done.ok
    assert {each.key for each in done.left} == set(places)
    assert not tools.vacuum("g", apply=True, older=0).steps
    assert all(os.path.lexists(f"g/{place}") for place in places)
    # Nothing takes it for a chunk without a value: that would make up zeros.
    for refused in (
        lambda: array[:],
        lambda: tools.digest("g"),
        lambda: tools.digest("g", exact=True),
        lambda: tools.cp("g", "copy"),
    ):
        with pytest.raises(OSError, match="in the place of the file"):
            refused()


def test_a_link_that_leads_to_itself_is_told(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=np.arange(4), chunks=(2,))
    (tmp_path / "a" / "loop").symlink_to("loop")
    report = tools.verify(tmp_path / "a")
    assert [(each.code, each.key) for each in report.findings] == [("no-file", "loop")]
    assert "a symbolic link that leads nowhere" in str(report)
    assert tools.info(tmp_path / "a").present == 2


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a", shape=(4,), dtype="u1", compressors=None)
    array[:] = 7
    (tmp_path / "a" / "c" / "0").rename(tmp_path / "elsewhere")
    (tmp_path / "a" / "c" / "0").symlink_to(tmp_path / "elsewhere")
    np.testing.assert_array_equal(array[:], 7)
