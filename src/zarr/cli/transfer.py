"""Commands that copy, move and delete what is stored: ``zarr cp``, ``mv``, ``rm``, ``sync``."""

from __future__ import annotations

from typing import Annotated

import typer

from zarr.cli.app import DryRun, StoreArgument, command, options, show
from zarr.cli.arguments import SourcePath, TargetArgument, TargetPath  # noqa: TC001  typer reads them

Limit = Annotated[str | None, typer.Option(help="The most bytes per second, as 10MB.")]


@command()
def cp(
    source: StoreArgument,
    target: TargetArgument,
    path: SourcePath = "",
    target_path: TargetPath = "",
    dry_run: DryRun = False,
    bwlimit: Limit = None,
) -> None:
    """Copy an array or a group to where nothing is."""
    from zarr import tools

    show(
        tools.cp(
            source,
            target,
            path=path,
            target_path=target_path,
            dry_run=dry_run,
            bwlimit=bwlimit,
            storage_options=options.storage_options(),
        )
    )


@command()
def mv(
    source: StoreArgument,
    target: TargetArgument,
    path: SourcePath = "",
    target_path: TargetPath = "",
    dry_run: DryRun = False,
    bwlimit: Limit = None,
) -> None:
    """Move an array or a group to where nothing is; one of local files is renamed."""
    from zarr import tools

    show(
        tools.mv(
            source,
            target,
            path=path,
            target_path=target_path,
            dry_run=dry_run,
            bwlimit=bwlimit,
            storage_options=options.storage_options(),
        )
    )


@command()
def rm(
    source: StoreArgument,
    path: SourcePath = "",
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Delete a group and all below it.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Delete an array, or a group with all below it."""
    from zarr import tools

    show(
        tools.rm(
            source,
            path=path,
            recursive=recursive,
            dry_run=dry_run,
            storage_options=options.storage_options(),
        )
    )


@command()
def sync(
    source: StoreArgument,
    target: TargetArgument,
    path: SourcePath = "",
    target_path: TargetPath = "",
    checksum: Annotated[bool, typer.Option(help="Compare all bytes.")] = False,
    delete: Annotated[bool, typer.Option(help="Delete what the source lacks.")] = False,
    dry_run: DryRun = False,
    bwlimit: Limit = None,
) -> None:
    """Make the target hold what the source holds; copy only what differs."""
    from zarr import tools

    show(
        tools.sync(
            source,
            target,
            path=path,
            target_path=target_path,
            checksum=checksum,
            delete=delete,
            dry_run=dry_run,
            bwlimit=bwlimit,
            storage_options=options.storage_options(),
        )
    )


@command()
def replace(
    source: StoreArgument,
    target: TargetArgument,
    path: SourcePath = "",
    target_path: TargetPath = "",
    bwlimit: Limit = None,
) -> None:
    """Put a copy of the source in the place of the target, which it may be computed from."""
    from zarr import tools

    show(
        tools.replace(
            source,
            target,
            path=path,
            target_path=target_path,
            bwlimit=bwlimit,
            storage_options=options.storage_options(),
        )
    )
