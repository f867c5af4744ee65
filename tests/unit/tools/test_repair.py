"""Repair mends what it can, leaves the rest and everything else as it is, and can be undone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.support.broken import DATA, KINDS, data_of, flip, store_of, whole

import zarr
from zarr import tools
from zarr.buffer.cpu import Buffer

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.storage import MemoryStore
    from zarr.tools.check.mending import Repair

ARRAYS = {3: ("raw", "zstd", "checked", "shards", "sure"), 2: ("raw", "zstd")}
WORDS = ["one", "two", "three", "four"]


def broken(kind: str) -> tuple[MemoryStore, dict[str, bytes]]:
    data = whole(KINDS[kind].zarr_format)
    KINDS[kind].spoil(data)
    return store_of(data), data


def codes(store: Any) -> set[str]:
    return {finding.code for finding in tools.verify(store).findings}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def named(report: Repair) -> set[str]:
    """The keys that a report says are changed."""
    keys = set()
    for step in report.steps:
        keys.add(step.key)
        if step.action == "move":
            keys.add(step.how.split("'")[1])
        if step.code in ("group-missing", "document-lost", "document-not-json", "document-empty"):
            node = step.key.rpartition("/")[0]
            keys |= {f"{node}/{name}" for name in (".zattrs", ".zgroup", ".zarray", "zarr.json")}
    return keys


def check_elements(store: Any, zarr_format: int) -> None:
    for name in ARRAYS[zarr_format]:
        np.testing.assert_array_equal(zarr.open_array(store, path=name, mode="r")[...], DATA)
    words = zarr.open_array(store, path="deep/words", mode="r")[...]
    assert words.tolist() == WORDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_changes_nothing(kind: str) -> None:
    store, data = broken(kind)
    report = tools.repair(store)
    assert data_of(store) == data
    assert not report.applied
    assert {step.outcome for step in report.steps} <= {"planned"}
    planned = {step.code for step in report.steps} | {each.code for each in report.left}
    # Each finding is mended or left; several of one value are mended by one step.
    assert planned == KINDS[kind].found - ({"key-is-directory"} - planned)


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_mended_is_and_the_rest_stays(kind: str, tmp_path: Path) -> None:
    store, before = broken(kind)
    report = tools.repair(store, apply=True, keep=tmp_path / "kept")
    after = data_of(store)
    assert codes(store) == KINDS[kind].found - KINDS[kind].mended
    assert changed(before, after) <= named(report)
    assert {step.outcome for step in report.steps} <= {"done"}
    if KINDS[kind].found == KINDS[kind].mended and kind not in (
        "consolidated metadata with a node that is gone",
    ):
        check_elements(store, KINDS[kind].zarr_format)


@pytest.mark.parametrize("kind", KINDS)
def test_a_repair_is_undone_byte_for_byte(kind: str, tmp_path: Path) -> None:
    store, before = broken(kind)
    report = tools.repair(store, apply=True, keep=tmp_path / "kept", drop=True)
    if report.kept is None:
        assert data_of(store) == before
        return
    after = data_of(store)
    tools.repair(store, undo=report.kept)
    assert data_of(store) == after  # a dry run
    undone = tools.repair(store, undo=report.kept, apply=True)
    assert data_of(store) == before
    assert undone.ok
    assert tools.repair(store, undo=report.kept, apply=True).steps == ()


BY_COPY = [
    (kind, other)
    for kind in KINDS
    if KINDS[kind].by_copy
    for other in ("same", "other chunks")
    # A document of other chunks is no document of these.
    if "document" not in kind or other == "same"
]


@pytest.mark.parametrize(("kind", "other"), BY_COPY)
def test_what_is_damaged_comes_from_a_second_copy(kind: str, other: str, tmp_path: Path) -> None:
    zarr_format = KINDS[kind].zarr_format
    store, before = broken(kind)
    second = store_of(whole(zarr_format))
    if other == "other chunks":
        second = store_of({})
        root = zarr.create_group(second)
        for name in ARRAYS[zarr_format]:
            root.create_array(name, data=DATA, chunks=(3, 8))
        words = root.create_array("deep/words", shape=(4,), chunks=(4,), dtype=str)
        words[...] = np.array(WORDS, dtype=object)
    report = tools.repair(store, apply=True, keep=tmp_path / "kept", second=second)
    if "no document tells" in kind:  # it is in no consolidated metadata, either
        assert codes(store) == {"consolidated-lacks"}
        report = tools.repair(store, apply=True, keep=tmp_path / "more")
        before = {**data_of(store), "zarr.json": b""}
    assert tools.verify(store).ok
    check_elements(store, zarr_format)
    assert changed(before, data_of(store)) <= named(report)


def test_damaged_chunks_are_given_up_only_if_asked(tmp_path: Path) -> None:
    data = whole()
    data["checked/c/0/0"] = b"torn"
    flip(data, "sure/c/0/1", 9)
    store = store_of(data)
    report = tools.repair(store, apply=True, keep=tmp_path / "one")
    assert report.steps == ()
    assert {each.code for each in report.left} == {"chunk-size", "shard-chunk-damaged"}
    assert not report.ok
    # Somebody who reads the report, or its JSON, knows what to do.
    told: Any = json.loads(report.to_json())
    assert not told["ok"]
    for each in told["left"]:
        assert each["severity"] == "error"
        assert "there is no second copy" in each["why"]
        assert "--drop deletes it, and its elements read as the fill value" in each["why"]
    assert str(report).count("cannot be mended: there is no second copy") == 2
    assert data_of(store) == data
    tools.repair(store, apply=True, keep=tmp_path / "two", drop=True)
    assert tools.verify(store).ok
    lost = zarr.open_array(store, path="sure", mode="r")[...]
    expected = DATA.copy()
    expected[0:2, 4:6] = 0  # one chunk in the shard; the others are whole
    np.testing.assert_array_equal(lost, expected)


def test_a_note_about_a_document_leaves_nothing_to_do() -> None:
    data = whole()
    document = data["raw/zarr.json"].replace(b'"unit"', b'"x": NaN, "unit"')
    assert b"NaN" in document
    store = store_of(data | {"raw/zarr.json": document})
    tools.repair(store, codes=[])
    report = tools.repair(store)
    assert [each.code for each in report.left] == ["document-nonstandard-number"]
    assert report.ok == tools.verify(store).ok


def test_only_the_codes_that_are_named_are_mended(tmp_path: Path) -> None:
    data = whole()
    data["notes"] = b"x"
    data["raw/c.0.1"] = data["raw/c/0/1"]
    store = store_of(data)
    tools.repair(store, apply=True, keep=tmp_path / "kept", codes=["key-of-other-encoding"])
    assert "notes" in data_of(store)
    assert "raw/c.0.1" not in data_of(store)


def test_applying_needs_a_directory_that_is_empty(tmp_path: Path) -> None:
    data = whole()
    data["notes"] = b"x"
    store = store_of(data)
    with pytest.raises(ValueError, match="keep"):
        tools.repair(store, apply=True)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine").touch()
    with pytest.raises(FileExistsError, match="not empty"):
        tools.repair(store, apply=True, keep=tmp_path / "kept")
    assert data_of(store) == data


def test_a_second_copy_at_the_same_place_is_refused(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=DATA)
    with pytest.raises(ValueError, match="same place"):
        tools.repair(tmp_path / "a", second=tmp_path / "a")


def test_an_undo_of_another_store_or_of_changed_values_is_refused(tmp_path: Path) -> None:
    data = whole()
    data["notes"] = b"x"
    store = store_of(data)
    tools.repair(store, apply=True, keep=tmp_path / "kept")
    with pytest.raises(ValueError, match="not of"):
        tools.repair(store_of(data), undo=tmp_path / "kept", apply=True)
    (value,) = (tmp_path / "kept").glob("*.value")
    value.write_bytes(b"y")
    with pytest.raises(ValueError, match="is not what it was"):
        tools.repair(store, undo=tmp_path / "kept", apply=True)
    assert "notes" not in data_of(store)


def test_an_undo_leaves_what_was_written_since(tmp_path: Path) -> None:
    data = whole()
    data["notes"] = b"x"
    store = store_of(data)
    tools.repair(store, apply=True, keep=tmp_path / "kept")
    store._store_dict["notes"] = Buffer.from_bytes(b"new")
    report = tools.repair(store, undo=tmp_path / "kept", apply=True)
    assert [step.outcome for step in report.steps] == ["left"]
    assert data_of(store)["notes"] == b"new"


def test_a_value_that_somebody_writes_meanwhile_stays(tmp_path: Path) -> None:
    data = whole()
    data["raw/c/0/0"] = b"torn"
    good = whole()["raw/c/0/0"]

    from zarr.testing.faults import SwappingStore

    for turn in range(1, 12):
        store = store_of(data)
        # Another writer mends the chunk just before one of the reads of the repair.
        swapping = SwappingStore(store, "raw/c/0/0", good, turn)
        tools.repair(swapping, apply=True, keep=tmp_path / str(turn), drop=True)
        if data_of(store).get("raw/c/0/0") == good:
            break
    else:
        pytest.fail("the new value was never kept")


def test_an_array_without_anything_wrong_needs_no_directory(tmp_path: Path) -> None:
    report = tools.repair(store_of(whole()), apply=True, keep=tmp_path / "kept")
    assert report.steps == ()
    assert report.ok
    assert not (tmp_path / "kept").exists()


def test_vacuum_deletes_what_is_of_no_use_and_nothing_else(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a", data=DATA, chunks=(4, 4))
    outside = tmp_path / "a" / "c" / "5" / "0"
    outside.parent.mkdir()
    outside.write_bytes(b"x")
    young, old = (tmp_path / "a" / f".zarr-partial-{age}" for age in ("young", "old"))
    young.touch()
    old.touch()
    import os

    os.utime(old, (0, 0))
    (tmp_path / "a" / "notes").write_bytes(b"mine")
    dry = tools.vacuum(tmp_path / "a")
    assert outside.exists()
    assert old.exists()
    report = tools.vacuum(tmp_path / "a", apply=True)
    assert {step.key for step in report.steps} == {step.key for step in dry.steps}
    assert {step.key for step in report.steps} == {"c/5/0", ".zarr-partial-old"}
    assert not outside.exists()
    assert not old.exists()
    assert young.exists()
    assert (tmp_path / "a" / "notes").exists()
    np.testing.assert_array_equal(array[...], DATA)
    assert [each.key for each in report.left] == [".zarr-partial-young"]


def test_vacuum_can_be_undone(tmp_path: Path) -> None:
    data = whole()
    data["raw/c/7/0"] = b"x"
    store = store_of(data)
    report = tools.vacuum(store, apply=True, keep=tmp_path / "kept")
    assert "raw/c/7/0" not in data_of(store)
    tools.repair(store, undo=report.kept, apply=True)
    assert data_of(store) == data


def test_reports_are_text_and_json() -> None:
    data = whole()
    data["notes\x1b[2J"] = b"x"
    report = tools.repair(store_of(data))
    assert "\x1b" not in str(report)
    assert "planned" in str(report)
    assert report.to_dict()["steps"][0]["action"] == "delete"  # type: ignore[index]


def test_old_values_are_not_kept_in_the_store_itself(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=DATA)
    (tmp_path / "a" / "notes").write_bytes(b"x")
    with pytest.raises(ValueError, match="is in the store"):
        tools.repair(tmp_path / "a", apply=True, keep=tmp_path / "a" / "kept")
    assert (tmp_path / "a" / "notes").exists()


def test_nothing_of_an_array_without_its_document_is_deleted(tmp_path: Path) -> None:
    data = whole(2)
    for key in (".zmetadata", "raw/.zarray"):
        del data[key]
    store = store_of(data)
    for number, chosen in enumerate((None, ["attributes-alone", "key-orphaned"])):
        tools.repair(store, apply=True, keep=tmp_path / str(number), drop=True, codes=chosen)
        assert data_of(store) == data
    assert codes(store) == {"document-lost", "attributes-alone"}
    # With a second copy, all of it is back.
    tools.repair(store, apply=True, keep=tmp_path / "more", second=store_of(whole(2)))
    check_elements(store, 2)
    assert zarr.open_array(store, path="raw").attrs["unit"] == "m"


@pytest.mark.parametrize(
    "kind",
    [
        "an array of which the document is gone",
        "consolidated metadata of before",
        "a chunk under a key of format 2",
        "the checksum of an index",
    ],
)
def test_a_store_that_waits_is_repaired_and_undone(kind: str, tmp_path: Path) -> None:
    memory = pytest.importorskip("obstore.store").MemoryStore()
    from zarr.storage import ObjectStore

    store = ObjectStore(memory)
    data = whole()
    KINDS[kind].spoil(data)
    for key, value in data.items():
        memory.put(key, value)
    tools.repair(store, apply=True, keep=tmp_path / "kept")
    assert tools.verify(store).ok
    check_elements(store, 3)
    tools.repair(store, apply=True, undo=tmp_path / "kept")
    assert {
        each["path"]: memory.get(each["path"]).bytes().to_bytes()
        for batch in memory.list()
        for each in batch
    } == data


def test_a_store_that_deletes_nothing_is_mended_by_writes_alone(tmp_path: Path) -> None:
    from zarr.storage import WrapperStore

    class Keeping(WrapperStore[Any]):
        supports_deletes = False

    data = whole()
    data["notes"] = b"x"
    flip(data, "sure/c/0/0", -1)
    store = store_of(data)
    report = tools.repair(Keeping(store), apply=True, keep=tmp_path / "kept")
    assert {(step.key, step.outcome) for step in report.steps} == {
        ("notes", "left"),
        ("sure/c/0/0", "done"),
    }
    assert not report.ok
    with pytest.raises(ValueError, match="deletes nothing"):
        tools.add_checksums(Keeping(store), path="raw")


def test_nothing_is_changed_in_a_store_that_is_read_only(tmp_path: Path) -> None:
    data = whole()
    data["notes"] = b"x"
    store = store_of(data)
    assert tools.repair(store.with_read_only(True)).steps
    for change in (tools.repair, tools.vacuum):
        with pytest.raises(ValueError, match="read-only"):
            change(store.with_read_only(True), apply=True, keep=tmp_path / "kept")
    with pytest.raises(ValueError, match="read-only"):
        tools.add_checksums(store.with_read_only(True), path="raw")
    assert data_of(store) == data
