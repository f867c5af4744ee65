"""The commands that show what is in a store."""

from __future__ import annotations

from typing import Annotated

import typer

from zarr.cli.app import PathOption, StoreArgument, command, options, put


@command()
def info(store: StoreArgument, path: PathOption = "") -> None:
    """Say what an array or group is."""
    from zarr.api.synchronous import open
    from zarr.tools.text import printable

    node = open(store, path=path, mode="r", storage_options=options.storage_options())
    put("\n".join(map(printable, str(node.info).split("\n"))))


@command()
def tree(
    store: StoreArgument,
    path: PathOption = "",
    level: Annotated[int | None, typer.Option(help="How many levels; all by default.")] = None,
) -> None:
    """Show what is in a group."""
    from zarr.api.synchronous import open_group

    group = open_group(store, path=path, mode="r", storage_options=options.storage_options())
    put(str(group.tree(level=level)), end="")
