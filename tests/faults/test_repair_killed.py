"""A repair that is killed has lost nothing: what it kept brings everything back."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.broken import KINDS, data_of, store_of, whole

import zarr
from zarr import tools
from zarr.storage import LocalStore
from zarr.testing.faults import FaultyStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zarr.tools.check.mending import Repair

SPOILT = (
    "a file that belongs to nothing",
    "consolidated metadata of before",
    "a chunk under a key of format 2",
    "a compressed chunk that was cut",
    "a bit that flipped under a checksum",
    "the checksum of an index",
    "a chunk in a shard",
)


class Killed(BaseException):
    """The process ends here."""


class Ending(FaultyStore):
    """A store that is left by its program at one of its changes, before or after it is made."""

    left = 0
    after = False

    async def intercept(self, method: str, key: str, call: Callable[[], Any], *args: Any) -> Any:
        if method not in ("set", "delete", "set_if_unchanged", "delete_if_unchanged"):
            return await super().intercept(method, key, call, *args)
        Ending.left -= 1
        if Ending.left < 0 and not Ending.after:
            raise Killed
        answer = await super().intercept(method, key, call, *args)
        if Ending.left < 0:
            raise Killed
        return answer


def spoilt() -> dict[str, bytes]:
    data = whole()
    for kind in SPOILT:
        KINDS[kind].spoil(data)
    del data["deep/words/zarr.json"]
    return data


@pytest.mark.parametrize("after", [False, True])
def test_whenever_it_is_killed_it_can_be_undone_and_finished(tmp_path: Path, after: bool) -> None:
    before = spoilt()
    Ending.after = after
    for count in range(100):
        store = store_of(before)
        Ending.left = count
        kept = tmp_path / f"kept{count}"
        ended = False
        try:
            tools.repair(Ending(store), apply=True, keep=kept, drop=True)
        except Killed:
            ended = True
        now = data_of(store)
        # Undone, everything is as it was.
        if kept.exists():
            undone = store_of(now)
            journal = kept / "journal.jsonl"
            text = journal.read_text()
            journal.write_text(text.replace(store.data_id, undone.data_id))
            tools.repair(undone, apply=True, undo=kept)
            assert data_of(undone) == before
        # Begun anew, it comes to its end.
        tools.repair(store, apply=True, keep=tmp_path / f"more{count}", drop=True)
        left = {each.code for each in tools.verify(store).findings}
        assert left == set()
        if not ended:
            break
    assert count >= 8


REPAIR = """
import sys, zarr
print("repairing", flush=True)
zarr.tools.repair(sys.argv[1], apply=True, keep=sys.argv[2])
"""


@pytest.mark.slow
def test_a_process_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    before = whole()
    before.update({f"raw/x{number}": bytes([number]) * 100 for number in range(60)})
    cut = 0
    for number in range(2):
        directory = tmp_path / str(number)
        for key, value in before.items():
            file = directory / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(value)
        kept = tmp_path / f"kept{number}"
        process = subprocess.Popen(
            [sys.executable, "-c", REPAIR, str(directory), str(kept)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        # As soon as so many values are kept, in the middle of the work.
        while process.poll() is None and len(list(kept.glob("*.value"))) < 5 + 25 * number:
            pass
        process.kill()
        cut += process.wait() != 0
        process.stdout.close()
        tools.repair(directory, apply=True, undo=kept)
        found = {
            str(file.relative_to(directory)): file.read_bytes()
            for file in directory.rglob("*")
            if file.is_file() and not file.name.startswith(".zarr-partial-")
        }
        assert found == before
    assert cut > 0


def test_a_journal_that_was_cut_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    data = whole()
    data |= {"one": b"1", "two": b"2"}
    store = store_of(data)
    tools.repair(store, apply=True, keep=tmp_path / "kept")
    journal = tmp_path / "kept" / "journal.jsonl"
    text = journal.read_bytes()
    journal.write_bytes(text[:-5])  # killed while it wrote the last line
    store._store_dict["two"] = zarr.buffer.cpu.Buffer.from_bytes(b"2")  # so it was not deleted
    tools.repair(store, apply=True, undo=tmp_path / "kept")
    assert data_of(store) == data


def test_a_full_disk_stops_a_repair_before_it_changes_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    data = whole()
    data["notes"] = b"x"
    store = store_of(data)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        tools.repair(store, apply=True, keep=tmp_path / "kept")
    assert data_of(store) == data


def test_two_repairs_at_once_lose_nothing(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    data = whole()
    data |= {f"x{number}": bytes([number]) for number in range(50)}
    directory = tmp_path / "store"
    for key, value in data.items():
        (directory / key).parent.mkdir(parents=True, exist_ok=True)
        (directory / key).write_bytes(value)

    def repair(name: str) -> Repair:
        return tools.repair(LocalStore(directory), apply=True, keep=tmp_path / name)

    with ThreadPoolExecutor(2) as executor:
        list(executor.map(repair, ["one", "two"]))
    assert tools.verify(directory).ok
    kept = {}
    for name in ("one", "two"):
        for file in (tmp_path / name).glob("*.value"):
            kept[file.read_bytes()] = name
    assert set(kept) == {bytes([number]) for number in range(50)}
