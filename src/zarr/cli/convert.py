"""Commands that convert: ``zarr import``, ``zarr export`` and ``zarr pyramid``."""

from __future__ import annotations

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

Overwrite = Annotated[bool, typer.Option(help="Replace what is there.")]
Numbers = Annotated[str | None, typer.Option(help="Numbers with commas between them.")]


def _numbers(text: str | None) -> Any:
    """The numbers that a user wrote with commas between them, or the text itself."""
    if text is None:
        return None
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        return text
    return found[0] if len(found) == 1 else found


def _names(text: str | None) -> list[Any] | None:
    if text is None:
        return None
    return [int(part) if part.lstrip("-").isdigit() else part for part in text.split(",")]


@command("import")
def import_(
    source: Annotated[str, typer.Argument(help="The file; - is standard input.")],
    target: TargetArgument,
    path: SourcePath = "",
    target_path: TargetPath = "",
    format: Annotated[
        str | None,
        typer.Option(
            help="hdf5, netcdf3, tiff, npy, npz, raw, parquet or csv.",
            autocompletion=choices(
                "hdf5", "netcdf3", "tiff", "npy", "npz", "raw", "parquet", "csv"
            ),
        ),
    ] = None,
    shape: Annotated[str | None, typer.Option(help="Of raw bytes: 10,20 or -1,20.")] = None,
    dtype: Annotated[str | None, typer.Option(help="Of raw bytes, as float32 or <i2.")] = None,
    columns: Annotated[str | None, typer.Option(help="Of a table: a,b,c.")] = None,
    chunks: Numbers = None,
    shards: Numbers = None,
    zarr_format: Annotated[int, typer.Option(help="2 or 3.", min=2, max=3)] = 3,
    overwrite: Overwrite = False,
    workers: Workers = 0,
) -> None:
    """Make arrays and groups of a file of HDF5, netCDF, TIFF, NumPy, Parquet, CSV or raw bytes."""
    from zarr import tools

    made = _numbers(shape)
    to: Any = zarr_format
    with executor_of(workers) as executor:
        result = tools.import_file(
            source,
            target,
            path=path,
            target_path=target_path,
            format=format or ("raw" if source == "-" and shape is not None else None),
            shape=(made,) if isinstance(made, int) else made,
            dtype=dtype,
            columns=None if columns is None else columns.split(","),
            chunks=_numbers(chunks),
            shards=_numbers(shards),
            zarr_format=to,
            overwrite=overwrite,
            storage_options=options.storage_options(),
            executor=executor,
        )
    show(result, FOUND if result.lost else FINE)


@command("export")
def export(
    source: StoreArgument,
    file: Annotated[str, typer.Argument(help="The file to make: .npy, .nc or .parquet.")],
    path: SourcePath = "",
    format: Annotated[str | None, typer.Option(help="npy, netcdf or parquet.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a file of npy, netCDF-4 or Parquet of an array or a group."""
    from zarr import tools

    result = tools.export_file(
        source,
        file,
        path=path,
        format=format,
        overwrite=overwrite,
        storage_options=options.storage_options(),
    )
    show(result, FOUND if result.lost else FINE)


@command()
def pyramid(
    source: StoreArgument,
    target: Annotated[
        str | None, typer.Argument(help="Where a group with a copy is made; beside by default.")
    ] = None,
    path: SourcePath = "",
    target_path: TargetPath = "",
    method: Annotated[
        str,
        typer.Option(
            help="mean, sum, min, max, nearest or mode.",
            autocompletion=choices("mean", "sum", "min", "max", "nearest", "mode"),
        ),
    ] = "mean",
    dimensions: Annotated[str | None, typer.Option(help="y,x or -2,-1.")] = None,
    factor: Annotated[str, typer.Option(help="By how much, from level to level: 2 or 1,2.")] = "2",
    levels: Annotated[int | None, typer.Option(help="How many smaller arrays.")] = None,
    skipna: Annotated[bool, typer.Option(help="Leave NaN out.")] = True,
    convention: Annotated[
        str,
        typer.Option(
            help="ome, geozarr or none: the attributes.",
            autocompletion=choices("ome", "geozarr", "none"),
        ),
    ] = "ome",
    dimension_names: Annotated[str | None, typer.Option(help="t,c,z,y,x")] = None,
    scale: Annotated[str | None, typer.Option(help="The size of an element: 1,0.5,0.5.")] = None,
    units: Annotated[str | None, typer.Option(help="Of scale: y=micrometer,x=micrometer.")] = None,
    chunks: Numbers = None,
    shards: Numbers = None,
    overwrite: Overwrite = False,
    workers: Workers = 0,
) -> None:
    """Make smaller arrays of an array, each a level of a pyramid."""
    from zarr import tools

    kind: Any = method
    named: Any = convention
    with executor_of(workers) as executor:
        result = tools.pyramid(
            source,
            target,
            path=path,
            target_path=target_path,
            method=kind,
            dimensions=_names(dimensions),
            factor=_numbers(factor),
            levels=levels,
            skipna=skipna,
            convention=named,
            dimension_names=None if dimension_names is None else dimension_names.split(","),
            scale=None if scale is None else _sizes(scale),
            units=None if units is None else dict(pairs("--units", units)),
            chunks=_numbers(chunks),
            shards=_numbers(shards),
            overwrite=overwrite,
            storage_options=options.storage_options(),
            executor=executor,
        )
    show(result)


def _sizes(text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        fail(f"--scale {text}: write numbers, as 1,0.5,0.5")
