"""`ZipStore`: an archive that is right after every close, and after every crash."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import signal
import struct
import subprocess
import sys
import threading
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr._async.run import step
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import ZipStore
from zarr.storage.path import make_store

if TYPE_CHECKING:
    from pathlib import Path

BIG = os.urandom(200_000)


def listed(store: ZipStore, prefix: str = "") -> list[str]:
    async def collect() -> list[str]:
        return [key async for key in store.list_prefix(prefix)]

    return step(collect())


def put(store: ZipStore, key: str, value: bytes) -> None:
    store.set_sync(key, Buffer.from_bytes(value))


def content(path: Path | io.BytesIO) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        assert archive.testzip() is None
        return {name: archive.read(name) for name in names}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.zip"


def test_str_repr_equality_and_modes(path: Path) -> None:
    store = ZipStore(path, mode="w")
    assert repr(store) == f"ZipStore('zip://{path}')"
    assert store == ZipStore(str(path))
    assert not store.read_only
    assert ZipStore(path).read_only
    assert ZipStore(path, mode="w", read_only=True).read_only
    with pytest.raises(TypeError, match="expected a path or an open binary file"):
        ZipStore(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Invalid mode: q"):
        ZipStore(path, mode="q")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        step(ZipStore.open(path))
    with pytest.raises(FileNotFoundError):
        step(ZipStore.open(path.parent / "no" / "such.zip", mode="w"))
    with pytest.raises(IsADirectoryError):
        step(ZipStore.open(path.parent))


def test_one_entry_a_name_after_close_whatever_was_rewritten(path: Path) -> None:
    with ZipStore(path, mode="w") as store:
        for number in range(5):
            put(store, "zarr.json", b"%d" % number)
            put(store, "c/0", BIG + b"%d" % number)
        put(store, "c/1", BIG)
        put(store, "c/1", b"small now")
        put(store, "c/2", b"small")
        put(store, "c/2", BIG)
    assert content(path) == {
        "zarr.json": b"4",
        "c/0": BIG + b"4",
        "c/1": b"small now",
        "c/2": BIG,
    }
    assert path.stat().st_size < 2 * len(BIG) + 10_000


def test_a_deleted_value_is_gone(path: Path) -> None:
    with ZipStore(path, mode="w") as store:
        for key in ("a/b", "a/c", "ab", "z"):
            put(store, key, BIG)
        store.delete_sync("z")
        store.delete_sync("never there")
        step(store.delete_dir("a"))
        assert listed(store) == ["ab"]
    assert content(path) == {"ab": BIG}
    with ZipStore(path, mode="a") as store:
        store.delete_sync("ab")
        put(store, "new", b"v")
    assert content(path) == {"new": b"v"}
    with ZipStore(path, mode="a") as store:
        step(store.clear())
    assert content(path) == {}


def test_appending_to_an_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("old", BIG)
        archive.writestr("changed", b"before")
        archive.mkdir("directory")
    with ZipStore(path, mode="a") as store:
        assert store.get_sync("changed") == Buffer.from_bytes(b"before")
        put(store, "changed", b"after")
        put(store, "new", b"v")
        assert sorted(listed(store)) == ["changed", "new", "old"]
    assert content(path) == {"old": BIG, "changed": b"after", "new": b"v", "directory/": b""}


def test_opening_for_append_and_writing_nothing_leaves_the_file(path: Path) -> None:
    with ZipStore(path, mode="w") as store:
        put(store, "k", b"v")
    before = path.stat()
    with ZipStore(path, mode="a") as store:
        assert listed(store) == ["k"]
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_an_archive_without_entries_is_an_archive(path: Path) -> None:
    ZipStore(path, mode="w").close()  # never opened: nothing is written
    assert not path.exists()
    step(ZipStore.open(path, mode="w")).close()
    assert content(path) == {}


def test_mode_x_needs_a_new_file(path: Path) -> None:
    with ZipStore(path, mode="x") as store:
        put(store, "k", b"v")
    assert content(path) == {"k": b"v"}
    with pytest.raises(FileExistsError):
        step(ZipStore.open(path, mode="x"))


def test_the_old_file_stays_until_close(path: Path) -> None:
    with ZipStore(path, mode="w") as store:
        put(store, "k", b"old")
    store = ZipStore(path, mode="w")
    put(store, "k", BIG)
    assert content(path) == {"k": b"old"}
    assert ZipStore(path).get_sync("k") == Buffer.from_bytes(b"old")
    store.close()
    assert content(path) == {"k": BIG}
    assert os.listdir(path.parent) == [path.name]


def test_used_after_close_the_store_goes_on(path: Path) -> None:
    store = ZipStore(path, mode="w")
    put(store, "k", b"v")
    store.close()
    assert store.get_sync("k") == Buffer.from_bytes(b"v")
    put(store, "l", b"w")
    store.close()
    assert content(path) == {"k": b"v", "l": b"w"}


def test_an_archive_that_nobody_closes_is_written_all_the_same(path: Path) -> None:
    store = ZipStore(path, mode="w")
    put(store, "k", b"v")
    del store
    assert content(path) == {"k": b"v"}
    code = (
        "import sys; from zarr.storage import ZipStore; from zarr.buffer.cpu import Buffer\n"
        "keep = ZipStore(sys.argv[1], mode='a'); keep.set_sync('l', Buffer.from_bytes(b'w'))\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(path)], check=True)
    assert content(path) == {"k": b"v", "l": b"w"}


@pytest.mark.parametrize(
    "compression",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_parts_of_values(path: Path, compression: int) -> None:
    with ZipStore(path, mode="w", compression=compression) as store:
        put(store, "k", BIG)
        put(store, "empty", b"")
    assert zipfile.ZipFile(path).getinfo("k").compress_type == compression
    store = ZipStore(path)
    for request, expected in (
        (None, BIG),
        (RangeByteRequest(5, 17), BIG[5:17]),
        (RangeByteRequest(150_000, 150_010), BIG[150_000:150_010]),
        (RangeByteRequest(150_000, 900_000), BIG[150_000:]),
        (OffsetByteRequest(190_000), BIG[190_000:]),
        (SuffixByteRequest(7), BIG[-7:]),
        (RangeByteRequest(900_000, 900_001), b""),
    ):
        value = store.get_sync("k", byte_range=request)
        assert value is not None
        assert value.to_bytes() == expected
    assert store.get_sync("empty") == Buffer.from_bytes(b"")
    assert step(store.getsize("k")) == len(BIG)


def test_a_file_object_is_an_archive_too() -> None:
    file = io.BytesIO()
    with ZipStore(file, mode="w") as store:
        put(store, "k", BIG)
        put(store, "k", b"v")
    assert content(file) == {"k": b"v"}
    with ZipStore(file, mode="a") as store:
        put(store, "l", b"w")
    assert content(file) == {"k": b"v", "l": b"w"}
    assert ZipStore(file).get_sync("l") == Buffer.from_bytes(b"w")
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(ZipStore(file))


def test_names_that_escape_are_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../evil", "/abs", "a/../../evil", "good", "./x"):
            archive.writestr(name, b"v")
    store = ZipStore(path)
    assert listed(store) == ["good"]
    for name in ("../evil", "/abs", "a/../../evil", "./x"):
        with pytest.raises(ValueError, match="invalid key"):
            store.get_sync(name)
    with pytest.raises(ValueError, match="invalid key"):
        put(ZipStore(path, mode="a"), "../x", b"")


def test_of_entries_with_one_name_the_last_counts(path: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("k", b"first")
        archive.writestr("k", b"last")
    assert ZipStore(path).get_sync("k") == Buffer.from_bytes(b"last")
    assert listed(ZipStore(path)) == ["k"]
    with ZipStore(path, mode="a") as store:
        put(store, "other", b"v")
    assert content(path) == {"k": b"last", "other": b"v"}


class TestBadInput:
    def damaged(self, path: Path, change: dict[int, bytes], cut: int | None = None) -> ZipStore:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("k", BIG)
        data = bytearray(path.read_bytes())
        for place, new in change.items():
            data[place : place + len(new)] = new
        path.write_bytes(data[:cut])
        return ZipStore(path)

    def directory(self, path: Path) -> int:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("k", BIG)
        with zipfile.ZipFile(path) as archive:
            return archive.start_dir

    def test_flipped_bits(self, path: Path) -> None:
        store = self.damaged(path, {1000: b"\0\0\0\0"})
        with pytest.raises(zipfile.BadZipFile, match=r"'k' cannot be read: its checksum"):
            store.get_sync("k")

    def test_a_cut_file(self, path: Path) -> None:
        store = self.damaged(path, {}, cut=5000)
        with pytest.raises(zipfile.BadZipFile):
            store.get_sync("k")

    @pytest.mark.parametrize("size", [0xFFFFFFF0, 0x7FFFFFFF, len(BIG) + 500])
    def test_an_announced_size_is_no_allocation(self, path: Path, size: int) -> None:
        start = self.directory(path)
        announced = struct.pack("<II", size, size)
        store = self.damaged(path, {start + 20: announced, 18: announced})
        with pytest.raises(zipfile.BadZipFile, match="the file ends before"):
            store.get_sync("k")
        with pytest.raises(zipfile.BadZipFile):
            store.get_sync("k", byte_range=SuffixByteRequest(10))

    def test_an_entry_that_is_not_where_the_directory_says(self, path: Path) -> None:
        start = self.directory(path)
        store = self.damaged(path, {start + 42: struct.pack("<I", 77)})
        with pytest.raises(zipfile.BadZipFile):
            store.get_sync("k")

    def test_a_value_that_inflates_to_more_than_announced(self, path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("k", bytes(100_000_000))
        with zipfile.ZipFile(path) as archive:
            start = archive.start_dir
        data = bytearray(path.read_bytes())
        data[start + 24 : start + 28] = struct.pack("<I", 1000)
        path.write_bytes(data)
        with pytest.raises(zipfile.BadZipFile, match="1000 bytes were announced"):
            ZipStore(path).get_sync("k")

    def test_any_damage_is_an_error_and_nothing_else(self, path: Path) -> None:
        with ZipStore(path, mode="w", compression=zipfile.ZIP_DEFLATED) as store:
            put(store, "a/zarr.json", b"{}" * 50)
            put(store, "a/c/0", bytes(range(256)) * 2)
        good = path.read_bytes()
        rng = random.Random(0)
        for _ in range(500):
            bad = bytearray(good)
            for _ in range(rng.randint(1, 4)):
                bad[rng.randrange(len(bad))] = rng.randrange(256)
            path.write_bytes(bad[: rng.choice([len(bad), rng.randrange(len(bad))])])
            store = ZipStore(path)
            try:
                for key in ("a/zarr.json", "a/c/0"):
                    value = store.get_sync(key)
                    assert value is None or len(value) in (100, 512)
            except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError):
                pass


def test_threads_read_and_write_at_once(path: Path) -> None:
    store = ZipStore(path, mode="w")
    errors: list[BaseException] = []

    def work(thread: int) -> None:
        rng = random.Random(thread)
        try:
            for number in range(60):
                key = f"{thread}/{number % 7}"
                value = bytes([thread]) * rng.choice([10, 1000, 100_000])
                put(store, key, value)
                found = store.get_sync(key)
                assert found is not None
                assert found.to_bytes() == value
                other = store.get_sync(f"{(thread + 1) % 8}/{number % 7}")
                assert other is None or set(other.to_bytes()) == {(thread + 1) % 8}
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    store.close()
    assert sorted(content(path)) == sorted(f"{t}/{n}" for t in range(8) for n in range(7))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_reads_and_does_no_harm(path: Path) -> None:
    store = ZipStore(path, mode="w")
    put(store, "big", BIG)
    put(store, "small", b"v")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            assert store.get_sync("big") == Buffer.from_bytes(BIG)
            assert store.get_sync("small") == Buffer.from_bytes(b"v")
            with pytest.raises(RuntimeError, match="opened for writing by process"):
                put(store, "child", b"v")
            store.close()
            del store
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    put(store, "after", BIG)
    store.close()
    assert content(path) == {"big": BIG, "small": b"v", "after": BIG}


def test_views_and_pickled_copies_see_what_is_not_yet_in_the_file(path: Path) -> None:
    store = ZipStore(path, mode="w")
    put(store, "k", b"v")
    view, copy = store.with_read_only(True), pickle.loads(pickle.dumps(store))
    assert view.get_sync("k") == copy.get_sync("k") == Buffer.from_bytes(b"v")
    with pytest.raises(ValueError, match="read-only"):
        put(view, "k", b"w")
    put(copy, "k", b"w")
    view.close()
    copy.close()
    assert store.get_sync("k") == Buffer.from_bytes(b"w")
    store.close()
    assert view.get_sync("k") == Buffer.from_bytes(b"w")
    put(copy, "l", b"x")
    copy.close()
    view.close()
    assert content(path) == {"k": b"w", "l": b"x"}


def test_a_copy_of_a_store_does_not_begin_the_archive_anew(path: Path) -> None:
    store = ZipStore(path, mode="w")
    copy = pickle.loads(pickle.dumps(store))
    put(store, "k", b"v")
    store.close()
    put(copy, "l", b"w")
    copy.close()
    assert content(path) == {"k": b"v", "l": b"w"}


def test_a_store_that_is_written_is_not_unpickled_elsewhere(path: Path) -> None:
    store = ZipStore(path, mode="w")
    put(store, "k", b"v")
    code = f"import pickle; pickle.loads({pickle.dumps(store)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "close the store there" in done.stderr
    store.close()
    code = (
        f"import pickle; store = pickle.loads({pickle.dumps(ZipStore(path))!r});"
        "print(store.get_sync('k').to_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "b'v'"


def test_move(path: Path) -> None:
    store = ZipStore(path, mode="w")
    put(store, "k", b"v")
    step(store.move(path.parent / "sub" / "moved.zip"))
    assert store.path == path.parent / "sub" / "moved.zip"
    assert not path.exists()
    put(store, "l", b"w")
    store.close()
    assert content(path.parent / "sub" / "moved.zip") == {"k": b"v", "l": b"w"}


def test_the_path_of_a_zip_file_is_enough_to_open_it(path: Path) -> None:
    with ZipStore(path, mode="w") as store:
        put(store, "k", b"v")
    for mode in (None, "r", "r+", "a"):
        found = step(make_store(str(path), mode=mode))  # type: ignore[arg-type]
        assert isinstance(found, ZipStore)
        assert found.read_only == (mode == "r")
        assert found.get_sync("k", prototype=buffer_prototype) == Buffer.from_bytes(b"v")


KILLED = """
import os, sys
from zarr.storage import ZipStore
from zarr.buffer.cpu import Buffer
number = 0
while True:
    store = ZipStore(sys.argv[1], mode="a")
    number += 1
    for key in range(20):
        store.set_sync(f"c/{key}", Buffer.from_bytes(b"%d" % number * 40_000))
    store.close()
    print(number, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_writer_that_is_killed_leaves_the_old_archive_or_the_new(path: Path) -> None:
    rng = random.Random(0)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(rng.random() * 0.1)
        process.kill()
        process.communicate()
        values = content(path)
        assert sorted(values) == sorted(f"c/{key}" for key in range(20))
        assert len(set(values.values())) == 1


COMMENT = b'{"ome": {"version": "0.5"}}'


class Commented(ZipStore):
    """As packages do that write RFC-9 archives."""

    def close(self) -> None:
        if self._is_open and not self.read_only:
            self._zf.comment = COMMENT
        super().close()


def comment_of(path: Any) -> bytes:
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        assert len(set(file.namelist())) == len(file.namelist())
        return file.comment


@pytest.mark.parametrize("mode", ["w", "a", "x"])
def test_the_comment_of_an_archive_is_written_and_kept(mode: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.ozx"
    store = Commented(path, mode=mode)
    zarr.open_group(store, mode="a").create_array("x", data=np.arange(5))
    store.close()
    assert comment_of(path) == COMMENT
    # Added to, rewritten, and emptied: by three ways the file is made anew.
    for change in (
        lambda root: root.attrs.update(a=1),
        lambda root: root["x"].__setitem__(slice(0, 2), 7),
        lambda root: root.__delitem__("x"),
    ):
        with ZipStore(path, mode="a") as store:
            change(zarr.open_group(store, mode="a"))
        assert comment_of(path) == COMMENT
    with ZipStore(path, mode="a") as store:
        step(store.clear())
    assert comment_of(path) == COMMENT
    with ZipStore(path, mode="w") as store:
        zarr.create_group(store)
    assert comment_of(path) == b""


def test_only_a_comment_is_a_change_and_looking_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    zarr.save(path, np.arange(5))
    before = path.read_bytes()
    with ZipStore(path, mode="a") as store:
        assert sorted(store._zf.namelist()) == ["c/0", "zarr.json"]
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.zip"]
    with ZipStore(path, mode="a") as store:
        store._zf.comment = b"new"
    assert comment_of(path) == b"new"
    np.testing.assert_array_equal(zarr.open_array(path, mode="r")[:], np.arange(5))
    with ZipStore(path, mode="r") as store:
        assert store._zf.comment == b"new"
        assert store._zf.filename == str(path)
        assert json.loads(store._zf.read("zarr.json"))["shape"] == [5]


def test_entries_that_others_write_are_there(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with ZipStore(path, mode="w") as store:
        root = zarr.open_group(store, mode="a")
        root.attrs["a"] = 1
        store._zf.writestr("note.txt", b"one")
        assert store.get_sync("note.txt").to_bytes() == b"one"
        root.attrs["a"] = 2
        store.delete_sync("note.txt")
        store._zf.writestr("note.txt", b"two")
        store._zf.writestr("gone.txt", b"one")
        store.delete_sync("gone.txt")
        assert sorted(store._zf.namelist()) == ["note.txt", "zarr.json"]
    with zipfile.ZipFile(path) as file:
        assert sorted(file.namelist()) == ["note.txt", "zarr.json"]
        assert file.read("note.txt") == b"two"
    assert zarr.open_group(path, mode="r").attrs["a"] == 2


def test_a_file_that_cannot_be_replaced_stays_and_the_new_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on Windows, while another program has the file open.
    path = tmp_path / "a.zip"
    zarr.save(path, a=np.arange(3))
    store = ZipStore(path, mode="a")
    zarr.open_group(store)["a"][...] = 7  # type: ignore[index]

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse)
        with pytest.raises(PermissionError, match="the new one is") as caught:
            store.close()
    (kept,) = (each for each in tmp_path.iterdir() if each != path)
    assert str(kept) in str(caught.value)
    np.testing.assert_array_equal(zarr.load(path)["a"], [0, 1, 2])
    with ZipStore(kept, mode="r") as new:
        np.testing.assert_array_equal(zarr.open_group(new, mode="r")["a"][...], [7, 7, 7])
