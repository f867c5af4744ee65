"""Each package imports only packages of lower layers."""

from __future__ import annotations

import ast
from pathlib import Path

import zarr

ROOT = Path(zarr.__file__).parent
LAYERS = (
    "errors types settings urls",
    "buffer",
    "abc",
    "dtype",
    "codecs registry",
    "metadata",
    "runner",
    "storage",
    "selection",
    "arrays",
    "groups",
    "copying migration",
    "api",
    "cli",
    "core _cli",
)
# Where zarr-python has it, above what it names.
FACADES = ("metadata.migrate_v3",)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names.split()}


def imports(path: Path) -> set[str]:
    """Modules of the package that a file imports when it is imported."""
    found: set[str] = set()

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zarr."):
                found.add(str(node.module).removeprefix("zarr."))
            elif isinstance(node, ast.ClassDef):
                visit(node.body)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
                visit(node.body + node.orelse)

    visit(ast.parse(path.read_text()).body)
    return found


def test_packages_import_only_what_stands_above_them() -> None:
    wrong = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        rank = None if ".".join(parts) in FACADES else RANK.get(parts[0])
        for module in imports(path):
            other = RANK.get(module.split(".")[0])
            if rank is not None and other is not None and other > rank:
                wrong.append(f"{'.'.join(parts)} imports {module}")
    assert wrong == []
