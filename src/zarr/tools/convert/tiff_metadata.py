"""The metadata of TIFF files as attributes: tags, GeoTIFF as GeoZarr, OME-XML as OME-Zarr. Pure."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from zarr.tools.conventions import registered
from zarr.tools.convert.importing import Lost
from zarr.tools.result import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

# Tags that say how pixels are stored, and those that become attributes of other names.
_OF_STORAGE = frozenset(
    (
        *(256, 257, 258, 259, 266, 273, 277, 278, 279, 284, 288, 289, 292, 293, 297, 317),
        *(322, 323, 324, 325, 330, 339, 347, 529, 530, 531, 532, 32997, 32998),
    )
)
_DESCRIPTION = 270
_OF_GEO = (33550, 33922, 34264, 34735, 34736, 34737)
_GDAL_METADATA, _GDAL_NODATA = 42112, 42113
_OF_IMAGEJ = (50838, 50839)
_ELSEWHERE = frozenset((_DESCRIPTION, *_OF_GEO, _GDAL_METADATA, _GDAL_NODATA, *_OF_IMAGEJ))
_USUAL = {254: (0,), 262: (1, 2)}
"""Values that say no more than is known: a whole image, of grey or of red, green and blue."""
_MOST = 1 << 16
"""Characters of a tag, at most: documents of metadata are read whole by everybody."""


def tags_of(page: Any, where: str, lost: list[Lost]) -> dict[str, Any]:
    """Return the tags of a page that are not about how it is stored, by their names."""
    found = {}
    for tag in page.tags:
        if _is_left_out(tag):
            continue
        try:
            text = json.dumps(value := _plain(tag.value))
        except (TypeError, ValueError):
            lost.append(Lost(f"tag {tag.name!r} of {where}", "has bytes, which JSON cannot hold"))
            continue
        if len(text) > _MOST:
            why = f"is left out: it has {len(text):,} characters as JSON"
            lost.append(Lost(f"tag {tag.name!r} of {where}", why))
        else:
            found[tag.name] = value
    return found


def _is_left_out(tag: Any) -> bool:
    code = tag.code
    return code in _OF_STORAGE or code in _ELSEWHERE or tag.value in _USUAL.get(code, ())


def _plain(value: object) -> Any:
    """Some value as JSON; an error if it is bytes that are no string."""
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode()
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return plain(value)


def attributes_of(opened: Any, page: Any, where: str, lost: list[Lost]) -> dict[str, Any]:
    """Return the metadata of an image of a file: those of its first page."""
    found: dict[str, Any] = {}
    if opened.is_imagej:
        found["imagej"] = plain(opened.imagej_metadata)
    elif opened.is_shaped:
        shaped: Any = opened.shaped_metadata or ({},)
        found.update({k: plain(v) for k, v in shaped[0].items() if k not in ("shape", "axes")})
    elif page.description and not opened.is_ome:
        found["description"] = page.description
    keys = page.geotiff_tags if page.is_geotiff else None
    if keys:
        found["geotiff"] = plain(keys)
    if _GDAL_METADATA in page.tags:
        found["gdal"] = str(page.tags[_GDAL_METADATA].value)
    if _GDAL_NODATA in page.tags:
        found["nodata"] = str(page.tags[_GDAL_NODATA].value).strip("\0 ")
    tags = tags_of(page, where, lost)
    if tags:
        found["tiff"] = tags
    return {name: value for name, value in found.items() if value is not None}


def missing_value(page: Any, dtype: Any) -> Any:
    """Return the value that means that there is none, as GDAL tells it; None if it tells none."""
    if _GDAL_NODATA not in page.tags or dtype.kind not in "iuf":
        return None
    text = str(page.tags[_GDAL_NODATA].value).strip("\0 ")
    try:
        value = float(text) if dtype.kind == "f" else int(float(text))
        exact = int(text) if dtype.kind != "f" and re.fullmatch(r"-?\d+", text) else value
        return np.array(exact, dtype).item()
    except (ValueError, OverflowError):
        return None  # such as -9999 of unsigned integers: no element has it


def other_tags(pages: Sequence[Any], where: str) -> list[Lost]:
    """Tell which metadata the pages after the first have of their own."""
    first = None
    names: set[str] = set()
    for page in pages:
        if page is None:
            continue
        own = {t.code: t for t in page.aspage().tags if t.code not in _OF_STORAGE}
        own.pop(254, None)
        if first is None:
            first = own
            continue
        for code, tag in own.items():
            if code not in first or not _are_equal(tag.value, first[code].value):
                names.add(tag.name)
    if not names:
        return []
    return [Lost(f"tags of pages after the first of {where}", f"are left out: {sorted(names)}")]


def _are_equal(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(np.asarray(one), np.asarray(other))
    return one == other


# -- GeoTIFF, as the conventions of GeoZarr have it -----------------------------------------------

_USER_DEFINED = 32767


def with_geozarr_place(
    attributes: dict[str, Any], names: Sequence[str], shape: Sequence[int]
) -> dict[str, Any]:
    """Return attributes with those that say where an image lies, as far as GeoTIFF tells.

    Parameters
    ----------
    attributes
        Those of an image; ``geotiff`` are the keys of GeoTIFF.
    names, shape
        Of its dimensions.
    """
    keys = attributes.get("geotiff")
    if not isinstance(keys, dict) or "y" not in names or "x" not in names:
        return attributes
    conventions, found = [], {}
    transform = _transform(keys)
    if transform is not None:
        conventions.append("spatial")
        is_point = keys.get("GTRasterTypeGeoKey") == 2
        found = {
            "spatial:dimensions": ["y", "x"],
            "spatial:shape": [shape[names.index("y")], shape[names.index("x")]],
            "spatial:transform": transform,
            "spatial:registration": "node" if is_point else "pixel",
        }
    code = keys.get("ProjectedCSTypeGeoKey", keys.get("GeographicTypeGeoKey"))
    if isinstance(code, int) and 1024 <= code < _USER_DEFINED:
        conventions.append("proj")
        found["proj:code"] = f"EPSG:{code}"
    return registered({**attributes, **found}, *conventions) if conventions else attributes


def _transform(keys: dict[str, Any]) -> list[float] | None:
    """How columns and rows become x and y: a, b, c, d, e and f."""
    try:
        if "ModelTransformation" in keys:
            (a, b, _, c), (d, e, _, f) = keys["ModelTransformation"][:2]
            return [a, b, c, d, e, f]
        wide, tall, _ = keys["ModelPixelScale"]
        column, row, _, x, y, _ = keys["ModelTiepoint"]
        return [wide, 0.0, x - column * wide, 0.0, -tall, y + row * tall]
    except (LookupError, TypeError, ValueError):
        return None


# -- OME-XML, as OME-Zarr has it ------------------------------------------------------------------

_UNITS = {
    "Å": "angstrom",
    "pm": "picometer",
    "nm": "nanometer",
    "µm": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "km": "kilometer",
    "in": "inch",
    "ns": "nanosecond",
    "µs": "microsecond",
    "ms": "millisecond",
    "s": "second",
    "min": "minute",
    "h": "hour",
    "d": "day",
}
"""Units by their symbols in OME-XML."""


class Described(NamedTuple):
    """The metadata of OME-XML of one image that OME-Zarr has, too."""

    name: str
    scale: dict[str, float]
    units: dict[str, str]
    channels: list[dict[str, str]]


def images_of(ome_xml: str) -> list[Described]:
    """Return the metadata of each image; none if the document cannot be read."""
    if "<!DOCTYPE" in ome_xml or "<!ENTITY" in ome_xml:
        return []  # entities can be made to fill any memory
    try:
        root = ElementTree.fromstring(ome_xml)
    except (ElementTree.ParseError, ValueError):
        return []
    return [_image(each) for each in root.iterfind("{*}Image")]


def _image(image: Any) -> Described:
    pixels = image.find("{*}Pixels")
    scale, units = {}, {}
    for axis in "xyzt":
        name = "TimeIncrement" if axis == "t" else f"PhysicalSize{axis.upper()}"
        try:
            size = float(pixels.get(name))
        except (AttributeError, TypeError, ValueError):
            continue
        unit = _UNITS.get(pixels.get(f"{name}Unit", "s" if axis == "t" else "µm"))
        if unit is not None and np.isfinite(size) and size > 0:
            scale[axis], units[axis] = size, unit
    channels = []
    for each in () if pixels is None else pixels.iterfind("{*}Channel"):
        found = {"label": each.get("Name") or "", "color": "FFFFFF"}
        with contextlib.suppress(TypeError, ValueError):  # it tells no colour
            found["color"] = f"{(int(each.get('Color')) >> 8) & 0xFFFFFF:06X}"
        channels.append(found)
    return Described(image.get("Name") or "", scale, units, channels)


def omero_of(described: Described, channels: int, dtype: Any) -> dict[str, Any] | None:
    """Return names and colours of channels; None where the file tells none, or no range to show."""
    named = any(each["label"] or each["color"] != "FFFFFF" for each in described.channels)
    if not named or len(described.channels) != channels or dtype.kind not in "iu":
        return None
    bounds = np.iinfo(dtype)
    window = {"min": bounds.min, "max": bounds.max, "start": bounds.min, "end": bounds.max}
    return {"channels": [{**each, "active": True, "window": window} for each in described.channels]}
