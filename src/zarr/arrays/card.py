"""Cards for notebooks: a table of facts, and a drawing of the grid of chunks.

Colours are those of the page around: lines and letters have its colour, and planes are lightly
tinted, so that a card is readable on light and on dark. There is no script, and every string is
escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import accumulate
from math import hypot, prod
from typing import TYPE_CHECKING, Any, NamedTuple

from zarr import _core
from zarr._async.run import run
from zarr.arrays.stored_chunks import stored_shards, stored_size
from zarr.metadata.chunk_grids import chunk_count
from zarr.metadata.layout import chunk_edges, layout_of
from zarr.metadata.v3 import ArrayV3Metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zarr.metadata.chunk_grids import Edge
    from zarr.types import AnyAsyncArray

    Point = tuple[float, float]


_UNITS = tuple((1 << 10 * (power + 1), unit) for power, unit in enumerate("KMGTPE"))[::-1]


def readable_size(size: int) -> str:
    """A number of bytes with a unit, as in ``1.5M``."""
    for factor, unit in _UNITS:
        if size >= factor:
            return f"{size / factor:.1f}{unit}"
    return str(size)


def _bytes(size: int) -> str:
    text = readable_size(size)
    return text if text == str(size) else f"{size} ({text})"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrayInfo:
    """A summary of an array; printed, it is a table.

    The last two are known only where the store was asked, see ``Array.info_complete``.
    """

    _zarr_format: int
    _data_type: object
    _fill_value: object
    _shape: tuple[int, ...]
    _shard_shape: tuple[int, ...] | str | None
    _chunk_shape: tuple[int, ...] | str | None
    _order: str
    _read_only: bool
    _store_type: str
    _filters: tuple[object, ...]
    _serializer: object
    _compressors: tuple[object, ...]
    _count_bytes: int | None
    _count_bytes_stored: int | None = None
    _count_chunks_initialized: int | None = None
    _type: str = "Array"

    def _rows(self) -> Iterator[tuple[str, object]]:
        yield "Type", self._type
        yield "Zarr format", self._zarr_format
        yield "Data type", self._data_type
        yield "Fill value", self._fill_value
        yield "Shape", self._shape
        if self._shard_shape is not None:
            yield "Shard shape", self._shard_shape
        if self._chunk_shape is not None:
            yield "Chunk shape", self._chunk_shape
        yield "Order", self._order
        yield "Read-only", self._read_only
        yield "Store type", self._store_type
        yield "Filters", self._filters
        if self._serializer is not None:
            yield "Serializer", self._serializer
        yield "Compressors", self._compressors
        if self._count_bytes is not None:
            yield "No. bytes", _bytes(self._count_bytes)
        if self._count_bytes_stored is not None:
            yield "No. bytes stored", _bytes(self._count_bytes_stored)
            if self._count_bytes is not None and self._count_bytes_stored:
                ratio = self._count_bytes / self._count_bytes_stored
                yield "Storage ratio", f"{ratio:.1f}"
        if self._count_chunks_initialized is not None:
            name = "Chunks Initialized" if self._shard_shape is None else "Shards Initialized"
            yield name, self._count_chunks_initialized

    def __repr__(self) -> str:
        return "\n".join(f"{name:<18} : {value}" for name, value in self._rows())

    def _repr_html_(self) -> str:
        return fact_table(self._rows())


__all__ = ["Grid", "array_card", "card", "drawing", "fact_table", "facts_of", "grid_of", "shown"]

_CLOSEST = 6.0
"""Lines between chunks are so far apart at least; where chunks are smaller, some have none."""
_LONGEST = 120.0
_SHORTEST = 14.0
_SLANT = 0.42
"""How far a step into the depth goes to the right and down."""


class Grid(NamedTuple):
    """A grid that is drawn.

    Attributes
    ----------
    shape : tuple of int
        The length of each dimension.
    chunks : tuple of int or tuple of int
        The length of the chunks along each dimension, or of each of them.
    shards : tuple of int or tuple of int, optional
        The same of the shards.
    names : tuple of str, optional
        The names of the dimensions.
    """

    shape: tuple[int, ...]
    chunks: tuple[Edge, ...]
    shards: tuple[Edge, ...] | None = None
    names: tuple[str | None, ...] | None = None


def shown(text: object, most: int = 500) -> str:
    """Return a text on one line, as HTML; one that is long is cut."""
    plain = str(text)
    plain = plain if len(plain) <= most else plain[: most - 1] + "…"
    return escape("".join(each if each.isprintable() else "\ufffd" for each in plain))


def array_card(array: AnyAsyncArray, kind: str) -> str:
    """Return the card of an array, which is called an array of this kind; no store is asked."""
    facts = {**facts_of(array), "Stored size": _stored_size(array)}
    return card([(kind, array.store_path.shown_as()), *facts.items()], grid_of(array))


def grid_of(array: AnyAsyncArray) -> Grid:
    """Return the grid of an array as it is drawn."""
    stored, chunks = layout_of(array.metadata).grid, chunk_edges(array.metadata)
    return Grid(array.shape, chunks, None if stored == chunks else stored, _names(array))


def _names(array: AnyAsyncArray) -> tuple[str | None, ...] | None:
    metadata = array.metadata
    return metadata.dimension_names if isinstance(metadata, ArrayV3Metadata) else None


def facts_of(array: AnyAsyncArray) -> dict[str, object]:
    """Return what is known of an array without asking its store, by name."""
    grid, names = grid_of(array), _names(array)
    serializer = [array.serializer] if array.serializer else []
    codecs: list[object] = [*array.filters, *serializer, *array.compressors]
    facts: dict[str, object] = {"Shape": array.shape}
    if names is not None:
        facts["Dimensions"] = ", ".join("–" if name is None else name for name in names)
    facts |= {"Data type": array.dtype, "Fill value": array.fill_value}
    if grid.shards is not None:
        facts["Shards"] = _edges_text(grid.shards, array.shape)
    facts["Chunks"] = _edges_text(grid.chunks, array.shape)
    facts["Codecs"] = ", ".join(map(_codec_in_words, codecs)) or "none"
    facts["Decoded size"] = _bytes_text(array.nbytes)
    facts["Zarr format"] = array.metadata.zarr_format
    return facts


def _edges_text(edges: tuple[Edge, ...], shape: tuple[int, ...]) -> str:
    count = prod(map(chunk_count, edges, shape))
    even = all(isinstance(edge, int) for edge in edges)
    return f"{edges if even else 'of several sizes'}, {count:,} of them"


def _bytes_text(size: int) -> str:
    text = readable_size(size)
    return text if text == str(size) else f"{size} ({text})"


def _stored_size(array: AnyAsyncArray) -> str:
    if not isinstance(array.store.traits.native_handle, _core.Mapping):
        return "not listed (info_complete() lists it)"
    # The memory of this process answers at once.
    size = run(stored_size(array), waits=False)
    values = run(stored_shards(array), waits=False).shards
    total = prod(map(chunk_count, layout_of(array.metadata).grid, array.shape))
    text = f"{_bytes_text(size)}, {values:,} of {total:,} values"
    whole = values == total and array.nbytes > size
    return f"{text}, {array.nbytes / size:.1f} times smaller" if whole else text


def _codec_in_words(codec: Any) -> str:
    """Return the name of a codec with its parameters, as in ``zstd (level 3, checksum)``."""
    if hasattr(codec, "get_config") and not hasattr(codec, "to_dict"):
        config = dict(codec.get_config())
        name = str(config.pop("id", type(codec).__name__))
    else:
        document = codec.to_dict()
        name = str(document.get("name", document.get("id", type(codec).__name__)))
        config = dict(document.get("configuration") or {})
    words = []
    for key, value in config.items():
        if value is True:
            words.append(str(key).replace("_", " "))
        elif value is not None and value is not False:
            words.append(f"{key} {value}".replace("_", " "))
    return f"{name} ({', '.join(words)})" if words else name


def fact_table(rows: Iterable[tuple[str, object]]) -> str:
    """Return a table of names and values as HTML."""
    cells = "".join(
        f'<tr><th scope="row" style="text-align: left">{shown(name)}</th>'
        f'<td style="text-align: left">{shown(value)}</td></tr>'
        for name, value in rows
    )
    return f'<table class="zarr-info"><tbody>{cells}</tbody></table>'


def card(rows: Iterable[tuple[str, object]], grid: Grid | None = None) -> str:
    """Return a card: facts, and beside them the drawing of a grid."""
    picture = "" if grid is None else f'<div style="padding: 0 1em">{drawing(grid)}</div>'
    return (
        '<div class="zarr-card" style="display: flex; flex-wrap: wrap; align-items: center">'
        f"<div>{fact_table(rows)}</div>{picture}</div>"
    )


def drawing(grid: Grid) -> str:
    """Return the drawing of a grid as SVG.

    Up to three dimensions are drawn in perspective, the first chunk and the first shard tinted.
    Of more, the last three are drawn so, and each of the others is a strip.
    """
    ndim = len(grid.shape)
    parts: list[str] = []
    label = " × ".join(f"{n:,}" for n in grid.shape) or "one element"
    top = 4.0
    leading = max(0, ndim - 3)
    for axis in range(leading):
        top = _strip(parts, grid, axis, top)
    right, bottom = _box(parts, grid, range(leading, ndim), top)
    chunk = " × ".join(_edge_text(edge) for edge in grid.chunks)
    title = f"shape {label}, chunks {chunk}" if ndim else label
    if grid.shards is not None:
        title += f", shards {' × '.join(_edge_text(edge) for edge in grid.shards)}"
    width, height = max(right, _LONGEST + 60 if leading else 0) + 6, bottom + 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="color: inherit; overflow: visible"><title>{shown(title)}</title>'
        f"{''.join(parts)}</svg>"
    )


def _edge_text(edge: Edge) -> str:
    return f"{edge:,}" if isinstance(edge, int) else "varying"


def _fractions(edge: Edge, length: int, drawn: float) -> list[float]:
    """Where the lines between chunks stand, as parts of a dimension that is drawn so long."""
    if not length:
        return []
    count = chunk_count(edge, length)
    every = -(-count // max(1, int(drawn / _CLOSEST)))
    if isinstance(edge, int):
        return [i * edge / length for i in range(every, count, every)]
    ends = list(accumulate(edge))[: count - 1]
    return [end / length for end in ends[every - 1 :: every]]


def _first(edge: Edge, length: int) -> float:
    """The part of a dimension that the first chunk takes; as little as can be seen, at least."""
    size = edge if isinstance(edge, int) else next((n for n in edge if n), 1)
    return min(1.0, max(size / length, 0.06)) if length else 1.0


def _lengths(shape: Sequence[int]) -> list[float]:
    """How long each dimension is drawn: longer ones longer, within bounds."""
    most = max([1, *shape])
    return [max(_SHORTEST, _LONGEST * (n / most) ** 0.5) for n in shape]


def _polygon(points: Sequence[Point], opacity: float, dash: str = "") -> str:
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polygon points="{text}" fill="#4f8fd0" fill-opacity="{opacity}" stroke="currentColor" '
        f'stroke-width="1"{dash}/>'
    )


def _line(a: Point, b: Point, width: float, opacity: float) -> str:
    return (
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
        f'stroke="currentColor" stroke-width="{width}" stroke-opacity="{opacity}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "middle", turn: float = 0) -> str:
    turned = f' transform="rotate({turn:.0f},{x:.1f},{y:.1f})"' if turn else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="currentColor" '
        f'text-anchor="{anchor}"{turned}>{shown(text, 40)}</text>'
    )


def _name(grid: Grid, axis: int) -> str:
    name = None if grid.names is None else grid.names[axis]
    return f"{name} {grid.shape[axis]:,}" if name else f"{grid.shape[axis]:,}"


def _strip(parts: list[str], grid: Grid, axis: int, top: float) -> float:
    """Draw one dimension as a strip; return where the next thing is drawn."""
    low = top + 12
    corners = [(4.0, top), (4 + _LONGEST, top), (4 + _LONGEST, low), (4.0, low)]
    parts.append(_polygon(corners, 0.12))
    for edge, width, opacity in _lines_of(grid, axis):
        for part in _fractions(edge, grid.shape[axis], _LONGEST):
            x = 4 + _LONGEST * part
            parts.append(_line((x, top), (x, low), width, opacity))
    parts.append(_text(10 + _LONGEST, low - 1.5, _name(grid, axis), "start"))
    return low + 8


def _lines_of(grid: Grid, axis: int) -> list[tuple[Edge, float, float]]:
    """The edges that are drawn along a dimension, with the width and strength of their lines."""
    found: list[tuple[Edge, float, float]] = [(grid.chunks[axis], 0.7, 0.45)]
    if grid.shards is not None:
        found.append((grid.shards[axis], 1.6, 0.9))
    return found


class _Face:
    """A parallelogram in which two dimensions run.

    Parameters
    ----------
    origin
        Its first corner.
    across, along
        The vectors of both dimensions.
    """

    def __init__(self, origin: Point, across: Point, along: Point) -> None:
        self.origin, self.across, self.along = origin, across, along

    def at(self, u: float, v: float) -> Point:
        """The point at these parts of both dimensions."""
        (x, y), (a, b), (c, d) = self.origin, self.across, self.along
        return x + u * a + v * c, y + u * b + v * d

    def part(self, u: float, v: float) -> list[Point]:
        """The corners of the part from the origin to here."""
        return [self.at(0, 0), self.at(u, 0), self.at(u, v), self.at(0, v)]


def _box(parts: list[str], grid: Grid, axes: Sequence[int], top: float) -> Point:
    """Draw up to three dimensions; return the corner at the right and the bottom."""
    if not axes:
        parts.append(_polygon([(4, top), (18, top), (18, top + 14), (4, top + 14)], 0.5))
        return 18.0, top + 14
    lengths = _lengths([grid.shape[axis] for axis in axes])
    if len(axes) == 1:
        high, wide, deep = 24.0, lengths[0], 0.0
    elif len(axes) == 2:
        (high, wide), deep = lengths, 0.0
    else:
        deep, high, wide = lengths
    slant = deep * _SLANT
    start = (4.0, top)
    shift = (slant, slant)
    front = _Face((start[0] + shift[0], start[1] + shift[1]), (wide, 0), (0, high))
    faces: list[tuple[_Face, int | None, int | None]] = []
    last, rows = axes[-1], axes[-2] if len(axes) > 1 else None
    if len(axes) == 3:
        faces.append((_Face(start, (wide, 0), shift), last, axes[0]))
        faces.append((_Face(start, (0, high), shift), rows, axes[0]))
    faces.append((front, last, rows))
    for face, across, along in faces:
        parts.append(_polygon(face.part(1, 1), 0.12))
        for axis, upright in ((across, True), (along, False)):
            if axis is None:
                continue
            drawn = hypot(*(face.across if upright else face.along))
            for edge, width, opacity in _lines_of(grid, axis):
                for part in _fractions(edge, grid.shape[axis], drawn):
                    ends = ((part, 0.0), (part, 1.0)) if upright else ((0.0, part), (1.0, part))
                    parts.append(_line(face.at(*ends[0]), face.at(*ends[1]), width, opacity))
        for edges, opacity in ((grid.shards, 0.3), (grid.chunks, 0.6)):
            if edges is None or face is not front:
                continue
            size = [
                1.0 if axis is None else _first(edges[axis], grid.shape[axis])
                for axis in (across, along)
            ]
            parts.append(_polygon(face.part(*size), opacity))
    right, bottom = start[0] + shift[0] + wide, start[1] + shift[1] + high
    parts.append(_text(right - wide / 2, bottom + 13, _name(grid, last)))
    if rows is not None:
        parts.append(_text(right + 13, bottom - high / 2, _name(grid, rows), "middle", 90))
    if len(axes) == 3:
        x, y = start[0] + slant / 2, start[1] + high + slant / 2
        parts.append(_text(x - 4, y + 12, _name(grid, axes[0]), "middle", 45))
        bottom += slant / 2
    return right + 18, bottom + 18
