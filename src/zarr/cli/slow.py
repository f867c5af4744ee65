"""The command that says why reading takes so long."""

from __future__ import annotations

from typing import Annotated

import typer

from zarr.cli.app import PathOption, StoreArgument, command, options, show
from zarr.cli.see import SelectOption  # noqa: TC001 (typer looks at it)


@command()
def bench(
    store: StoreArgument,
    path: PathOption = "",
    select: SelectOption = "...",
    times: Annotated[int, typer.Option(min=1, help="How often, cold and warm.")] = 5,
) -> None:
    """Read a selection of an array several times, and say what bound it."""
    from zarr import tools

    show(
        tools.bench(
            store,
            select,
            path=path,
            times=times,
            storage_options=options.storage_options(),
        )
    )
