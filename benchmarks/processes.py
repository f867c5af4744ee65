"""Starts what is measured, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.engines import IMPORTS, field

if TYPE_CHECKING:
    from benchmarks.workloads import Workload

ROOT = Path(__file__).parent.parent
FLOOR = ROOT / "target" / "release" / "zarr-floor"


def environment() -> dict[str, str]:
    """The environment of a worker: no settings of ours, compiled modules kept on disk."""
    ours = ("OPENBLAS_", "ZARR_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        # Else importing NumPy starts threads that have no part in this.
        "OPENBLAS_NUM_THREADS": "1",
    }


def worker(python: str, *arguments: str) -> dict[str, Any] | None:
    """Run a worker; None if it failed, as it does where an implementation lacks something."""
    return _json_of([python, "-m", "benchmarks.worker", *arguments])


def imported(python: str, name: str) -> dict[str, Any] | None:
    """How long importing an implementation takes when NumPy is there, and nothing else."""
    code = (
        "import json, time, numpy; begin = time.perf_counter(); "
        f"{IMPORTS[name]}; took = time.perf_counter() - begin; "
        "print(json.dumps({'ms': took * 1e3, 'peak': 0}))"
    )
    return _json_of([python, "-c", code])


def _json_of(command: list[str]) -> dict[str, Any] | None:
    done = subprocess.run(
        command,
        cwd=tempfile.gettempdir(),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        print(f"    {' '.join(command[2:])[:80]} failed: {last[0][:150]}", file=sys.stderr)
        return None
    return json.loads(done.stdout) if done.stdout else {}


def floor(work: Workload, directory: Path) -> float:
    """The lower bound for the bytes of a workload, in ms."""
    layout = work.layout
    if work.does == "write":
        directory.mkdir(parents=True, exist_ok=True)
        with open(directory / "source.f32", "wb") as file:
            field(layout.shape).tofile(file)
            os.fsync(file.fileno())
    numbers = (*layout.shape, *layout.chunks, *(layout.shards or ()))
    command = [FLOOR, work.does, directory, len(os.sched_getaffinity(0)), layout.codec, *numbers]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=True
    )
    return float(done.stdout)
