"""TIFF files, with OME-TIFF and GeoTIFF, as nodes that can be imported."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.tools.convert.importing import Incoming, Lost, Opened
from zarr.tools.result import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.tools.convert.importing import Wanted
    from zarr.types import NumpyDType

_CHUNK_BYTES = 1 << 20
"""Strips are put together into chunks of about so many bytes."""


@contextmanager
def read_tiff(file: Any, wanted: Wanted) -> Iterator[Opened]:
    """Open a TIFF file.

    Raises
    ------
    ImportError
        If tifffile is not installed, or the library of a codec.
    ValueError
        If the file is broken.
    """
    try:
        import tifffile
    except ImportError as error:
        raise ImportError(
            "TIFF needs tifffile: install it with `pip install zarr[tiff]`"
        ) from error
    name = file if isinstance(file, str) else getattr(file, "name", "the file")
    try:
        opened = tifffile.TiffFile(file)
    except (tifffile.TiffFileError, OSError, ValueError) as error:
        raise ValueError(f"{name} cannot be read as TIFF: {error}") from error
    with opened:
        try:
            series = list(opened.series)
        except Exception as error:  # whatever a torn directory of pages makes of it
            raise ValueError(f"{name} cannot be read as TIFF: {error}") from error
        if not series or not any(each.size for each in series):
            raise ValueError(f"{name} has no image that can be read")
        lost: list[Lost] = []
        attributes = _attributes(opened)
        nodes = []
        if len(series) > 1:
            nodes.append(Incoming("", None, attributes, {}))
        for number, each in enumerate(series):
            path = str(number) if len(series) > 1 else ""
            if len(each.levels) > 1:
                smaller = ", ".join(str(level.shape) for level in each.levels[1:])
                lost.append(Lost(f"smaller levels of image {number}", f"are left out: {smaller}"))
            own = {} if len(series) > 1 else attributes
            nodes.append(_incoming(path, str(name), each, own, wanted))
        yield Opened(nodes, lost)


def _incoming(
    path: str, name: str, series: Any, attributes: dict[str, Any], wanted: Wanted
) -> Incoming:
    image = _Image(name, series)
    names = [axis.lower() for axis in series.axes]
    options: dict[str, Any] = {"chunks": image.chunks}
    if wanted.zarr_format == 3 and len(set(names)) == len(names):
        options["dimension_names"] = names
    else:
        attributes = {**attributes, "_ARRAY_DIMENSIONS": names}
    empty = series.keyframe.nodata
    if (
        isinstance(empty, (int, float))
        and empty
        and np.can_cast(type(empty), image.dtype, "unsafe")
    ):
        options["fill_value"] = empty
    return Incoming(path, image, attributes, options)


def _attributes(opened: Any) -> dict[str, Any]:
    """The metadata of a file that are not about how it is stored."""
    found: dict[str, Any] = {}
    page = opened.pages[0]
    if page.description and not opened.is_ome and not opened.is_shaped:
        found["description"] = page.description
    if opened.is_ome:
        found["ome_xml"] = opened.ome_metadata
    if opened.is_geotiff:
        found["geotiff"] = plain(opened.geotiff_metadata)
    if opened.is_gdal:
        found["gdal"] = opened.gdal_metadata
        if "GDAL_NODATA" in page.tags:
            found["nodata"] = str(page.tags["GDAL_NODATA"].value)
    if opened.is_imagej:
        found["imagej"] = plain(opened.imagej_metadata)
    if opened.is_shaped:
        shaped: Any = opened.shaped_metadata or ({},)
        found.update({k: plain(v) for k, v in shaped[0].items() if k not in ("shape", "axes")})
    return {name: value for name, value in found.items() if value is not None}


class _Image:
    """The elements of a series of pages; parts are read by the tiles or strips that they need."""

    def __init__(self, name: str, series: Any) -> None:
        self._name = name
        self._series = series
        self._page = page = series.keyframe
        self.shape: tuple[int, ...] = series.shape
        self.dtype: NumpyDType = np.dtype(series.dtype)
        # A page is an image of (samples, depth, length, width, samples); dimensions of one are
        # left out in its shape.
        self._of_page: tuple[int, ...] = page.shape
        self._before: tuple[int, ...] = self.shape[: len(self.shape) - len(page.shape)]
        whole = page.shape == self.shape[len(self._before) :]
        self._by_segments = whole and len(series) * int(np.prod(page.shape)) == series.size
        self.chunks = self._chunks()

    def _chunks(self) -> tuple[int, ...]:
        own = list(self._of_page)
        page = self._page
        rows = self._row_axis()
        if page.is_tiled:
            own[rows] = min(own[rows], page.tilelength)
            own[rows + 1] = min(own[rows + 1], page.tilewidth)
            if "Z" in page.axes:
                own[page.axes.index("Z")] = max(1, page.tiledepth)
        else:
            row = max(1, int(np.prod(own[rows + 1 :])) * self.dtype.itemsize)
            strips = max(1, _CHUNK_BYTES // row // max(1, page.rowsperstrip))
            own[rows] = min(own[rows], strips * page.rowsperstrip)
        if self._has_planes():
            own[0] = 1
        return (1,) * len(self._before) + tuple(max(1, length) for length in own)

    def _has_planes(self) -> bool:
        """Whether the samples of a page lie apart, in its first dimension."""
        return bool(self._page.axes.startswith("S") and self._page.planarconfig == 2)

    def _row_axis(self) -> int:
        """Which dimension of a page is that of its rows."""
        axes = self._page.axes
        return axes.index("Y") if "Y" in axes else max(0, len(self._of_page) - 2)

    def __getitem__(self, region: tuple[slice, ...]) -> Any:
        if not self._by_segments:  # a series that is no plain stack of pages
            return np.asarray(self._series.asarray()[region])
        before, own = region[: len(self._before)], region[len(self._before) :]
        shape = tuple(part.stop - part.start for part in region)
        out = np.zeros(shape, self.dtype)
        for index in product(*(range(part.start, part.stop) for part in before)):
            number = int(np.ravel_multi_index(index, self._before)) if index else 0
            there = tuple(at - part.start for at, part in zip(index, before, strict=True))
            self._read_page(number, own, out[there])
        return out

    def _read_page(self, number: int, region: tuple[slice, ...], out: Any) -> None:
        page = self._series.pages[number]
        if page is None:
            out[...] = self._page.nodata
            return
        keyframe = self._page
        segments = self._segments(region)
        offsets = [page.dataoffsets[each] for each in segments]
        counts = [page.databytecounts[each] for each in segments]
        handle = page.parent.filehandle
        size = handle.size
        for each, offset, count in zip(segments, offsets, counts, strict=True):
            if count and offset + count > size:
                raise ValueError(
                    f"{self._name} is cut off: page {number} has bytes up to {offset + count:,}, "
                    f"and the file ends at {size:,}"
                )
            data = None
            if count:
                handle.seek(offset)
                data = handle.read(count)
            try:
                decoded, place, shape = keyframe.decode(data, each, jpegtables=keyframe.jpegtables)
            except Exception as error:  # whatever a codec makes of torn bytes
                raise ValueError(
                    f"{self._name}: segment {each} of page {number} cannot be decoded: {error}"
                ) from error
            self._put(decoded, place, shape, region, out)

    def _segments(self, region: tuple[slice, ...]) -> list[int]:
        """The tiles or strips of a page that a region needs."""
        page = self._page
        rows = self._row_axis()
        planes = range(1)
        if self._has_planes():
            planes = range(region[0].start, region[0].stop)
        height, width = self._of_page[rows], self._of_page[rows + 1]
        if page.is_tiled:
            tall, wide = page.tilelength, page.tilewidth
        else:
            tall, wide = page.rowsperstrip, width
        across = -(-width // wide)
        down = -(-height // tall)
        y, x = region[rows], region[rows + 1]
        deep = max(1, page.tiledepth) if page.is_tiled else 1
        layers = -(-max(1, page.imagedepth) // deep)
        depths = range(layers)
        if "Z" in page.axes:
            z = region[page.axes.index("Z")]
            depths = range(z.start // deep, -(-z.stop // deep))
        return [
            ((plane * layers + layer) * down + row) * across + column
            for plane in planes
            for layer in depths
            for row in range(y.start // tall, -(-y.stop // tall))
            for column in range(x.start // wide, -(-x.stop // wide))
        ]

    def _put(
        self, decoded: Any, place: Any, shape: Any, region: tuple[slice, ...], out: Any
    ) -> None:
        """Copy the part of a decoded tile or strip that is in a region."""
        sample, depth, row, column, _ = place
        page = self._page
        full = page.shaped
        # All five dimensions, and those of them that the page's shape has.
        if decoded is None:
            decoded = np.full(shape, page.nodata, self.dtype)
        block = decoded.reshape(1, *shape)
        starts = (sample, depth, row, column, 0)
        axes = _kept(full, self._of_page)
        source, target = [], []
        for axis in range(5):
            start, length = starts[axis], block.shape[axis]
            if axis in axes:
                part = region[axes.index(axis)]
                first, last = max(start, part.start), min(start + length, part.stop)
                if first >= last:
                    return
                source.append(slice(first - start, last - start))
                target.append(slice(first - part.start, last - part.start))
            else:
                source.append(slice(0, 1))
        found = block[tuple(source)]
        out[tuple(target)] = found.reshape([part.stop - part.start for part in target])


def _kept(full: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Which of five dimensions a shape has: the others have the length 1."""
    axes = [axis for axis in range(5) if full[axis] != 1]
    for axis in (2, 3, 1, 0, 4):  # of length 1, those of rows and columns first
        if len(axes) >= len(shape):
            break
        if axis not in axes:
            axes.append(axis)
    return tuple(sorted(axes))
