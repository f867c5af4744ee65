"""The tools as coroutines; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zarr.tools.benching import bench
    from zarr.tools.check.checksums import add_checksums, remove_checksums
    from zarr.tools.check.digests import digest
    from zarr.tools.check.mending import repair, vacuum
    from zarr.tools.check.verification import verify
    from zarr.tools.convert.exporting import export_file
    from zarr.tools.convert.importing import import_file
    from zarr.tools.pages.reporting import report
    from zarr.tools.pages.serving import serve
    from zarr.tools.pyramids import pyramid
    from zarr.tools.reshape.rechunking import cast, rechunk, recode, reshard
    from zarr.tools.see.about import info
    from zarr.tools.see.attributes import delete_attributes, get_attributes, set_attributes
    from zarr.tools.see.differences import diff
    from zarr.tools.see.listing import du, find, ls, tree
    from zarr.tools.see.statistics import stats
    from zarr.tools.see.values import cat, head
    from zarr.tools.transfer import cp, mv, replace, rm, sync

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
    "add_checksums": "check.checksums",
    "bench": "benching",
    "cast": "reshape.rechunking",
    "cat": "see.values",
    "cp": "transfer",
    "delete_attributes": "see.attributes",
    "diff": "see.differences",
    "digest": "check.digests",
    "du": "see.listing",
    "export_file": "convert.exporting",
    "find": "see.listing",
    "get_attributes": "see.attributes",
    "head": "see.values",
    "import_file": "convert.importing",
    "info": "see.about",
    "ls": "see.listing",
    "mv": "transfer",
    "pyramid": "pyramids",
    "rechunk": "reshape.rechunking",
    "recode": "reshape.rechunking",
    "remove_checksums": "check.checksums",
    "repair": "check.mending",
    "replace": "transfer",
    "report": "pages.reporting",
    "reshard": "reshape.rechunking",
    "rm": "transfer",
    "serve": "pages.serving",
    "set_attributes": "see.attributes",
    "stats": "see.statistics",
    "sync": "transfer",
    "tree": "see.listing",
    "vacuum": "check.mending",
    "verify": "check.verification",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise import_module("zarr.successors").missing(f"module {__name__!r}", name, __all__)
        value = globals()[name] = getattr(import_module(f"zarr.tools.{_HOMES[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
