"""Every data type is written as zarr-python writes it, byte for byte, and read both ways."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import zarr

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))

if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)


def _module(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(python: str, script: str, *arguments: str) -> str:
    """The output of a script."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    done = subprocess.run(
        [python, "-W", "ignore", str(HERE / script), *arguments],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(python: str, script: str, *arguments: str) -> dict[str, Any]:
    """The output of a script, read as JSON."""
    return json.loads(run(python, script, *arguments))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Arrays written here, and by zarr-python."""
    directory = tmp_path_factory.mktemp("typed")
    for name, python in (("ours", sys.executable), ("theirs", PYTHON)):
        (directory / name).mkdir()
        failed = ask(python, "typed.py", "write", str(directory / name))
        assert not any(failed.values()), failed
    return directory


def _files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_documents_and_chunks_are_those_of_zarr_python(directories: Path) -> None:
    ours, theirs = _files(directories / "ours"), _files(directories / "theirs")
    assert ours.keys() == theirs.keys()
    assert len(ours) > 500
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_elements_are_equal_whoever_wrote_and_reads_them(directories: Path) -> None:
    answers = {
        f"{reader} reads {writer}": ask(python, "typed.py", "read", str(directories / writer))
        for reader, python in (("ours", sys.executable), ("theirs", PYTHON))
        for writer in ("ours", "theirs")
    }
    expected = answers.pop("theirs reads theirs")
    assert len(expected) > 200
    assert not any(str(answer).startswith("!") for answer in expected.values())
    for who, found in answers.items():
        assert found == expected, who


def test_zarrs_reads_them_too(directories: Path) -> None:
    expected = ask(sys.executable, "typed.py", "read", str(directories / "ours"))
    found = ask(PYTHON, "typed.py", "read", str(directories / "ours"), "zarrs")
    # It refuses what format 2 stores in big-endian order.
    read = {key: answer for key, answer in found.items() if "byte order not supp" not in answer}
    assert len(read) > len(expected) * 0.75
    assert read == {key: expected[key] for key in read}


def test_small_numbers_are_exchanged_with_tensorstore(tmp_path: Path) -> None:
    pytest.importorskip("ml_dtypes")
    small = _module("small")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ask(PYTHON, "small.py", "write", str(theirs))
    for name in small.BITS:
        assert small.shown(zarr.open_array(theirs / name, mode="r")[:]) == small.shown(
            small.values(name)
        )
        zarr.create_array(ours / name, data=small.values(name), chunks=(5,))
    expected = {name: small.shown(small.values(name)) for name in small.BITS}
    assert ask(PYTHON, "small.py", "read", str(ours)) == expected


def test_a_data_type_of_a_user_is_stored_as_zarr_python_stores_it(tmp_path: Path) -> None:
    for name, python in (("ours", sys.executable), ("theirs", PYTHON)):
        run(python, "own_type.py", "write", str(tmp_path / name))
    assert _files(tmp_path / "ours") == _files(tmp_path / "theirs")
    run(sys.executable, "own_type.py", "read", str(tmp_path / "theirs"))
    run(PYTHON, "own_type.py", "read", str(tmp_path / "ours"))
