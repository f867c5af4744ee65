"""Tools for hierarchies: look at them, check and mend them, reshape them.

Each is a function that takes a store, or anything that means one, and returns a typed result. Those
of :mod:`zarr.tools.asynchronous` are coroutines; those here are for code that is not asynchronous.
The command ``zarr`` has a command for each.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from zarr._async.run import synced
from zarr.tools import asynchronous
from zarr.tools.result import Result

__all__ = [
    "Result",
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

if TYPE_CHECKING:  # for type checkers, which result each has
    add_checksums = synced(asynchronous.add_checksums)
    bench = synced(asynchronous.bench)
    cast = synced(asynchronous.cast)
    cat = synced(asynchronous.cat)
    cp = synced(asynchronous.cp)
    delete_attributes = synced(asynchronous.delete_attributes)
    diff = synced(asynchronous.diff)
    digest = synced(asynchronous.digest)
    du = synced(asynchronous.du)
    export_file = synced(asynchronous.export_file)
    find = synced(asynchronous.find)
    get_attributes = synced(asynchronous.get_attributes)
    head = synced(asynchronous.head)
    import_file = synced(asynchronous.import_file)
    info = synced(asynchronous.info)
    ls = synced(asynchronous.ls)
    mv = synced(asynchronous.mv)
    pyramid = synced(asynchronous.pyramid)
    rechunk = synced(asynchronous.rechunk)
    recode = synced(asynchronous.recode)
    remove_checksums = synced(asynchronous.remove_checksums)
    repair = synced(asynchronous.repair)
    replace = synced(asynchronous.replace)
    report = synced(asynchronous.report)
    reshard = synced(asynchronous.reshard)
    rm = synced(asynchronous.rm)
    serve = synced(asynchronous.serve)
    set_attributes = synced(asynchronous.set_attributes)
    stats = synced(asynchronous.stats)
    sync = synced(asynchronous.sync)
    tree = synced(asynchronous.tree)
    vacuum = synced(asynchronous.vacuum)
    verify = synced(asynchronous.verify)
else:

    def __getattr__(name: str) -> object:
        """Derive a function when it is first asked for."""
        if name not in __all__:
            raise import_module("zarr.successors").missing(f"module {__name__!r}", name, __all__)
        value = globals()[name] = synced(getattr(asynchronous, name))
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
