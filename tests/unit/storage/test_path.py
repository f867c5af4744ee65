"""`StorePath`, and the conversion of paths, URLs and mappings to stores."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import fsspec
import obstore.store
import pytest

from zarr._async.executors import sync
from zarr._async.run import step
from zarr.buffer.cpu import Buffer
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.storage import (
    FsspecStore,
    LocalStore,
    ManagedMemoryStore,
    MemoryStore,
    ObjectStore,
    StorePath,
    WrapperStore,
)
from zarr.storage.keys import normalize_path, parse_store_url
from zarr.storage.path import (
    contains_array,
    contains_group,
    ensure_no_existing_node,
    make_store,
    make_store_path,
)


def buffer(text: str = "{}") -> Buffer:
    return Buffer.from_bytes(text.encode())


class TestStorePath:
    def test_str_repr_and_equality(self) -> None:
        store = LocalStore("data")
        assert str(StorePath(store, "a/b")) == "file://data/a/b"
        assert repr(StorePath(store, "a/b")) == "StorePath(LocalStore, 'file://data/a/b')"
        assert str(StorePath(store)) == "file://data"
        assert StorePath(store, "a") == StorePath(LocalStore("data"), "/a/")
        assert StorePath(store, "a") != StorePath(store, "b")
        assert StorePath(store, "a") != "a"

    @pytest.mark.parametrize("part", ["c", "/c/", b"c", Path("c")])
    def test_a_slash_goes_down(self, part: Any) -> None:
        assert (StorePath(MemoryStore(), "a//b") / part).path == "a/b/c"

    @pytest.mark.parametrize("part", ["..", "c/../..", ".", "./c"])
    def test_it_does_not_go_up(self, part: str) -> None:
        with pytest.raises(ValueError, match=r"'\.' or '\.\.' segments"):
            StorePath(MemoryStore(), "a") / part

    def test_values(self) -> None:
        path = StorePath(MemoryStore(), "a/k")
        assert step(path.get()) is None
        assert step(path.get_json()) is None
        step(path.set(buffer('{"x": [1]}')))
        step(path.set_if_not_exists(buffer("other")))
        assert step(path.get_json()) == {"x": [1]}
        assert path.get_sync() == buffer('{"x": [1]}')
        assert step(path.exists())
        assert not step(StorePath(path.store, "a").is_empty())
        path.set_sync(buffer("1"))
        path.delete_sync()
        assert not step(path.exists())
        step(path.set(buffer()))
        step(StorePath(path.store, "a").delete_dir())
        step(path.delete())
        assert step(StorePath(path.store).is_empty())

    def test_a_store_without_synchronous_methods_says_so(self) -> None:
        path = StorePath(FsspecStore.from_url("memory://x"), "k")
        for call in (path.get_sync, path.delete_sync, lambda: path.set_sync(buffer())):
            with pytest.raises(TypeError, match="FsspecStore does not support synchronous"):
                call()

    def test_modes(self) -> None:
        writable, read_only = MemoryStore(), MemoryStore(read_only=True)
        assert step(StorePath.open(writable, "")).store is writable
        assert step(StorePath.open(writable, "", "r")).read_only
        assert step(StorePath.open(read_only, "", "r")).store is read_only
        for mode in ("r+", "a", "w", "w-"):
            assert not step(StorePath.open(writable, "", mode)).read_only  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="read-only but mode is"):
                step(StorePath.open(read_only, "", mode))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="Invalid mode: q"):
            step(StorePath.open(writable, "", "q"))  # type: ignore[arg-type]
        writable.set_sync("a/k", buffer())
        with pytest.raises(FileExistsError, match="Cannot create 'a' with mode 'w-'"):
            step(StorePath.open(writable, "a", "w-"))
        assert step(StorePath.open(writable, "b", "w-")).path == "b"
        step(StorePath.open(writable, "a", "w"))
        assert writable.get_sync("a/k") == buffer()


class TestMakeStore:
    def made(self, store_like: Any, **kwargs: Any) -> Any:
        return sync(make_store(store_like, **kwargs))

    def test_nothing_and_mappings(self) -> None:
        assert isinstance(self.made(None), MemoryStore)
        data: dict[str, Buffer] = {}
        assert self.made(data)._store_dict is data
        assert self.made(data, mode="r").read_only
        other = collections.ChainMap(data)
        assert self.made(other)._store_dict is other

    def test_stores_and_their_paths_are_what_they_are(self) -> None:
        store = MemoryStore()
        assert self.made(store) is store
        assert self.made(StorePath(store, "a")) is store
        path = sync(make_store_path(StorePath(store, "a"), path="b"))
        assert path == StorePath(store, "a/b")
        assert sync(make_store_path(StorePath(store, "a"), mode="r")).read_only
        assert sync(make_store_path(store, mode="r")).read_only

    def test_paths(self, tmp_path: Path) -> None:
        for root in (str(tmp_path), tmp_path, f"file://{tmp_path}", f"file:{tmp_path}"):
            store = self.made(root)
            assert isinstance(store, LocalStore)
            assert store.root == tmp_path
        assert self.made(tmp_path, mode="r").read_only
        for mode in ("r", "r+"):
            with pytest.raises(FileNotFoundError, match="does not exist"):
                self.made(tmp_path / "missing", mode=mode)
        assert not (tmp_path / "missing").exists()
        assert sync(make_store_path(tmp_path, path="/a/")).path == "a"

    def test_a_relative_file_url_names_a_relative_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert self.made("file://a/b").root == Path("a/b")
        assert isinstance(self.made("C:\\x"), LocalStore)

    def test_urls(self) -> None:
        store = self.made("memory://nobody/has/this")
        assert isinstance(store, FsspecStore)
        assert store.path == "/nobody/has/this"
        managed = ManagedMemoryStore("somebody")
        found = self.made("memory://somebody/a", mode="r")
        assert isinstance(found, ManagedMemoryStore)
        assert found._store_dict is managed._store_dict
        assert found.path == "a"
        assert found.read_only
        with pytest.raises(ValueError, match="Protocol not known: nothing"):
            self.made("nothing://x")

    def test_objects_of_libraries(self, tmp_path: Path) -> None:
        from upath import UPath

        mapper = self.made(fsspec.get_mapper("memory://m"))
        assert isinstance(mapper, FsspecStore)
        assert mapper.path == "/m"
        assert isinstance(self.made(obstore.store.MemoryStore()), ObjectStore)
        assert self.made(UPath("memory://u")).path == "/u"
        assert isinstance(self.made(UPath(tmp_path)), LocalStore)

    @pytest.mark.parametrize("store_like", [5, [], b"a", object()])
    def test_a_value_that_means_no_store_is_refused(self, store_like: Any) -> None:
        with pytest.raises(TypeError, match="Unsupported type for store_like"):
            self.made(store_like)

    def test_options_that_nobody_would_use_are_refused(self, tmp_path: Path) -> None:
        for store_like in (None, {}, tmp_path, str(tmp_path), MemoryStore()):
            with pytest.raises(TypeError, match="'storage_options' was provided"):
                self.made(store_like, storage_options={})
        with pytest.raises(TypeError, match="'storage_options' was provided"):
            sync(make_store_path(StorePath(MemoryStore()), storage_options={}))

    def test_a_store_without_read_only_views_is_not_opened_read_only(self) -> None:
        class Plain(WrapperStore[MemoryStore]):
            def with_read_only(self, read_only: bool = False) -> Any:
                raise NotImplementedError

        with pytest.raises(ValueError, match="Unable to create a read-only copy"):
            sync(make_store_path(Plain(MemoryStore()), mode="r"))


class TestNodes:
    @pytest.mark.parametrize(
        ("key", "text", "zarr_format", "array", "group"),
        [
            ("zarr.json", '{"node_type": "array"}', 3, True, False),
            ("zarr.json", '{"node_type": "group"}', 3, False, True),
            ("zarr.json", '{"node_type": "other"}', 3, False, False),
            ("zarr.json", "[]", 3, False, False),
            ("zarr.json", "not JSON", 3, False, False),
            (".zarray", "{}", 3, False, False),
            (".zarray", "{}", 2, True, False),
            (".zgroup", "{}", 2, False, True),
            ("zarr.json", '{"node_type": "array"}', 2, False, False),
        ],
    )
    def test_arrays_and_groups_are_found(
        self, key: str, text: str, zarr_format: Any, array: bool, group: bool
    ) -> None:
        path = StorePath(MemoryStore({f"n/{key}": buffer(text)}), "n")
        assert step(contains_array(path, zarr_format)) == array
        assert step(contains_group(path, zarr_format)) == group
        step(ensure_no_existing_node(path / "other", zarr_format))
        for kind, present, error in (
            ("array", array, ContainsArrayError),
            ("group", group, ContainsGroupError),
        ):
            if present:
                with pytest.raises(error, match=r"exists in store .* at path 'n'"):
                    step(ensure_no_existing_node(path, zarr_format, kind))  # type: ignore[arg-type]
                with pytest.raises(error):
                    step(ensure_no_existing_node(path, zarr_format))
            else:
                step(ensure_no_existing_node(path, zarr_format, kind))  # type: ignore[arg-type]

    def test_a_format_that_is_none_is_refused(self) -> None:
        path = StorePath(MemoryStore())
        for ask in (contains_array, contains_group, ensure_no_existing_node):
            with pytest.raises(ValueError, match="Invalid zarr_format"):
                step(ask(path, 4))  # type: ignore[arg-type, operator]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (None, ""), ("", ""), ("/", ""), ("//", ""), ("a", "a"), ("/a/", "a"), ("a//b", "a/b"),
        ("a\\b", "a/b"), (b"a", "a"), (Path("a/b"), "a/b"), (" ", " "), ("~", "~"), ("...", "..."),
    ],
)  # fmt: skip
def test_paths_of_nodes_have_one_form(path: Any, expected: str) -> None:
    assert normalize_path(path) == expected


def test_a_value_that_is_no_path_is_refused() -> None:
    with pytest.raises(TypeError, match='invalid type for "path": int'):
        normalize_path(5)  # type: ignore[arg-type]
    for path in ("..", "a/..", "./a", "a/./b"):
        with pytest.raises(ValueError, match="invalid because"):
            normalize_path(path)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("s3://b/k/l", ("s3", "b", "k/l")),
        ("file:///x/y", ("file", None, "/x/y")),
        ("memory://n/p/q", ("memory", "n", "p/q")),
        ("memory://n//p", ("memory", "n", "p")),
        ("memory:///p", ("memory", None, "/p")),
        ("a/b", ("", None, "a/b")),
        ("HTTP://h:80/p?q=1", ("http", "h:80", "p")),
        ("file:x", ("file", None, "x")),
    ],
)
def test_urls_are_split(url: str, parts: tuple[Any, ...]) -> None:
    assert parse_store_url(url) == (*parts, url)


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_there_is_no_value_at_the_root_of_a_store(kind: str, tmp_path: Path) -> None:
    store: Any = MemoryStore() if kind == "memory" else LocalStore(tmp_path)
    root = StorePath(store)
    sync(store.set("zarr.json", Buffer.from_bytes(b"{}")))
    assert sync(root.get()) is None
    assert root.get_sync() is None
    assert sync(root.exists()) is False
    sync(root.delete())
    root.delete_sync()
    assert sync(store.exists("zarr.json"))
    with pytest.raises(ValueError, match="key"):
        sync(root.set(Buffer.from_bytes(b"{}")))
