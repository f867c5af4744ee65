"""The boundary to the native engine."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self, TypeAlias, final

from numpy import bool_, dtype, int64, integer
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = [
    "DEBUG_BUILD",
    "FEATURES",
    "TEMP_PREFIX",
    "Batch",
    "Bytes",
    "Cancel",
    "Chunks",
    "CompiledArray",
    "Files",
    "Heap",
    "LockFile",
    "Mapping",
    "ReadPlan",
    "ReadWant",
    "Reader",
    "Watch",
    "WritePlan",
    "WriteWant",
    "decode_bytes",
    "encode_bytes",
    "enqueue_lock",
    "fetch",
    "forget_chunks",
    "forget_chunks_below",
    "index_bytes",
    "lock",
    "members",
    "set_index_bytes",
    "set_threads",
    "threads",
    "try_lock",
    "unlock",
    "waited",
]

_Link: TypeAlias = tuple[str, Any]
"""A codec of a chain, in the order of encoding: its name, and its parameters."""

_Axis: TypeAlias = tuple[int, int, int] | NDArray[int64]
"""What is selected along an axis: (start, step, count), or indices."""
_Axes: TypeAlias = tuple[_Axis, ...]
_Points: TypeAlias = tuple[NDArray[integer], ...] | NDArray[bool_]
"""Indices along each axis, arrays of one shape, negative ones from the end; or a mask."""

DEBUG_BUILD: bool
"""Whether the engine was compiled without optimisation."""
FEATURES: dict[str, bool]
"""The parts of the engine that may be left out of a build, and whether they are in this one."""
TEMP_PREFIX: str
"""The names of temporary files start with this: listings skip them."""

@final
class Bytes:
    """Immutable bytes that the engine owns, with a read-only buffer."""

    def __new__(cls, data: Buffer) -> Self: ...
    def __bytes__(self) -> bytes: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Cancel:
    """A flag that stops what it was given to."""

    def __new__(cls) -> Self: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

@final
class Chunks:
    """A cache of decoded chunks.

    A value is named by the place of its data, a slash and its key.
    """

    def __new__(cls, most: int, recheck: str | float) -> Self: ...
    def layout(self, described: str) -> int: ...
    def counts(self) -> tuple[int, int, int, int, int]: ...
    @staticmethod
    def now() -> float: ...
    def clear(self) -> None: ...

@final
class Files:
    """Local files below a directory; written atomically."""

    def __new__(cls, root: str, fsync: bool = False) -> Self: ...
    def get(self, key: str, start: int = 0, stop: int | None = None) -> Bytes | None: ...
    def set(self, key: str, data: Buffer, exclusive: bool = False) -> bool: ...
    def get_versioned(
        self, key: str, start: int = 0, stop: int | None = None
    ) -> tuple[Bytes, tuple[int, int, int, int]] | None: ...
    def documents(self, keys: Sequence[str]) -> list[bytes | None]: ...
    def add(self, key: str, data: bytes) -> bool: ...
    def delete(self, key: str) -> None: ...
    def copy(self, key: str, target: Files, target_key: str) -> int | None: ...
    def move_directory(self, directory: str, target: Files, new: str) -> bool: ...
    def swap_directories(self, directory: str, target: Files, other: str) -> bool: ...
    def names(self, directory: str) -> list[str] | None: ...
    def exchange(
        self, key: str, data: Buffer | None, version: tuple[int, int, int, int] | None
    ) -> bool: ...
    @property
    def unlocked(self) -> bool: ...

@final
class Heap:
    """Elements of any length, which the engine moves as numbers of 16 bytes.

    Buffers of numbers have one axis of elements of 16 bytes.
    """

    def __new__(cls, text: bool, fill: bytes | None, writing: bool = False) -> Self: ...
    @property
    def fill(self) -> bytes: ...
    def number(self, items: list[Any]) -> Bytes: ...
    def items(self, numbers: Buffer, fill: object) -> list[Any]: ...
    def place(self, numbers: Buffer, fill: object, out: Buffer) -> None: ...
    def pack(self, numbers: Buffer, out: NDArray[Any], in_memory: bool, fresh: bool) -> None: ...
    def load(self, strings: NDArray[Any]) -> Bytes: ...
    def decode(self, data: Buffer, count: int) -> Bytes: ...
    def encode(self, numbers: Buffer) -> Bytes: ...

@final
class LockFile:
    """A file that processes lock in turn.

    `unlock` closes it as well. `close` leaves it locked by those who have it open, too: in a forked
    child, by its parent.
    """

    def __new__(cls, path: str, make: bool = True) -> Self: ...
    def try_lock(self) -> bool: ...
    def unlock(self) -> None: ...
    def close(self) -> None: ...

@final
class Mapping:
    """A dict of buffers as a source of chunks."""

    def __new__(cls, data: dict[str, Any], wrap: Callable[..., object]) -> Self: ...
    def documents(self, keys: Sequence[str]) -> list[bytes | None]: ...
    def add(self, key: str, data: bytes) -> bool: ...

@final
class CompiledArray:
    """All that reading and writing the chunks of an array needs to know; frozen."""

    def __new__(
        cls,
        *,
        label: str,
        prefix: str,
        shape: Sequence[int],
        grid: Sequence[int | Sequence[int]],
        key_encoding: tuple[str, str] | Callable[[tuple[int, ...]], str],
        itemsize: int,
        fill: bytes,
        chain: Sequence[_Link],
        read_missing: bool = True,
        coalesce_gap: int = 1 << 20,
        coalesce_max: int = 16 << 20,
        decoded_max: int = 256 << 20,
        cache: tuple[Chunks, str, int, float, Heap | None] | None = None,
        index_place: str | None = None,
    ) -> Self: ...
    def read(
        self,
        source: Files | Mapping,
        axes: _Axes | None,
        points: _Points | None,
        out: Buffer,
        cancel: Cancel | None = None,
    ) -> None: ...
    def write(
        self,
        source: Files | Mapping,
        axes: _Axes | None,
        points: _Points | None,
        value: Buffer,
        write_empty: bool,
        lock_name: str,
        cancel: Cancel | None = None,
        may_grow: bool = False,
        document: str | None = None,
    ) -> None: ...
    def plan_read(self, axes: _Axes | None, points: _Points | None, out: Buffer) -> ReadPlan: ...
    def plan_write(
        self,
        axes: _Axes | None,
        points: _Points | None,
        value: Buffer,
        write_empty: bool,
        may_grow: bool = False,
    ) -> WritePlan: ...

@final
class Batch:
    """Selections of arrays of one store, in which each chunk is read once; for one read."""

    def __new__(
        cls, jobs: Sequence[tuple[CompiledArray, _Axes | None, _Points | None, Buffer]]
    ) -> Self: ...
    def __len__(self) -> int: ...
    def plan(self, every: bool = False) -> ReadPlan:
        """The chunks, for a store that the engine cannot read by itself.

        With `every`, also those of which nothing is wanted, since a cache keeps them.
        """
    def done(self, chunk: int) -> list[int]:
        """Note, once, that a chunk was read for good; the numbers of the jobs complete by it."""
    def read(
        self, source: Files | Mapping, most: int | None = None, cancel: Cancel | None = None
    ) -> list[int] | None:
        """Read the next chunks, so many at most; the numbers of the jobs complete by them.

        None if no chunk is left.
        """

@final
class Reader:
    """What ``array[...]`` needs for integers and slices, of a store that never waits; frozen."""

    def __new__(
        cls,
        array: CompiledArray,
        source: Files | Mapping,
        dtype: dtype[Any],
        order: str,
    ) -> Self: ...
    def read(self, selection: object) -> Any:
        """What is selected; `NotImplemented` for what only the general way understands."""

@final
class ReadPlan:
    """The chunks of a read, for any store."""

    def __len__(self) -> int: ...
    @property
    def raw(self) -> bool: ...
    @property
    def cached(self) -> bool: ...
    def next(self) -> ReadWant | None: ...

@final
class ReadWant:
    """What a read wants of one stored value."""

    @property
    def key(self) -> str: ...
    @property
    def ranges(self) -> list[tuple[int, int | None]] | None: ...
    @property
    def size_hint(self) -> int: ...
    @property
    def is_index(self) -> bool: ...
    @property
    def number(self) -> int: ...
    @property
    def flight(self) -> str | None:
        """The name by which those who want the same wait for one another; None without a cache."""

    @property
    def assumed(self) -> bool:
        """Whether it follows from the kept index of a shard that may have been replaced."""

    @property
    def versioned(self) -> bool:
        """Whether the version of the answers is of use."""

    def again(self, whole: bool = False) -> ReadWant: ...
    def feed(
        self, data: Sequence[Buffer | None], version: str | None = None
    ) -> ReadWant | None: ...

def fetch(
    wants: Sequence[ReadWant],
    urls: Sequence[str],
    width: int,
    timeout: float | None,
    room: Cancel,
    cancel: Cancel,
) -> list[tuple[int, Literal["untouched", "unclear", "late", "damaged"]]]:
    """Fetch chunks that are wanted whole, so many at a time, each from its URL, by HTTP.

    Returns those whose elements are not in place, and why: nobody asked for it, as an answer was
    unclear or `room` was raised before; the answer was unclear, neither the whole value nor that
    there is none; it did not come within `timeout` seconds; it could not be decoded.
    """

@final
class Watch:
    """While there is one, the engine counts what it does, for all threads of the process."""

    def __new__(cls) -> Self: ...
    def end(self) -> None: ...
    @staticmethod
    def now() -> int:
        """The time of the spans, in nanoseconds."""

    @staticmethod
    def counts() -> dict[str, tuple[int, int, int]]:
        """For each phase how often it was, on how many bytes, and for how many nanoseconds."""

    @staticmethod
    def kept() -> int:
        """How many spans are kept."""

    @staticmethod
    def spans(first: int) -> list[tuple[str, int, int, int, int]]:
        """Spans of 20 µs or longer: the phase, the thread, the start, the duration, the bytes."""

@final
class WritePlan:
    """The chunks of a write, for any store."""

    def __len__(self) -> int: ...
    @property
    def raw(self) -> bool: ...
    def next(self) -> WriteWant | None: ...

@final
class WriteWant:
    """One stored value of a write."""

    @property
    def key(self) -> str: ...
    @property
    def full(self) -> bool: ...
    @property
    def size_hint(self) -> int: ...
    def encode(self, current: Buffer | None, keep: bool = False) -> Bytes | None: ...

def members(
    document: bytes, path: Sequence[str]
) -> tuple[int, int, list[str], bytes, bytes] | None:
    """Where the members of the object at `path` are in a document in JSON.

    Returns the start and the end of the object, the names, the kinds (a byte each: ``A`` and ``G``
    are an array and a group of format 3, ``2`` is a document of format 2, ``O`` another object,
    ``?`` anything else), and four numbers of 64 bits each: the start and the end of the value, and
    of the object `attributes` in it; 0 and 0 without one. None if the document is wrong or
    unusual, and must be parsed to be understood.
    """

def lock(name: str) -> None: ...
def unlock(name: str) -> None: ...
def try_lock(name: str) -> bool: ...
def enqueue_lock(name: str, callback: Callable[[], None]) -> bool: ...
def set_threads(n: int | None, waiting: int | None = None) -> None: ...
def set_index_bytes(most: int) -> None: ...
def index_bytes() -> int: ...
def forget_chunks(name: str) -> None: ...
def forget_chunks_below(prefix: str) -> None: ...
def threads() -> int: ...
def waited() -> float: ...
def encode_bytes(links: Sequence[_Link], data: Buffer) -> Bytes: ...
def decode_bytes(
    links: Sequence[_Link], data: Buffer, size: int | None = None, limit: int | None = None
) -> Bytes: ...
