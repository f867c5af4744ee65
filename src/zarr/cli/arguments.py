"""The parameters that commands with a source and a target have in common."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zarr.cli.app import fail
from zarr.cli.completion import paths, stores

if TYPE_CHECKING:
    from collections.abc import Iterator

TargetArgument = Annotated[
    str,
    typer.Argument(help="The directory, zip file or URL to write to.", autocompletion=stores),
]
SourcePath = Annotated[
    str,
    typer.Option("--path", "-p", help="A path in the source.", autocompletion=paths("source")),
]
TargetPath = Annotated[
    str, typer.Option(help="A path in the target.", autocompletion=paths("target"))
]
Workers = Annotated[int, typer.Option(help="How many processes do it; 0 is this one.", min=0)]


@contextmanager
def executor_of(workers: int) -> Iterator[Any]:
    """Give so many processes for the time of the context; None if they are none."""
    if not workers:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Processes that are forked have the threads of none.
    with ProcessPoolExecutor(workers, get_context("spawn")) as executor:
        yield executor


def pairs(option: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield what somebody wrote as ``a=1,b=2``."""
    for each in text.split(","):
        name, equals, value = each.rpartition("=")
        if not equals:
            fail(f"{option} {text}: write {each!r} as name=value")
        yield name, value
