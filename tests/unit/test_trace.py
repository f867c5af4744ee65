"""`zarr.trace`: what operations did, and what bound them."""

from __future__ import annotations

import json
import logging
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.waiting import wait_until
from zarr.storage import LocalStore, MemoryStore, WrapperStore
from zarr.storage.client import Requests

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.abc.buffer import Buffer


class Remote(WrapperStore[Any]):
    """A store that has to be asked, and that fails as often as it is told to."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.faults = 0

    async def get(self, *args: Any, **kwargs: Any) -> Buffer | None:
        if self.faults:
            self.faults -= 1
            raise ConnectionResetError("the peer has gone")
        found: Buffer | None = await super().get(*args, **kwargs)
        return found


def sharded(store: Any, data: Any) -> zarr.Array[Any]:
    return zarr.create_array(store, data=data, chunks=(8, 8), shards=(64, 64), overwrite=True)


DATA = np.arange(128 * 128, dtype="i4").reshape(128, 128)


def test_a_trace_counts_what_was_wanted_touched_and_decoded(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a", data=DATA, chunks=(32, 32))
    with zarr.trace() as t:
        array[:, 0]
        array[:32, :32]
    found = t.summary()
    assert (found.reads, found.writes, found.values) == (2, 0, 4 + 1)
    assert found.bytes_wanted == 128 * 4 + 32 * 32 * 4
    assert found.chunks_decoded == 5
    assert found.files == 5
    stored = [path.stat().st_size for path in (tmp_path / "a" / "c").rglob("*") if path.is_file()]
    assert 0 < found.bytes_fetched < sum(stored) + max(stored)
    assert found.decode_seconds > 0
    assert found.operation_seconds <= found.seconds


def test_one_element_reads_by_the_shortest_way_are_counted(tmp_path: Path) -> None:
    stores: list[Any] = [tmp_path / "a", {}]
    for store in stores:
        array = zarr.create_array(store, data=DATA, chunks=(32, 32), compressors=None)
        with zarr.trace() as t:
            for i in range(10):
                assert array[i, i] == DATA[i, i]
        assert (t.summary().reads, t.summary().values) == (10, 10)
        assert t.summary().bytes_wanted == 10 * 4


def test_writes_are_counted_with_their_bytes(tmp_path: Path) -> None:
    array = zarr.create_array(
        tmp_path / "a", shape=DATA.shape, dtype="i4", chunks=(64, 64), compressors=None
    )
    with zarr.trace() as t:
        array[...] = DATA + 1
    found = t.summary()
    assert (found.writes, found.values, found.bytes_written) == (1, 4, DATA.nbytes)
    assert found.store_seconds > 0


def test_absent_chunks_are_told_apart_from_those_that_are_decoded(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a", shape=(40,), chunks=(10,), dtype="i4")
    array[:10] = 1
    with zarr.trace() as t:
        array[:]
    assert (t.summary().chunks_decoded, t.summary().chunks_absent) == (1, 3)


def test_requests_of_a_store_are_counted_with_their_bytes() -> None:
    values: dict[str, Any] = {}
    array = sharded(Remote(MemoryStore(values)), DATA)
    with zarr.trace() as t:
        array[0, 0]
    found = t.summary()
    assert (found.requests, found.index_reads) == (2, 1)
    assert found.index_bytes == 64 * 16 + 4
    assert found.bytes_fetched > found.index_bytes
    keys = [each.key for each in t.timeline() if each.name == "get"]
    assert keys == ["c/0/0"] * 2
    assert found.request_seconds > 0


def test_an_index_that_is_read_every_time_is_told_with_advice() -> None:
    array = sharded(Remote(MemoryStore({})), DATA)
    with zarr.trace() as t:
        for i in range(20):
            array[i, i]
    assert any(
        "each read touches 1 of 64 inner chunks but the index is read every time" in sentence
        for sentence in t.summary().advice
    )


def test_decoding_much_for_little_is_told_with_the_advice_to_rechunk() -> None:
    # In memory: a busy disk would be what takes longest.
    array = zarr.create_array({}, shape=(2048, 512), chunks=(512, 512), dtype="f8")
    array[...] = np.random.default_rng(0).normal(size=array.shape).round(1)
    with zarr.trace() as t:
        array[:, 0]
    found = t.summary()
    assert "512 bytes are decoded for each that is used" in "".join(found.advice)
    assert "rechunk" in "".join(found.advice)
    assert found.bound.startswith("decoding")
    assert "advice: 512 bytes" in str(t)


def test_a_kept_chunk_is_a_hit(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=DATA, chunks=(32, 32))
    array = zarr.open_array(tmp_path / "a", config={"cache": zarr.ChunkCache("1 MB")})
    with zarr.trace() as t:
        array[:10]
        array[:10]
        array[0, 0]
    assert (t.summary().cache_misses, t.summary().cache_hits) == (4, 4 + 1)


def test_other_threads_are_traced_and_traces_may_nest(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a", data=DATA, chunks=(32, 32))
    with zarr.trace() as outer:
        array[0]
        with zarr.trace() as inner:
            thread = threading.Thread(target=lambda: array[1])
            thread.start()
            thread.join()
        array[2]
    assert (outer.summary().reads, inner.summary().reads) == (3, 1)


def test_nothing_is_counted_after_the_end(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a", data=DATA, chunks=(32, 32))
    with zarr.trace() as t:
        array[0]
    before = t.summary()
    array[...]
    assert t.summary() == before
    with pytest.raises(RuntimeError, match="used once"), t:
        pass
    with pytest.raises(RuntimeError, match="never on"):
        zarr.trace().summary()
    assert str(zarr.trace()) == "a trace that was never on"


def test_a_trace_ends_with_an_error_within_too() -> None:
    array = zarr.create_array({}, shape=4, chunks=2, dtype="i1")
    t = zarr.trace()
    with pytest.raises(IndexError), t:
        array[:2], array[7]
    assert t.summary().reads == 1


def test_an_untraced_read_calls_nothing_of_the_trace(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a", data=DATA, chunks=(32, 32))
    remote = sharded(Remote(MemoryStore({})), DATA)
    array[0, 0], remote[0, 0]
    called: list[str] = []

    def note(frame: Any, event: str, argument: object) -> None:
        if event == "call":
            called.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")

    def calls(of: zarr.Array[Any]) -> list[str]:
        called.clear()
        sys.setprofile(note)
        try:
            of[0, 0]
        finally:
            sys.setprofile(None)
        return [call for call in called if "trace" in call or "summary" in call]

    assert calls(array) == []
    assert [call.rpartition(":")[2] for call in calls(remote)] in ([], ["timed"])
    with zarr.trace():
        assert calls(array) == [], "the shortest way is counted by the engine alone"


def test_a_retry_is_told_in_the_log_and_in_the_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Remote(MemoryStore({}))
    array = zarr.create_array(store, data=DATA, chunks=(64, 64))
    store.faults = 1
    with (
        caplog.at_level(logging.INFO, "zarr"),
        zarr.config.set({"requests.backoff": 0.001}),
        zarr.trace() as t,
    ):
        array[0, 0]
    assert t.summary().retries == 1
    assert t.summary().pause_seconds > 0
    [record] = [each for each in caplog.records if each.name.startswith("zarr")]
    assert record.levelno == logging.INFO
    said = record.getMessage()
    assert "get 'c/0/0'" in said
    assert "ConnectionResetError: the peer has gone" in said
    assert any("made again" in sentence for sentence in t.summary().advice)


def test_long_waits_are_told_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = sharded(Remote(MemoryStore({})), DATA)
    with caplog.at_level(logging.INFO, "zarr"):
        array[0, 0]
        assert caplog.records == []
        monkeypatch.setattr("zarr._async.trace.LONG", 0.0)  # every wait is a long one
        array[0, 0]
    told = [each.getMessage() for each in caplog.records]
    assert len(told) == 2
    assert all(text.startswith("get 'c/0/0' of ") for text in told)


def test_waits_for_locks_are_noted() -> None:
    array = zarr.create_array({}, shape=8, chunks=8, dtype="i4")
    with zarr.trace() as t:

        def write(start: int) -> None:
            array[start : start + 2] = start

        threads = [threading.Thread(target=write, args=(i,)) for i in range(0, 8, 2)]
        lock = f"{Requests(array.store).data_id}/c/0"
        zarr._core.lock(lock)
        for thread in threads:
            thread.start()
        wait_until(lambda: t.summary().values >= 4)
        zarr._core.unlock(lock)
        for thread in threads:
            thread.join()
    assert t.summary().lock_seconds > 0
    np.testing.assert_array_equal(array[:], [0, 0, 2, 2, 4, 4, 6, 6])


def test_a_timeline_is_saved_as_chrome_reads_it(tmp_path: Path) -> None:
    array = sharded(Remote(LocalStore(tmp_path / "a")), DATA)
    with zarr.trace() as t:
        array[...]
    t.save(tmp_path / "trace.json")
    made = json.loads((tmp_path / "trace.json").read_text())
    events = [each for each in made["traceEvents"] if each["ph"] == "X"]
    names = {each["name"] for each in events}
    assert {"trace", "read", "get"} <= names
    whole = next(each for each in events if each["name"] == "trace")
    for each in events:
        assert 0 <= each["ts"] <= each["ts"] + each["dur"] <= whole["dur"] * 1.01 + 1000
        assert {"pid", "tid", "args"} <= each.keys()
    assert made["otherData"]["reads"] == 1
    threads = {each["tid"] for each in made["traceEvents"] if each["ph"] == "M"}
    assert {each["tid"] for each in events} <= threads


def test_a_timeline_becomes_spans_of_opentelemetry() -> None:
    pytest.importorskip("opentelemetry.sdk")
    sdk = import_module("opentelemetry.sdk.trace")
    export = import_module("opentelemetry.sdk.trace.export")
    exporter: Any = import_module(f"{export.__name__}.in_memory_span_exporter")
    exporter = exporter.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    array = sharded(Remote(MemoryStore({})), DATA)
    with zarr.trace() as t:
        array[0, 0]
    count = t.export(provider.get_tracer("test"))
    spans = exporter.get_finished_spans()
    assert len(spans) == count >= 4
    [above] = [span for span in spans if span.name == "zarr.trace"]
    assert above.attributes is not None
    assert above.attributes["zarr.requests"] == 2
    for span in spans:
        if span is not above:
            assert span.parent is not None
            assert span.parent.span_id == above.context.span_id
            assert above.start_time <= span.start_time <= span.end_time


def test_export_without_opentelemetry_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with zarr.trace() as t:
        pass
    with pytest.raises(ImportError, match=r"zarr\[otel\]"):
        t.export()
