"""All that is asked of stores goes through one doorway, which repeats, limits and gives up.

Outside of `zarr.storage.client`, which is the doorway, nothing calls the methods of a store.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import zarr
from zarr.abc.store import Store

ROOT = Path(zarr.__file__).parent
# Parts of the package that define stores, or test them.
OF_STORES = ("abc", "testing")
# Stores that are made of others, and the synchronous methods of a place in a store.
AROUND_OTHERS = (
    "storage/cache.py",
    "storage/cache_values.py",
    "storage/path.py",
    "storage/wrapper.py",
    "storage/zip.py",
)
# Members that ask for no data.
ABOUT = frozenset(
    [
        "close",
        "data_id",
        "declare_traits",
        "max_requests",
        "open",
        "read_only",
        "redeclare_traits",
        "shown_as",
        "supports_conditional_deletes",
        "supports_conditional_writes",
        "supports_consolidated_metadata",
        "supports_deletes",
        "supports_listing",
        "supports_partial_writes",
        "supports_writes",
        "traits",
        "with_read_only",
    ]
)
METHODS = {name for name in vars(Store) if not name.startswith("_")} - ABOUT
METHODS |= {"_ensure_open", "_get_many", "_set_many", "get_many", "move"}
METHODS |= {"delete_sync", "get_sync", "set_sync"}


def is_store(node: ast.expr, stores: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in stores or node.id == "store" or node.id.endswith("_store")
    return isinstance(node, ast.Attribute) and (
        node.attr == "store" or node.attr.endswith("_store")
    )


def stores_of(function: ast.AST) -> set[str]:
    """The names that are stores by their annotations, or by what is assigned to them."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and node.annotation is not None:
            if re.search(r"\bStore\b", ast.unparse(node.annotation)):
                found.add(node.arg)
        elif isinstance(node, ast.Assign) and is_store(node.value, found):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def calls(source: str) -> list[str]:
    """Where methods of stores are used."""
    found = {}
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            stores = set() if isinstance(function, ast.Module) else stores_of(function)
            for node in ast.walk(function):
                known = isinstance(node, ast.Attribute) and node.attr in METHODS
                if known and is_store(node.value, stores):
                    found[node.lineno, node.col_offset] = f"line {node.lineno}: {ast.unparse(node)}"
    return [found[place] for place in sorted(found)]


def test_nothing_but_the_doorway_calls_the_methods_of_a_store() -> None:
    wrong = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith((*OF_STORES, "storage/client/")) or name in AROUND_OTHERS:
            continue
        if found := calls(path.read_text(encoding="utf-8")):
            wrong[name] = found
    assert wrong == {}


def test_the_methods_of_a_store_are_known() -> None:
    assert {"get", "get_versioned", "set_if_unchanged", "list_dir", "passes_link"} < METHODS
    assert set(dir(Store)) >= ABOUT


@pytest.mark.parametrize(
    "line",
    [
        "await store.get('a', p)",
        "await self.store.exists('a')",
        "await bounded(keys, node.store.delete)",
        "[key async for key in chunk_store.list_prefix('')]",
        "await source.set('a', b)",
        "s = place.store; await s.delete_dir('')",
        "partial(store.getsize, 'a')",
        "store.get_sync('a')",
    ],
)
def test_every_way_to_call_one_is_seen(line: str) -> None:
    assert len(calls(f"async def f(source: Store | None, place):\n    {line}\n")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "await Requests(store).get('a', p)",
        "await store_path.get()",
        "await (place / 'zarr.json').exists()",
        "settings.get('a')",
        "data_id_of(store)",
        "store.with_read_only(True)",
    ],
)
def test_the_doorway_itself_is_none(line: str) -> None:
    assert calls(f"async def f(source: Store, place):\n    {line}\n") == []
