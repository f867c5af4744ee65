"""The command line, under the name that zarr-python has for it: see :mod:`zarr.cli`."""

from zarr.cli.commands import CLIZarrFormat, CLIZarrFormatV3, app, main, migrate, remove_metadata

__all__ = ["CLIZarrFormat", "CLIZarrFormatV3", "app", "main", "migrate", "remove_metadata"]

if __name__ == "__main__":
    app()
