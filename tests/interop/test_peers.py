"""Files written here are read by other implementations with equal values, and theirs here."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import zarr

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases: Any = _module("cases")
peer: Any = _module("peer")
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))
IMPLEMENTATIONS = ("zarr-python", "tensorstore", "zarrs")
# Some cases have a codec around their shards, of which an array that is opened warns.
pytestmark = pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")

ALL = pytest.mark.parametrize("case", cases.CASES)
EVERYBODY = pytest.mark.parametrize("name", IMPLEMENTATIONS)

if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)


@pytest.fixture(scope="session")
def directories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exchanged")


@cache
def ask(what: str, name: str, directory: Path) -> dict[str, str]:
    """The failures of a peer that wrote or read all cases."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    done = subprocess.run(
        [PYTHON, "-W", "ignore", str(HERE / "peer.py"), what, name, str(directory)],
        env=kept,
        cwd=directory.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@cache
def write_here(directory: Path) -> dict[str, Exception]:
    """Write all cases with this library, into documents made by it; return what failed."""
    failed: dict[str, Exception] = {}
    for case, document in cases.CASES.items():
        try:
            _write(directory / case, document)
        except Exception as error:
            failed[case] = error
    return failed


def _write(path: Path, document: dict[str, Any]) -> None:
    peer.store_documents(path, document)
    array = zarr.open_array(path, mode="r+")
    # Written anew by this library: its own documents are read by the peers as well.
    for key, value in array.metadata.to_buffer_dict(zarr.buffer.cpu.buffer_prototype).items():
        (path / key).write_bytes(value.to_bytes())
    array[...] = cases.data(document)


@ALL
@EVERYBODY
def test_our_files_are_read_by(name: str, case: str, directories: Path) -> None:
    failed_here = write_here(directories / "ours")
    if case in failed_here:
        raise failed_here[case]
    if case in cases.LACKING.get((name, "read"), ()):
        pytest.skip(f"{name} cannot read it")
    failed = ask("read", name, directories / "ours")
    assert case not in failed, failed[case]


@ALL
@EVERYBODY
def test_their_files_are_read_here(name: str, case: str, directories: Path) -> None:
    directory = directories / name
    failed = ask("write", name, directory)
    if case in cases.LACKING.get((name, "write"), ()):
        pytest.skip(f"{name} cannot write it")
    assert case not in failed, failed[case]
    expected = cases.data(cases.CASES[case])
    array = zarr.open_array(directory / case, mode="r")
    assert peer.same(array[...], expected)
    if expected.ndim == 2 and expected.size:
        assert peer.same(array[3:17:2, ::5], expected[3:17:2, ::5])
        assert array[7, 13] == expected[7, 13]


def test_a_chunk_of_fill_values_is_not_stored(directories: Path) -> None:
    directory = directories / "ours"
    write_here(directory)
    assert not (directory / "v3 int32/c/1/1").exists()
    assert (directory / "v3 int32/c/0/0").exists()
