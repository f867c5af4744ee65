"""Arrays stored anew in another shape: time of the CPUs, bytes and memory, by several programs.

    python -m benchmarks.reshape --rechunker .envs/rechunker/bin/python
    python -m benchmarks.reshape --only series --markdown

Twelve arrays of format 2. Each measurement is a process of its own. ``whole`` reads the array into
memory and writes it, which takes as much memory as the array: the time that bounded memory is
measured against. ``codecs`` does the same from memory to memory: nobody who decodes all chunks and
encodes others can take less. The others run in environments of their own:

    python -m venv .envs/rechunker
    .envs/rechunker/bin/pip install rechunker "zarr<3" "numcodecs<0.16" dask
    python -m venv .envs/zarr-copy
    .envs/zarr-copy/bin/pip install zarr-copy
    cargo install zarrs_tools --bin zarrs_reencode

Seconds are those of all CPUs together; bytes are those that the process read from files and wrote
to them; memory is its peak without what it had before. Of zarrs_reencode, which is no Python, the
peak counts as a whole, and its bytes are not known. ``zarr`` and rechunker get 256 MB: rechunker
128 MB for each of two threads. The others have no limit.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import environment


@dataclass(frozen=True)
class Shape:
    """An array, and what becomes of it."""

    shape: tuple[int, ...]
    dtype: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    shards: tuple[int, ...] | None = None
    # Shards of the source, which has format 3 then.
    within: tuple[int, ...] | None = None


SHAPES = {
    "slices to series": Shape((512, 360, 720), "f4", (1, 360, 720), (512, 24, 24)),
    "series to slices": Shape((512, 360, 720), "f4", (512, 24, 24), (1, 360, 720)),
    "tiles to planes": Shape((256, 512, 512), "f4", (64, 64, 64), (1, 512, 512)),
    "planes to tiles": Shape((256, 512, 512), "f4", (1, 512, 512), (64, 64, 64)),
    "tiny chunks to shards": Shape((4096, 4096), "u2", (16, 16), (16, 16), (1024, 1024)),
    "shards to tiny chunks": Shape((4096, 4096), "u2", (16, 16), (16, 16), within=(1024, 1024)),
    "shards to larger ones": Shape(
        (4096, 4096), "u2", (16, 16), (16, 16), (2048, 2048), within=(256, 256)
    ),
    "4-D, times to places": Shape((64, 16, 192, 192), "f4", (1, 16, 192, 192), (64, 1, 48, 48)),
    "4-D, places to times": Shape((64, 16, 192, 192), "f4", (64, 1, 48, 48), (1, 16, 192, 192)),
    "sizes that do not fit": Shape((400, 400, 400), "f4", (70, 70, 70), (64, 64, 64)),
    "one dimension": Shape((64_000_000,), "f4", (1_000_000,), (700_000,)),
    "a million chunks to few": Shape((1000, 1000, 16), "i4", (1, 1, 16), (100, 100, 16)),
}

MAKE = """
import json, sys, numpy as np, zarr
given = json.loads(sys.argv[1])
names = ["d%d" % n for n in range(len(given["shape"]))]
form = dict(attributes=dict(_ARRAY_DIMENSIONS=names))
if given["within"]:
    form = dict(shards=given["within"], dimension_names=names)
group = zarr.create_group(sys.argv[2], zarr_format=3 if given["within"] else 2)
array = group.create_array("a", shape=given["shape"], dtype=given["dtype"],
    chunks=given["before"], **form)
rng = np.random.default_rng(0)
rows = max(1, (given["within"] or given["before"])[0])
steps = np.linspace(0, 99, int(np.prod(given["shape"][1:]))).reshape(given["shape"][1:])
for start in range(0, given["shape"][0], rows):
    part = array[start : start + rows]
    part[...] = np.round(steps + rng.normal(0, 3, part.shape), 1)
    array[start : start + rows] = part
if not given["within"]:  # for programs that know only format 3
    zarr.rechunk(sys.argv[2], sys.argv[2] + "3", zarr_format=3)
"""
BEGIN = """
import json, os, sys
given, root, target, temp, program = json.loads(sys.argv[1]), *sys.argv[2:6]
source = root + "/a"
after = tuple(given["after"])
shards = given["shards"] and tuple(given["shards"])
sharded = bool(shards or given["within"])
def told(name, key):
    with open("/proc/self/" + name) as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key))
def now():
    return sum(os.times()[:4]), told("io", "rchar"), told("io", "wchar")
def begin():
    global before, memory
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before, memory = now(), told("status", "VmRSS")
def end():
    spent = [b - a for a, b in zip(before, now())]
    peak = (told("status", "VmHWM") - memory) * 1024
    print(json.dumps(dict(cpu=spent[0], read=spent[1], written=spent[2], memory=peak)))
"""
PROGRAMS = {
    "zarr": (
        "ours",
        "import zarr, zarr.tools.reshape.rechunking\n"
        "begin()\n"
        "zarr.rechunk(source, target, chunks=after, shards=shards, max_memory='256MB',"
        " zarr_format=3 if shards else None)\nend()",
    ),
    "whole": (
        "ours",
        "import zarr\nbegin()\n"
        "zarr.create_array(target, data=zarr.open_array(source)[...], chunks=after, shards=shards,"
        " zarr_format=3 if sharded else 2)\nend()",
    ),
    "codecs": (
        "ours",
        "import zarr\nkept = {}\nzarr.rechunk(source, kept)\nbegin()\n"
        "zarr.create_array({}, data=zarr.open_array(kept)[...], chunks=after, shards=shards,"
        " zarr_format=3 if sharded else 2)\nend()",
    ),
    "rechunker": (
        "theirs",
        "import zarr\nfrom rechunker import rechunk\nif sharded: sys.exit('no shards')\nbegin()\n"
        "array = zarr.open_array(source, mode='r')\n"
        "plan = rechunk(array, target_chunks=after, max_mem='128MB', target_store=target,"
        " temp_store=temp, target_options=dict(compressor=array.compressor))\n"
        "plan.execute(num_workers=2)\nend()",
    ),
    "dask": (
        "theirs",
        "import zarr, dask, dask.array\nif sharded: sys.exit('no shards')\nbegin()\n"
        "array = zarr.open_array(source, mode='r')\n"
        "new = zarr.create(array.shape, chunks=after, dtype=array.dtype, store=target,"
        " compressor=array.compressor)\n"
        "lazy = dask.array.from_array(array, chunks=array.chunks).rechunk(after)\n"
        "with dask.config.set(scheduler='threads', num_workers=2):\n"
        "    lazy.store(new, lock=False)\nend()",
    ),
    "zarr-copy": (
        "copy",
        "import os, runpy\nif sharded: sys.exit('no shards')\n"
        "lengths = ['d%d=%d' % pair for pair in enumerate(after)]\n"
        "sys.argv = ['zarr-copy', '--no-consolidated', '--rechunk', *lengths, '--']\n"
        "sys.argv += [root + '3', target]\n"
        "begin()\n"
        "command = os.path.join(os.path.dirname(sys.executable), 'zarr-copy')\n"
        "try:\n    runpy.run_path(command, run_name='__main__')\n"
        "except SystemExit as end_:\n    assert not end_.code, end_.code\n"
        "end()",
    ),
    "zarrs_reencode": (
        "zarrs",
        "import os, resource, subprocess\n"
        "def joined(edges): return ','.join(map(str, edges))\n"
        "if shards:\n    form = ['-c', joined(after), '-s', joined(shards)]\n"
        "else:\n    form = ['-c', joined(after)]\n"
        "new = source if given['within'] else root + '3/a'\n"
        "subprocess.run([program, *form, new, target], check=True)\n"
        "spent = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps(dict(cpu=spent.ru_utime + spent.ru_stime, read=None, written=None,"
        " memory=spent.ru_maxrss * 1024)))",
    ),
}


def measured(
    python: str, code: str, shape: Shape, work: Path, seconds: int, program: str = ""
) -> Any:
    """The figures of one program; None if it cannot do it, or takes too long."""
    target, temp = work / "target", work / "temp"
    for path in (target, temp):
        shutil.rmtree(path, ignore_errors=True)
    command = [python, "-c", BEGIN + code, json.dumps(asdict(shape))]
    command += [str(work / "source"), str(target), str(temp), program]
    try:
        done = subprocess.run(
            command,
            cwd=tempfile.gettempdir(),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print("  ", *done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as a table: seconds of the CPUs, GB read and written, MB of memory."""
    lines = [
        "| array | program | CPU, s | read, MB | written, MB | memory, MB |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name, programs in results.items():
        for program, found in programs.items():
            if found is None:
                cells = ["–"] * 4
            else:
                cells = [f"{found['cpu']:.1f}"]
                sizes = (found[key] for key in ("read", "written", "memory"))
                cells += ["–" if size is None else f"{size / 1e6:,.0f}" for size in sizes]
            lines.append(f"| {name} | {program} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="a Python with this package")
    parser.add_argument("--rechunker", help="a Python with rechunker, zarr 2 and dask")
    parser.add_argument("--copy", help="a Python with zarr-copy")
    parser.add_argument("--zarrs", help="the program zarrs_reencode")
    parser.add_argument("--only", default="", help="a part of the names of the arrays")
    parser.add_argument("--programs", default=",".join(PROGRAMS))
    parser.add_argument("--repeat", type=int, default=1, help="the best counts")
    parser.add_argument("--seconds", type=int, default=300, help="the most that one may take")
    parser.add_argument("--json", help="a file for the results")
    given = parser.parse_args()
    pythons = {"ours": given.python, "theirs": given.rechunker, "copy": given.copy}
    pythons["zarrs"] = given.zarrs and given.python
    results: dict[str, dict[str, Any]] = {}
    for name, shape in SHAPES.items():
        if given.only not in name:
            continue
        print(name, file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="zarr-reshape-") as directory:
            work = Path(directory)
            make = [given.python, "-c", MAKE, json.dumps(asdict(shape)), str(work / "source")]
            subprocess.run(make, check=True, env=environment())
            found = results[name] = {}
            for program in given.programs.split(","):
                kind, code = PROGRAMS[program]
                python = pythons[kind]
                runs = [
                    measured(python, code, shape, work, given.seconds, given.zarrs or "")
                    for _ in range(given.repeat)
                    if python
                ]
                best = [run for run in runs if run is not None]
                found[program] = min(best, key=lambda run: run["cpu"], default=None)
                print(f"   {program}: {found[program]}", file=sys.stderr)
        if given.json:
            Path(given.json).write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()
