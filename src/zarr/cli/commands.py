"""The commands of ``zarr``: those of other modules, and those that change formats and copy."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

# Each module registers its commands.
from zarr.cli import check as check
from zarr.cli import convert as convert
from zarr.cli import pages as pages
from zarr.cli import reshape as reshape
from zarr.cli import see as see
from zarr.cli import slow as slow
from zarr.cli import transfer as transfer
from zarr.cli.app import (
    DryRun,
    PathOption,
    StoreArgument,
    app,
    command,
    main,
    options,
    put,
    set_level,
    show,
    tell,
)
from zarr.cli.completion import choices, paths, stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.storage.path import StorePath
    from zarr.types import AccessModeLiteral

__all__ = ["CLIZarrFormat", "CLIZarrFormatV3", "app", "main", "migrate", "remove_metadata"]

IfExists = Literal["raise", "replace", "skip"]


class CLIZarrFormat(StrEnum):
    """A format."""

    v2 = "v2"
    v3 = "v3"


class CLIZarrFormatV3(StrEnum):
    """A format that one can migrate to."""

    v3 = "v3"


def _place(store: str, mode: AccessModeLiteral, *others: str) -> StorePath:
    """Open a store; its options are those of the other stores where only those are URLs."""
    from zarr._async.run import run, waits_of
    from zarr.storage.path import make_store_path
    from zarr.urls import is_url

    given = options.storage_options()
    if given and not is_url(store) and any(map(is_url, others)):
        given = None
    made = make_store_path(store, mode=mode, storage_options=given)
    return run(made, waits=waits_of((store,), {}))


def _target(store: str, source: str, dry_run: bool) -> StorePath | dict[str, object]:
    if not dry_run:
        return _place(store, "a", source)
    try:
        return _place(store, "r", source)
    except FileNotFoundError:
        return {}  # nothing is there, and nothing is made


@command()
def migrate(
    zarr_format: Annotated[CLIZarrFormatV3, typer.Argument(help="The format to migrate to.")],
    input_store: Annotated[
        str,
        typer.Argument(help="A directory, zip file or URL, of format 2.", autocompletion=stores),
    ],
    output_store: Annotated[
        str | None,
        typer.Argument(
            help="Where the metadata go; by default the same store.", autocompletion=stores
        ),
    ] = None,
    dry_run: DryRun = False,
    overwrite: Annotated[
        bool, typer.Option(help="Replace metadata of format 3 that are there already.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(help="Delete metadata also where there are none of the other format."),
    ] = False,
    remove_v2_metadata: Annotated[
        bool,
        typer.Option(help="Delete metadata of format 2 afterwards, where those of format 3 went."),
    ] = False,
) -> None:
    """Store metadata of format 3 for all that is of format 2. Chunks stay as they are."""
    from zarr.hierarchy.migrate import migrate_store

    others = () if output_store is None else (output_store,)
    source = _place(input_store, "r+" if output_store is None else "r", *others)
    target = source if output_store is None else _place(output_store, "a", input_store)
    with _steps(dry_run):
        migrate_store(
            source.store,
            target.store,
            dry_run=dry_run,
            overwrite=overwrite,
            force=force,
            remove_v2=remove_v2_metadata,
        )


@command()
def remove_metadata(
    zarr_format: Annotated[CLIZarrFormat, typer.Argument(help="Whose metadata are deleted.")],
    store: StoreArgument,
    force: Annotated[
        bool,
        typer.Option(help="Delete metadata also where there are none of the other format."),
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Delete the metadata of one format, where there are metadata of the other."""
    from zarr._async.run import run
    from zarr.hierarchy import migrate as migration

    place = _place(store, "r+").store
    with _steps(dry_run):
        removal = migration.remove_metadata(place, 2 if zarr_format == "v2" else 3, force, dry_run)
        run(removal, waits=place.traits.needs_event_loop)


class _Heard(logging.Handler):
    """Keeps the messages of a logger."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _steps(dry_run: bool) -> Iterator[None]:
    """Show the steps that are done within: as JSON at the end, or as they come if none is done."""
    from zarr.tools.result import Steps

    if not options.json:
        if dry_run:
            set_level(logging.INFO)
            tell("Dry run: nothing is changed. These steps would be done:")
        yield
        return
    heard, logger = _Heard(), logging.getLogger("zarr.metadata.migrate_v3")
    level, shown = logger.level, logger.propagate
    logger.addHandler(heard)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(heard)
        logger.setLevel(level)
        logger.propagate = shown
    show(Steps(dry_run, tuple(heard.messages)))


@command()
def copy(
    source: StoreArgument,
    dest: Annotated[
        str,
        typer.Argument(help="The directory, zip file or URL to copy to.", autocompletion=stores),
    ],
    source_path: Annotated[
        str, typer.Option(help="A path in the source.", autocompletion=paths("source"))
    ] = "",
    dest_path: Annotated[
        str, typer.Option(help="A path in the target.", autocompletion=paths("dest"))
    ] = "",
    if_exists: Annotated[
        str,
        typer.Option(
            help="raise, replace or skip: keys that exist.",
            autocompletion=choices("raise", "replace", "skip"),
        ),
    ] = "raise",
    dry_run: DryRun = False,
    progress: Annotated[
        bool, typer.Option(help="Show a bar also where no terminal is.", hidden=True)
    ] = False,
) -> None:
    """Copy all that is stored, as it is."""
    from typing import cast

    from zarr.api.synchronous import copy_store
    from zarr.tools.result import Copied
    from zarr.tools.text import bytes_of, count, printable

    say = tell if options.json else put
    copied, skipped, size = copy_store(
        _place(source, "r", dest),
        _target(dest, source, dry_run),
        source_path=source_path,
        dest_path=dest_path,
        if_exists=cast("IfExists", if_exists),
        dry_run=dry_run,
        progress=progress or None,
        log=(lambda line: say(printable(line))) if dry_run else None,
    )
    if options.json:
        show(Copied(dry_run, copied, skipped, size))
    else:
        put(f"{count(copied, 'value')} copied, {skipped:,} skipped, {bytes_of(size)}")


@command()
def consolidate(store: StoreArgument, path: PathOption = "") -> None:
    """Store the metadata of all that is in a group with those of the group."""
    from zarr import tools
    from zarr.api.synchronous import consolidate_metadata

    show(tools.info(consolidate_metadata(_place(store, "r+"), path=path)))
