"""The summary of a trace: counts, what bound the operations, and advice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zarr._async.trace import Stretch
    from zarr._async.tracing import Noted

__all__ = ["Summary", "size_text", "summarised", "time_text"]

_KIB = 1 << 10
_MIB = 1 << 20
_ENTRY = 16
"""The bytes of an inner chunk in the index of its shard."""
_SMALL_ANSWER = 256 * _KIB
"""An answer of fewer bytes takes about as long as one of none."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The counts of a trace. Times are in seconds.

    Attributes
    ----------
    seconds : float
        How long the trace was on.
    operation_seconds : float
        How long reads and writes took, all threads together.
    reads, writes : int
        Selections that were read and written.
    values : int
        Stored values, that is chunks or shards, that were touched.
    bytes_wanted : int
        The bytes of the results of reads, and of what was written.
    bytes_fetched : int
        The bytes that came from files and stores, indexes of shards included. Values in memory
        are read where they are.
    bytes_decoded : int
        The bytes of chunks that came out of codecs.
    bytes_written : int
        The bytes that went to files and stores.
    chunks_decoded, chunks_encoded, chunks_absent : int
        Chunks, or parts of chunks, that were decoded; that were encoded; that are not stored.
    files : int
        Files that were opened.
    requests : int
        Requests that stores answered, or web servers.
    request_seconds : float
        The time during which at least one request was under way.
    mean_request_seconds : float
        How long an answer took on average.
    turn_seconds : float
        The time that requests waited for their turn under the limit of requests, all together.
    retries, fallbacks : int
        Requests that were made again; reads that left the direct path to a server.
    pause_seconds : float
        The pauses before requests that were made again.
    index_reads, indexes_kept, index_bytes : int
        Indexes of shards that were read, that were kept since an earlier read, and their bytes.
    cache_hits, cache_misses : int
        Chunks that a `ChunkCache` had, and had not.
    repeated : int
        Requests for bytes that had been fetched within the trace already.
    file_seconds, decode_seconds, encode_seconds, place_seconds, store_seconds, lock_seconds : float
        The time of all threads for opening and reading files; decoding; encoding; copying elements
        between chunks and arrays, fill values included; writing files; waiting for locks.
    bound : str
        The part of the work that took most of the time, in a few words.
    advice : tuple of str
        Changes that would make it faster, in a sentence each.
    """

    seconds: float
    operation_seconds: float
    reads: int
    writes: int
    values: int
    bytes_wanted: int
    bytes_fetched: int
    bytes_decoded: int
    bytes_written: int
    chunks_decoded: int
    chunks_encoded: int
    chunks_absent: int
    files: int
    requests: int
    request_seconds: float
    mean_request_seconds: float
    turn_seconds: float
    retries: int
    fallbacks: int
    pause_seconds: float
    index_reads: int
    indexes_kept: int
    index_bytes: int
    cache_hits: int
    cache_misses: int
    repeated: int
    file_seconds: float
    decode_seconds: float
    encode_seconds: float
    place_seconds: float
    store_seconds: float
    lock_seconds: float
    bound: str = ""
    advice: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def __str__(self) -> str:
        return "\n".join([self.table(), *(f"advice: {sentence}" for sentence in self.advice)])

    def table(self) -> str:
        """Return the counts as aligned lines, without the advice."""
        rows = [("bound by", self.bound), *self._rows()]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)

    def _rows(self) -> Iterable[tuple[str, str]]:
        yield (
            "time",
            f"{time_text(self.seconds)}, {time_text(self.operation_seconds)} of it in operations",
        )
        done = _counted(self.reads, "read"), _counted(self.writes, "write")
        yield "operations", ", ".join(text for text in done if text) or "none"
        yield "stored values", f"{self.values:,} touched, {self.chunks_absent:,} fills for absent"
        yield "bytes", self._bytes()
        if self.files:
            yield "files", f"{self.files:,} opened, {time_text(self.file_seconds)}"
        if self.requests:
            text = f"{self.requests:,}, {time_text(self.mean_request_seconds)} each, "
            text += f"{time_text(self.request_seconds)} with one under way"
            if self.turn_seconds >= 0.001:
                text += f", {time_text(self.turn_seconds)} for their turn"
            yield "requests", text
        if self.retries or self.fallbacks:
            again = f"{self.retries:,} made again after {time_text(self.pause_seconds)} of pauses"
            yield "faults", f"{again}, {self.fallbacks:,} reads left the direct path"
        if self.index_reads or self.indexes_kept:
            text = f"{self.index_reads:,} read ({size_text(self.index_bytes)})"
            yield "shard indexes", f"{text}, {self.indexes_kept:,} kept from before"
        if self.cache_hits or self.cache_misses:
            yield "chunk cache", f"{self.cache_hits:,} hits, {self.cache_misses:,} misses"
        for name in ("decode", "encode", "place", "store", "lock"):
            seconds = getattr(self, f"{name}_seconds")
            if seconds:
                yield name, time_text(seconds)

    def _bytes(self) -> str:
        text = f"{size_text(self.bytes_wanted)} wanted"
        if self.bytes_fetched:
            text += f", {size_text(self.bytes_fetched)} fetched"
        if self.bytes_decoded:
            text += f", {size_text(self.bytes_decoded)} decoded"
        return text + (f", {size_text(self.bytes_written)} written" if self.bytes_written else "")


def summarised(seconds: float, engine: Mapping[str, tuple[int, ...]], noted: Noted) -> Summary:
    """Put together what the engine counted in so many seconds, and what was noted of stores."""

    def nanos(*phases: str) -> float:
        return sum(engine[phase][2] for phase in phases) / 1e9

    fetched_by_engine, fetched_bytes, fetching = engine["fetch"]
    plans = [(each.start, each.start + each.nanos) for each in noted.operations]
    asked = [(each.start, each.start + each.nanos) for each in noted.requests]
    answers = sum(each.nanos for each in noted.requests) + fetching
    requests = noted.count + fetched_by_engine
    # Requests of the engine itself are made within operations that ask a store.
    under_way = _union(asked) + (min(fetching, _union(plans)) if fetching else 0)
    indexes = engine["index"][0] + noted.index_reads
    found = Summary(
        seconds=seconds,
        operation_seconds=nanos("read", "write") + sum(end - start for start, end in plans) / 1e9,
        reads=engine["read"][0],
        writes=engine["write"][0],
        values=engine["value"][0],
        bytes_wanted=engine["read"][1] + engine["write"][1],
        bytes_fetched=engine["load"][1] + fetched_bytes + noted.got_bytes,
        bytes_decoded=engine["decode"][1],
        bytes_written=engine["store"][1] + noted.sent_bytes,
        chunks_decoded=engine["decode"][0],
        chunks_encoded=engine["encode"][0],
        chunks_absent=engine["fill"][0],
        files=engine["open"][0],
        requests=requests,
        request_seconds=under_way / 1e9,
        mean_request_seconds=answers / 1e9 / (len(asked) + fetched_by_engine or 1),
        turn_seconds=noted.waited / 1e9,
        retries=noted.retries,
        fallbacks=noted.fallbacks,
        pause_seconds=noted.pauses,
        index_reads=indexes,
        indexes_kept=engine["kept"][0],
        index_bytes=engine["index"][1] + noted.index_bytes,
        cache_hits=engine["hit"][0],
        cache_misses=engine["miss"][0],
        repeated=_repeated(noted.requests),
        file_seconds=nanos("open", "load", "index"),
        decode_seconds=nanos("decode"),
        encode_seconds=nanos("encode"),
        place_seconds=nanos("place", "fill"),
        store_seconds=nanos("store"),
        lock_seconds=nanos("lock") + sum(each.nanos for each in noted.locks) / 1e9,
    )
    within = _union(plans) / 1e9 + nanos("read", "write")
    bound = _bound(found, min(seconds, within))
    return Summary(**{**found.to_dict(), "bound": bound, "advice": tuple(_advice(found))})  # type: ignore[arg-type]


def _repeated(requests: Iterable[Stretch]) -> int:
    values = Counter((each.key, each.bytes) for each in requests if each.name == "get")
    return sum(times - 1 for times in values.values())


def _union(spans: Iterable[tuple[int, int]]) -> int:
    """The length of what spans cover together."""
    total = last = 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, last))
        last = max(last, end)
    return total


def _bound(found: Summary, within: float) -> str:
    """Say which part took most of the time, of which so much went by in operations."""
    if not found.reads + found.writes + found.requests:
        return "nothing: no array was read or written"
    local = {
        "reading files": found.file_seconds,
        "decoding": found.decode_seconds,
        "encoding": found.encode_seconds,
        "copying elements to and from their places": found.place_seconds,
        "writing files": found.store_seconds,
        "waiting for locks": found.lock_seconds,
    }
    rest = max(0.0, within - found.request_seconds)
    # Threads work side by side: all of it took no longer than the operations.
    busy = sum(local.values())
    shrink = min(1.0, rest / busy) if busy else 1.0
    shares = {name: seconds * shrink for name, seconds in local.items()}
    shares["planning, opening and handing over"] = max(0.0, rest - busy)
    shares[_requests_of(found)] = found.request_seconds
    shares["the program itself, between operations"] = max(
        0.0, found.seconds - max(within, found.request_seconds)
    )
    name, most = max(shares.items(), key=lambda item: item[1])
    part = min(1.0, most / found.seconds) if found.seconds else 1.0
    return f"{name} ({part:.0%} of the time)"


def _requests_of(found: Summary) -> str:
    count = found.requests or 1
    moved = found.bytes_fetched + found.bytes_written
    if found.pause_seconds > found.request_seconds / 2:
        return "pauses before requests that are made again"
    side = found.mean_request_seconds * count / found.request_seconds if found.requests else 0
    kind = "their latency" if moved / count < _SMALL_ANSWER else "their bytes"
    return f"waiting for requests, for {kind}, {max(1, round(side))} at a time"


def _advice(found: Summary) -> Iterable[str]:
    reads = found.reads or 1
    inner = found.index_bytes // _ENTRY // found.index_reads if found.index_reads else 0
    parts = found.chunks_decoded / found.index_reads if found.index_reads else 0
    if found.index_reads >= 8 and inner >= 64 and parts <= max(2, inner / 64) and found.reads:
        touched = max(1, round(parts))
        yield (
            f"each read touches {touched:,} of {inner:,} inner chunks but the index is read every "
            "time: keep the array open, raise the setting array.sharding_index_cache_bytes if it "
            "is low, or read more of a shard at a time. No index is kept of a store that tells no "
            "versions of values."
        )
    used = found.bytes_decoded / found.bytes_wanted if found.bytes_wanted else 0
    if found.reads and used >= 4 and found.bytes_decoded >= _MIB:
        yield (
            f"{used:.0f} bytes are decoded for each that is used: read larger parts at a time, "
            "give the array a zarr.ChunkCache, or rechunk to chunks of the shape that is read "
            f"(about {size_text(found.bytes_wanted // reads)} a read)."
        )
    fetched = found.bytes_fetched / found.bytes_wanted if found.bytes_wanted else 0
    if found.reads and not found.bytes_decoded and fetched >= 4 and found.bytes_fetched >= _MIB:
        yield (
            f"{fetched:.0f} bytes are fetched for each that is used: rechunk to the shape that is "
            "read."
        )
    count = found.requests
    if count >= 64 and (found.bytes_fetched + found.bytes_written) / count < 64 * _KIB:
        yield (
            f"{count:,} requests bring {size_text(found.bytes_fetched // count)} each: larger "
            "chunks, or shards for writing, need fewer requests."
        )
    if found.turn_seconds > found.request_seconds and count > 16:
        yield (
            "requests wait longer for their turn than a request takes: raise the setting "
            "requests.limit if the service allows it."
        )
    if found.repeated > max(8, count / 2):
        yield (
            f"{found.repeated:,} of {count:,} requests fetched what had been fetched before: give "
            "the array a zarr.ChunkCache, or the store a CacheStore."
        )
    if found.reads >= 100 and found.values / reads <= 2 and found.bytes_wanted / reads < 4 * _KIB:
        yield (
            f"{found.reads:,} reads of {size_text(found.bytes_wanted // reads)} each: read a "
            "larger selection at once, or many with zarr's batches."
        )
    if found.retries:
        yield f"{found.retries:,} requests failed and were made again: see the log of 'zarr'."
    small = found.bytes_written / found.values if found.values else 0
    if found.writes and found.values >= 256 and small < 16 * _KIB:
        yield (
            f"{found.values:,} stored values of {size_text(int(small))} each are written: larger "
            "chunks, or shards, need fewer files."
        )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}" if count else ""


def size_text(size: int) -> str:
    """A number of bytes with a binary unit, as in ``1.5 MiB``."""
    number = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if number < 1024 or unit == "PiB":
            return (
                f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
            )
        number /= 1024
    raise AssertionError


def time_text(seconds: float) -> str:
    """A time with a unit, as in ``1.5 ms``."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.0f} µs"
