"""The API reference of the documentation site, made from the package itself.

MkDocs calls the ``on_…`` functions: they add a page for each public module, with an entry for each
name in its ``__all__``, so that no name can be forgotten. Griffe, which reads the package for
mkdocstrings, uses `PublicNames`.
"""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import griffe
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files


@dataclass(frozen=True)
class Page:
    """A page of the reference.

    Parameters
    ----------
    file
        The name of the file, without its ending.
    title
        The title of the page.
    summary
        A sentence about the page.
    modules
        Modules whose public names are on the page.
    names
        Names on the page that no module of `modules` lists.
    skip
        Names that another page has.
    """

    file: str
    title: str
    summary: str
    modules: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def entries(self) -> Iterator[str]:
        """The public names on the page."""
        yield from self.names
        for module in self.modules:
            yield from (name for name in public_names(module) if name not in self.skip)


ARRAYS = ("zarr.Array", "zarr.AsyncArray")
GROUPS = ("zarr.Group", "zarr.AsyncGroup")

PAGES = (
    Page(
        "zarr",
        "zarr",
        "Functions that create, open, copy and save arrays and groups. `zarr.api.synchronous` has "
        "the same functions.",
        modules=("zarr",),
        names=("zarr.cache.CacheStats",),
        skip=(*ARRAYS, *GROUPS, "zarr.config", "zarr.Settings"),
    ),
    Page("array", "Arrays", "The two faces of an array.", names=ARRAYS),
    Page("group", "Groups", "The two faces of a group.", names=GROUPS),
    Page("views", "zarr.views", "Selections that are read later.", modules=("zarr.views",)),
    Page(
        "tools",
        "zarr.tools",
        "Tools for hierarchies, and their results. `zarr.tools.asynchronous` has the functions as "
        "coroutines, and the command `zarr` has a command for each.",
        modules=("zarr.tools",),
    ),
    Page(
        "asynchronous",
        "zarr.api.asynchronous",
        "The functions of `zarr`, as coroutines.",
        modules=("zarr.api.asynchronous",),
    ),
    Page("storage", "zarr.storage", "Stores.", modules=("zarr.storage",)),
    Page("codecs", "zarr.codecs", "Codecs of Zarr format 3.", modules=("zarr.codecs",)),
    Page(
        "numcodecs",
        "zarr.codecs.numcodecs",
        "The codecs of numcodecs, for arrays of format 3.",
        modules=("zarr.codecs.numcodecs",),
    ),
    Page("dtype", "zarr.dtype", "Data types.", modules=("zarr.dtype",)),
    Page(
        "buffer",
        "zarr.buffer",
        "Buffers of bytes and of elements, in the memory of the CPU or of a GPU.",
        modules=("zarr.buffer", "zarr.buffer.cpu", "zarr.buffer.gpu", "zarr.abc.buffer"),
    ),
    Page("registry", "zarr.registry", "Extensions by name.", modules=("zarr.registry",)),
    Page("errors", "zarr.errors", "Errors and warnings.", modules=("zarr.errors",)),
    Page(
        "config",
        "zarr.config",
        "The settings. [Configuration](../configuration.md) lists all of them.",
        names=(
            "zarr.config",
            "zarr.Settings",
            "zarr.setting_values.Setting",
            "zarr.core.config.Config",
            "zarr.core.config.BadConfigError",
        ),
    ),
    Page("types", "zarr.types", "Types for annotations.", modules=("zarr.types",)),
    Page("abc-store", "zarr.abc.store", "Base classes of stores.", modules=("zarr.abc.store",)),
    Page(
        "abc-codec",
        "zarr.abc.codec",
        "Base classes of codecs and of metadata.",
        modules=("zarr.abc.codec", "zarr.abc.numcodec", "zarr.abc.metadata"),
    ),
    Page(
        "metadata",
        "zarr.metadata",
        "The documents of arrays and groups.",
        modules=("zarr.metadata.migrate_v3",),
        names=(
            "zarr.metadata.v3.ArrayV3Metadata",
            "zarr.metadata.v2.ArrayV2Metadata",
            "zarr.metadata.group.GroupMetadata",
        ),
    ),
    Page("experimental", "zarr.experimental", "Chunk grids.", modules=("zarr.experimental",)),
    Page(
        "testing",
        "zarr.testing",
        "Tests for the stores and codecs of others, and Hypothesis strategies.",
        modules=(
            "zarr.testing",
            "zarr.testing.store",
            "zarr.testing.strict",
            "zarr.testing.faults",
            "zarr.testing.codec",
            "zarr.testing.strategies",
            "zarr.testing.stateful",
            "zarr.testing.buffer",
            "zarr.testing.utils",
        ),
    ),
)


def public_names(module: str) -> list[str]:
    """The names in ``__all__`` of a module that are neither private nor modules, with its path.

    Parameters
    ----------
    module
        The module's name.
    """
    loaded = importlib.import_module(module)
    return [
        f"{module}.{name}"
        for name in loaded.__all__
        if (not name.startswith("_") or name == "__version__")
        and not inspect.ismodule(getattr(loaded, name))
    ]


RANK = "---\nsearch:\n  boost: 0.5\n---\n\n"
"""Pages of the guide come first in the results of a search."""


# -- MkDocs ---------------------------------------------------------------------------------------


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the reference."""
    for page in PAGES:
        content = [f"{RANK}# {page.title}\n\n{page.summary}\n"]
        content += [f"::: {name}\n{_options(name)}" for name in page.entries()]
        _add_page(files, config, f"reference/{page.file}.md", "\n".join(content))
    rows = [f"| [{page.title}]({page.file}.md) | {page.summary} |" for page in PAGES]
    index = ["# API reference\n", "| page | contents |", "| --- | --- |", *rows]
    _add_page(files, config, "reference/index.md", "\n".join(index))
    return files


def _add_page(files: Files, config: MkDocsConfig, path: str, content: str) -> None:
    files.append(File.generated(config, path, content=content))


def _options(name: str) -> str:
    """The options of an entry: handles show all their members."""
    if name in (*ARRAYS, *GROUPS):
        return "    options:\n      inherited_members: true\n"
    if name == "zarr.config":
        return "    options:\n      members: false\n"
    return ""


# -- Griffe ---------------------------------------------------------------------------------------

_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc|obj):`~?\.?([\w.]+)`")
_DIRECTIVE = re.compile(r"^\.\. (deprecated|versionadded|versionchanged|note|warning)::", re.M)


class PublicNames(griffe.Extension):
    """Shows public objects under their public names, as ``help`` shows them.

    Functions that are derived from asynchronous ones get the signature that they have at run time;
    constants get the docstring that stands behind them in the source; types in signatures lead to
    the page of the type.
    """

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        """Mend the package once it is loaded."""
        if pkg.name != "zarr":
            return
        paths_of_zarr = loader.finder.search_paths
        written = cast("griffe.Module", griffe.load("zarr", search_paths=paths_of_zarr))
        paths = [path for page in PAGES for path in page.entries()]
        lacking = [path for path in paths if _lacks(pkg, path)]
        for path in lacking:
            _add(pkg, path)
        homes = {path.rpartition(".")[2]: path for path in paths}
        for node in _objects(pkg, set()):
            _link_types(node, pkg, homes)
            if "async" in node.labels and not inspect.iscoroutinefunction(_at_run_time(node)):
                node.labels.discard("async")  # derived from a coroutine function
            if node.is_attribute and "property" not in node.labels:
                _describe(node, written)
            if node.docstring:
                node.docstring.value = _markdown(node.docstring.value, set(paths))


def _module(pkg: griffe.Module, path: str) -> Any:
    """The module of a public name."""
    parts = path.split(".")[1:-1]
    return pkg[parts] if parts else pkg


def _lacks(pkg: griffe.Module, path: str) -> bool:
    """Whether a public name is not in the package as it is at run time; then it is removed."""
    module_path, _, name = path.rpartition(".")
    members = _module(pkg, path).members
    value = _value(path)
    derived = module_path == "zarr" and inspect.isfunction(value)
    if not derived and name in members:
        member = members[name]
        try:
            # Griffe takes `AnyArray = Array[Any]` for the class.
            if not member.is_alias or member.final_target.is_class == inspect.isclass(value):
                return False
        except griffe.AliasResolutionError:
            pass
    members.pop(name, None)
    return True


def _value(path: str) -> Any:
    module_path, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module_path), name)


def _at_run_time(node: griffe.Object) -> Any:
    """The object that a node stands for."""
    value: Any = importlib.import_module(node.module.path)
    for name in node.path.removeprefix(f"{node.module.path}.").split("."):
        value = getattr(value, name)
    return value


def _add(pkg: griffe.Module, path: str) -> None:
    """Add a public name as it is at run time."""
    module_path, _, name = path.rpartition(".")
    inspector = griffe.Inspector(module_path, None, griffe.load_extensions())
    inspector.current = _module(pkg, path)
    value = _value(path)
    node = griffe.ObjectNode(value, name)
    if inspect.isfunction(value) or inspect.isclass(value):
        inspector.inspect(node)
    else:
        inspector.handle_attribute(node)
    synchronous = pkg["api.synchronous"]
    if module_path == "zarr" and name in synchronous.members:
        synchronous.set_member(name, griffe.Alias(name, path))


def _describe(node: griffe.Object, written: griffe.Module) -> None:
    """Give a constant the docstring that stands behind it in the source, not that of its type."""
    try:
        source: Any = written[node.path.split(".")[1:]]
        node.docstring, node.value = source.docstring, source.value  # type: ignore[attr-defined]
    except (KeyError, griffe.GriffeError, AttributeError):
        node.docstring = None


def _objects(node: Any, seen: set[int]) -> Iterator[Any]:
    """An object of the package and all that are below it, each once."""
    if not node.is_alias and id(node) not in seen:
        seen.add(id(node))
        yield node
        for member in list(node.members.values()):
            yield from _objects(member, seen)


def _link_types(node: Any, pkg: griffe.Module, homes: dict[str, str]) -> None:
    """Let the public names in annotations lead to their entries."""
    annotations: list[Any] = []
    if node.is_function:
        annotations = [node.returns, *(parameter.annotation for parameter in node.parameters)]
    elif node.is_attribute:
        annotations = [node.annotation]
    for annotation in annotations:
        if isinstance(annotation, griffe.Expr):
            for part in annotation.iterate(flat=True):
                if isinstance(part, griffe.ExprName) and part.name in homes:
                    part.parent = _module(pkg, homes[part.name])


def _markdown(text: str, entries: set[str]) -> str:
    """A docstring without the roles and directives of reStructuredText."""

    def link(role: re.Match[str]) -> str:
        return f"[`{role[1]}`][{role[1]}]" if role[1] in entries else f"`{role[1]}`"

    text = _DIRECTIVE.sub(r"**\1:**", _ROLE.sub(link, text))
    return re.sub(r"::$", ":", text, flags=re.MULTILINE)
