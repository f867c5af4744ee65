"""The commands of ``zarr``."""

import logging
from enum import StrEnum
from typing import Annotated, Any, cast

import typer

from zarr._async.run import run, waits_of
from zarr.api import synchronous as api
from zarr.hierarchy import migrate as migration
from zarr.storage.path import StorePath, make_store_path
from zarr.types import AccessModeLiteral

logger = logging.getLogger(__name__)
app = typer.Typer(
    no_args_is_help=True,
    help="Look at Zarr hierarchies, copy them, and bring them from format 2 to format 3.",
)


class CLIZarrFormat(StrEnum):
    """A format."""

    v2 = "v2"
    v3 = "v3"


class CLIZarrFormatV3(StrEnum):
    """A format that one can migrate to."""

    v3 = "v3"


StoreArgument = Annotated[str, typer.Argument(help="A folder, zip file or URL.")]
PathOption = Annotated[str, typer.Option(help="A path in the store.")]
DryRun = Annotated[bool, typer.Option(help="Say what would be done, and do nothing.")]


def _place(store: str, mode: AccessModeLiteral) -> StorePath:
    return run(make_store_path(store, mode=mode), waits=waits_of((store,), {}))


@app.command()
def migrate(
    zarr_format: Annotated[CLIZarrFormatV3, typer.Argument(help="The format to migrate to.")],
    input_store: Annotated[str, typer.Argument(help="A folder, zip file or URL, of format 2.")],
    output_store: Annotated[
        str | None, typer.Argument(help="Where the metadata go; by default the same store.")
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
    _show_steps(dry_run)
    source = _place(input_store, "r+" if output_store is None else "r")
    target = source if output_store is None else _place(output_store, "a")
    migration.migrate_store(
        source.store,
        target.store,
        dry_run=dry_run,
        overwrite=overwrite,
        force=force,
        remove_v2=remove_v2_metadata,
    )


@app.command()
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
    _show_steps(dry_run)
    place = _place(store, "r+").store
    removal = migration.remove_metadata(place, 2 if zarr_format == "v2" else 3, force, dry_run)
    run(removal, waits=place.traits.needs_event_loop)


def _show_steps(dry_run: bool) -> None:
    if dry_run:
        _set_level(logging.INFO)
        typer.echo("Dry run: nothing is changed. These steps would be done:", err=True)


@app.command()
def info(store: StoreArgument, path: PathOption = "") -> None:
    """Say what an array or group is."""
    typer.echo(api.open(store, path=path, mode="r").info)


@app.command()
def tree(
    store: StoreArgument,
    path: PathOption = "",
    level: Annotated[int | None, typer.Option(help="How many levels; all by default.")] = None,
) -> None:
    """Show what is in a group."""
    typer.echo(api.open_group(store, path=path, mode="r").tree(level=level))


@app.command()
def copy(
    source: StoreArgument,
    dest: Annotated[str, typer.Argument(help="The folder, zip file or URL to copy to.")],
    source_path: PathOption = "",
    dest_path: PathOption = "",
    if_exists: Annotated[str, typer.Option(help="raise, replace or skip: keys that exist.")] = (
        "raise"
    ),
    dry_run: DryRun = False,
    progress: Annotated[bool, typer.Option(help="Show a bar.")] = False,
) -> None:
    """Copy all that is stored, as it is."""
    counts = api.copy_store(
        source,
        dest,
        source_path=source_path,
        dest_path=dest_path,
        if_exists=cast("Any", if_exists),
        dry_run=dry_run,
        progress=progress,
        log=typer.echo if dry_run else None,
    )
    typer.echo(f"{counts[0]} values copied, {counts[1]} skipped, {counts[2]:,} bytes")


@app.command()
def consolidate(store: StoreArgument, path: PathOption = "") -> None:
    """Store the metadata of all that is in a group with those of the group."""
    group = api.consolidate_metadata(store, path=path)
    typer.echo(group.info)


@app.callback()
def main(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is done.")] = False,
) -> None:
    """Look at Zarr hierarchies, copy them, and bring them from format 2 to format 3."""
    _set_level(logging.INFO if verbose else logging.WARNING)


def _set_level(level: int) -> None:
    logging.basicConfig(format="%(message)s")
    logging.getLogger("zarr").setLevel(level)
