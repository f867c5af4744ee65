"""Pictures of values and of chunks, for pages: PNG and SVG, made here."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from zarr.types import AnyNDArray

__all__ = ["Histogram", "as_numbers", "bars", "binned", "histogram", "image", "line", "png"]

_ANCHORS = (
    (0.0, (48, 18, 59)),
    (0.2, (65, 69, 171)),
    (0.4, (38, 140, 165)),
    (0.6, (64, 183, 121)),
    (0.8, (181, 201, 58)),
    (1.0, (253, 231, 76)),
)
"""From dark to light at an even pace, so that it is understood without colours, too."""
_NOTHING = (128, 128, 128)
"""Grey, for elements that are no number."""


def palette() -> bytes:
    """Return the colours of a picture: grey, then 255 from dark to light, three bytes each."""
    at = np.linspace(0, 1, 255)
    places = [place for place, _ in _ANCHORS]
    channels = [
        np.interp(at, places, [colour[channel] for _, colour in _ANCHORS]) for channel in range(3)
    ]
    return bytes(_NOTHING) + np.round(channels).astype("u1").T.tobytes()


def png(pixels: AnyNDArray, colours: bytes) -> bytes:
    """Return a picture in the format PNG.

    Parameters
    ----------
    pixels : numpy.ndarray
        Two dimensions of numbers of colours, of data type uint8.
    colours : bytes
        Red, green and blue of each colour.
    """
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), "u1")  # each row begins with the filter that it has: none
    rows[:, 1:] = pixels

    def part(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", header)
        + part(b"PLTE", colours)
        + part(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + part(b"IEND", b"")
    )


def as_numbers(values: AnyNDArray) -> AnyNDArray | None:
    """Return values as float64, the magnitude of complex ones; None for what has no numbers.

    Times become numbers of their unit, and those that are no time become NaN.
    """
    kind = values.dtype.kind
    if kind in "mM":
        numbers = values.astype("i8").astype("f8")
        numbers[np.isnat(values)] = np.nan
        return numbers
    if kind == "c":
        with np.errstate(all="ignore"):
            return np.abs(values).astype("f8")
    if kind in "biuf":
        with np.errstate(all="ignore"):
            return values.astype("f8")
    try:  # bfloat16 and its kin
        return None if kind != "V" or values.dtype.names else values.astype("f8")
    except (TypeError, ValueError):
        return None


def binned(values: AnyNDArray, most: int) -> AnyNDArray:
    """Return the means of blocks of values, so many along each dimension at most.

    Only finite numbers take part; a block without one becomes NaN.
    """
    if max(values.shape, default=0) <= most:
        return np.where(np.isfinite(values), values, np.nan)
    good = np.isfinite(values)
    sums, counts = np.where(good, values, 0.0), good.astype("f4")
    for axis in range(values.ndim):
        sums, counts = _summed(sums, axis, most), _summed(counts, axis, most)
    with np.errstate(all="ignore"):
        means: AnyNDArray = sums / counts
    return means


def _summed(values: AnyNDArray, axis: int, most: int) -> AnyNDArray:
    """The sums of blocks along one dimension; the last block may be shorter."""
    length = values.shape[axis]
    size = -(-length // most)
    if size <= 1:
        return values
    whole = length - length % size
    before, after = values.shape[:axis], values.shape[axis + 1 :]
    head = (slice(None),) * axis
    blocks = values[(*head, slice(0, whole))].reshape(*before, whole // size, size, *after)
    with np.errstate(all="ignore"):
        sums = blocks.sum(axis=axis + 1)
        if whole < length:
            rest = values[(*head, slice(whole, None))].sum(axis=axis, keepdims=True)
            sums = np.concatenate([sums, rest], axis=axis)
    return sums


def scaled(
    values: AnyNDArray, limits: tuple[float, float] | None = None
) -> tuple[AnyNDArray, float, float]:
    """Return numbers of colours for values, and those of the darkest and the lightest.

    Without limits, the scale goes from the 2nd to the 98th percentile, so that few extreme values
    do not hide the others.
    """
    good = values[np.isfinite(values)]
    low, high = limits or ((0.0, 0.0) if not good.size else np.percentile(good, (2, 98)))
    if low == high and good.size:
        low, high = good.min(), good.max()
    with np.errstate(all="ignore"):
        span = high - low
        parts = (values - low) / span if np.isfinite(span) and span > 0 else np.zeros_like(values)
        colours = 1 + np.clip(np.nan_to_num(parts, nan=0.0), 0, 1) * 254
    colours = np.where(np.isfinite(values), colours, 0).astype("u1")
    return colours, float(low), float(high)


def image(
    values: AnyNDArray,
    text: str,
    width: int,
    *,
    aspect: float | None = None,
    limits: tuple[float, float] | None = None,
) -> str:
    """Return a picture of values of two dimensions as HTML.

    Parameters
    ----------
    values : numpy.ndarray
        The values.
    text : str
        The description, for those who do not see it.
    width : int
        How wide it is shown, in pixels.
    aspect : float, optional
        The height by the width; by default that of the values.
    limits : tuple of float, optional
        The values of the darkest and of the lightest colour.
    """
    colours, low, high = scaled(values, limits)
    if aspect is None:
        aspect = values.shape[0] / max(1, values.shape[1])
    height = max(8, min(2 * width, round(width * aspect)))
    data = base64.b64encode(png(colours, palette())).decode("ascii")
    described = f"{text}; dark is {low:.6g} or less, light is {high:.6g} or more"
    return (
        f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" '
        f'alt="{escape(described)}" title="{escape(described)}">'
    )


def line(values: AnyNDArray, text: str, width: int = 240, height: int = 80) -> str:
    """Return a line through values of one dimension as SVG; gaps are where there is no number."""
    shown = binned(values, width // 2)
    good = shown[np.isfinite(shown)]
    low, high = (float(good.min()), float(good.max())) if good.size else (0.0, 0.0)
    span = high - low if high > low else 1.0
    step = width / max(1, len(shown) - 1)
    runs: list[list[str]] = [[]]
    for i, value in enumerate(shown.tolist()):
        if not np.isfinite(value):
            runs.append([])
        else:
            y = height - 4 - (height - 8) * (value - low) / span
            runs[-1].append(f"{i * step:.1f},{y:.1f}")
    drawn = "".join(
        f'<polyline points="{" ".join(run if len(run) > 1 else run * 2)}" fill="none" '
        'stroke="currentColor" stroke-width="1.5" stroke-linecap="round"/>'
        for run in runs
        if run
    )
    described = escape(f"{text}; from {low:.6g} to {high:.6g}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><title>{described}</title>{drawn}</svg>'
    )


class Histogram(NamedTuple):
    """How often values are in which range.

    Attributes
    ----------
    low, high : float
        The least and the greatest finite value; NaN if there is none.
    counts : tuple of int
        How many values are in each of the ranges, which are equally wide.
    missing : int
        How many are no finite number.
    """

    low: float
    high: float
    counts: tuple[int, ...]
    missing: int


def histogram(values: AnyNDArray, bins: int = 32) -> Histogram:
    """Count values by range."""
    good = values[np.isfinite(values)]
    missing = values.size - good.size
    if not good.size:
        return Histogram(np.nan, np.nan, (), missing)
    low, high = float(good.min()), float(good.max())
    if low == high or not np.isfinite(high - low):
        return Histogram(low, high, (good.size,), missing)
    place = np.minimum(((good - low) / (high - low) * bins).astype("i8"), bins - 1)
    counts = np.bincount(place, minlength=bins)
    return Histogram(low, high, tuple(counts.tolist()), missing)


def bars(found: Histogram, width: int = 240, height: int = 60) -> str:
    """Return a histogram as SVG."""
    most = max(found.counts, default=0) or 1
    edges = np.linspace(0, width, len(found.counts) + 1).tolist()
    drawn = "".join(
        f'<rect x="{left:.1f}" y="{height - height * count / most:.1f}" '
        f'width="{max(0.5, right - left - 0.5):.1f}" height="{height * count / most:.1f}" '
        'fill="currentColor" fill-opacity="0.65"/>'
        for (left, right), count in zip(pairwise(edges), found.counts, strict=True)
        if count
    )
    total = sum(found.counts)
    text = f"{total:,} values from {found.low:.6g} to {found.high:.6g}"
    text += f", {found.missing:,} that are no number" if found.missing else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><title>{escape(text)}</title>{drawn}</svg>'
    )
