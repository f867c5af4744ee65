"""Nodes that several callers make at once: one makes each, the others open it, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
import zarr.api.asynchronous as zarr_async
from support.stores import EVERY_STORE
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.storage import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

MAKERS = 4
ROUNDS = 4


@pytest.fixture(params=EVERY_STORE)
def store(request: Any, tmp_path: Any) -> Iterator[Any]:
    """An empty store of each kind."""
    made = EVERY_STORE[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def often_switched() -> Iterator[None]:
    """Threads that take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(params=[2, 3])
def zarr_format(request: Any) -> Any:
    return request.param


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    """Return the result or error of each of several threads, which begin together."""
    barrier = threading.Barrier(MAKERS)
    results: list[Any] = [None] * MAKERS

    def one(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(MAKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def in_tasks(work: Callable[[int], Any]) -> list[Any]:
    """Return the result or error of each of several tasks."""

    async def main() -> list[Any]:
        return await asyncio.gather(*map(work, range(MAKERS)), return_exceptions=True)

    return asyncio.run(main())


def raised(results: list[Any]) -> list[Any]:
    return [result for result in results if isinstance(result, Exception)]


def test_threads_open_or_make_and_lose_nothing(store: Any, zarr_format: Any) -> None:
    options: Any = {"mode": "a", "zarr_format": zarr_format}
    for turn in range(ROUNDS):

        def work(number: int, turn: int = turn) -> None:
            array = zarr.open_array(
                store, path=f"a{turn}", shape=(0, 2), chunks=(1, 2), dtype="i4", **options
            )
            array.append(np.full((1, 2), number, "i4"))
            array.attrs[f"k{number}"] = number
            zarr.open_group(store, path=f"g{turn}", **options).attrs[f"k{number}"] = number
            zarr.open(store, path=f"o{turn}", **options).attrs[f"k{number}"] = number
            root = zarr.open_group(store, **options)
            required = root.require_array(f"d/r{turn}", shape=(MAKERS,), chunks=(1,), dtype="i4")
            required[number] = number + 1
            root.require_group(f"d/q{turn}").attrs[f"k{number}"] = number

        assert raised(in_threads(work)) == []
        root = zarr.open_group(store, mode="r+", zarr_format=zarr_format)
        expected = {f"k{number}": number for number in range(MAKERS)}
        array = root[f"a{turn}"]
        assert sorted(array[:, 0].tolist()) == list(range(MAKERS))
        for name in (f"a{turn}", f"g{turn}", f"o{turn}", f"d/q{turn}"):
            assert dict(root[name].attrs) == expected
        assert root[f"d/r{turn}"][:].tolist() == list(range(1, MAKERS + 1))


def test_tasks_open_or_make_and_lose_nothing(store: Any, zarr_format: Any) -> None:
    options: Any = {"mode": "a", "zarr_format": zarr_format}
    for turn in range(ROUNDS):

        async def work(number: int, turn: int = turn) -> None:
            array = await zarr_async.open_array(
                store=store, path=f"a{turn}", shape=(0, 2), chunks=(1, 2), dtype="i4", **options
            )
            await array.append(np.full((1, 2), number, "i4"))
            group = await zarr_async.open_group(store, path=f"g{turn}", **options)
            await group.update_attributes({f"k{number}": number})
            root = await zarr_async.open_group(store, **options)
            required = await root.require_array(f"r{turn}", shape=(MAKERS,), chunks=1, dtype="i4")
            await required.setitem(number, number + 1)

        assert raised(in_tasks(work)) == []
        root = zarr.open_group(store, mode="r+", zarr_format=zarr_format)
        assert sorted(root[f"a{turn}"][:, 0].tolist()) == list(range(MAKERS))
        assert dict(root[f"g{turn}"].attrs) == {f"k{number}": number for number in range(MAKERS)}
        assert root[f"r{turn}"][:].tolist() == list(range(1, MAKERS + 1))


def test_of_several_who_make_one_node_one_succeeds(store: Any, zarr_format: Any) -> None:
    def array(number: int, name: str) -> Any:
        return zarr.create_array(
            store,
            name=name,
            shape=(number + 1,),
            dtype="i4",
            zarr_format=zarr_format,
            attributes={"by": number},
        )

    def group(number: int, name: str) -> Any:
        return zarr.create_group(
            store, path=name, zarr_format=zarr_format, attributes={"by": number}
        )

    def either(number: int, name: str) -> Any:
        return (array if number % 2 else group)(number, name)

    def hierarchy(number: int, name: str) -> Any:
        node = zarr.core.group.GroupMetadata({"by": number}, zarr_format)
        return dict(zarr.create_hierarchy(store=store, nodes={name: node, f"{name}/x": node}))[name]

    for turn in range(ROUNDS):
        for make in (array, group, either, hierarchy):
            name = f"{make.__name__}/{turn}"
            results = in_threads(lambda number, make=make, name=name: make(number, name))  # type: ignore[misc]
            errors = raised(results)
            assert len(errors) == MAKERS - 1
            assert all(isinstance(e, ContainsArrayError | ContainsGroupError) for e in errors)
            (made,) = [result for result in results if not isinstance(result, Exception)]
            there = zarr.open(store, path=name, mode="r+", zarr_format=zarr_format)
            assert dict(there.attrs) == dict(made.attrs)
            assert there.metadata == made.metadata


def test_of_several_who_overwrite_a_node_one_is_there_whole(
    tmp_path: Any, zarr_format: Any
) -> None:
    for kind in EVERY_STORE.keys() - {"zip"}:  # which deletes nothing
        directory = tmp_path / kind
        directory.mkdir()
        store = EVERY_STORE[kind](directory)

        def work(number: int, store: Any = store) -> Any:
            return zarr.create_array(
                store,
                shape=(number + 1,),
                dtype="i4",
                zarr_format=zarr_format,
                attributes={"by": number},
                overwrite=True,
            )

        for _ in range(ROUNDS):
            assert raised(in_threads(work)) == []
            there = zarr.open_array(store, mode="r+", zarr_format=zarr_format)
            assert there.shape == (there.attrs["by"] + 1,)
        store.close()


def test_nobody_sees_an_array_without_its_attributes(store: Any) -> None:
    for turn in range(ROUNDS):

        def work(number: int, turn: int = turn) -> Any:
            if number == 0:
                zarr.create_array(
                    store,
                    name=f"a{turn}",
                    shape=(1,),
                    dtype="i4",
                    zarr_format=2,
                    attributes={"by": 0},
                )
                return {"by": 0}
            while True:
                with contextlib.suppress(FileNotFoundError):
                    return dict(zarr.open_array(store, path=f"a{turn}", mode="r+").attrs)

        assert in_threads(work) == [{"by": 0}] * MAKERS


# -- between processes --------------------------------------------------------------------------

MAKER = """
import json, sys
import numpy as np
import zarr
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.storage import SQLiteStore

def place(path):
    return SQLiteStore(path) if path.endswith(".sqlite") else path

number = int(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    path, what, zarr_format = json.loads(line)
    at = place(path)
    answer = None
    try:
        if what == "append":
            array = zarr.open_array(
                at, mode="a", shape=(0, 2), chunks=(1, 2), dtype="i4", zarr_format=zarr_format
            )
            array.append(np.full((1, 2), number, "i4"))
            array.attrs[f"k{number}"] = number
        elif what == "require":
            root = zarr.open_group(at, mode="a", zarr_format=zarr_format)
            root.attrs[f"k{number}"] = number
            array = root.require_array("d/a", shape=(4,), chunks=(1,), dtype="i4")
            array[number] = number + 1
        elif what in ("create", "overwrite"):
            made = zarr.create_array(
                at, name="n", shape=(number + 1,), dtype="i4", zarr_format=zarr_format,
                attributes={"by": number}, overwrite=what == "overwrite",
            )
            answer = number
        elif what == "either":
            if number % 2:
                zarr.create_array(
                    at, shape=(number + 1,), dtype="i4", zarr_format=zarr_format,
                    attributes={"by": number},
                )
            else:
                zarr.create_group(at, zarr_format=zarr_format, attributes={"by": number})
            answer = number
    except (ContainsArrayError, ContainsGroupError):
        answer = "there"
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture(scope="module")
def together() -> Iterator[Callable[..., list[Any]]]:
    """Has processes do the same at the same time: what each answers."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [
        subprocess.Popen([sys.executable, "-c", MAKER, str(number)], **pipes)
        for number in range(MAKERS)
    ]

    def ask(*what: Any) -> list[Any]:
        for process in running:
            process.stdin.write(json.dumps(what) + "\n")
            process.stdin.flush()
        return [json.loads(process.stdout.readline()) for process in running]

    try:
        for process in running:
            assert process.stdout.readline() == "ready\n"
        yield ask
    finally:
        for process in running:
            process.stdin.close()
            process.stdout.close()
            process.wait(60)


@pytest.mark.parametrize("suffix", ["", ".sqlite"])
def test_processes_open_or_make_and_lose_nothing(
    together: Any, tmp_path: Any, zarr_format: Any, suffix: str
) -> None:
    expected = {f"k{number}": number for number in range(MAKERS)}
    for turn in range(ROUNDS):
        path = str(tmp_path / f"a{turn}{suffix}")
        assert together(path, "append", zarr_format) == [None] * MAKERS
        with opened(path) as store:
            array = zarr.open_array(store, mode="r")
            assert sorted(array[:, 0].tolist()) == list(range(MAKERS))
            assert dict(array.attrs) == expected
        path = str(tmp_path / f"g{turn}{suffix}")
        assert together(path, "require", zarr_format) == [None] * MAKERS
        with opened(path) as store:
            group = zarr.open_group(store, mode="r")
            assert dict(group.attrs) == expected
            assert group["d/a"][:].tolist() == list(range(1, MAKERS + 1))


@pytest.mark.parametrize("suffix", ["", ".sqlite"])
@pytest.mark.parametrize("what", ["create", "either"])
def test_of_several_processes_one_makes_a_node(
    together: Any, tmp_path: Any, zarr_format: Any, suffix: str, what: str
) -> None:
    for turn in range(ROUNDS):
        path = str(tmp_path / f"a{turn}{suffix}")
        answers = together(path, what, zarr_format)
        (winner,) = [answer for answer in answers if answer != "there"]
        with opened(path) as store:
            path = "n" if what == "create" else ""
            assert dict(zarr.open(store, path=path, mode="r").attrs) == {"by": winner}


@pytest.mark.parametrize("suffix", ["", ".sqlite"])
def test_of_several_processes_that_overwrite_one_node_is_there_whole(
    together: Any, tmp_path: Any, zarr_format: Any, suffix: str
) -> None:
    path = str(tmp_path / f"a{suffix}")
    for _ in range(ROUNDS):
        assert together(path, "overwrite", zarr_format) == list(range(MAKERS))
        with opened(path) as store:
            there = zarr.open_array(store, path="n", mode="r")
            assert there.shape == (there.attrs["by"] + 1,)


@contextlib.contextmanager
def opened(path: str) -> Iterator[Any]:
    """The store at a path."""
    if not path.endswith(".sqlite"):
        yield path
        return
    store = SQLiteStore(path)
    try:
        yield store
    finally:
        store.close()
