"""The command ``zarr`` itself: its options, how results are shown, and how it fails.

A module of commands is light to import: all of the library is imported in the functions, so that
``zarr --help`` is quick. Each function calls a tool of :mod:`zarr.tools` and gives its result to
`show`.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from zarr.cli import completion
from zarr.cli.exit_codes import CUT_OFF, FAILED, FINE, INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zarr.tools.result import Result

HELP = "Look at Zarr hierarchies, check, copy, reshape and convert them."

StoreArgument = Annotated[
    str,
    typer.Argument(help="A directory, zip file or URL.", autocompletion=completion.stores),
]
PathOption = Annotated[
    str,
    typer.Option(
        "--path", "-p", help="A path in the store.", autocompletion=completion.paths("store")
    ),
]
DryRun = Annotated[bool, typer.Option(help="Say what would be done, and do nothing.")]


@dataclass
class Options:
    """The options that every command has."""

    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error comes from.")
    ] = False
    anon: Annotated[bool, typer.Option("--anon", help="Use a service without credentials.")] = False
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="The URL of a service that speaks S3.")
    ] = None
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="key=value: an option of the store; JSON, or a string."),
    ] = None

    def storage_options(self) -> dict[str, object] | None:
        """Return the options of the stores that the command opens."""
        made: dict[str, object] = {}
        if self.anon:
            made["anon"] = True
        if self.endpoint is not None:
            made["endpoint_url"] = self.endpoint
        for each in self.option or ():
            key, equals, value = each.partition("=")
            if not equals:
                raise typer.BadParameter(f"--option {each}: write it as key=value")
            made[key] = _option_value(value)
        return made or None


def _option_value(text: str) -> object:
    """A value of an option: JSON if it looks like some, or a string; secrets may be all digits."""
    if text not in ("true", "false", "null") and not text.startswith(("{", "[", '"')):
        return text
    import json

    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


options = Options()
"""Those of the command that runs."""

_COMMON = {
    f"{completion.COMMON}{name}": inspect.Parameter(
        f"{completion.COMMON}{name}",
        inspect.Parameter.KEYWORD_ONLY,
        default=getattr(options, name),
        annotation=annotation,
    )
    for name, annotation in get_type_hints(Options, include_extras=True).items()
}


class Command(TyperCommand):
    """A command that takes strings as they are.

    Its parameters are made when it runs or tells about itself: those of all commands would take
    longer than most of what a small command does.
    """

    def __init__(self, call: Callable[[], Callable[..., None]], **given: Any) -> None:
        super().__init__(**given)
        self._call: Callable[[], Callable[..., None]] | None = call

    def get_params(self, ctx: Any) -> list[Any]:
        """Return all parameters."""
        if self._call is not None:
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command()(self._call())
            made = typer.main.get_command(alone)
            self.params, self.callback, self._call = made.params, made.callback, None
        return _as_they_are(super().get_params(ctx))


class Family(TyperGroup):
    """Commands with options of their own, which are taken likewise."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return all parameters."""
        return _as_they_are(super().get_params(ctx))


def _as_they_are(params: list[Any]) -> list[Any]:
    """Spare values that are right already the check.

    Typer has pydantic check all values, and importing that takes as long as most of what a small
    command does.
    """
    for each in params:
        checked = getattr(each, "get_runtime_param", None)
        if checked is not None and not isinstance(checked, partial):
            each.get_runtime_param = partial(_Unchecked, checked)
    return params


class _Unchecked:
    """Takes values that are right already as they are, and has others checked."""

    def __init__(self, checked: Callable[[], Any]) -> None:
        self._checked = checked

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        kind = param.type_descriptor.annotation
        if value is None and not (param.multiple or param.nargs == -1):
            return None
        if type(value) is kind and kind in (str, int, float):
            return value
        if kind == list[str] and all(type(item) is str for item in value or ()):
            return list(value or ())
        return self._checked().coerce(value, param=param, ctx=ctx)


@contextmanager
def _failing() -> Iterator[None]:
    """Turn errors into a line or two for people."""
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        fail("interrupted", INTERRUPTED)
    except Exception as error:
        if hasattr(error, "exit_code"):  # a mistake in the command line
            raise
        if options.traceback:
            import traceback

            traceback.print_exc()
            raise typer.Exit(FAILED) from error
        from zarr.cli.errors import explain

        fail(explain(error))


@contextmanager
def _progress() -> Iterator[None]:
    """Show how far long operations are, where a person watches."""
    if options.quiet or not sys.stderr.isatty():
        yield
        return
    from zarr._async.bar import Bar
    from zarr._async.progress import progress

    with progress(Bar):
        yield


# Without rich's frames, the help is there in half the time, and can be searched and piped.
app = typer.Typer(
    cls=Family,
    no_args_is_help=True,
    help=HELP,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def command(
    name: str | None = None, *, into: typer.Typer = app
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command with the common options.

    Parameters
    ----------
    name
        Of the command; by default that of the function.
    into
        The commands among which it is; by default those of ``zarr`` itself.
    """

    def register(fn: Callable[..., None]) -> Callable[..., None]:
        made = cast("type[Command]", partial(Command, partial(_with_common_options, fn)))
        into.command(name or fn.__name__.replace("_", "-"), cls=made, help=fn.__doc__)(_nothing)
        return fn

    return register


def _nothing() -> None:
    """Stands for a command that was not made yet."""


def _with_common_options(fn: Callable[..., None]) -> Callable[..., None]:
    def call(**given: Any) -> None:
        for each in _COMMON:
            setattr(options, each.removeprefix(completion.COMMON), given.pop(each))
        with _failing(), _progress():
            fn(**given)

    signature = inspect.signature(fn, eval_str=True)
    parameters = [*signature.parameters.values(), *_COMMON.values()]
    call.__name__, call.__doc__ = fn.__name__, fn.__doc__
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return call


def family(name: str, help: str) -> typer.Typer:
    """Return a command that has commands of its own, as ``zarr attrs get``."""
    made = typer.Typer(cls=Family, no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(made, name=name, help=help)
    return made


@app.callback(help=HELP)
def main(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is done.")] = False,
) -> None:
    """Set what holds for all commands."""
    set_level(logging.INFO if verbose else logging.WARNING)


def set_level(level: int) -> None:
    """Let messages of the library of this level through, and those above it."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("zarr").setLevel(level)


def show(result: Result, code: int = FINE) -> None:
    """Print a result, as a text or as JSON, and end with a code that is not 0."""
    put(result.to_json() if options.json else _as_encoded(str(result)))
    if code:
        raise typer.Exit(code)


_NEAREST = str.maketrans({**dict(zip("├└│─█×–", "|`|-#x-", strict=True)), "→": "->", "…": "..."})


def _as_encoded(text: str) -> str:
    """A text for people, with the nearest of ASCII for lines and bars if there is only that."""
    if text.isascii() or "utf" in (sys.stdout.encoding or "utf").lower():
        return text
    return text.translate(_NEAREST)


def put(text: str | bytes, *, end: str = "\n") -> None:
    """Print to the standard output; end in silence when nobody reads it any more.

    Parameters
    ----------
    text
        A string that steers no terminal, or bytes, which are written as they are.
    end
        Printed after a string.
    """
    try:
        if isinstance(text, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        else:
            sys.stdout.write(text + end)
            sys.stdout.flush()
    except BrokenPipeError:
        # Whatever is left in the buffers goes nowhere, so that Python does not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(CUT_OFF) from None


def tell(message: str) -> None:
    """Print a line to the standard error stream, beside the result."""
    typer.echo(message, err=True)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End because it could not be done, with a message of a line or two."""
    tell(f"zarr: {message}")
    raise typer.Exit(code)


def run() -> None:
    """Run the command as a program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _show_warning
    try:
        app()
    except KeyboardInterrupt:  # before a command began, or after it ended
        sys.exit(INTERRUPTED)


def _show_warning(message: Warning | str, *where: object, **more: object) -> None:
    from zarr.tools.text import printable

    tell(f"zarr: warning: {printable(str(message))}")
