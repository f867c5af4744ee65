"""Runs the benchmarks and prints the table."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.engines import ENGINES, IMPORTS
from benchmarks.processes import FLOOR, floor, imported, worker
from benchmarks.spent import empty
from benchmarks.workloads import MAKES, WORKLOADS, Workload


def measure(work: Workload, arguments: argparse.Namespace, directory: Path) -> report.Found:
    """Measure one workload, one implementation after the other, round after round."""
    data = directory / "data"
    if work.where == "local" and work.does not in (*MAKES, "import"):
        worker(sys.executable, "prepare", work.name, str(data))
    known = IMPORTS if work.does == "import" else ENGINES
    names = [name for name in known if not arguments.engines or name in arguments.engines]
    rounds: dict[str, list[dict[str, Any]]] = {}
    floors = []
    if work.does == "import":
        imported(sys.executable, "ours")  # so that its modules are compiled
    for number in range(arguments.rounds):
        # Not always the same one comes first.
        for name in names[number % len(names) :] + names[: number % len(names)]:
            python = sys.executable if name == "ours" else arguments.peers
            place = directory / f"written by {name}" if work.does in MAKES else data
            if work.does == "import":
                found = imported(python, name)
            else:
                found = worker(python, name, work.name, str(place), str(repeats(work, arguments)))
            if found:
                rounds.setdefault(name, []).append(found)
            if work.does in MAKES:
                empty(place)
        if work.floor and FLOOR.exists():
            place = data if work.does != "write" else directory / f"floor {number}"
            floors.append(floor(work, place))
    return report.summary(rounds, min(floors, default=None))


def repeats(work: Workload, arguments: argparse.Namespace) -> int:
    """How often a worker repeats the work."""
    return max(2, work.repeat // 10) if arguments.quick else work.repeat


def machine() -> str:
    """The processor, how many of it, the system."""
    names = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    name = names[0].split(":")[1].strip() if names else platform.machine()
    return (
        f"{len(os.sched_getaffinity(0))} × {name}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def document(arguments: argparse.Namespace) -> dict[str, Any]:
    """The document that is written to a file: machine, method and results."""
    versions = {
        **(worker(sys.executable, "versions") or {}),
        **(worker(arguments.peers, "versions") or {}),
    }
    given = f"--rounds {arguments.rounds}"
    if arguments.directory is not None:
        given += f" --directory {arguments.directory}"
    return {
        "command": f"make bench ARGS='{given}'",
        "date": f"{datetime.date.today():%-d %B %Y}",
        "machine": machine(),
        "versions": versions,
        "results": {},
    }


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--peers", default=".envs/peers/bin/python", help="Python with the peers installed"
    )
    parser.add_argument("--only", action="append", help="workloads whose name contains this")
    parser.add_argument("--engines", nargs="*", help=f"some of {', '.join(ENGINES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, few repetitions")
    parser.add_argument("--directory", default=None, help="where to put the arrays")
    parser.add_argument(
        "--json", type=Path, help="a file for the numbers; rows that it has and are not run stay"
    )
    arguments = parser.parse_args()
    # Workers run elsewhere. Not resolved: Python knows its environment by the link.
    arguments.peers = os.path.abspath(arguments.peers)
    if arguments.quick:
        arguments.rounds = 1
    return arguments


def main() -> int:
    """Run what the command line asks for."""
    arguments = parsed()
    chosen = [
        work
        for work in WORKLOADS
        if not arguments.only or any(part in work.name for part in arguments.only)
    ]
    found = document(arguments)
    print(found["machine"])
    if arguments.json and arguments.json.exists():
        found["results"] = json.loads(arguments.json.read_text())["results"]
    base = Path(tempfile.mkdtemp(prefix="zarr-benchmark-", dir=arguments.directory))
    os.environ["BENCHMARK_FIELDS"] = str(base / "fields")  # for the workers
    try:
        for number, work in enumerate(chosen):
            directory = base / str(number)
            directory.mkdir()
            results = measure(work, arguments, directory)
            empty(directory)
            found["results"][work.name] = results
            print("  " + "; ".join(report.row(work, results)), file=sys.stderr, flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    finally:
        shutil.rmtree(base, ignore_errors=True)
    measured = {work.name for work in chosen}
    print(report.table({name: row for name, row in found["results"].items() if name in measured}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
