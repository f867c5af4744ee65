"""The description of a chunk that codecs are given, and the settings of an open array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypedDict, cast

import numpy as np

from zarr.metadata.fields import parse_bool, parse_order, parse_shapelike
from zarr.setting_values import BadConfigError, Settings, nearest
from zarr.settings import config as zarr_config

if TYPE_CHECKING:
    from typing import NotRequired

    from zarr.buffer.core import BufferPrototype
    from zarr.cache import ChunkCache
    from zarr.dtype.base import AnyDType
    from zarr.types import AnyScalar, MemoryOrder


class ArrayConfigParams(TypedDict):
    """The settings of an open array, as a dict."""

    order: NotRequired[MemoryOrder]
    write_empty_chunks: NotRequired[bool]
    read_missing_chunks: NotRequired[bool]
    sharding_coalesce_max_gap_bytes: NotRequired[int]
    sharding_coalesce_max_bytes: NotRequired[int]
    cache: NotRequired[ChunkCache | int | str | None]


@dataclass(frozen=True, init=False)
class ArrayConfig:
    """The settings of an open array; they are not stored with it.

    Parameters
    ----------
    order : {"C", "F"}
        The order in memory of what is read.
    write_empty_chunks : bool
        Whether chunks that hold fill values only are stored.
    read_missing_chunks : bool, default True
        Whether a chunk that is not stored is read as fill values; else it is an error.
    sharding_coalesce_max_gap_bytes, sharding_coalesce_max_bytes : int
        Inner chunks at most that far apart are read in one request of at most that size.
    cache : ChunkCache, int or str, optional
        Where decoded chunks are kept; nowhere if None. A size is one cache for all arrays that name
        the same.
    """

    order: MemoryOrder
    write_empty_chunks: bool
    read_missing_chunks: bool
    sharding_coalesce_max_gap_bytes: int
    sharding_coalesce_max_bytes: int
    cache: ChunkCache | None = field(default=None, repr=False)

    def __init__(
        self,
        order: MemoryOrder,
        write_empty_chunks: bool,
        *,
        read_missing_chunks: bool = True,
        sharding_coalesce_max_gap_bytes: int = 1 << 20,
        sharding_coalesce_max_bytes: int = 16 << 20,
        cache: ChunkCache | int | str | None = None,
    ) -> None:
        values = self.__dict__
        values["order"] = parse_order(order)
        values["write_empty_chunks"] = parse_bool(write_empty_chunks)
        values["read_missing_chunks"] = parse_bool(read_missing_chunks)
        values["sharding_coalesce_max_gap_bytes"] = _size(sharding_coalesce_max_gap_bytes)
        values["sharding_coalesce_max_bytes"] = _size(sharding_coalesce_max_bytes)
        if cache is not None:
            from zarr.cache import parse_cache  # late: most programs have none

            cache = parse_cache(cache)
        values["cache"] = cache

    @classmethod
    def from_dict(cls, data: ArrayConfigParams | Mapping[str, Any]) -> Self:
        """Make an instance; settings that are not named come from ``zarr.config``."""
        if not isinstance(data, Mapping):
            raise TypeError(f"The settings of an array are a dict or zarr.Settings. Got {data!r}.")
        unknown = sorted(set(data) - set(_KEYS))
        if unknown:
            near = nearest(unknown[0], _KEYS)
            meant = "" if near is None else f" Did you mean {near!r}?"
            raise TypeError(
                f"Unknown array config keys: {unknown}. Valid keys are {list(_KEYS)}.{meant}"
            )
        return cls(**{**_defaults(), **cast("dict[str, Any]", data)})

    def to_dict(self) -> ArrayConfigParams:
        """Return the settings as a dict, the cache only if there is one."""
        found = {key: getattr(self, key) for key in _KEYS}
        if self.cache is None:
            del found["cache"]
        return cast("ArrayConfigParams", found)


_KEYS = tuple(field.name for field in fields(ArrayConfig))

ArrayConfigLike: TypeAlias = ArrayConfig | ArrayConfigParams | Settings


def _size(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"Expected a number of bytes, got {value!r}.")
    return value


def _defaults() -> dict[str, Any]:
    settings = zarr_config.settings
    found = {key: getattr(settings, f"array__{key}") for key in _KEYS if key != "cache"}
    return {**found, "cache": settings.cache}


def checked_settings(config: ArrayConfigLike) -> ArrayConfigParams:
    """Return the settings of an array that a user names, refused here if they cannot be used."""
    named = named_settings(config)
    checked = ArrayConfig.from_dict(named)
    return cast("ArrayConfigParams", {key: getattr(checked, key) for key in named})


def named_settings(config: ArrayConfigLike) -> Mapping[str, Any]:
    """Return the settings of an array that a user names.

    Parameters
    ----------
    config
        As the user gave them.

    Raises
    ------
    BadConfigError
        If a setting is named that arrays cannot have for themselves, and the process has another
        value of it.
    """
    if isinstance(config, ArrayConfig):
        return config.to_dict()
    if not isinstance(config, Settings):
        return config
    given, now = config.given(), zarr_config.settings
    found, others = {}, []
    for each in Settings.describe():
        if each.name in given:
            if each.of_array:
                found[each.name.removeprefix("array.")] = given[each.name]
            elif given[each.name] != getattr(now, each.attribute):
                others.append(each.name)
    if others:
        raise BadConfigError(
            f"An array cannot have its own value of {', '.join(map(repr, others))}: set it for "
            "the process, by zarr.config.set."
        )
    return found


# The settings of arrays for which none are named, and how often ``zarr.config`` had changed then.
_default: tuple[int, ArrayConfig] | None = None


def parse_array_config(data: ArrayConfigLike | None) -> ArrayConfig:
    """Return the settings that a user names, the others from ``zarr.config``."""
    global _default
    if data is None:
        known = _default
        if known is None or known[0] != zarr_config.changes:
            known = _default = (zarr_config.changes, ArrayConfig(**_defaults()))
        return known[1]
    if isinstance(data, ArrayConfig):
        return data
    return ArrayConfig.from_dict(named_settings(data))


@dataclass(frozen=True, eq=False)
class ArraySpec:
    """The description of a chunk that a codec is given.

    Parameters
    ----------
    shape : tuple of int
        The shape of the chunk.
    dtype : ZDType
        The data type of its elements.
    fill_value
        The value of elements that were never written.
    config : ArrayConfig
        The settings of the array.
    prototype : BufferPrototype
        The classes of the buffers that the codec is given, and makes.
    """

    shape: tuple[int, ...]
    dtype: AnyDType
    fill_value: AnyScalar
    config: ArrayConfig
    prototype: BufferPrototype

    def __post_init__(self) -> None:
        self.__dict__["shape"] = parse_shapelike(self.shape)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, ArraySpec)
            and self.shape == other.shape
            and self.dtype == other.dtype
            and _same(self.fill_value, other.fill_value)
            and self.config == other.config
            and self.prototype == other.prototype
        )

    def __hash__(self) -> int:
        # Without the fill value: what is not a number has no hash to rely on.
        return hash((self.shape, self.dtype, self.config))

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def order(self) -> Literal["C", "F"]:
        """The order in memory of what is read."""
        return self.config.order


def _same(left: object, right: object) -> bool:
    """Return whether two fill values are one: bit for bit, where they are of NumPy."""
    if isinstance(left, np.generic) and isinstance(right, np.generic):
        return left.dtype == right.dtype and left.tobytes() == right.tobytes()
    return bool(left == right)
