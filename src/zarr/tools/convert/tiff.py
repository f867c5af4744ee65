"""TIFF files, with OME-TIFF and GeoTIFF, as nodes that can be imported."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.tools.conventions import is_ome, level, with_geozarr, with_ome
from zarr.tools.convert.importing import Incoming, Lost, Opened, mark_missing
from zarr.tools.convert.tiff_metadata import (
    attributes_of,
    images_of,
    missing_value,
    omero_of,
    other_tags,
    with_geozarr_place,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zarr.tools.convert.importing import Wanted
    from zarr.tools.convert.tiff_metadata import Described
    from zarr.types import NumpyDType, ZarrFormat

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
        yield Opened(list(_nodes(opened, str(name), series, wanted, lost)), lost)


def _nodes(
    opened: Any, name: str, series: list[Any], wanted: Wanted, lost: list[Lost]
) -> Iterator[Incoming]:
    several = len(series) > 1
    ome_xml = opened.ome_metadata if opened.is_ome else None
    described = images_of(ome_xml or "")
    if ome_xml is not None and len(described) != len(series):
        what = f"{len(series)} images of {len(described)} that the OME-XML names"
        lost.append(Lost("sizes and channels", f"are in the attribute 'ome_xml' only: {what}"))
        described = []
    of_file = {} if ome_xml is None else {"ome_xml": ome_xml}
    if several:
        yield Incoming("", None, {**of_file, **_collection(ome_xml, wanted.zarr_format)}, {})
        of_file = {}
    for number, each in enumerate(series):
        where = f"image {number}" if several else "the image"
        path = str(number) if several else ""
        lost += other_tags(each.pages, where)
        attributes = {**of_file, **attributes_of(opened, each.keyframe, where, lost)}
        if ome_xml is None and len(each.levels) == 1:
            yield _incoming(path, _Image(name, each), attributes, wanted)
            continue
        images = [_image(name, smaller, is_ome=ome_xml is not None) for smaller in each.levels]
        about = described[number] if described else None
        attributes = _with_levels(attributes, images, about, wanted, where, lost)
        yield Incoming(path, None, attributes, {})
        for at, image in enumerate(images):
            below = f"{path}/{at}" if path else str(at)
            yield _incoming(below, image, {}, wanted, nested=ome_xml is not None)


def _collection(ome_xml: str | None, zarr_format: ZarrFormat) -> dict[str, Any]:
    """Attributes that say that the members of a group are images, as OME-Zarr has it."""
    if ome_xml is None:
        return {}
    layout = {"bioformats2raw.layout": 3}
    return layout if zarr_format == 2 else {"ome": {"version": "0.5", **layout}}


def _with_levels(
    attributes: dict[str, Any],
    images: list[_Image | _Moved],
    described: Described | None,
    wanted: Wanted,
    where: str,
    lost: list[Lost],
) -> dict[str, Any]:
    """The attributes of the group of an image, which name its levels."""
    sizes = {} if described is None else described.scale
    first = images[0]
    names = first.names
    levels = [
        level(
            str(number),
            each.shape,
            [_ratio(n, m) for n, m in zip(first.shape, each.shape, strict=True)],
            [sizes.get(name, 1.0) for name in names],
            centred=True,
        )
        for number, each in enumerate(images)
    ]
    if described is None or not is_ome(names):
        if described is not None:
            why = f"are in the attribute 'ome_xml' only: OME-Zarr has no dimensions {names}"
            lost.append(Lost(f"sizes and channels of {where}", why))
        own = with_geozarr_place(attributes, names, first.shape)
        return with_geozarr(own, own, names, levels, None)
    units = {name: unit for name, unit in described.units.items() if name in names}
    channels = first.shape[names.index("c")] if "c" in names else 1
    omero = omero_of(described, channels, first.dtype)
    more = {} if omero is None else {"omero": omero}
    return with_ome(
        attributes, wanted.zarr_format, names, units, levels, None, described.name, **more
    )


def _ratio(whole: int, part: int) -> float:
    """How many elements an element of a smaller level stands for: a whole number if it may be."""
    near = round(whole / part)
    return near if part in (whole // near, -(-whole // near)) else whole / part


def _incoming(
    path: str,
    image: _Image | _Moved,
    attributes: dict[str, Any],
    wanted: Wanted,
    *,
    nested: bool = False,
) -> Incoming:
    names = image.names
    attributes = dict(with_geozarr_place(attributes, names, image.shape))
    options: dict[str, Any] = {"chunks": image.chunks}
    if wanted.zarr_format == 3 and len(set(names)) == len(names):
        options["dimension_names"] = names
    else:
        attributes["_ARRAY_DIMENSIONS"] = names
    if wanted.zarr_format == 2 and nested:  # as OME-Zarr 0.4 has it
        options["chunk_key_encoding"] = {"name": "v2", "separator": "/"}
    if image.missing is not None:
        options["fill_value"] = attributes["_FillValue"] = image.missing
    mark_missing(attributes, options, wanted.zarr_format)
    return Incoming(path, image, attributes, options)


class _Image:
    """The elements of a series of pages; parts are read by the tiles or strips that they need."""

    def __init__(self, name: str, series: Any) -> None:
        self._name = name
        self._series = series
        self._page = page = series.keyframe
        self.shape: tuple[int, ...] = series.shape
        self.dtype: NumpyDType = np.dtype(series.dtype)
        self.names: list[str] = [axis.lower() for axis in series.axes]
        self.missing = missing_value(page, self.dtype)
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


def _image(name: str, series: Any, *, is_ome: bool) -> _Image | _Moved:
    """An image; of OME-TIFF with channels for samples, before the dimensions of space."""
    image = _Image(name, series)
    if not is_ome or "s" not in image.names or "c" in image.names:
        return image
    if image.names[-1] != "s":
        image.names[image.names.index("s")] = "c"
        return image
    return _Moved(image, 1 if image.names[0] == "t" else 0)


class _Moved:
    """An image whose last dimension is at another place, where it is that of channels."""

    def __init__(self, image: _Image, axis: int) -> None:
        self._image = image
        self._axis = axis
        self.dtype, self.missing = image.dtype, image.missing
        self.shape = tuple(self._moved(image.shape))
        self.chunks = tuple(self._moved(image.chunks))
        self.names = self._moved([*image.names[:-1], "c"])

    def _moved(self, values: Sequence[Any]) -> list[Any]:
        *others, last = values
        return [*others[: self._axis], last, *others[self._axis :]]

    def __getitem__(self, region: tuple[slice, ...]) -> Any:
        there = (*region[: self._axis], *region[self._axis + 1 :], region[self._axis])
        return np.moveaxis(self._image[there], -1, self._axis)


def _kept(full: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Which of five dimensions a shape has: the others have the length 1."""
    axes = [axis for axis in range(5) if full[axis] != 1]
    for axis in (2, 3, 1, 0, 4):  # of length 1, those of rows and columns first
        if len(axes) >= len(shape):
            break
        if axis not in axes:
            axes.append(axis)
    return tuple(sorted(axes))
