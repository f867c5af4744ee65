"""The commands that show a hierarchy in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr.cli.app import PathOption, StoreArgument, command, options, put, show


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


@command()
def serve(
    store: StoreArgument,
    path: PathOption = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="An address that only this machine reaches.")] = (
        "127.0.0.1"
    ),
    origin: Annotated[
        str,
        typer.Option(
            help="Whose pages in a browser may read it: an origin, * for all, or '' for those that "
            "this machine serves."
        ),
    ] = "*",
) -> None:
    """Serve a hierarchy to browsers and programs on this machine, until Ctrl-C."""
    from zarr import tools

    opened = tools.serve(
        store,
        path=path,
        host=host,
        port=port,
        origin=origin,
        storage_options=options.storage_options(),
    )
    with opened as server:
        put(f"{server.url} (Ctrl-C ends it)")
        server.wait()
