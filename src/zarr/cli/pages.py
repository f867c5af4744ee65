"""The commands that show a hierarchy in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr.cli.app import PathOption, StoreArgument, command, options, show


@command()
def report(
    store: StoreArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file of HTML.")] = Path(
        "report.html"
    ),
    path: PathOption = "",
) -> None:
    """Write a page about a hierarchy: sizes, chunks, pictures of values, advice."""
    from zarr import tools

    show(tools.report(store, path=path, output=output, storage_options=options.storage_options()))
