"""A suite of tests that every store must pass.

Subclass `StoreTests`, name the class of the store, and say how one is made::

    class TestMyStore(StoreTests[MyStore, Buffer]):
        store_cls = MyStore
        buffer_cls = Buffer

        @pytest.fixture
        def store_kwargs(self, tmp_path): ...

        async def set(self, store, key, value): ...  # without the store's own methods

        async def get(self, store, key): ...

The asynchronous tests need a plugin of pytest that runs them, such as pytest-asyncio with
``asyncio_mode = auto``.
"""

from __future__ import annotations

import pickle
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import pytest

from zarr._async.executors import sync
from zarr.abc.store import (
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
    SupportsDeleteSync,
    SupportsGetSync,
    SupportsSetSync,
)
from zarr.buffer.core import Buffer, default_buffer_prototype
from zarr.testing.faults import LatencyStore
from zarr.testing.utils import assert_bytes_equal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zarr.abc.store import ByteRequest

__all__ = ["LatencyStore", "StoreTests"]

S = TypeVar("S", bound=Store)
B = TypeVar("B", bound=Buffer)

_READ_ONLY = "store was opened in read-only mode and does not support writing"
_KEYS = ["c/0", "foo/c/0.0", "foo/0/0"]
_FOUR = b"\x01\x02\x03\x04"
# A small hierarchy, and what is directly below some of its directories.
_TREE = ["zarr.json", "a/zarr.json", "a/b/zarr.json", "a/b/c/0", "a/b/c/1", "ab/zarr.json"]
_DIRECTORIES = {
    "": {"zarr.json", "a", "ab"},
    "a": {"zarr.json", "b"},
    "a/b": {"zarr.json", "c"},
    "a/b/c": {"0", "1"},
    "nothing": set[str](),
}


def _expected(data: bytes, byte_range: ByteRequest | None) -> bytes:
    match byte_range:
        case None:
            return data
        case RangeByteRequest(start, end):
            return data[start:end]
        case OffsetByteRequest(offset):
            return data[offset:]
        case SuffixByteRequest(suffix):
            return data[-suffix:] if suffix else b""


class StoreTests(Generic[S, B]):
    """Tests that a store must pass. Set `store_cls` and `buffer_cls` in a subclass."""

    store_cls: type[S]
    buffer_cls: type[B]

    @staticmethod
    def _require_get_sync(store: S) -> SupportsGetSync:
        if not isinstance(store, SupportsGetSync):
            pytest.skip("the store has no get_sync")
        return cast("SupportsGetSync", store)

    @staticmethod
    def _require_set_sync(store: S) -> SupportsSetSync:
        if not isinstance(store, SupportsSetSync):
            pytest.skip("the store has no set_sync")
        return cast("SupportsSetSync", store)

    @staticmethod
    def _require_delete_sync(store: S) -> SupportsDeleteSync:
        if not isinstance(store, SupportsDeleteSync):
            pytest.skip("the store has no delete_sync")
        return cast("SupportsDeleteSync", store)

    # -- what a subclass says ---------------------------------------------------------------

    @abstractmethod
    async def set(self, store: S, key: str, value: Buffer) -> None:
        """Store a value without the store's own methods."""

    @abstractmethod
    async def get(self, store: S, key: str) -> Buffer:
        """Return a stored value without the store's own methods."""

    @abstractmethod
    @pytest.fixture
    def store_kwargs(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The arguments that a store is made with."""
        raise NotImplementedError("a subclass says how a store is made")

    @pytest.fixture
    def open_kwargs(self, store_kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments that a store is opened with."""
        return store_kwargs

    @pytest.fixture
    def store(self, open_kwargs: dict[str, Any]) -> Store:
        """An open, empty store that can be written."""
        return sync(self.store_cls.open(**open_kwargs))

    @pytest.fixture
    def store_not_open(self, store_kwargs: dict[str, Any]) -> Store:
        """A store that was made and not opened."""
        return self.store_cls(**store_kwargs)

    def _buffer(self, data: bytes) -> Buffer:
        return self.buffer_cls.from_bytes(data)

    async def _fill(self, store: S, keys: Sequence[str] = _TREE) -> None:
        for number, key in enumerate(keys):
            await self.set(store, key, self._buffer(bytes([number]) * (number + 1)))

    # -- what the store is ------------------------------------------------------------------

    def test_store_repr(self, store: S) -> None:
        """Its repr names its class."""
        assert type(store).__name__ in repr(store)

    def test_store_supports_writes(self, store: S) -> None:
        """It can be written."""
        assert store.supports_writes

    def test_store_supports_partial_writes(self, store: S) -> None:
        """Values are written as a whole."""
        assert not store.supports_partial_writes

    def test_store_supports_listing(self, store: S) -> None:
        """Its keys can be listed."""
        assert store.supports_listing

    def test_store_type(self, store: S) -> None:
        """It is a store of its class."""
        assert isinstance(store, Store)
        assert isinstance(store, self.store_cls)

    def test_store_eq(self, store: S, store_kwargs: dict[str, Any]) -> None:
        """Another one made in the same way is equal; something else is not."""
        assert store == self.store_cls(**store_kwargs)
        assert store != object()

    async def test_serializable_store(self, store: S) -> None:
        """A copy made by pickle is equal, and shows the data that there were.

        Whether it shows what is written later depends on the store: a copy of memory does not.
        """
        await store.set("key", self._buffer(_FOUR))
        copy = pickle.loads(pickle.dumps(store))
        assert copy == store
        assert copy.read_only == store.read_only
        assert_bytes_equal(await copy.get("key", default_buffer_prototype()), _FOUR)

    def test_store_read_only(self, store: S) -> None:
        """Whether it is read-only cannot be set afterwards."""
        assert not store.read_only
        with pytest.raises(AttributeError):
            store.read_only = False  # type: ignore[misc]

    @pytest.mark.parametrize("read_only", [True, False])
    async def test_store_open_read_only(self, open_kwargs: dict[str, Any], read_only: bool) -> None:
        """It is opened as asked for."""
        store = await self.store_cls.open(**{**open_kwargs, "read_only": read_only})
        assert store._is_open
        assert store.read_only == read_only

    async def test_store_context_manager(self, open_kwargs: dict[str, Any]) -> None:
        """Leaving a ``with`` block closes it; it is not opened twice."""
        with await self.store_cls.open(**open_kwargs) as store:
            assert store._is_open
            with pytest.raises(ValueError, match="store is already open"):
                await store._open()
        assert not store._is_open

    async def test_read_only_store_raises(self, open_kwargs: dict[str, Any]) -> None:
        """A read-only store refuses everything that changes it."""
        store = await self.store_cls.open(**{**open_kwargs, "read_only": True})
        assert store.read_only
        await self._refuses_changes(store)

    async def _refuses_changes(self, store: Store) -> None:
        with pytest.raises(ValueError, match=_READ_ONLY):
            await store.set("foo", self._buffer(b"bar"))
        with pytest.raises(ValueError, match=_READ_ONLY):
            await store.delete("foo")

    async def test_with_read_only_store(self, open_kwargs: dict[str, Any]) -> None:
        """A read-only view shows the same data, and a writable one of it can be had again."""
        store = await self.store_cls.open(**open_kwargs)
        await store.set("foo", self._buffer(b"bar"))
        try:
            view = store.with_read_only(read_only=True)
        except NotImplementedError:
            pytest.skip("the store has no read-only views")
        assert view.read_only
        assert not store.read_only
        await self._refuses_changes(view)
        assert_bytes_equal(await view.get("foo", default_buffer_prototype()), b"bar")
        writable = view.with_read_only(read_only=False)
        assert not writable.read_only
        await writable.set("foo", self._buffer(b"new"))
        assert_bytes_equal(await view.get("foo", default_buffer_prototype()), b"new")

    # -- reading ----------------------------------------------------------------------------

    @pytest.mark.parametrize("key", _KEYS)
    @pytest.mark.parametrize(
        ("data", "byte_range"),
        [
            (_FOUR, None),
            (_FOUR, RangeByteRequest(1, 4)),
            (_FOUR, OffsetByteRequest(1)),
            (_FOUR, SuffixByteRequest(1)),
            (b"", None),
        ],
    )
    async def test_get(self, store: S, key: str, data: bytes, byte_range: ByteRequest) -> None:
        """A value, or a part of it, is returned as it was stored."""
        await self.set(store, key, self._buffer(data))
        observed = await store.get(key, default_buffer_prototype(), byte_range)
        assert_bytes_equal(observed, _expected(data, byte_range))

    async def test_get_not_open(self, store_not_open: S) -> None:
        """Reading opens the store."""
        assert not store_not_open._is_open
        await self.set(store_not_open, "c/0", self._buffer(_FOUR))
        observed = await store_not_open.get("c/0", default_buffer_prototype())
        assert_bytes_equal(observed, _FOUR)

    async def test_get_raises(self, store: S) -> None:
        """A value that is no byte range is refused."""
        await self.set(store, "c/0", self._buffer(_FOUR))
        with pytest.raises((ValueError, TypeError), match=r"Unexpected byte_range, got.*"):
            await store.get("c/0", default_buffer_prototype(), (0, 2))  # type: ignore[arg-type]

    async def test_get_many(self, store: S) -> None:
        """Many values are returned with their keys; a missing one is None."""
        keys = [f"c/{number}" for number in range(8)]
        for number, key in enumerate(keys):
            await self.set(store, key, self._buffer(bytes([number])))
        wanted = [(key, default_buffer_prototype(), None) for key in [*keys, "missing"]]
        found = {key: value async for key, value in store._get_many(wanted)}
        assert found.keys() == {*keys, "missing"}
        assert found["missing"] is None
        for number, key in enumerate(keys):
            assert_bytes_equal(found[key], bytes([number]))

    @pytest.mark.parametrize("key", _KEYS)
    @pytest.mark.parametrize("data", [_FOUR, b""])
    async def test_getsize(self, store: S, key: str, data: bytes) -> None:
        """The size of a value is its length."""
        await self.set(store, key, self._buffer(data))
        assert await store.getsize(key) == len(data)

    async def test_getsize_prefix(self, store: S) -> None:
        """The size of a directory is that of all values below it, at any depth."""
        await self._fill(store)
        assert await store.getsize_prefix("a/b") == 3 + 4 + 5
        assert await store.getsize_prefix("nothing") == 0

    async def test_getsize_raises(self, store: S) -> None:
        """A missing key has no size."""
        with pytest.raises(FileNotFoundError):
            await store.getsize("not-a-real-key")

    @pytest.mark.parametrize(
        "key_ranges",
        [
            [],
            [("zarr.json", RangeByteRequest(0, 2))],
            [("c/0", RangeByteRequest(0, 2)), ("zarr.json", None)],
            [
                ("c/0/0", RangeByteRequest(0, 2)),
                ("c/0/1", SuffixByteRequest(2)),
                ("c/0/2", OffsetByteRequest(2)),
            ],
        ],
    )
    async def test_get_partial_values(
        self, store: S, key_ranges: list[tuple[str, ByteRequest]]
    ) -> None:
        """Parts of several values are returned in the order of the requests."""
        for key, _ in key_ranges:
            await self.set(store, key, self._buffer(key.encode() * 3))
        observed = await store.get_partial_values(default_buffer_prototype(), key_ranges)
        assert len(observed) == len(key_ranges)
        for value, (key, byte_range) in zip(observed, key_ranges, strict=True):
            assert_bytes_equal(value, _expected(key.encode() * 3, byte_range))

    async def test_exists(self, store: S) -> None:
        """A key exists when it has a value; a directory is no key."""
        assert not await store.exists("foo")
        await self.set(store, "foo/zarr.json", self._buffer(b"bar"))
        assert await store.exists("foo/zarr.json")
        assert not await store.exists("foo/zarr")

    # -- writing ----------------------------------------------------------------------------

    @pytest.mark.parametrize("key", ["zarr.json", *_KEYS])
    @pytest.mark.parametrize("data", [_FOUR, b""])
    async def test_set(self, store: S, key: str, data: bytes) -> None:
        """A value is stored as it is, and replaces the one before."""
        for value in (b"something longer than what comes then", data):
            await store.set(key, self._buffer(value))
            assert_bytes_equal(await self.get(store, key), value)

    async def test_set_not_open(self, store_not_open: S) -> None:
        """Writing opens the store."""
        assert not store_not_open._is_open
        await store_not_open.set("c/0", self._buffer(_FOUR))
        assert_bytes_equal(await self.get(store_not_open, "c/0"), _FOUR)

    async def test_set_many(self, store: S) -> None:
        """Many values are stored."""
        values = {f"c/{number}": bytes([number]) for number in range(8)}
        await store._set_many((key, self._buffer(value)) for key, value in values.items())
        for key, value in values.items():
            assert_bytes_equal(await self.get(store, key), value)

    async def test_set_if_not_exists(self, store: S) -> None:
        """A value that is there stays."""
        await self.set(store, "k", self._buffer(b"first"))
        await store.set_if_not_exists("k", self._buffer(b"second"))
        await store.set_if_not_exists("k2", self._buffer(b"third"))
        assert_bytes_equal(await store.get("k", default_buffer_prototype()), b"first")
        assert_bytes_equal(await store.get("k2", default_buffer_prototype()), b"third")

    async def test_set_if_unchanged(self, store: S) -> None:
        """A value is replaced only if nobody else has, where the store says that it can do this."""
        one, two = self._buffer(b"1"), self._buffer(b"2")
        if not store.supports_conditional_writes:
            pytest.skip("the store does not write on condition")
        prototype = default_buffer_prototype()
        assert await store.get_versioned("c/0", prototype) is None
        assert await store.set_if_unchanged("c/0", one, None)
        assert not await store.set_if_unchanged("c/0", two, None)
        found = await store.get_versioned("c/0", prototype)
        assert found is not None
        assert_bytes_equal(found[0], one)
        assert await store.set_if_unchanged("c/0", two, found[1])
        assert not await store.set_if_unchanged("c/0", one, found[1])
        assert_bytes_equal(await store.get("c/0", prototype), b"2")
        with pytest.raises(ValueError, match="read-only"):
            await store.with_read_only(True).set_if_unchanged("c/0", one, found[1])
        found = await store.get_versioned("c/0", prototype)
        assert found is not None
        await store.delete("c/0")
        assert not await store.set_if_unchanged("c/0", one, found[1])
        assert not await store.exists("c/0")

    async def test_delete_if_unchanged(self, store: S) -> None:
        """A value is deleted only if nobody else has changed it, where the store can do this."""
        if not store.supports_conditional_deletes:
            pytest.skip("the store does not delete on condition")
        prototype = default_buffer_prototype()
        assert await store.delete_if_unchanged("c/0", None)
        await store.set("c/0", self._buffer(b"1"))
        found = await store.get_versioned("c/0", prototype)
        assert found is not None
        assert not await store.delete_if_unchanged("c/0", None)
        await store.set("c/0", self._buffer(b"2"))
        assert not await store.delete_if_unchanged("c/0", found[1])
        found = await store.get_versioned("c/0", prototype)
        assert found is not None
        assert await store.delete_if_unchanged("c/0", found[1])
        assert not await store.exists("c/0")

    async def test_delete(self, store: S) -> None:
        """A key that is deleted is gone."""
        self._needs_deletes(store)
        await store.set("foo/zarr.json", self._buffer(b"bar"))
        await store.delete("foo/zarr.json")
        assert not await store.exists("foo/zarr.json")
        assert await store.get("foo/zarr.json", default_buffer_prototype()) is None

    async def test_delete_dir(self, store: S) -> None:
        """All keys below a directory are deleted, and nothing else."""
        self._needs_deletes(store)
        for key in _TREE:
            await store.set(key, self._buffer(b"bar"))
        await store.delete_dir("a")
        left = {key async for key in store.list()}
        assert left == {"zarr.json", "ab/zarr.json"}

    async def test_copy_value(self, store: S) -> None:
        """A copy is the value, whether the store makes it or says that it does not."""
        await store.set("a/one", self._buffer(b"first"))
        size = await store.copy_value("a/one", store, "b/c/two")
        assert size in (None, 5)
        assert (await self.get(store, "a/one")).to_bytes() == b"first"
        assert await store.exists("b/c/two") == (size is not None)
        if size is not None:
            assert (await self.get(store, "b/c/two")).to_bytes() == b"first"
            await store.set("a/one", self._buffer(b"second"))  # not shared with the copy
            assert (await self.get(store, "b/c/two")).to_bytes() == b"first"
            await store.copy_value("a/one", store, "b/c/two")
            assert (await self.get(store, "b/c/two")).to_bytes() == b"second"
        assert await store.copy_value("nothing", store, "b/c/three") is None
        assert not await store.exists("b/c/three")

    async def test_move_dir(self, store: S) -> None:
        """All values below a prefix are moved in one step, or none."""
        self._needs_deletes(store)
        await self._fill(store)
        before = {key async for key in store.list()}
        assert not await store.move_dir("a", store, "ab")  # something is there
        assert not await store.move_dir("nothing", store, "new")
        assert {key async for key in store.list()} == before
        moved = await store.move_dir("a", store, "new/place")
        after = {f"new/place/{key[2:]}" if key.startswith("a/") else key for key in before}
        assert {key async for key in store.list()} == (after if moved else before)

    async def test_delete_nonexistent_key_does_not_raise(self, store: S) -> None:
        """Deleting what is not there does nothing."""
        self._needs_deletes(store)
        await store.delete("nonexistent_key")

    async def test_is_empty(self, store: S) -> None:
        """A directory is empty when no key is below it."""
        assert await store.is_empty("")
        await self.set(store, "foo/bar", self._buffer(b"spam"))
        assert not await store.is_empty("")
        assert not await store.is_empty("foo")
        assert await store.is_empty("fo")
        assert await store.is_empty("other/")

    async def test_clear(self, store: S) -> None:
        """A store that was cleared is empty, and can be used."""
        self._needs_deletes(store)
        for key in _TREE:
            await store.set(key, self._buffer(b"bar"))
        await store.clear()
        assert await store.is_empty("")
        await store.set("key", self._buffer(_FOUR))
        assert [key async for key in store.list()] == ["key"]

    def _needs_deletes(self, store: S) -> None:
        if not store.supports_deletes:
            pytest.skip("the store deletes nothing")

    # -- listing ----------------------------------------------------------------------------

    async def test_list(self, store: S) -> None:
        """All keys are listed, each once."""
        assert [key async for key in store.list()] == []
        await self._fill(store)
        assert sorted([key async for key in store.list()]) == sorted(_TREE)

    async def test_list_prefix(self, store: S) -> None:
        """The keys below a directory are listed as whole keys."""
        await self._fill(store)
        for prefix in ("", "a/", "a/b/", "nothing/"):
            observed = sorted([key async for key in store.list_prefix(prefix)])
            assert observed == sorted(key for key in _TREE if key.startswith(prefix))

    async def test_list_values(self, store: S) -> None:
        """The facts of values are those of the values."""
        await self._fill(store)
        for prefix in ("", "a/b/"):
            found = {info.key: info.size async for info in store.list_values(prefix)}
            keys = [key async for key in store.list_prefix(prefix)]
            assert found == {key: await store.getsize(key) for key in keys}
        assert [info async for info in store.list_values("nothing/")] == []

    async def test_list_empty_path(self, store: S) -> None:
        """The empty prefix is that of all keys."""
        keys = ["foo/bar/zarr.json", "foo/bar/c/1", "foo/c/0"]
        await self._fill(store, keys)
        assert sorted([key async for key in store.list_prefix("")]) == sorted(keys)
        assert [name async for name in store.list_dir("")] == ["foo"]

    async def test_list_dir(self, store: S) -> None:
        """The names directly below a directory are listed, each once."""
        assert [name async for name in store.list_dir("")] == []
        await self._fill(store)
        for directory, expected in _DIRECTORIES.items():
            for prefix in {directory, f"{directory}/"} - {"/"}:
                observed = [name async for name in store.list_dir(prefix)]
                assert sorted(observed) == sorted(expected)

    # -- synchronous methods ----------------------------------------------------------------

    def test_get_sync(self, store: S) -> None:
        """A value is returned as it was stored."""
        getter = self._require_get_sync(store)
        sync(self.set(store, "sync_get", self._buffer(_FOUR)))
        assert_bytes_equal(getter.get_sync("sync_get"), _FOUR)

    def test_get_sync_missing(self, store: S) -> None:
        """A missing key has no value."""
        getter = self._require_get_sync(store)
        assert getter.get_sync("sync_missing") is None

    def test_set_sync(self, store: S) -> None:
        """A value is stored as it is."""
        setter = self._require_set_sync(store)
        setter.set_sync("sync_set", self._buffer(_FOUR))
        assert_bytes_equal(sync(self.get(store, "sync_set")), _FOUR)

    def test_delete_sync(self, store: S) -> None:
        """A key that is deleted is gone."""
        setter = self._require_set_sync(store)
        deleter = self._require_delete_sync(store)
        getter = self._require_get_sync(store)
        setter.set_sync("sync_delete", self._buffer(_FOUR))
        deleter.delete_sync("sync_delete")
        assert getter.get_sync("sync_delete") is None

    def test_delete_sync_missing(self, store: S) -> None:
        """Deleting what is not there does nothing."""
        self._require_delete_sync(store).delete_sync("sync_missing")

    @pytest.mark.parametrize("direction", ["set_async_get_sync", "set_sync_get_async"])
    async def test_sync_async_set_get_parity(self, store: S, direction: str) -> None:
        """Both kinds of methods see the same data."""
        getter, setter = self._require_get_sync(store), self._require_set_sync(store)
        if direction == "set_async_get_sync":
            await store.set("parity", self._buffer(_FOUR))
            observed = getter.get_sync("parity")
        else:
            setter.set_sync("parity", self._buffer(_FOUR))
            observed = await store.get("parity", default_buffer_prototype())
        assert_bytes_equal(observed, _FOUR)

    async def test_delete_sync_visible_to_async_get(self, store: S) -> None:
        """A value that was deleted synchronously is gone for all."""
        deleter = self._require_delete_sync(store)
        await store.set("parity_delete", self._buffer(_FOUR))
        deleter.delete_sync("parity_delete")
        assert await store.get("parity_delete", default_buffer_prototype()) is None

    @pytest.mark.parametrize(
        "byte_range",
        [
            None,
            RangeByteRequest(1, 4),
            OffsetByteRequest(1),
            SuffixByteRequest(1),
            RangeByteRequest(10, 20),
        ],
        ids=["none", "range", "offset", "suffix", "range-past-eof"],
    )
    async def test_get_sync_byte_range_parity(
        self, store: S, byte_range: ByteRequest | None
    ) -> None:
        """Both kinds of methods return the same part of a value."""
        getter = self._require_get_sync(store)
        await self.set(store, "parity_range", self._buffer(_FOUR))
        one = getter.get_sync("parity_range", byte_range=byte_range)
        other = await store.get("parity_range", default_buffer_prototype(), byte_range)
        assert_bytes_equal(one, _expected(_FOUR, byte_range))
        assert_bytes_equal(other, _expected(_FOUR, byte_range))
