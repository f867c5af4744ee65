"""Each module imports only those of its own layer and of the layers above it.

The layers are those of docs/design.md. An import in a function counts as well: where a lower layer
is loaded late on purpose, the line says so in a comment, ``# late: why``.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import zarr

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(zarr.__file__).parent
# The longest name that a module begins with tells its layer.
LAYERS = (
    "_core",
    "errors urls successors",
    "_async.warnings",
    "setting_values settings types",
    "_async cache",
    "buffer registry",
    "abc",
    "dtype",
    "codecs",
    "metadata",
    "storage",
    "indexing synchronizer",
    "hierarchy",
    "arrays",
    "groups",
    "views loader",
    "copying",
    "api",
    "tools",
    "__init__",
    "cli testing debug",
    # The names of zarr-python, where it has them.
    "core experimental _cli metadata.migrate_v3 storage._common",
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names.split()}


def rank(module: str) -> int | None:
    """The layer of a module; None if it is in none."""
    parts = module.split(".")
    prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((RANK[name] for name in prefixes if name in RANK), None)


def imports(source: str, module: str = "") -> Iterator[tuple[int, str]]:
    """Yield the line of each import of a module of the package, and the name of that module.

    Imports for type checkers do not count, nor do those that are marked as late.
    """
    lines = source.splitlines()
    package = ["zarr", *module.split(".")[:-1]]

    def visit(node: ast.AST) -> Iterator[tuple[int, str]]:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            # A name of the package itself is a module of it, or made by it.
            names = [f"zarr.{a.name}" if origin == "zarr" else origin for a in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [str(a.value) for a in node.args if isinstance(a, ast.Constant)]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.orelse:
                yield from visit(child)
            return
        for name in names:
            first, _, rest = name.partition(".")
            line = getattr(node, "lineno", 0)
            if first == "zarr" and "# late" not in lines[line - 1]:
                yield line, rest if rest and (rank(rest) is not None) else "__init__"
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    yield from visit(ast.parse(source))


def name_of(path: Path) -> str:
    """The name of a module in the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def test_every_module_is_in_a_layer() -> None:
    assert [name for name in MODULES if rank(name) is None] == []
    assert [name for name in RANK if name not in MODULES and name != "_core"] == []


def test_modules_import_only_those_that_stand_above_them() -> None:
    wrong = []
    for name, path in MODULES.items():
        here = rank(name)
        for line, other in imports(path.read_text(encoding="utf-8"), name):
            there = rank(other)
            if here is not None and there is not None and there > here:
                wrong.append(f"{name}, line {line}: {other}")
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "import zarr.api",
        "import zarr.api.open as o",
        "from zarr import api",
        "from zarr.api import open",
        "from zarr.api.open import open_array as o",
        "from ..api import open",
        "from .. import api",
        "try:\n    import zarr.api\nexcept ImportError: pass",
        "def f():\n    from zarr import api",
        "class C:\n    def f(self):\n        import zarr.api",
        "if True:\n    pass\nelse:\n    from zarr import api",
        "with x:\n    import zarr.api",
        "x = import_module('zarr.api')",
    ],
)
def test_every_form_of_an_import_is_seen(line: str) -> None:
    assert {rank(name) for _, name in imports(line, "storage.local")} == {RANK["api"]}


@pytest.mark.parametrize(
    "line",
    [
        "if TYPE_CHECKING:\n    from zarr import api",
        "def f():\n    from zarr.api import x  # late: it takes a while",
        "from zarrs import api",
        "import numpy as np",
    ],
)
def test_other_lines_are_no_imports_of_the_package(line: str) -> None:
    assert list(imports(line, "storage.local")) == []


def test_a_module_that_nobody_ranked_is_found() -> None:
    assert rank("attic") is None
    assert rank("attic.old") is None
    assert rank("storage.brand_new") == RANK["storage"]
