"""zarr-python finds what was imported, replaced and made into pyramids here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr
from zarr import tools

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))

if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)

SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import zarr
found = {}
for path, each in zarr.open_group(sys.argv[1], mode="r").members(max_depth=None):
    found[path] = each[...].tolist() if hasattr(each, "shape") else None
print(json.dumps(found))
"""
DATA = np.arange(120).reshape(10, 12)


def found_by_zarr_python(folder: Path) -> dict[str, Any]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    command = [PYTHON, "-c", SCRIPT, str(folder)]
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_python_finds_the_same(zarr_format: Any, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number, filters in enumerate(
            (
                {"compression": "gzip"},
                {"compression": "gzip", "shuffle": True, "fletcher32": True},
                {"compression": "lzf"},
                {},
            )
        ):
            file.create_dataset(f"g/{number}", data=DATA.astype(">i4"), chunks=(4, 5), **filters)
    tools.import_file(tmp_path / "a.h5", tmp_path / "a.zarr", zarr_format=zarr_format)
    group = zarr.open_group(tmp_path / "a.zarr")
    tools.replace(group["g/3"].lazy[::-1], tmp_path / "a.zarr", target_path="g/3")
    tools.mv(tmp_path / "a.zarr", tmp_path / "a.zarr", path="g/2", target_path="moved")
    tools.pyramid(tmp_path / "a.zarr/g/0", tmp_path / "a.zarr/p", levels=1, convention="none")
    found = found_by_zarr_python(tmp_path / "a.zarr")
    level = group["p/1"][...].tolist()
    assert found == {
        "g": None,
        "g/0": DATA.tolist(),
        "g/1": DATA.tolist(),
        "g/3": DATA[::-1].tolist(),
        "moved": DATA.tolist(),
        "p": None,
        "p/0": DATA.tolist(),
        "p/1": level,
    }
