"""The completion of stores, of paths in them, and of values, for shells.

A shell asks at each press of its key: a function here never fails, and never prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Choices: TypeAlias = list[tuple[str, str]]
"""The words that may stand there, each with a remark."""

COMMON = "common_"
"""The names of parameters that every command has begin so."""

_MOST = 500

_MEANT = frozenset("\\'\"`$;&|<>(){}[]!*?#~")
"""Characters that shells act on: the words come back unquoted, or are evaluated."""


def _harmless(found: Iterable[tuple[str, str]], incomplete: str) -> Choices:
    """Leave out the words that a shell would act on, as a directory called ``$(rm -r .)``."""
    typed = len(incomplete)  # by a person, who may have meant it
    return [
        (word, remark)
        for word, remark in found
        if word.isprintable() and _MEANT.isdisjoint(word[typed:])
    ]


def stores(ctx: Any, incomplete: str) -> Choices:
    """Return the directories, zip files and nodes that a store's name may go on with."""
    from zarr.urls import local_path  # late: only completion needs it

    try:
        if ":" in incomplete and local_path(incomplete) is None:
            address, slash, start = incomplete.rpartition("/")
            if not slash or address.endswith(("/", ":")):
                return []
            found = _nodes(ctx, address, "", start)
            return _harmless(((f"{address}/{name}", kind) for name, kind in found), incomplete)
        return _harmless(_files(incomplete), incomplete)
    except Exception:
        return []


def _files(incomplete: str) -> Iterator[tuple[str, str]]:
    import os

    directory, start = os.path.split(incomplete)
    with os.scandir(os.path.expanduser(directory) or ".") as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if not entry.name.startswith(start) or (entry.name[0] == "." and not start):
                continue
            name = os.path.join(directory, entry.name)
            if entry.is_dir():
                kind = _kind(entry.path)
                yield (name if kind == "array" else name + "/"), kind
            elif entry.name.endswith(".zip"):
                yield name, "zip file"


def _kind(path: str) -> str:
    import os

    if os.path.exists(os.path.join(path, ".zarray")):
        return "array"
    if os.path.exists(os.path.join(path, ".zgroup")):
        return "group"
    try:
        with open(os.path.join(path, "zarr.json"), "rb") as file:
            head = file.read(1 << 20)
    except OSError:
        return "directory"
    return "array" if b'"array"' in head and b'"shape"' in head else "group"


def paths(store: str) -> Callable[[Any, str], Choices]:
    """Return what completes a path in the store that another parameter names.

    Parameters
    ----------
    store
        The name of that parameter.
    """

    def complete(ctx: Any, incomplete: str) -> Choices:
        try:
            directory, slash, start = incomplete.rpartition("/")
            found = _nodes(ctx, _argument(ctx, store), directory, start)
            return _harmless(
                ((f"{directory}{slash}{name}", kind) for name, kind in found), incomplete
            )
        except Exception:
            return []

    return complete


def _argument(ctx: Any, name: str) -> str:
    """The value of an argument, also where an option without its value ends the line."""
    value = ctx.params.get(name)
    if value is None:
        names = [each.name for each in ctx.command.params if each.param_type_name == "argument"]
        value = ctx.args[names.index(name)]
    return str(value)


def choices(*values: str) -> Callable[[Any, str], Choices]:
    """Return what completes one of several values.

    Parameters
    ----------
    *values
        The values.
    """

    def complete(ctx: Any, incomplete: str) -> Choices:
        return [(value, "") for value in values if value.startswith(incomplete)]

    return complete


def _nodes(ctx: Any, store: str, directory: str, start: str) -> Iterator[tuple[str, str]]:
    """The names of the nodes in a group, and their kinds."""
    import warnings

    from zarr import Group, open_group  # late: a shell that completes else is quick

    # late: its module imports this one
    from zarr.cli.app import Options

    names = [name for name in ctx.params if name.startswith(COMMON)]
    given = Options(**{name.removeprefix(COMMON): ctx.params[name] for name in names})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        group = open_group(store, path=directory, mode="r", storage_options=given.storage_options())
        for at, (name, node) in enumerate(sorted(group.members())):
            if at == _MOST:
                return
            if name.startswith(start):
                if isinstance(node, Group):
                    yield name + "/", "group"
                else:
                    yield name, f"{node.shape} {node.dtype}"
