"""Count what makes the tree harder to read, and keep each count from rising.

    python tools/house.py              prints the counts; fails if one is above its bound
    python tools/house.py --list NAME  prints the places that a count counts
    python tools/house.py --lower      lowers each bound to its count

The bounds are in ``tools/house.json``. To raise one, edit that file and say why in the commit.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src/zarr"
BOUNDS = ROOT / "tools/house.json"
COMMITS = 20

#: A sentence, or a clause after a colon, that begins with a relative pronoun used as a noun.
NOUN_CLAUSE = re.compile(
    r"(?:^|[.!?:;|][^\w\s]*\s+|^[\s*#|-]+)(What(?! to\b)|Whoever|Who)\s[^.?!]*+(?!\?)",
    re.MULTILINE,
)
#: Documented names that begin with an underscore.
STANDARD = {"_asdict", "_exit", "_fields", "_getframe", "_replace"}
#: Names that libraries export or document for those who extend them: `asyncio` for event loops,
#: `fsspec` for file systems.
OF_LIBRARIES = {
    "_get_kwargs_from_urls",
    "_get_running_loop",
    "_set_running_loop",
    "_strip_protocol",
}
#: Names that the classes of zarr-python have, and that subclasses override or programs read: they
#: cannot be renamed here, and a public name beside each would say the same twice.
OF_ZARR_PYTHON = {
    # Methods of stores and codecs that subclasses override.
    "_check_writable",
    "_decode_single",
    "_decode_sync",
    "_encode_single",
    "_encode_sync",
    "_ensure_open",
    "_get_many",
    "_open",
    "_set_many",
    # Attributes of stores, buffers, data types and codecs.
    "_data",
    "_is_open",
    "_store",
    "_tunable_attrs",
    "_zarr_v3_name",
    # Of arrays and groups.
    "_async_group",
    "_nshards",
    "_shard_grid_shape",
    "_zdtype",
}


#: Packages and modules that offer more than zarr-python does; they are counted apart.
BEYOND = (
    "_async/ahead",
    "_async/bar",
    "_async/progress",
    "_async/summary",
    "_async/timeline",
    "_async/trace",
    "_async/tracing",
    "arrays/batch",
    "arrays/card",
    "arrays/in_parts",
    "buffer/host",
    "cache",
    "cli",
    "hierarchy/transfer",
    "loader",
    "metadata/chunk_key_extensions",
    "storage/cache_directory",
    "storage/cache_values",
    "testing/installation",
    "tools",
    "views",
)


def modules() -> list[Path]:
    """Return the Python modules of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def is_beyond(path: Path) -> bool:
    """Tell whether a module is of a package that offers more than zarr-python does."""
    name = path.relative_to(PACKAGE).with_suffix("").as_posix()
    return any(name == each or name.startswith(f"{each}/") for each in BEYOND)


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def place(path: Path, line: int) -> str:
    """Return the name of a line of a file."""
    return f"{relative(path)}:{line}"


@cache
def relative(path: Path) -> Path:
    """Return the path from the root of the tree."""
    return path.relative_to(ROOT)


def module_files(*, beyond: bool = False) -> Iterator[str]:
    """Yield each module of the package."""
    for path in modules():
        if is_beyond(path) == beyond:
            yield place(path, 1)


def lines(*, beyond: bool = False) -> Iterator[str]:
    """Yield each line of the package's modules."""
    for path in modules():
        if is_beyond(path) == beyond:
            for number, _ in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield place(path, number)


def lines_with_any(*, beyond: bool = False) -> Iterator[str]:
    """Yield each line of the package that names ``Any``."""
    for path in (path for path in modules() if is_beyond(path) == beyond):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"\bAny\b", line):
                yield place(path, number)


def own_names(module: ast.Module) -> set[str]:
    """Return the names that a module itself defines or assigns, attributes included."""
    names = set()
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id="__slots__")], value=slots):
                names |= {str(n.value) for n in ast.walk(slots) if isinstance(n, ast.Constant)}
    return names


def private_attributes() -> Iterator[str]:
    """Yield each use of a private attribute that another module defines."""
    private = re.compile(r"_(?!_)\w+")
    elsewhere = STANDARD | OF_LIBRARIES | OF_ZARR_PYTHON
    elsewhere |= {path.name.partition(".")[0] for path in PACKAGE.rglob("_*")}
    for path in modules():
        here = own_names(tree(path)) | elsewhere
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Attribute | ast.Call):
                continue
            match node:
                case ast.Attribute(value=ast.Name(id="self" | "cls")):
                    continue
                case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
                    continue
                case ast.Attribute(attr=name):
                    pass
                case ast.Call(
                    func=ast.Name(id="getattr" | "hasattr" | "setattr"),
                    args=[_, ast.Constant(value=str(name)), *_],
                ):
                    pass
                case _:
                    continue
            if private.fullmatch(name) and name not in here:
                yield f"{place(path, node.lineno)} {name}"


def prose() -> Iterator[tuple[Path, int, str]]:
    """Yield each paragraph of Markdown, comments and strings: its file, first line and text."""
    for path in documents():
        yield path, 1, re.sub(r"^```.*?^```", blank, path.read_text("utf-8"), flags=re.M | re.S)
    for directory in ("src", "tests", "benchmarks", "examples", "tools"):
        for path in sorted((ROOT / directory).rglob("*.py")):
            yield from ((path, line, text) for line, text in python_prose(path))
    for path in sorted((ROOT / "rust").rglob("*.rs")):
        text = path.read_text("utf-8")
        yield from ((path, line, block) for line, block in comments(text.splitlines(), r"//[/!]?"))


def blank(match: re.Match[str]) -> str:
    """Return as many empty lines as a match has."""
    return "\n" * match[0].count("\n")


def comments(source: list[str], mark: str) -> Iterator[tuple[int, str]]:
    """Yield the runs of lines that begin with a mark: the first line and the text."""
    block: list[str] = []
    for number, line in enumerate([*source, ""], 1):
        if found := re.match(rf"\s*{mark} ?(.*)", line):
            block.append(found[1])
        elif block:
            yield number - len(block), "\n".join(block)
            block = []


def python_prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the comments and strings of a module, each with its first line."""
    source = path.read_text("utf-8")
    yield from comments(source.splitlines(), "#:?")
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def noun_clauses() -> Iterator[str]:
    """Yield each sentence of prose that begins with What, Who or Whoever and is no question."""
    for path, first, text in prose():
        for found in NOUN_CLAUSE.finditer(text):
            line = first + text.count("\n", 0, found.start(1))
            yield f"{place(path, line)} {' '.join(found[0].split())[:70]}"


def documents() -> list[Path]:
    """Return the pages of prose."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def long_lines() -> Iterator[str]:
    """Yield each line of Markdown over 100 characters, but for tables, links and code."""
    for path in documents():
        text = re.sub(r"^```.*?^```", blank, path.read_text("utf-8"), flags=re.M | re.S)
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > 100 and not re.match(r"\s*\||\S*\s*<?https?://\S+$", line):
                yield place(path, number)


def long_subjects() -> Iterator[str]:
    """Yield each of the last commits whose subject has more than 72 characters."""
    log = ["git", "log", f"--max-count={COMMITS}", "--no-merges", "--format=%h %s"]
    done = subprocess.run(log, cwd=ROOT, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if len(line.partition(" ")[2]) > 72:
            yield line


COUNTS: dict[str, Callable[[], Iterator[str]]] = {
    "modules": module_files,
    "lines": lines,
    "lines with Any": lines_with_any,
    "modules beyond zarr-python": partial(module_files, beyond=True),
    "lines beyond zarr-python": partial(lines, beyond=True),
    "lines with Any beyond zarr-python": partial(lines_with_any, beyond=True),
    "private attributes of other modules": private_attributes,
    "noun clauses": noun_clauses,
    "long lines of prose": long_lines,
    "long subjects of commits": long_subjects,
}


def main() -> int:
    """Print the counts. Return 1 if one of them is above its bound, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", choices=COUNTS, help="print the places that a count counts")
    parser.add_argument("--lower", action="store_true", help="lower each bound to its count")
    parser.add_argument("--bounds", type=Path, default=BOUNDS, help="the file of bounds")
    options = parser.parse_args()
    if options.list:
        print(*COUNTS[options.list](), sep="\n")
        return 0
    bounds = json.loads(options.bounds.read_text())
    counts = {name: sum(1 for _ in places()) for name, places in COUNTS.items()}
    if options.lower:
        bounds = {name: min(count, bounds.get(name, count)) for name, count in counts.items()}
        options.bounds.write_text(json.dumps(bounds, indent=2) + "\n")
    print(f"{'':40}{'count':>8}{'bound':>8}")
    for name, count in counts.items():
        print(f"{name:40}{count:8,}{bounds[name]:8,}{'   too many' * (count > bounds[name])}")
    return int(any(count > bounds[name] for name, count in counts.items()))


if __name__ == "__main__":
    sys.exit(main())
