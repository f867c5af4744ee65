"""Processes that write to one chunk, shard or document on S3 lose nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.storage import FsspecStore, ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

PROCESSES = 4

WORKER = """
import json, sys, traceback
import numpy as np
import zarr
from zarr.storage import FsspecStore, ObjectStore

def opened(kind, endpoint, bucket):
    if kind == "obstore":
        from obstore.store import S3Store
        return ObjectStore(S3Store(
            bucket, endpoint=endpoint, access_key_id="the-access-key",
            secret_access_key="the-secret-key", region="us-east-1",
            client_options={"allow_http": True}))
    return FsspecStore.from_url("s3://" + bucket, {
        "key": "the-access-key", "secret": "the-secret-key",
        "client_kwargs": {"endpoint_url": endpoint, "region_name": "us-east-1"}})

for line in sys.stdin:
    place, number, program = json.loads(line)
    try:
        store = opened(*place)
        names = {"np": np, "zarr": zarr, "store": store, "number": number}
        names["node"] = zarr.open(store, mode="r+")
        print("ready", flush=True)
        sys.stdin.readline()
        exec(program, names)
        print("done", flush=True)
    except BaseException:
        print(json.dumps(traceback.format_exc()), flush=True)
"""


class Workers:
    """Processes that run the same program at the same time, one program after another."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []

    def run(self, place: tuple[str, str, str], program: str) -> None:
        """Run a program in all of them, which all begin together; an error in one is raised."""
        if not self._running:
            command = [sys.executable, "-c", WORKER]
            pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self._running = [subprocess.Popen(command, **pipes) for _ in range(PROCESSES)]
        try:
            for number, process in enumerate(self._running):
                self._tell(process, json.dumps([place, number, program]))
            self._all_say("ready")
            for process in self._running:
                self._tell(process, "go")
            self._all_say("done")
        except BaseException:
            self.end()  # some are still at work
            raise

    @staticmethod
    def _tell(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{line}\n")
        process.stdin.flush()

    def _all_say(self, word: str) -> None:
        for process in self._running:
            assert process.stdout is not None
            said = process.stdout.readline().strip()
            assert said == word, json.loads(said or '"the process ended"')

    def end(self) -> None:
        """Kill the processes."""
        for process in self._running:
            process.kill()
            process.communicate()
        self._running = []


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    found = Workers()
    yield found
    found.end()


BOTH = pytest.mark.parametrize("kind", ["obstore", "s3fs"], indirect=True)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    name: str = getattr(request, "param", "obstore")
    pytest.importorskip(name)
    return name


@pytest.fixture
def store(kind: str, s3: Any) -> Any:
    if kind == "obstore":
        return ObjectStore(s3.obstore())
    return FsspecStore.from_url(f"s3://{s3.bucket}", s3.options)


@pytest.fixture
def together(kind: str, s3: Any, workers: Workers) -> Any:
    return lambda program: workers.run((kind, s3.endpoint, s3.bucket), program)


@BOTH
@pytest.mark.parametrize("shards", [None, (64,)])
def test_parts_of_one_chunk_or_shard(store: Any, together: Any, shards: Any) -> None:
    chunks = (64,) if shards is None else (8,)
    zarr.create_array(store, shape=(64,), chunks=chunks, shards=shards, dtype="i4", fill_value=0)
    together("""
for place in range(number, 64, 4):
    node[place] = 100 + place
""")
    np.testing.assert_array_equal(zarr.open_array(store, mode="r")[:], 100 + np.arange(64))


def test_parts_that_become_fill_values(store: Any, together: Any) -> None:
    array = zarr.create_array(store, shape=(16,), chunks=(16,), dtype="i4", fill_value=0)
    array[:] = 5
    together("""
for place in range(number, 16, 4):
    node[place] = 0
    if number == 3:
        node[place] = 7
""")
    expected = np.where(np.arange(16) % 4 == 3, 7, 0)
    np.testing.assert_array_equal(zarr.open_array(store, mode="r")[:], expected)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_attributes_of_an_array(store: Any, together: Any, zarr_format: Any) -> None:
    zarr.create_array(store, shape=(4,), dtype="i4", zarr_format=zarr_format)
    together("""
for turn in range(6):
    node.attrs[f"{number}-{turn}"] = turn
""")
    attributes = dict(zarr.open_array(store, mode="r").attrs)
    assert attributes == {f"{p}-{t}": t for p in range(PROCESSES) for t in range(6)}


@BOTH
def test_attributes_of_a_group(store: Any, together: Any) -> None:
    zarr.create_group(store)
    together("""
for turn in range(6):
    node.attrs[f"{number}-{turn}"] = turn
""")
    attributes = dict(zarr.open_group(store, mode="r").attrs)
    assert attributes == {f"{p}-{t}": t for p in range(PROCESSES) for t in range(6)}


@BOTH
def test_appends(store: Any, together: Any) -> None:
    zarr.create_array(store, shape=(0, 3), chunks=(5, 3), dtype="i4")
    together("""
for turn in range(5):
    node.append(np.full((2, 3), 10 * number + turn, "i4"))
""")
    values = zarr.open_array(store, mode="r")[:]
    assert values.shape == (PROCESSES * 5 * 2, 3)
    assert (values == values[:, :1]).all()
    found = sorted(values[:, 0].tolist())
    assert found == sorted(2 * [10 * p + t for p in range(PROCESSES) for t in range(5)])


def test_a_key_is_made_by_one_of_many(store: Any, s3: Any, together: Any) -> None:
    zarr.create_group(store)
    together("""
from zarr._async.executors import sync
from zarr.buffer.cpu import Buffer
for turn in range(10):
    won = sync(store.set_if_unchanged(f"made/{turn}", Buffer.from_bytes(bytes([number])), None))
    if won:
        sync(store.set(f"winners/{turn}/{number}", Buffer.from_bytes(bytes([number]))))
""")
    from zarr._async.executors import sync
    from zarr.buffer.cpu import buffer_prototype

    async def names(prefix: str) -> list[str]:
        return [name async for name in store.list_dir(prefix)]

    for turn in range(10):
        (winner,) = sync(names(f"winners/{turn}"))
        value = sync(store.get(f"made/{turn}", buffer_prototype))
        assert value is not None
        assert value.to_bytes() == bytes([int(winner)])


@BOTH
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_nodes_that_all_make_are_made_by_one(
    store: Any, together: Any, zarr_format: int, kind: str
) -> None:
    zarr.create_group(store, zarr_format=3)
    together(f"""
from zarr.errors import ContainsArrayError
for turn in range(2):
    array = zarr.open_array(
        store, path=f"n/a{{turn}}", mode="a", shape=(0, 2), chunks=(1, 2), dtype="i4",
        zarr_format={zarr_format},
    )
    array.append(np.full((1, 2), number, "i4"))
    group = zarr.open_group(store, path=f"n/g{{turn}}", mode="a", zarr_format={zarr_format})
    group.attrs[f"k{{number}}"] = number
    try:
        zarr.create_array(
            store, name=f"n/c{{turn}}", shape=(number + 1,), dtype="i4",
            attributes={{"by": number}}, zarr_format={zarr_format},
        )
    except ContainsArrayError:
        continue
    group.attrs[f"made{{number}}"] = number
""")
    for turn in range(2):
        group = zarr.open_group(store, path=f"n/g{turn}", mode="r", zarr_format=zarr_format)  # type: ignore[arg-type]
        made = {name: by for name, by in group.attrs.items() if name.startswith("made")}
        assert len(made) == 1
        assert group.attrs.keys() - made == {f"k{number}" for number in range(PROCESSES)}
        array = zarr.open_array(store, path=f"n/a{turn}", mode="r")
        assert sorted(array[:, 0].tolist()) == list(range(PROCESSES))
        array = zarr.open_array(store, path=f"n/c{turn}", mode="r")
        assert [array.attrs["by"]] == list(made.values())
        assert array.shape == (array.attrs["by"] + 1,)
