"""The tools as coroutines; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zarr.tools.about import info
    from zarr.tools.attributes import delete_attributes, get_attributes, set_attributes
    from zarr.tools.benching import bench
    from zarr.tools.checksums import add_checksums, remove_checksums
    from zarr.tools.differences import diff
    from zarr.tools.digests import digest
    from zarr.tools.exporting import export_file
    from zarr.tools.importing import import_file
    from zarr.tools.listing import du, find, ls, tree
    from zarr.tools.mending import repair, vacuum
    from zarr.tools.pyramids import pyramid
    from zarr.tools.rechunking import cast, rechunk, recode, reshard
    from zarr.tools.reporting import report
    from zarr.tools.serving import serve
    from zarr.tools.statistics import stats
    from zarr.tools.transfer import cp, mv, replace, rm, sync
    from zarr.tools.values import cat, head
    from zarr.tools.verification import verify

__all__ = [
    "add_checksums",
    "bench",
    "cast",
    "cat",
    "cp",
    "delete_attributes",
    "diff",
    "digest",
    "du",
    "export_file",
    "find",
    "get_attributes",
    "head",
    "import_file",
    "info",
    "ls",
    "mv",
    "pyramid",
    "rechunk",
    "recode",
    "remove_checksums",
    "repair",
    "replace",
    "report",
    "reshard",
    "rm",
    "serve",
    "set_attributes",
    "stats",
    "sync",
    "tree",
    "vacuum",
    "verify",
]

# The module of each function.
_HOMES: dict[str, str] = {
    "add_checksums": "checksums",
    "bench": "benching",
    "cast": "rechunking",
    "cat": "values",
    "cp": "transfer",
    "delete_attributes": "attributes",
    "diff": "differences",
    "digest": "digests",
    "du": "listing",
    "export_file": "exporting",
    "find": "listing",
    "get_attributes": "attributes",
    "head": "values",
    "import_file": "importing",
    "info": "about",
    "ls": "listing",
    "mv": "transfer",
    "pyramid": "pyramids",
    "rechunk": "rechunking",
    "recode": "rechunking",
    "remove_checksums": "checksums",
    "repair": "mending",
    "replace": "transfer",
    "report": "reporting",
    "reshard": "rechunking",
    "rm": "transfer",
    "serve": "serving",
    "set_attributes": "attributes",
    "stats": "statistics",
    "sync": "transfer",
    "tree": "listing",
    "vacuum": "mending",
    "verify": "verification",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise import_module("zarr.successors").missing(f"module {__name__!r}", name, __all__)
        value = globals()[name] = getattr(import_module(f"zarr.tools.{_HOMES[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
