"""The command ``zarr``."""

from __future__ import annotations

import sys


def entry() -> None:
    """Run the command ``zarr``."""
    try:
        from zarr.cli.commands import app
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.exit("The command zarr needs typer: install it with `pip install 'zarr[cli]'`.")
    app()
