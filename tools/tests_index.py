"""Write tests/README.md: every test module by area, with the promise that its docstring states.

python tools/tests_index.py            writes the file
python tools/tests_index.py --check    fails if the file is not what would be written
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
INDEX = TESTS / "README.md"
AREAS = {
    ".": "The repository itself: pages, examples, licences",
    "unit": "Names, settings, errors, warnings, and the code that runs coroutines",
    "unit/array": "Arrays: create, open, read, write, resize",
    "unit/views": "Views: lazy selections, virtual arrays",
    "unit/batches": "Many selections as one operation, blocks, loaders, memory of other libraries",
    "unit/group": "Groups: members, attributes, trees, consolidated metadata",
    "unit/metadata": "Documents, chunk grids, chunk key encodings, migration",
    "unit/codecs": "Codecs, and how they become links of the engine",
    "unit/dtype": "Data types, fill values, records, strings, times",
    "unit/storage": "Stores, caches, requests, URLs, zip files",
    "unit/copying": "Copies of arrays, groups and stores",
    "unit/parameters": "Every parameter of every function",
    "unit/tools": "Tools for hierarchies: results, looking, checking, reshaping",
    "unit/cli": "The command line",
    "property": "Laws that hold for any input (Hypothesis)",
    "conformance": "The shipped conformance tests, run on every store, codec and data type",
    "faults": "Crashes, kills, forks, cancellation, hostile input, lost answers",
    "docs": "The pages of the documentation",
    "interop": "The same files and programs with zarr-python, tensorstore, zarrs and others",
    "services": "S3, HTTP servers and clusters of workers (marker `network`)",
    "clients": "Packages that use Zarr: xarray, dask, anndata and others",
}
HEAD = """\
# Tests by area

Written by `tools/tests_index.py` from the first line of each module: do not edit.

```sh
.venv/bin/python -m pytest tests/unit/array                     # one area
.venv/bin/python -m pytest -m "not slow and not network"        # the quick ones
```

* `slow`: starts other programs, or takes seconds for one test. `network`: starts servers or
  clusters of workers.
* `tests/support` holds the doubles: stores of each kind, stores that wait at a gate, waiting for
  conditions. `zarr.testing` holds those that users get, too: `FaultyStore`, `LatencyStore`.
* `tests/conftest.py` gives every test `store`: an empty store in memory, on files, behind a loop.
* `tests/typing` is checked by mypy and pyright, and not run. The engine's own tests are in
  `rust/engine/tests`.
"""


def promise(path: Path) -> str:
    """Return the first paragraph of a module's docstring as one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not text:
        raise ValueError(f"{path} has no docstring: state its promise there")
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


def index() -> str:
    """Return the text of the index."""
    parts = [HEAD]
    modules = set(TESTS.rglob("test_*.py"))
    for area, title in AREAS.items():
        here = sorted(path for path in modules if path.parent == TESTS / area)
        modules -= set(here)
        rows = [f"| `{path.stem}` | {promise(path)} |\n" for path in here]
        name = "tests" if area == "." else f"tests/{area}"
        if rows:
            parts += [f"\n## {title}\n\n| `{name}` | promise |\n| --- | --- |\n", *rows]
    if modules:
        raise ValueError(f"no area of tests: {', '.join(map(str, sorted(modules)))}")
    return "".join(parts)


def main() -> int:
    """Write the file, or compare it. Return the exit status."""
    text = index()
    if sys.argv[1:] != ["--check"]:
        INDEX.write_text(text, encoding="utf-8")
    elif not INDEX.exists() or INDEX.read_text(encoding="utf-8") != text:
        print("tests/README.md is out of date: run `python tools/tests_index.py`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
