"""The commands that show what is in a store."""

from __future__ import annotations

import sys
from typing import Annotated, Any, cast

import typer

from zarr.cli.app import PathOption, StoreArgument, command, fail, family, options, put, show
from zarr.cli.completion import choices, paths, stores
from zarr.cli.exit_codes import FOUND

SelectOption = Annotated[
    str, typer.Option("--select", "-s", help="A part, in NumPy's syntax: '0, 10:20, ::5'.")
]
LevelOption = Annotated[
    int | None, typer.Option("--level", "-L", help="How many levels; all by default.", min=0)
]


@command()
def info(store: StoreArgument, path: PathOption = "") -> None:
    """Say all about an array or group."""
    from zarr import tools

    show(tools.info(store, path, storage_options=options.storage_options()))


@command()
def ls(
    store: StoreArgument,
    path: PathOption = "",
    sizes: Annotated[
        bool, typer.Option("--sizes", "-l", help="Show how many bytes are stored.")
    ] = False,
) -> None:
    """List the nodes of a group."""
    from zarr import tools

    show(tools.ls(store, path, sizes=sizes, storage_options=options.storage_options()))


@command()
def tree(
    store: StoreArgument,
    path: PathOption = "",
    level: LevelOption = None,
    sizes: Annotated[bool, typer.Option(help="Show how many bytes are stored.")] = True,
    most: Annotated[
        int, typer.Option(help="How many nodes are shown at most; 0 for all.", min=0)
    ] = 10_000,
) -> None:
    """Show the nodes of a group as a tree."""
    from zarr import tools

    show(
        tools.tree(
            store,
            path,
            level=level,
            sizes=sizes,
            most=most or None,
            storage_options=options.storage_options(),
        )
    )


@command()
def du(store: StoreArgument, path: PathOption = "", level: LevelOption = None) -> None:
    """Show how many bytes nodes have."""
    from zarr import tools

    show(tools.du(store, path, level=level, storage_options=options.storage_options()))


@command()
def find(
    store: StoreArgument,
    path: PathOption = "",
    name: Annotated[
        str | None, typer.Option("--name", "-n", help="A pattern: 't*', or 'a/*/t' for paths.")
    ] = None,
    attribute: Annotated[
        str | None, typer.Option("--attribute", "-a", help="An attribute: 'units' or 'units=K'.")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            help="A data type, or a kind of them.",
            autocompletion=choices(
                *("bool", "integer", "float", "complex", "string", "datetime", "record")
            ),
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="array or group.", autocompletion=choices("array", "group")),
    ] = None,
    larger: Annotated[
        str | None, typer.Option(help="The least stored size: 1000, '10 MiB', '1GB'.")
    ] = None,
    smaller: Annotated[str | None, typer.Option(help="The greatest stored size.")] = None,
) -> None:
    """Find nodes by name, attribute, type or size."""
    from zarr import tools

    show(
        tools.find(
            store,
            path,
            name=name,
            attribute=attribute,
            dtype=dtype,
            kind=kind,
            larger=larger,
            smaller=smaller,
            storage_options=options.storage_options(),
        )
    )


@command()
def cat(
    store: StoreArgument,
    path: PathOption = "",
    select: SelectOption = "",
    format: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            help="text, csv, json or npy.",
            autocompletion=choices("text", "csv", "json", "npy"),
        ),
    ] = "text",
) -> None:
    """Print the values of an array."""
    from zarr import tools
    from zarr.tools.text import printable

    chosen = "json" if options.json else format
    terminal = sys.stdout.isatty()
    if terminal and chosen == "npy":
        fail("npy is not for a terminal: write it to a file, as in `zarr cat … > part.npy`")

    def write(part: str | bytes) -> None:
        if isinstance(part, str) and terminal:  # data steer no terminal, and reach files unchanged
            part = "\n".join(map(printable, part.split("\n")))
        put(part, end="")

    tools.cat(
        store,
        path,
        select=select,
        format=cast("Any", chosen),
        write=write,
        storage_options=options.storage_options(),
    )


@command()
def head(
    store: StoreArgument,
    path: PathOption = "",
    select: SelectOption = "",
    count: Annotated[
        int, typer.Option("--count", "-n", help="How many of the last two dimensions.", min=1)
    ] = 10,
) -> None:
    """Print the first values of an array."""
    from zarr import tools

    more = options.storage_options()
    show(tools.head(store, path, select=select, count=count, storage_options=more))


@command()
def stats(
    store: StoreArgument,
    path: PathOption = "",
    bins: Annotated[int, typer.Option(help="How many bins the histogram has at most.")] = 64,
) -> None:
    """Compute statistics and a histogram of an array."""
    from zarr import tools

    show(tools.stats(store, path, bins=bins, storage_options=options.storage_options()))


@command()
def diff(
    first: StoreArgument,
    second: Annotated[
        str, typer.Argument(help="A directory, zip file or URL.", autocompletion=stores)
    ],
    first_path: Annotated[
        str, typer.Option(help="A path in the first.", autocompletion=paths("first"))
    ] = "",
    second_path: Annotated[
        str, typer.Option(help="A path in the second.", autocompletion=paths("second"))
    ] = "",
    metadata: Annotated[bool, typer.Option(help="Compare metadata.")] = True,
    values: Annotated[bool, typer.Option(help="Compare elements.")] = True,
    ignore: Annotated[
        list[str] | None, typer.Option(help="A field that may differ, such as chunks.")
    ] = None,
    rtol: Annotated[float, typer.Option(help="A tolerance relative to the second.")] = 0.0,
    atol: Annotated[float, typer.Option(help="A tolerance.")] = 0.0,
    equal_nan: Annotated[bool, typer.Option(help="Take NaN for equal to NaN.")] = True,
    most: Annotated[
        int, typer.Option(help="How many elements are shown for each array.", min=0)
    ] = 10,
) -> None:
    """Compare two arrays or trees."""
    from zarr import tools

    found = tools.diff(
        first,
        second,
        first_path=first_path,
        second_path=second_path,
        metadata=metadata,
        values=values,
        ignore=ignore or (),
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        most=most,
        storage_options=options.storage_options(),
    )
    show(found, 0 if found.same else FOUND)


attrs = family("attrs", "Print and change attributes.")


@command("get", into=attrs)
def get_attributes(
    store: StoreArgument,
    name: Annotated[str | None, typer.Argument(help="An attribute; all by default.")] = None,
    path: PathOption = "",
) -> None:
    """Print attributes as JSON."""
    from zarr import tools
    from zarr.errors import MemberNotFoundError, did_you_mean
    from zarr.tools.text import json_lines

    found = tools.get_attributes(store, path, storage_options=options.storage_options())
    if name is None:
        show(found)
        return
    if name not in found.attributes:
        raise MemberNotFoundError(name, lambda: did_you_mean(name, found.attributes))
    value = found.attributes[name]
    put(json_lines(value))


@command("set", into=attrs)
def set_attributes(
    store: StoreArgument,
    pairs: Annotated[
        list[str], typer.Argument(help="name=value: the value is JSON, or else a string.")
    ],
    path: PathOption = "",
) -> None:
    """Set attributes; others stay."""
    import json

    from zarr import tools

    new = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{pair!r}: write it as name=value")
        try:
            new[name] = json.loads(value)
        except ValueError:
            new[name] = value
    more = options.storage_options()
    show(tools.set_attributes(store, path, attributes=new, storage_options=more))


@command("delete", into=attrs)
def delete_attributes(
    store: StoreArgument,
    names: Annotated[list[str], typer.Argument(help="The attributes.")],
    path: PathOption = "",
) -> None:
    """Delete attributes."""
    from zarr import tools

    more = options.storage_options()
    show(tools.delete_attributes(store, path, names=names, storage_options=more))


@command("edit", into=attrs)
def _edit_attributes(store: StoreArgument, path: PathOption = "") -> None:
    """Change attributes in an editor."""
    import json

    from zarr import open as open_node
    from zarr import tools
    from zarr.tools.text import json_lines

    more = options.storage_options()
    node = open_node(store, path=path, mode="r+", storage_options=more)
    with node.attrs.batch() as attributes:
        text = json.dumps(attributes, indent=2, ensure_ascii=False) + "\n"
        new = None
        while new is None:
            text = _edited(text)
            try:
                new = json.loads(text)
                if not isinstance(new, dict):
                    raise ValueError("attributes are an object: {…}")
            except ValueError as error:
                new = None
                if not typer.confirm(f"These are no attributes: {error}. Edit them again?"):
                    fail("nothing was changed")
        attributes.clear()
        attributes.update(new)
    put(json_lines(tools.get_attributes(node).attributes))


def _edited(text: str) -> str:
    """A text as somebody leaves it who changes it in their editor."""
    import os
    import shlex
    import subprocess
    import tempfile

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as directory:
        name = os.path.join(directory, "attributes.json")
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            done = subprocess.run([*shlex.split(editor), name], check=False)
        except OSError as error:
            fail(f"{editor} cannot be started: {error.strerror}. Set EDITOR to another editor.")
        if done.returncode:
            fail(f"{editor} ended with the code {done.returncode}: nothing was changed")
        with open(name, encoding="utf-8") as file:
            return file.read()
