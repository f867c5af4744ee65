"""Runs the benchmarks and prints the table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.engines import ENGINES, field
from benchmarks.workloads import WORKLOADS, Workload

ROOT = Path(__file__).parent.parent
FLOOR = ROOT / "target" / "release" / "zarr-floor"


def environment() -> dict[str, str]:
    """The environment of the workers: nothing that slows NumPy down, no other `zarr`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "ZARR_"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "OPENBLAS_NUM_THREADS": "1",
    }


def worker(python: str, *arguments: str) -> dict[str, Any] | None:
    """Run a worker; None if it failed, as it does where an implementation lacks something."""
    command = [python, "-m", "benchmarks.worker", *arguments]
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
        print(f"    {arguments[0]} failed: {last[0][:150]}", file=sys.stderr)
        return None
    return json.loads(done.stdout) if done.stdout else {}


def floor(work: Workload, folder: Path) -> float | None:
    """What the bytes of a workload cost at least, in ms."""
    if not work.floor or not FLOOR.exists():
        return None
    layout = work.layout
    if work.does == "write":
        folder.mkdir(parents=True, exist_ok=True)
        field(layout.shape).tofile(folder / "source.f32")
    numbers = (*layout.shape, *layout.chunks, *(layout.shards or ()))
    command = [FLOOR, work.does, folder, len(os.sched_getaffinity(0)), layout.codec, *numbers]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


class Results:
    """What was measured of one workload."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.ms: dict[str, float] = {}
        self.peak: dict[str, int] = {}
        self.floor: float | None = None

    def add(self, engine: str, found: dict[str, Any] | None) -> None:
        """Keep the best of several rounds."""
        if found:
            self.ms[engine] = min(found["ms"], self.ms.get(engine, float("inf")))
            self.peak[engine] = min(found["peak"] or 0, self.peak.get(engine, 1 << 60))

    def row(self) -> list[str]:
        """A line of the table."""
        peers = {name: ms for name, ms in self.ms.items() if name != "ours"}
        ours = self.ms.get("ours")
        if ours is None or not peers:
            return [self.work.name, "-", "-", "-", "-", "-", "-"]
        best = min(peers, key=peers.__getitem__)
        ratio = peers[best] / ours
        reach = self.work.reach
        lost = " (missed)" if reach is not None and ratio < reach else ""
        return [
            self.work.name,
            number(ours),
            f"{number(peers[best])} {best}",
            f"{ratio:.2f}{lost}",
            "" if reach is None else f"{reach:g}",
            "" if self.floor is None else f"{number(self.floor)} ({ours / self.floor:.2f} x)",
            memory(self.peak.get("ours", 0)) + " / " + memory(self.peak.get(best, 0)),
        ]


def number(ms: float) -> str:
    """A time in ms or µs."""
    return f"{ms * 1e3:.0f} µs" if ms < 1 else f"{ms:.3g} ms" if ms < 100 else f"{ms:.0f} ms"


def memory(kib: int) -> str:
    """A size in MiB."""
    return f"{kib / 1024:.0f} MiB"


HEADINGS = [
    "workload",
    "ours",
    "fastest peer",
    "peer / ours",
    "reach",
    "floor",
    "peak, ours / peer",
]


def run(work: Workload, arguments: argparse.Namespace, folder: Path) -> Results:
    """Measure one workload, one implementation after the other, round after round."""
    results = Results(work)
    data = folder / "data"
    if work.where == "local" and work.does != "write":
        worker(sys.executable, "prepare", work.name, str(data))
    for _ in range(arguments.rounds):
        for engine in ENGINES:
            if arguments.engines and engine not in arguments.engines:
                continue
            python = sys.executable if engine == "ours" else arguments.peers
            place = data if work.does != "write" else folder / f"written by {engine}"
            results.add(engine, worker(python, engine, work.name, str(place)))
            if work.does == "write":
                shutil.rmtree(place, ignore_errors=True)
    results.floor = floor(work, data)
    return results


def table(rows: list[list[str]]) -> str:
    """The rows as Markdown."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cpu() -> str:
    """The name of the processor, and how many of it."""
    names = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return f"{len(os.sched_getaffinity(0))} x {names[0].split(':')[1].strip() if names else '?'}"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="Python with the peers installed")
    parser.add_argument("--only", action="append", help="workloads whose name contains this")
    parser.add_argument("--engines", nargs="*", help=f"some of {', '.join(ENGINES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=None, help="where to put the arrays")
    parser.add_argument("--json", help="write the numbers to this file as well")
    arguments = parser.parse_args()
    chosen = [
        work
        for work in WORKLOADS
        if not arguments.only or any(part in work.name for part in arguments.only)
    ]
    print(f"{cpu()}, {platform.system()} {platform.release()}, Python {platform.python_version()}")
    found = []
    for work in chosen:
        folder = Path(tempfile.mkdtemp(prefix="zarr-benchmark-", dir=arguments.folder))
        try:
            results = run(work, arguments, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        found.append(results)
        print("  " + "; ".join(results.row()), file=sys.stderr, flush=True)
    print(table([results.row() for results in found]))
    if arguments.json:
        numbers = {r.work.name: {"ms": r.ms, "peak": r.peak, "floor": r.floor} for r in found}
        Path(arguments.json).write_text(json.dumps(numbers, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
