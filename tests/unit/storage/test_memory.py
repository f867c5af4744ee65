"""`MemoryStore` and `ManagedMemoryStore`."""

from __future__ import annotations

import gc
import pickle
import shelve
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from zarr import _core
from zarr._async.run import step
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import GpuMemoryStore, ManagedMemoryStore, MemoryStore
from zarr.testing.utils import has_cupy

if TYPE_CHECKING:
    from pathlib import Path


def listed(store: MemoryStore, prefix: str = "") -> list[str]:
    async def collect() -> list[str]:
        return [key async for key in store.list_prefix(prefix)]

    return step(collect())


class TestMemoryStore:
    def test_str_repr_and_equality(self) -> None:
        data: dict[str, Buffer] = {}
        store = MemoryStore(data)  # type: ignore[arg-type]
        assert str(store) == f"memory://{id(data)}"
        assert repr(store) == f"MemoryStore('{store}')"
        assert store == MemoryStore(data)  # type: ignore[arg-type]
        assert store == MemoryStore()
        assert store != MemoryStore(read_only=True)
        assert store != MemoryStore({"k": Buffer.from_bytes(b"v")})

    def test_the_given_dict_is_used(self) -> None:
        data = {"k": Buffer.from_bytes(b"v")}
        store = MemoryStore(data)  # type: ignore[arg-type]
        store.set_sync("l", Buffer.from_bytes(b"w"))
        assert data["l"] == Buffer.from_bytes(b"w")
        assert store._store_dict is data
        assert isinstance(store.traits.native_handle, _core.Mapping)

    def test_bytes_in_a_dict_are_read(self) -> None:
        store = MemoryStore({"k": b"v"})  # type: ignore[dict-item]
        assert store.get_sync("k") == Buffer.from_bytes(b"v")
        assert step(store.getsize("k")) == 1

    def test_a_database_holds_bytes(self, tmp_path: Path) -> None:
        with shelve.open(str(tmp_path / "db")) as database:
            store = MemoryStore(database)
            store.set_sync("a/b", Buffer.from_bytes(b"value"))
            assert type(database["a/b"]) is bytes
            assert store.get_sync("a/b") == Buffer.from_bytes(b"value")
            assert listed(store) == ["a/b"]
            assert store.traits.native_handle is None

    def test_a_value_that_is_no_mapping_is_refused(self) -> None:
        with pytest.raises(TypeError, match="MutableMapping"):
            MemoryStore([1])  # type: ignore[arg-type]

    def test_a_part_of_a_value_is_replaced(self) -> None:
        store = MemoryStore()
        store.set_sync("k", Buffer.from_bytes(b"hello"))
        step(store.set("k", Buffer.from_bytes(b"HE"), byte_range=(0, 2)))
        assert store.get_sync("k") == Buffer.from_bytes(b"HEllo")

    def test_clear_of_a_read_only_store_is_refused(self) -> None:
        data = {"k": Buffer.from_bytes(b"v")}
        with pytest.raises(ValueError, match="read-only"):
            step(MemoryStore(data, read_only=True).clear())  # type: ignore[arg-type]
        assert data

    def test_a_prefix_is_a_prefix_of_keys(self) -> None:
        store = MemoryStore({k: Buffer.from_bytes(b"") for k in ("a/b", "ab/c", "b")})
        assert listed(store, "a") == ["a/b", "ab/c"]
        assert listed(store, "a/") == ["a/b"]


class TestManagedMemoryStore:
    def test_stores_of_one_name_share_their_values(self) -> None:
        one, other = ManagedMemoryStore("shared"), ManagedMemoryStore("shared")
        one.set_sync("k", Buffer.from_bytes(b"v"))
        assert other.get_sync("k") == Buffer.from_bytes(b"v")
        assert one == other
        assert repr(one) == "ManagedMemoryStore('memory://shared')"
        assert one != ManagedMemoryStore("shared", path="a")
        assert one != ManagedMemoryStore("shared", read_only=True)

    def test_names_are_new_by_default(self) -> None:
        assert ManagedMemoryStore().name != ManagedMemoryStore().name

    def test_values_go_with_the_last_store(self) -> None:
        store = ManagedMemoryStore("going")
        store.set_sync("k", Buffer.from_bytes(b"v"))
        view = ManagedMemoryStore.from_url("memory://going/directory")
        del store
        gc.collect()
        assert ManagedMemoryStore.from_url("memory://going").get_sync("k") is not None
        del view
        gc.collect()
        with pytest.raises(ValueError, match="may have been garbage collected"):
            ManagedMemoryStore.from_url("memory://going")

    def test_a_path_is_a_directory(self) -> None:
        whole, part = ManagedMemoryStore("tree"), ManagedMemoryStore("tree", path="/a//b/")
        assert str(part) == "memory://tree/a/b"
        part.set_sync("c/0", Buffer.from_bytes(b"v"))
        whole.set_sync("z", Buffer.from_bytes(b"v"))
        assert listed(whole) == ["a/b/c/0", "z"]
        assert listed(part) == ["c/0"]
        assert step(part.exists("c/0"))
        step(part.clear())
        assert listed(whole) == ["z"]
        assert part.traits.native_handle is None
        assert isinstance(whole.traits.native_handle, _core.Mapping)

    @pytest.mark.parametrize("url", ["memory://", "memory://nobody", "memory:///x"])
    def test_a_url_of_no_living_store_is_an_error(self, url: str) -> None:
        with pytest.raises(ValueError, match="not found"):
            ManagedMemoryStore.from_url(url)

    def test_names_and_urls_that_cannot_be(self) -> None:
        with pytest.raises(ValueError, match="cannot contain '/'"):
            ManagedMemoryStore("a/b")
        with pytest.raises(ValueError, match="got scheme 's3'"):
            ManagedMemoryStore.from_url("s3://bucket")
        with pytest.raises(ValueError, match=r"'\.' or '\.\.' segments"):
            ManagedMemoryStore("x", path="../y")

    def test_another_process_does_not_get_an_empty_store_in_its_place(self) -> None:
        store = ManagedMemoryStore("here")
        copy = pickle.dumps(store)
        assert pickle.loads(copy)._store_dict is store._store_dict
        code = f"import pickle; pickle.loads({copy!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "was created in process" in done.stderr


def test_a_gpu_store_without_cupy_says_what_to_install() -> None:
    try:
        import cupy  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="CuPy"):
            GpuMemoryStore.from_dict({"k": Buffer.from_bytes(b"v")})
    store = GpuMemoryStore({})
    assert str(store).startswith("gpumemory://")
    assert store.traits.native_handle is None


@pytest.mark.skipif(not has_cupy(), reason="needs CuPy and a GPU")
def test_a_gpu_store_keeps_values_in_its_memory() -> None:
    from zarr.buffer import gpu

    store = GpuMemoryStore()
    store.set_sync("k", Buffer.from_bytes(b"v"))
    assert isinstance(store._store_dict["k"], gpu.Buffer)
    assert store.get_sync("k", prototype=buffer_prototype) == Buffer.from_bytes(b"v")
