"""Locks for writers that share chunks."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from zarr.synchronizer import ProcessSynchronizer, Synchronizer, ThreadSynchronizer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["thread", "process"])
def synchronizer(request: pytest.FixtureRequest, tmp_path: Path) -> Synchronizer:
    return ThreadSynchronizer() if request.param == "thread" else ProcessSynchronizer(tmp_path)


def test_threads_exclude_each_other(synchronizer: Synchronizer) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with synchronizer["c/0/0"]:
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_keys_have_locks_of_their_own(synchronizer: Synchronizer) -> None:
    with synchronizer["a"], synchronizer["a/b"], synchronizer["b"], synchronizer[""]:
        pass


def test_a_lock_may_be_released_by_another_thread(synchronizer: Synchronizer) -> None:
    lock = synchronizer["k"]
    lock.acquire()
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    with synchronizer["k"]:
        pass


def test_a_pickled_copy_locks_together_with_the_original(synchronizer: Synchronizer) -> None:
    copy = pickle.loads(pickle.dumps(synchronizer))
    assert copy == synchronizer
    entered = threading.Event()

    def work() -> None:
        with copy["k"]:
            entered.set()

    thread = threading.Thread(target=work)
    with synchronizer["k"]:
        thread.start()
        assert not entered.wait(0.05)
    thread.join()
    assert entered.is_set()


def test_an_error_inside_releases_the_lock(synchronizer: Synchronizer) -> None:
    with pytest.raises(ZeroDivisionError), synchronizer["k"]:
        raise ZeroDivisionError
    with synchronizer["k"]:
        pass


@pytest.mark.parametrize("key", ["..", "../x", "/x", "a//b"])
def test_a_key_cannot_leave_the_directory(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        ProcessSynchronizer(tmp_path)[key]


COUNT = """
import sys
from zarr.synchronizer import ProcessSynchronizer
locks, number = ProcessSynchronizer(sys.argv[1]), sys.argv[2]
for _ in range(100):
    with locks["foo/c/0"]:
        with open(number) as file:
            value = int(file.read())
        with open(number, "w") as file:
            file.write(str(value + 1))
"""


def test_processes_exclude_each_other(tmp_path: Path) -> None:
    number = tmp_path / "number"
    number.write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path / "locks"), str(number)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    assert number.read_text() == "400"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_waits_for_its_parent(tmp_path: Path) -> None:
    locks = ProcessSynchronizer(tmp_path / "locks")
    read, write = os.pipe()
    with locks["other"]:
        pass
    pid = os.fork()
    if pid == 0:
        try:
            with locks["k"]:
                os.write(write, b"child")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 10) == b"child"
    with locks["k"]:
        pass
    os.close(read)
    os.close(write)
