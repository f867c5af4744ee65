"""Rectilinear grids are exchanged with zarr-python, codecs of the registry with zarrs."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import zarr

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))

if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)

spec = importlib.util.spec_from_file_location("extensions", HERE / "extensions.py")
assert spec is not None
assert spec.loader is not None
extensions: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(extensions)


def ask(what: str, directory: Path, which: str) -> dict[str, Any]:
    """The peer's report on each array."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    done = subprocess.run(
        [PYTHON, "-W", "ignore", str(HERE / "extensions.py"), what, str(directory), which],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("which", ["grids", "codecs"])
def test_both_write_and_read_the_same(which: str, tmp_path: Path) -> None:
    cases = extensions.GRIDS if which == "grids" else extensions.CODECS
    with zarr.config.set({"array.rectilinear_chunks": True}):
        for name, case in cases.items():
            extensions.write(str(tmp_path / "ours" / name), case)
        assert ask("write", tmp_path / "theirs", which) == dict.fromkeys(cases)
        for directory in sorted((tmp_path / "ours").rglob("c/**/*")):
            if directory.is_file() and which == "codecs":
                other = tmp_path / "theirs" / directory.relative_to(tmp_path / "ours")
                assert directory.read_bytes() == other.read_bytes(), directory
        told = ask("read", tmp_path / "ours", which)
        for name, case in cases.items():
            assert told[name] == extensions.read(str(tmp_path / "theirs" / name), case), name
