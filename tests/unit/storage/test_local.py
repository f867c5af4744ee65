"""`LocalStore`: files below a directory."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import zarr
from zarr import _core
from zarr._async.executors import sync
from zarr._async.run import step
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import LocalStore


def listed(store: LocalStore, prefix: str = "") -> list[str]:
    async def collect() -> list[str]:
        return sorted([key async for key in store.list_prefix(prefix)])

    return step(collect())


def names(store: LocalStore, prefix: str = "") -> list[str]:
    async def collect() -> list[str]:
        return sorted([key async for key in store.list_dir(prefix)])

    return step(collect())


def test_str_repr_and_equality(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert str(store) == f"file://{tmp_path}"
    assert repr(store) == f"LocalStore('file://{tmp_path}')"
    assert store == LocalStore(str(tmp_path), read_only=True)
    assert store != LocalStore(tmp_path / "other")
    assert repr(LocalStore("a")) == "LocalStore('file://a')"
    assert LocalStore("~/a").root == Path("~/a")


@pytest.mark.parametrize("root", [5, None, b"a"])
def test_a_root_that_is_no_path_is_refused(root: object) -> None:
    with pytest.raises(TypeError, match="'root' must be a string or Path instance"):
        LocalStore(root)  # type: ignore[arg-type]


def test_the_directory_is_made_when_the_store_is_opened_and_not_before(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"
    store = LocalStore(root)
    assert not root.exists()
    assert step(store.get("k", buffer_prototype)) is None
    assert root.is_dir()


@pytest.mark.parametrize("mode", ["r", "r+", "a", "w", "w-"])
def test_modes_of_open(tmp_path: Path, mode: str) -> None:
    (tmp_path / "k").write_bytes(b"v")
    store = step(LocalStore.open(tmp_path, mode=mode))  # type: ignore[arg-type]
    assert not store.read_only
    assert (tmp_path / "k").exists()
    missing = tmp_path / "missing"
    if mode in ("r", "r+"):
        with pytest.raises(FileNotFoundError, match="missing does not exist"):
            step(LocalStore.open(missing, mode=mode))  # type: ignore[arg-type]
    else:
        step(LocalStore.open(missing, mode=mode))  # type: ignore[arg-type]
    assert missing.exists() == (mode not in ("r", "r+"))


def test_an_unknown_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Invalid mode: q"):
        step(LocalStore.open(tmp_path, mode="q"))  # type: ignore[arg-type]


def test_opening_a_missing_directory_read_only_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        step(LocalStore.open(tmp_path / "missing", read_only=True))
    with pytest.raises(FileNotFoundError):
        LocalStore(tmp_path / "missing", read_only=True).get_sync("k")


def test_the_store_stays_where_it_is_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore("data")
    store.set_sync("k", Buffer.from_bytes(b"v"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.get_sync("k") == Buffer.from_bytes(b"v")
    assert store.root == Path("data")
    assert pickle.loads(pickle.dumps(store)) == store


def test_files_of_others_are_not_listed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.set_sync("a/zarr.json", Buffer.from_bytes(b"{}"))
    (tmp_path / "a" / "._zarr.json").write_bytes(b"macOS")
    (tmp_path / "._a").mkdir()
    (tmp_path / "._a" / "k").write_bytes(b"macOS")
    (tmp_path / "a" / f"{_core.TEMP_PREFIX}x").write_bytes(b"left by a crash")
    assert listed(store) == ["a/zarr.json"]
    assert names(store) == ["a"]
    assert names(store, "a") == ["zarr.json"]
    assert step(store.getsize_prefix("")) == 2


def test_listing_many_keys(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    keys = sorted(f"c/{i}/{j}" for i in range(50) for j in range(50))
    for key in keys:
        store.set_sync(key, Buffer.from_bytes(b""))
    assert listed(store, "c") == keys

    async def collect() -> list[str]:
        return sorted([key async for key in store.list()])

    assert sync(collect()) == keys


def test_listing_does_not_leave_the_root(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "root")
    (tmp_path / "outside").write_bytes(b"")
    store.set_sync("k", Buffer.from_bytes(b""))
    assert names(store, "/") == ["k"]
    for prefix in ("..", "a/../..", "."):
        with pytest.raises(ValueError, match="invalid key"):
            names(store, prefix)
        with pytest.raises(ValueError, match="invalid key"):
            listed(store, prefix)
        with pytest.raises(ValueError, match="invalid key"):
            step(store.delete_dir(prefix))


def test_deleting_a_directory_by_its_name_as_a_key_does_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.set_sync("a/b", Buffer.from_bytes(b"v"))
    store.delete_sync("a")
    assert listed(store) == ["a/b"]


def test_delete_dir_of_a_value_is_refused(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.set_sync("a", Buffer.from_bytes(b"v"))
    with pytest.raises(ValueError, match="prefix='a' that is a file"):
        step(store.delete_dir("a"))
    step(store.delete_dir("missing"))


def test_move(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "a")
    store.set_sync("k", Buffer.from_bytes(b"v"))
    (tmp_path / "there").mkdir()
    with pytest.raises(FileExistsError, match="already exists"):
        step(store.move(tmp_path / "there"))
    step(store.move(tmp_path / "b" / "c"))
    assert store.root == tmp_path / "b" / "c"
    assert store.get_sync("k") == Buffer.from_bytes(b"v")
    assert not (tmp_path / "a").exists()
    with pytest.raises(ValueError, match="read-only"):
        step(store.with_read_only(True).move(tmp_path / "d"))


def test_two_ways_to_one_directory_are_the_same_data(tmp_path: Path) -> None:
    os.symlink(tmp_path, tmp_path / "link")
    assert LocalStore(tmp_path).data_id == LocalStore(tmp_path / "link").data_id


def test_the_engine_reads_the_files_itself_unless_a_subclass_reads(tmp_path: Path) -> None:
    class Other(LocalStore):
        async def get(self, *args: object, **kwargs: object) -> None:  # type: ignore[override]
            return None

    class Named(LocalStore):
        def __str__(self) -> str:
            return "named"

    assert isinstance(LocalStore(tmp_path).traits.native_handle, _core.Files)
    assert isinstance(Named(tmp_path).traits.native_handle, _core.Files)
    assert Other(tmp_path).traits.native_handle is None
    assert Other(tmp_path).traits.needs_event_loop
    assert not Named(tmp_path).traits.needs_event_loop


def test_a_writer_that_is_killed_leaves_the_old_value_or_the_new(tmp_path: Path) -> None:
    code = (
        "import sys; from zarr.storage import LocalStore; from zarr.buffer.cpu import Buffer\n"
        "store = LocalStore(sys.argv[1]); print(flush=True)\n"
        "while True:\n"
        "    for byte in (b'a', b'b'): store.set_sync('k', Buffer.from_bytes(byte * 1_000_000))\n"
    )
    store = LocalStore(tmp_path)
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(20):
            value = store.get_sync("k")
            assert value is None or value.to_bytes() in (b"a" * 1_000_000, b"b" * 1_000_000)
        process.kill()
        process.communicate()
        value = store.get_sync("k")
        assert value is None or value.to_bytes() in (b"a" * 1_000_000, b"b" * 1_000_000)
    assert listed(store) in ([], ["k"])


def test_links_out_of_the_directory_are_refused_where_asked(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (outside / "c").mkdir(parents=True)
    (outside / "secret").write_bytes(b"secret")
    (root / "a").mkdir(parents=True)
    (root / "a" / "k").write_bytes(b"v")
    (root / "file").symlink_to(outside / "secret")
    (root / "directory").symlink_to(outside)
    (root / "inner").symlink_to(root / "a")
    with zarr.config.set({"storage.local.follow_links": False}):
        strict = LocalStore(root)
    copies = [strict, pickle.loads(pickle.dumps(strict)), strict.with_read_only(False)]
    assert LocalStore(root).get_sync("file") == Buffer.from_bytes(b"secret")
    for store in copies:
        for key in ("file", "directory/secret", "directory/new"):
            for call in (
                lambda key=key: store.get_sync(key),  # noqa: B023
                lambda key=key: store.set_sync(key, Buffer.from_bytes(b"x")),  # noqa: B023
                lambda key=key: store.delete_sync(key),  # noqa: B023
                lambda key=key: sync(store.exists(key)),  # noqa: B023
                lambda key=key: sync(store.getsize(key)),  # noqa: B023
                lambda key=key: sync(
                    store.set_if_not_exists(key, Buffer.from_bytes(b"x"))  # noqa: B023
                ),
            ):
                with pytest.raises(PermissionError, match="leads out of"):
                    call()
        with pytest.raises(PermissionError, match="leads out of"):
            sync(store.delete_dir("directory/c"))
        assert store.get_sync("inner/k") == Buffer.from_bytes(b"v")

        async def listed(store: LocalStore = store) -> tuple[set[str], set[str]]:
            return {k async for k in store.list()}, {k async for k in store.list_dir("")}

        assert sync(listed()) == ({"a/k", "inner/k"}, {"a", "inner"})
    assert strict.traits.native_handle is None
    assert sorted(os.listdir(outside)) == ["c", "secret"]
    assert (outside / "secret").read_bytes() == b"secret"


def test_a_relative_root_travels_as_it_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = LocalStore("data")
    store.set_sync("k", Buffer.from_bytes(b"v"))
    sent = pickle.dumps(store)
    monkeypatch.chdir(tmp_path / "elsewhere")
    copy = pickle.loads(sent)
    assert copy == store
    for one in (copy, store.with_read_only(True), copy.with_read_only(True)):
        assert one.get_sync("k") == Buffer.from_bytes(b"v")
    assert os.listdir(".") == []


def test_files_of_macos_are_not_listed_and_nobody_is_warned(tmp_path: Path) -> None:
    a = zarr.create_group(tmp_path).create_array("a", shape=(4,), chunks=(2,), dtype="i4")
    a[:] = 1
    for place in (tmp_path, tmp_path / "a", tmp_path / "a" / "c"):
        for name in (".DS_Store", "._zarr.json", "._0"):
            (place / name).write_bytes(b"\0\5\26\7")
    group = zarr.open_group(tmp_path, mode="r")
    assert list(group.members()) == [("a", group["a"])]
    assert group["a"].nchunks_initialized == 2


def test_a_key_that_is_too_long_is_named(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with pytest.raises(OSError, match="xxx"):
        store.set_sync("x" * 300, Buffer.from_bytes(b"v"))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_forbidden_file_is_no_missing_one(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.set_sync("k", Buffer.from_bytes(b"v"))
    (tmp_path / "k").chmod(0)
    with pytest.raises(PermissionError, match="k"):
        store.get_sync("k")


def test_a_full_disk_is_said_and_the_old_value_stays(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting takes root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        store = LocalStore(tmp_path)
        store.set_sync("k", Buffer.from_bytes(b"old"))
        with pytest.raises(OSError, match="No space left") as error:
            store.set_sync("k", Buffer.from_bytes(bytes(4 << 20)))
        assert error.value.errno == errno.ENOSPC
        assert store.get_sync("k") == Buffer.from_bytes(b"old")
        assert os.listdir(tmp_path) == ["k"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_root_that_vanished_is_empty_and_made_anew(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "root")
    store.set_sync("a/k", Buffer.from_bytes(b"v"))
    shutil.rmtree(tmp_path / "root")
    assert store.get_sync("a/k") is None
    assert sync(store.is_empty(""))
    store.set_sync("a/k", Buffer.from_bytes(b"w"))
    assert store.get_sync("a/k") == Buffer.from_bytes(b"w")
