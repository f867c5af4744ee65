"""The command ``zarr`` itself: its options, how results are shown, and how it fails.

A module of commands is light to import: all of the library is imported in the functions, so that
``zarr --help`` is quick. Each function calls a tool of :mod:`zarr.tools` and gives its result to
`show`.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.tools.result import Result

HELP = "Look at Zarr hierarchies, check, copy, reshape and convert them."

FINE, FOUND, FAILED = 0, 1, 2
"""How the command ends: all is well; something was found; it could not be done."""

StoreArgument = Annotated[str, typer.Argument(help="A directory, zip file or URL.")]
PathOption = Annotated[str, typer.Option(help="A path in the store.")]
DryRun = Annotated[bool, typer.Option(help="Say what would be done, and do nothing.")]


@dataclass
class Options:
    """The options that every command has."""

    quiet: bool = False
    verbose: bool = False
    json: bool = False
    traceback: bool = False
    anon: bool = False
    endpoint: str | None = None
    option: list[str] = field(default_factory=list)

    def storage_options(self) -> dict[str, object] | None:
        """Return the options of the stores that the command opens."""
        made: dict[str, object] = {}
        if self.anon:
            made["anon"] = True
        if self.endpoint is not None:
            made["endpoint_url"] = self.endpoint
        for each in self.option:
            key, equals, value = each.partition("=")
            if not equals:
                fail(f"--option {each}: write it as key=value")
            made[key] = value
        return made or None


options = Options()
"""Those of the command that runs."""


def _common() -> list[TyperOption]:
    def option(name: str, *flags: str, help: str, **more: Any) -> TyperOption:
        def keep(context: object, param: object, value: Any) -> Any:
            if value:
                setattr(options, name, list(value) if isinstance(value, tuple) else value)
            return value

        return TyperOption(
            param_decls=[name, *flags],
            help=help,
            callback=keep,
            expose_value=False,
            rich_help_panel="Common options",
            **more,
        )

    return [
        option("quiet", "--quiet", "-q", help="Show no progress.", is_flag=True),
        option("json", "--json", help="Print the result as JSON.", is_flag=True),
        option("traceback", "--traceback", help="Show where an error comes from.", is_flag=True),
        option("anon", "--anon", help="Use a service without credentials.", is_flag=True),
        option("endpoint", "--endpoint", help="The URL of a service that speaks S3."),
        option("option", "--option", help="key=value: an option of the store.", multiple=True),
    ]


class Command(TyperCommand):
    """A command with the common options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_common())


app = typer.Typer(no_args_is_help=True, help=HELP, pretty_exceptions_enable=False)


def command(name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command with the common options."""
    return app.command(name, cls=Command)


@app.callback(help=HELP)
def main(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is done.")] = False,
) -> None:
    """Set what holds for all commands."""
    options.verbose = verbose
    set_level(logging.INFO if verbose else logging.WARNING)


def set_level(level: int) -> None:
    """Let messages of the library of this level through, and those above it."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("zarr").setLevel(level)


def show(result: Result, code: int = FINE) -> None:
    """Print a result, as text or as JSON, and end with a code that is not 0."""
    typer.echo(result.to_json() if options.json else str(result))
    if code:
        raise typer.Exit(code)


def fail(message: str) -> NoReturn:
    """End because it could not be done."""
    typer.echo(f"zarr: {message}", err=True)
    sys.exit(FAILED)
