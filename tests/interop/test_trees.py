"""zarr-python finds the hierarchies that are written here, and the reverse."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))

if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")


def _tree() -> Any:
    spec = importlib.util.spec_from_file_location("tree", HERE / "tree.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tree: Any = _tree()


def zarr_python(what: str, directory: Path, zarr_format: int) -> str:
    """The output of the same script when zarr-python runs it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    done = subprocess.run(
        [PYTHON, str(HERE / "tree.py"), what, str(directory), str(zarr_format)],
        env=kept,
        cwd=directory.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_hierarchies_are_read_by_zarr_python_and_theirs_here(
    tmp_path: Path, zarr_format: int
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    tree.write(str(ours), zarr_format)
    zarr_python("write", theirs, zarr_format)
    found = tree.describe(str(ours), zarr_format)
    assert found["plain"] == found["consolidated"]
    assert found == json.loads(zarr_python("describe", ours, zarr_format))
    assert found == tree.describe(str(theirs), zarr_format)
