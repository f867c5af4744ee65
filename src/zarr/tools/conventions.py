"""Attributes that tell what the levels of a pyramid are: those of OME-Zarr and of GeoZarr. Pure.

GeoZarr is three conventions that are registered each: *multiscales* names the levels, *spatial*
says where their elements lie, and *proj* in which coordinate reference system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zarr.types import ZarrFormat

CONVENTIONS = ("ome", "geozarr", "none")

_KEYS = {
    "multiscales": ("d35379db-88df-4056-af3a-620245f8e347", "Multiscale layout of zarr datasets"),
    "spatial": ("689b58e2-cf7b-45e0-9fff-9cfc0883d6b4", "Spatial coordinate information"),
    "proj": (
        "f17cb550-5864-4468-aeb7-f3180cfb622f",
        "Coordinate reference system information for geospatial data",
    ),
}
"""The UUID of each convention, by which programs know it, and its description."""


@dataclass(frozen=True)
class Level:
    """One array of a pyramid.

    Parameters
    ----------
    path : str
        Its path in the group.
    shape : tuple of int
        Its shape.
    scale : tuple of float
        The size of an element along each dimension.
    translation : tuple of float
        Where the centre of the first element is.
    """

    path: str
    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]


def level(
    path: str,
    shape: tuple[int, ...],
    factors: Sequence[float],
    scale: Sequence[float],
    *,
    centred: bool,
) -> Level:
    """Return a level whose elements stand for so many of the largest array along each dimension.

    Parameters
    ----------
    path, shape
        Those of the level.
    factors
        How many elements.
    scale
        The size of an element of the largest array.
    centred
        Whether an element lies in the middle of those that it stands for, or on the first of them.
    """
    pairs = list(zip(factors, scale, strict=True))
    shift = [(factor - 1) / 2 * size if centred else 0.0 for factor, size in pairs]
    return Level(path, shape, tuple(float(factor * size) for factor, size in pairs), tuple(shift))


def check(convention: str, names: Sequence[str], own: Sequence[str | None] | None) -> None:
    """Fail if a convention cannot have these dimensions.

    Parameters
    ----------
    convention
        One of `CONVENTIONS`.
    names
        The names of the dimensions.
    own
        Those that an array has that is part of the pyramid as it is; None if there is no such.

    Raises
    ------
    ValueError
        If it cannot.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}. Got {convention!r}.")
    if convention == "ome":
        _check_ome(names)
        if own is not None and list(own) != list(names):
            raise ValueError(_NAMELESS)


def version(convention: str, zarr_format: ZarrFormat) -> str:
    """Return the name of a convention, and of its version; empty if it is none."""
    if convention == "ome":
        return "OME-Zarr 0.4" if zarr_format == 2 else "OME-Zarr 0.5"
    return "GeoZarr" if convention == "geozarr" else ""


def without_multiscales(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a group without those that name levels."""
    found = {key: value for key, value in attributes.items() if key != "multiscales"}
    ome = found.get("ome")
    if isinstance(ome, dict):
        found["ome"] = {key: value for key, value in ome.items() if key != "multiscales"}
    return found


# -- OME-Zarr -------------------------------------------------------------------------------------

_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_NAMELESS = (
    "the dimensions of the array have no names, which OME-Zarr 0.5 asks for: give a target, where "
    "a copy with names is made"
)


def _check_ome(names: Sequence[str]) -> None:
    kinds = [_TYPES.get(name.lower(), "other") for name in names]
    order = ["time", "channel", "other", "space"]
    right = (
        2 <= len(kinds) <= 5
        and 2 <= kinds.count("space") <= 3
        and kinds == sorted(kinds, key=order.index)
        and kinds.count("time") <= 1
        and kinds.count("channel") + kinds.count("other") <= 1
    )
    if not right:
        raise ValueError(
            "OME-Zarr has 2 to 5 dimensions: t, c or another, and then z, y and x, of which the "
            f"last two must be there. These are {list(names)}: give dimension_names= if the array "
            "has none, or convention='none'"
        )


def is_ome(names: Sequence[str]) -> bool:
    """Whether OME-Zarr can have these dimensions."""
    try:
        _check_ome(names)
    except ValueError:
        return False
    return True


def with_ome(
    before: Mapping[str, Any],
    zarr_format: ZarrFormat,
    names: Sequence[str],
    units: Mapping[str, str],
    levels: Sequence[Level],
    method: str | None,
    title: str = "",
    **more: Any,
) -> dict[str, Any]:
    """Return the attributes of a group, with those by which OME-Zarr names its levels.

    Parameters
    ----------
    before
        Its other attributes.
    zarr_format
        2 has version 0.4 of OME-Zarr, and 3 has 0.5.
    names, units
        The names of the dimensions, and the units of some.
    levels
        The levels, the largest first.
    method
        How they were made, if that is known.
    title
        The name of the image, if it has one.
    **more
        Other metadata of OME-Zarr, as `omero`.
    """
    axes: list[dict[str, str]] = []
    for name in names:
        axis = {"name": name}
        if name.lower() in _TYPES:
            axis["type"] = _TYPES[name.lower()]
        if name in units:
            axis["unit"] = units[name]
        axes.append(axis)
    datasets = []
    for each in levels:
        steps: list[dict[str, Any]] = [{"type": "scale", "scale": list(each.scale)}]
        if any(each.translation):
            steps.append({"type": "translation", "translation": list(each.translation)})
        datasets.append({"path": each.path, "coordinateTransformations": steps})
    entry: dict[str, Any] = {"axes": axes, "datasets": datasets}
    if title:
        entry["name"] = title
    if method is not None:
        entry["type"] = method
    made = without_multiscales(before)
    if zarr_format == 2:
        return {**made, **more, "multiscales": [{"version": "0.4", **entry}]}
    ome = made.get("ome")
    others = ome if isinstance(ome, dict) else {}
    return {**made, "ome": {**others, **more, "version": "0.5", "multiscales": [entry]}}


def known_scale(attributes: Mapping[str, Any], dimensions: int) -> list[float]:
    """Return the size of an element that the attributes of a group tell; 1 where they do not."""
    try:
        steps = _known(attributes)["datasets"][0]["coordinateTransformations"]
        found = next(step["scale"] for step in steps if step["type"] == "scale")
        if len(found) == dimensions:
            return [float(each) for each in found]
    except (LookupError, TypeError, ValueError, StopIteration):
        pass
    return [1.0] * dimensions


def known_units(attributes: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Return the units that the attributes of a group tell, by the names of the dimensions."""
    axes = _known(attributes).get("axes")
    found = [axis for axis in axes if isinstance(axis, dict)] if isinstance(axes, list) else []
    return {
        axis["name"]: axis["unit"] for axis in found if axis.get("name") in names and "unit" in axis
    }


def known_title(attributes: Mapping[str, Any]) -> str:
    """Return the name of an image that the attributes of a group tell; empty if they tell none."""
    found = _known(attributes).get("name")
    return found if isinstance(found, str) else ""


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of OME-Zarr that name levels; empty where there are none."""
    try:
        found = attributes.get("ome", attributes)["multiscales"][0]
    except (LookupError, TypeError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


# -- GeoZarr --------------------------------------------------------------------------------------

_METHODS = {"mean": "average"}
"""The convention's names of methods, where they differ from those here."""
_OF_SHAPE = ("spatial:transform", "spatial:shape", "spatial:bbox")
"""Attributes of the convention *spatial* that other levels do not share."""


def registered(attributes: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return attributes that say that conventions hold: ``multiscales``, ``spatial``, ``proj``."""
    found = attributes.get("zarr_conventions")
    entries = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    there = {each.get("uuid") for each in entries}
    for name in names:
        uuid, description = _KEYS[name]
        if uuid not in there:
            base = f"zarr-conventions/{name}"
            entries.append(
                {
                    "schema_url": (
                        f"https://raw.githubusercontent.com/{base}/refs/tags/v0.1/schema.json"
                    ),
                    "spec_url": f"https://github.com/{base}/blob/v0.1/README.md",
                    "uuid": uuid,
                    "name": name,
                    "description": description,
                }
            )
    return {**attributes, "zarr_conventions": entries}


def without_place(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an array without those that hold for its shape only."""
    found = {key: value for key, value in attributes.items() if key not in _OF_SHAPE}
    if len(found) == len(attributes):
        return found
    # The group that the array is in says where its levels lie.
    found = {key: value for key, value in found.items() if not key.startswith("spatial:")}
    uuid = _KEYS["spatial"][0]
    left = [each for each in found.pop("zarr_conventions", []) if each.get("uuid") != uuid]
    return {**found, "zarr_conventions": left} if left else found


def with_geozarr(
    before: Mapping[str, Any],
    own: Mapping[str, Any],
    names: Sequence[str],
    levels: Sequence[Level],
    method: str | None,
) -> dict[str, Any]:
    """Return the attributes of a group, with those by which GeoZarr names its levels.

    Parameters
    ----------
    before
        Its other attributes.
    own
        Those of its largest array, whose place and coordinate reference system the group gets.
    names
        The names of the dimensions.
    levels
        The levels, the largest first.
    method
        How they were made, if that is known.
    """
    made = without_multiscales(before)
    of_array = {k: v for k, v in own.items() if k.startswith(("spatial:", "proj:"))}
    transform = of_array.pop("spatial:transform", made.get("spatial:transform"))
    of_array.pop("spatial:shape", None)
    made |= of_array
    prefixes = {key.partition(":")[0] for key in made}
    conventions = ["multiscales", *(name for name in ("spatial", "proj") if name in prefixes)]
    spatial = made.get("spatial:dimensions", names[-2:])
    axes = [names.index(name) for name in spatial if name in names]
    first, layout = levels[0], []
    for each in levels:
        entry: dict[str, Any] = {"asset": each.path}
        if each is not first:
            entry["derived_from"] = first.path
        factors = [a / b for a, b in zip(each.scale, first.scale, strict=True)]
        entry["transform"] = {"scale": factors, "translation": [0.0] * len(factors)}
        if "spatial" in conventions:
            entry["spatial:shape"] = [each.shape[axis] for axis in axes]
        if _is_affine(transform) and len(axes) == 2:
            centre = [t / s for t, s in zip(each.translation, first.scale, strict=True)]
            nodes = made.get("spatial:registration") == "node"
            entry["spatial:transform"] = _wider(
                transform,
                [factors[axis] for axis in axes],
                [centre[axis] if nodes else 0.0 for axis in axes],
            )
        layout.append(entry)
    multiscales: dict[str, Any] = {"layout": layout}
    if method is not None:
        multiscales["resampling_method"] = _METHODS.get(method, method)
    return registered({**made, "multiscales": multiscales}, *conventions)


def _is_affine(transform: object) -> bool:
    if not isinstance(transform, list) or len(transform) != 6:
        return False
    return all(isinstance(each, (int, float)) for each in transform)


def _wider(transform: Sequence[float], factors: Sequence[float], shift: Sequence[float]) -> Any:
    """Where the elements of a level lie, of which each is so many times as high and as wide."""
    a, b, c, d, e, f = transform
    (tall, wide), (down, right) = factors, shift
    return [
        a * wide,
        b * tall,
        c + a * right + b * down,
        d * wide,
        e * tall,
        f + d * right + e * down,
    ]
