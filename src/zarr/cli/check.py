"""Commands that check hierarchies and mend them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zarr.cli.app import PathOption, StoreArgument, command, family, options, show
from zarr.cli.exit_codes import FINE, FOUND


class Level(StrEnum):
    """How thorough a check is."""

    metadata = "metadata"
    presence = "presence"
    full = "full"


def _codes(incomplete: str) -> list[tuple[str, str]]:
    """Return the codes of findings that a word may go on to."""
    from zarr.tools.check.findings import RULES

    return [(code, rule.says) for code, rule in RULES.items() if code.startswith(incomplete)]


Apply = Annotated[bool, typer.Option("--apply", help="Do it; else say what would be done.")]
Keep = Annotated[str | None, typer.Option(help="A new directory for what is replaced or deleted.")]


@command()
def verify(
    store: StoreArgument,
    path: PathOption = "",
    level: Annotated[Level, typer.Option(help="How thorough the check is.")] = Level.full,
    metadata: Annotated[bool, typer.Option("--metadata", help="The same as that level.")] = False,
    presence: Annotated[bool, typer.Option("--presence", help="The same as that level.")] = False,
    full: Annotated[bool, typer.Option("--full", help="The same as that level.")] = False,
    complete: Annotated[
        bool, typer.Option("--complete", help="A chunk that is not stored is an error.")
    ] = False,
    against: Annotated[str | None, typer.Option(help="A file of `zarr digest --json`.")] = None,
    limit: Annotated[int, typer.Option(help="Findings of one code that are shown.")] = 1000,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page, too.")] = None,
) -> None:
    """Check whether a hierarchy is whole: documents, keys and chunks."""
    from zarr import tools
    from zarr.tools.result import save_page

    short = {Level.metadata: metadata, Level.presence: presence, Level.full: full}
    named = [each for each, given in short.items() if given]
    if len(named) > 1:
        raise typer.BadParameter("--metadata, --presence and --full exclude one another")
    level = named[0] if named else level
    report = tools.verify(
        store,
        path=path,
        level=level.value,
        complete=complete,
        against=against,
        limit=limit,
        storage_options=options.storage_options(),
    )
    if html is not None:
        save_page(report.to_html(), html)
    show(report, FINE if report.ok else FOUND)


@command()
def digest(
    store: StoreArgument,
    path: PathOption = "",
    exact: Annotated[
        bool, typer.Option("--exact", help="Of the stored bytes, not of what they say.")
    ] = False,
) -> None:
    """Print a hash of the content, which does not depend on how it is stored."""
    from zarr import tools

    found = tools.digest(
        store,
        path=path,
        exact=exact,
        storage_options=options.storage_options(),
    )
    show(found)


@command()
def repair(
    store: StoreArgument,
    path: PathOption = "",
    apply: Apply = False,
    keep: Keep = None,
    second: Annotated[str | None, typer.Option(help="A second copy of the hierarchy.")] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Delete damaged chunks that cannot be got back.")
    ] = False,
    codes: Annotated[
        list[str] | None,
        typer.Option("--code", help="Mend findings of this code only.", autocompletion=_codes),
    ] = None,
    undo: Annotated[
        str | None, typer.Option(help="Put back what an earlier repair kept in this directory.")
    ] = None,
) -> None:
    """Mend what `zarr verify` finds; a dry run unless --apply is given."""
    from zarr import tools

    done = tools.repair(
        store,
        path=path,
        apply=apply,
        keep=keep,
        second=second,
        drop=drop,
        codes=codes or None,
        undo=undo,
        storage_options=options.storage_options(),
    )
    show(done, FINE if done.ok else FOUND)


@command()
def vacuum(
    store: StoreArgument,
    path: PathOption = "",
    apply: Apply = False,
    keep: Keep = None,
    older: Annotated[
        float, typer.Option(help="Seconds since a temporary file was written to, at least.")
    ] = 3600.0,
) -> None:
    """Delete temporary files and chunks outside of the shape; a dry run unless --apply is given."""
    from zarr import tools

    done = tools.vacuum(
        store,
        path=path,
        apply=apply,
        keep=keep,
        older=older,
        storage_options=options.storage_options(),
    )
    show(done, FINE if done.ok else FOUND)


checksum = family("checksum", "Add checksums to chunks, or remove them.")
KeepOld = Annotated[
    bool, typer.Option("--keep-old", help="Leave the old chunks, for programs that read them.")
]


@command("add", into=checksum)
def add(store: StoreArgument, path: PathOption = "", keep_old: KeepOld = False) -> None:
    """Add a CRC-32C to each chunk of an array of format 3."""
    from zarr import tools

    storage_options = options.storage_options()
    show(tools.add_checksums(store, path=path, keep_old=keep_old, storage_options=storage_options))


@command("remove", into=checksum)
def remove(store: StoreArgument, path: PathOption = "", keep_old: KeepOld = False) -> None:
    """Remove the CRC-32C of each chunk of an array of format 3."""
    from zarr import tools

    storage_options = options.storage_options()
    show(
        tools.remove_checksums(store, path=path, keep_old=keep_old, storage_options=storage_options)
    )
