"""The command ``zarr``."""

from __future__ import annotations


def entry() -> None:
    """Run the command ``zarr``."""
    # Programs that import the library do not need typer.
    from zarr.cli import commands as commands
    from zarr.cli.app import run

    run()
