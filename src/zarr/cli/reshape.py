"""The commands that store arrays and trees anew: rechunk, recode, reshard and cast."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from zarr.cli.app import StoreArgument, command, fail, options, show
from zarr.cli.arguments import (
    SourcePath,
    TargetArgument,
    TargetPath,
    Workers,
    executor_of,
    pairs,
)
from zarr.cli.completion import choices
from zarr.cli.exit_codes import FINE, FOUND

Chunks = Annotated[
    str | None, typer.Option(help="As 512,24,24 (-1: all), time=512,lat=24, auto, or 4MB.")
]
Shards = Annotated[str | None, typer.Option(help="As --chunks; none for none.")]
Codec = Annotated[
    list[str] | None,
    typer.Option("--codec", help="A name, or JSON; once for each codec. auto for the default."),
]
Dtype = Annotated[str | None, typer.Option(help="The data type.")]
Format = Annotated[int | None, typer.Option("--zarr-format", help="2 or 3.", min=2, max=3)]
FillValue = Annotated[str | None, typer.Option(help="The fill value, as JSON.")]
Rule = Annotated[
    list[str] | None,
    typer.Option(
        "--rule", help="""As 'a/*:{"chunks": [512, 24, 24]}': for some arrays of a tree."""
    ),
]
OnOverflow = Annotated[
    str,
    typer.Option(
        help="raise, clip or wrap: numbers that the type cannot hold.",
        autocompletion=choices("raise", "clip", "wrap"),
    ),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="List bad chunks, and go on.")]
MaxMemory = Annotated[str, typer.Option(help="The most memory, as 256MB.")]
Temp = Annotated[str | None, typer.Option(help="Where values are between two passes.")]
Resume = Annotated[bool, typer.Option(help="Go on where an earlier run was killed.")]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Say what would be done.")]


@command()
def rechunk(
    source: StoreArgument,
    target: TargetArgument,
    path: SourcePath = "",
    target_path: TargetPath = "",
    chunks: Chunks = None,
    shards: Shards = None,
    codec: Codec = None,
    dtype: Dtype = None,
    zarr_format: Format = None,
    fill_value: FillValue = None,
    rule: Rule = None,
    on_overflow: OnOverflow = "raise",
    skip_bad: SkipBad = False,
    max_memory: MaxMemory = "256MB",
    workers: Workers = 0,
    temp: Temp = None,
    resume: Resume = True,
    plan: PlanOnly = False,
) -> None:
    """Store an array or a tree in other chunks, shards, codecs or types, in bounded memory."""
    given: dict[str, Any] = {"on_overflow": on_overflow, "dtype": dtype}
    given["chunks"] = _lengths("--chunks", chunks)
    given["shards"] = _lengths("--shards", shards)
    given["codecs"] = _codecs(codec)
    given["rules"] = dict(map(_rule, rule or ()))
    if fill_value is not None:
        given["fill_value"] = _json("--fill-value", fill_value)
    _run(locals(), given)


@command()
def recode(
    source: StoreArgument,
    target: TargetArgument,
    path: SourcePath = "",
    target_path: TargetPath = "",
    codec: Codec = None,
    zarr_format: Format = None,
    skip_bad: SkipBad = False,
    max_memory: MaxMemory = "256MB",
    workers: Workers = 0,
    temp: Temp = None,
    resume: Resume = True,
    plan: PlanOnly = False,
) -> None:
    """Store an array or a tree with other codecs."""
    _run(locals(), {"codecs": _codecs(codec or ["auto"])})


@command()
def reshard(
    source: StoreArgument,
    target: TargetArgument,
    path: SourcePath = "",
    target_path: TargetPath = "",
    shards: Shards = "auto",
    zarr_format: Format = None,
    skip_bad: SkipBad = False,
    max_memory: MaxMemory = "256MB",
    workers: Workers = 0,
    temp: Temp = None,
    resume: Resume = True,
    plan: PlanOnly = False,
) -> None:
    """Store an array or a tree in other shards, or in none."""
    _run(locals(), {"shards": _lengths("--shards", shards)})


@command()
def cast(
    source: StoreArgument,
    target: TargetArgument,
    dtype: Annotated[str, typer.Argument(help="The data type.")],
    path: SourcePath = "",
    target_path: TargetPath = "",
    on_overflow: OnOverflow = "raise",
    zarr_format: Format = None,
    skip_bad: SkipBad = False,
    max_memory: MaxMemory = "256MB",
    workers: Workers = 0,
    temp: Temp = None,
    resume: Resume = True,
    plan: PlanOnly = False,
) -> None:
    """Store an array or a tree with another data type."""
    _run(locals(), {"dtype": dtype, "on_overflow": on_overflow})


_COMMON = (
    "path",
    "target_path",
    "zarr_format",
    "skip_bad",
    "max_memory",
    "temp",
    "resume",
)


def _run(parameters: dict[str, Any], given: dict[str, Any]) -> None:
    """Do it, and show the result; a bad chunk ends the command with 1."""
    from zarr import tools

    given |= {name: parameters[name] for name in _COMMON}

    with executor_of(parameters["workers"]) as executor:
        result = tools.rechunk(
            parameters["source"],
            parameters["target"],
            executor=executor,
            plan_only=parameters["plan"],
            storage_options=options.storage_options(),
            **given,
        )
    show(result, FOUND if result.bad else FINE)


def _lengths(option: str, text: str | None) -> Any:
    """Lengths of chunks or shards, as the tool takes them."""
    if text is None:
        return "keep"
    if text == "none":
        return None
    if text == "auto" or text[-1:].lower() == "b":
        return text
    if "=" in text:
        return {name: _number(option, length) for name, length in pairs(option, text)}
    return tuple(_number(option, each) for each in text.split(","))


def _number(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        fail(f"{option}: {text!r} is no length")


def _codecs(given: list[str] | None) -> Any:
    if not given:
        return "keep"
    if given == ["auto"]:
        return "auto"
    return [_json("--codec", each) if each.startswith("{") else each for each in given]


def _rule(text: str) -> tuple[str, dict[str, Any]]:
    pattern, colon, values = text.partition(":")
    found = _json("--rule", values) if colon else None
    if not isinstance(found, dict):
        fail(f"--rule {text}: write it as 'pattern:{{\"chunks\": [512, 24, 24]}}'")
    return pattern, found


def _json(option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        fail(f"{option} {text}: it is no JSON ({error})")
