"""Files that are waited for are waited for together: a slow file system costs its waiting once."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import zarr
from zarr import _core
from zarr.errors import MetadataValidationError
from zarr.storage import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.abc.store import ByteRequest, StoreTraits
    from zarr.buffer.core import Buffer, BufferPrototype

NODES = 60
WAITING = 8
# Requests that are made one after another before it shows that each takes its time.
FIRST = 3
# A request that is alone for so long stays alone.
PATIENCE = 30.0


class Distant(LocalStore):
    """A file system that takes its time; the first requests aside, it answers to many at a time."""

    def __init__(self, root: Path, **kwargs: Any) -> None:
        super().__init__(root, **kwargs)
        self.calls = 0
        self.inside = 0
        self.most = 0
        self.changed = threading.Condition()

    def declare_traits(self) -> StoreTraits:
        return replace(super().declare_traits(), needs_event_loop=False)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        with self.changed:
            self.calls += 1
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.changed.notify_all()
            if self.calls > FIRST:
                assert self.changed.wait_for(lambda: self.most >= WAITING, PATIENCE), "alone"
        try:
            return await super().get(key, prototype, byte_range)
        finally:
            with self.changed:
                self.inside -= 1

    def waited(self) -> float:
        return self.calls * 0.005


@pytest.fixture
def distant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distant:
    group = zarr.open_group(tmp_path, mode="w")
    for i in range(NODES):
        group.create_group(f"g{i}", attributes={"i": i})
    store = Distant(tmp_path)
    monkeypatch.setattr(_core, "waited", store.waited)
    return store


def expected() -> dict[str, int]:
    return {f"g{i}": i for i in range(NODES)}


def test_members_are_asked_for_together(distant: Distant) -> None:
    group = zarr.open_group(distant, mode="r+")
    found = {name: node.attrs["i"] for name, node in group.members()}
    assert found == expected()
    assert distant.most >= WAITING


def test_members_are_asked_for_together_by_a_coroutine(distant: Distant) -> None:
    async def members() -> dict[str, Any]:
        group = await zarr.api.asynchronous.open_group(distant, mode="r+")
        return {name: node.attrs["i"] async for name, node in group.members()}

    assert asyncio.run(members()) == expected()
    assert distant.most >= WAITING


def test_members_are_consolidated_together(distant: Distant) -> None:
    with pytest.warns(zarr.errors.ZarrUserWarning, match="Consolidated metadata"):
        group = zarr.consolidate_metadata(distant)
    consolidated = group.metadata.consolidated_metadata
    assert consolidated is not None
    assert set(consolidated.metadata) == set(expected())
    assert distant.most >= WAITING


def test_no_more_are_asked_for_than_the_settings_allow(distant: Distant) -> None:
    with zarr.config.set({"async.concurrency": WAITING}):
        list(zarr.open_group(distant, mode="r+").members())
    assert distant.most == WAITING


def test_the_first_error_ends_it(distant: Distant, tmp_path: Path) -> None:
    (tmp_path / "g30" / "zarr.json").write_text("{")
    with (
        pytest.warns(zarr.errors.ZarrUserWarning),
        pytest.raises(MetadataValidationError, match="g30"),
    ):
        zarr.consolidate_metadata(distant)
    assert distant.inside == 0, "nobody is left behind"
