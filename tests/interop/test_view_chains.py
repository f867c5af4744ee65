"""Chains of lazy selections have the elements that other implementations find."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))
COUNT = 400

if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)

spec = importlib.util.spec_from_file_location("chains", HERE / "chains.py")
assert spec is not None
assert spec.loader is not None
chains: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(chains)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "module"), [("zarr-indexing", "zarr_indexing"), ("tensorstore", "tensorstore")]
)
def test_a_chain_selects_the_same_elements(name: str, module: str, tmp_path: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}

    def ran(*arguments: str) -> Any:
        return subprocess.run(
            [PYTHON, "-W", "ignore", *arguments],
            env=kept,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    if ran("-c", f"import {module}").returncode:
        pytest.skip(f"the environment of the peers has no {name}")
    done = ran(str(HERE / "chains.py"), name, str(COUNT))
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert len(answers) == COUNT
    for number, (shape, values) in enumerate(answers):
        own_shape, chunks, selections = chains.chain(number)
        array = zarr.create_array({}, data=chains.elements(own_shape), chunks=chunks)
        found = chains.selected(array.lazy, selections).result()
        assert list(found.shape) == shape, selections
        np.testing.assert_array_equal(found.reshape(-1), values, str(selections))
