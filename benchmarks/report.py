"""Makes tables of what was measured; writes them into the documentation.

``python -m benchmarks.report RESULTS.json [--write PAGE ...]``: in a page, what stands between
``<!-- results -->`` (or ``<!-- results, short -->``) and ``<!-- end of results -->`` is replaced.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import textwrap
from pathlib import Path
from typing import Any

from benchmarks.workloads import WORKLOADS, Workload

COLUMNS = (
    "workload",
    "here",
    "zarr-python",
    "fastest peer",
    "peer ÷ here",
    "aim",
    "floor (here ÷ floor)",
    "peak memory, here / peer",
)
SHORT = ("workload", "here", "zarr-python 3.4", "fastest other")

Found = dict[str, Any]
"""Of one workload: ``ms`` and ``peak``, by implementation, and ``floor``."""


def summary(rounds: dict[str, list[Found]], floor: float | None) -> Found:
    """The best of several rounds, and the median."""
    return {
        "ms": {name: min(each["ms"] for each in found) for name, found in rounds.items()},
        "median": {
            name: statistics.median(each["ms"] for each in found) for name, found in rounds.items()
        },
        "peak": {name: min(each["peak"] for each in found) for name, found in rounds.items()},
        "floor": floor,
    }


def fastest_peer(found: Found) -> str | None:
    """The name of the fastest implementation but ours."""
    peers = {name: ms for name, ms in found["ms"].items() if name != "ours"}
    return min(peers, key=peers.__getitem__) if peers else None


def row(work: Workload, found: Found) -> list[str]:
    """A line of the table."""
    ms, peak, floor = found["ms"], found["peak"], found["floor"]
    ours, best = ms.get("ours"), fastest_peer(found)
    aim = "" if work.reach is None else f"{work.reach:g}"
    if ours is None or best is None:
        times = [duration(ms.get(name)) for name in ("ours", "zarr-python", best)]
        return [work.name, *times, "", aim, "", ""]
    return [
        work.name,
        duration(ours),
        duration(ms.get("zarr-python")),
        f"{duration(ms[best])} {best}",
        verdict(ms[best] / ours, work.reach),
        aim,
        "" if floor is None else f"{duration(floor)} ({ours / floor:.2f})",
        f"{memory(peak['ours'])} / {memory(peak[best])}",
    ]


def verdict(ratio: float, reach: float | None) -> str:
    """A ratio; in bold, with a word, where it is a loss or less than what we want."""
    if ratio < 1:
        return f"**{ratio:.2f} slower**"
    if reach is not None and ratio < reach:
        return f"**{ratio:.2f} below the aim**"
    return f"{ratio:.2f}"


def duration(ms: float | None) -> str:
    """A time in ms or µs."""
    if ms is None:
        return "–"
    if ms < 1:
        return f"{ms * 1e3:.3g} µs" if ms < 0.1 else f"{ms * 1e3:.0f} µs"
    return f"{ms:.3g} ms" if ms < 100 else f"{ms:,.0f} ms"


def memory(kib: int) -> str:
    """A size in MiB."""
    return f"{kib / 1024:.0f} MiB"


def markdown(*lines: list[str] | tuple[str, ...]) -> str:
    """Lines as a table, the first as its head."""
    head, *body = lines
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *body))


def table(results: dict[str, Found]) -> str:
    """All that was measured."""
    rows = [row(work, results[work.name]) for work in WORKLOADS if work.name in results]
    return markdown(COLUMNS, *rows)


def short_table(results: dict[str, Found]) -> str:
    """The workloads that tell most."""
    rows = []
    for work in WORKLOADS:
        if not work.short or work.name not in results:
            continue
        found = results[work.name]
        best = fastest_peer(found)
        ms = found["ms"]
        times = [duration(ms.get("ours")), duration(ms.get("zarr-python"))]
        rows.append([work.name, *times, f"{duration(ms[best])} {best}" if best else "–"])
    return markdown(SHORT, *rows)


def page(document: dict[str, Any]) -> str:
    """The text for the documentation: machine, date and method, and the table."""
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    about = textwrap.fill(f"{document['date']}, {document['machine']}; {versions}.", 100)
    return f"`{document['command']}`\n\n{about}\n\n{table(document['results'])}"


def write(path: Path, document: dict[str, Any]) -> None:
    """Replace the tables of a page."""
    text = path.read_text()
    for mark, new in (
        ("results", page(document)),
        ("results, short", short_table(document["results"])),
    ):
        pattern = rf"(<!-- {mark} -->\n).*?(<!-- end of results -->)"
        text = re.sub(pattern, lambda m, new=new: f"{m[1]}\n{new}\n\n{m[2]}", text, flags=re.DOTALL)  # type: ignore[misc]
    path.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--write", type=Path, nargs="*", default=[], help="pages to write into")
    arguments = parser.parse_args()
    document = json.loads(arguments.results.read_text())
    if not arguments.write:
        print(page(document))
    for path in arguments.write:
        write(path, document)


if __name__ == "__main__":
    main()
