"""Records: named fields of other data types, one after the other without gaps."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zarr.dtype.base import (
    HasItemSize,
    ZDType,
    v2_form,
    v2_name,
    v3_configuration,
    warn_unstable,
)
from zarr.dtype.raw import bytes_from_json
from zarr.dtype.registry import data_type_registry

if TYPE_CHECKING:
    from zarr.types import JSON, DTypeJSON, ZarrFormat

_VOID = type(np.dtype("V1"))


def _item_size(dtype: ZDType[Any, Any]) -> int:
    if not isinstance(dtype, HasItemSize):
        raise TypeError(f"A field of a record has a fixed size, which {dtype} has not.")
    return dtype.item_size


@dataclass(frozen=True, kw_only=True)
class SubArray(ZDType[np.dtype[Any], np.generic], HasItemSize):
    """A small array in each element; it can stand only in a field of a record."""

    base: ZDType[Any, Any]
    shape: tuple[int, ...]

    dtype_cls = _VOID
    _zarr_v3_name = "subarray"

    @classmethod
    def _check_native_dtype(cls, dtype: np.dtype[Any]) -> bool:
        return dtype.subdtype is not None

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if dtype.subdtype is None:
            raise cls._invalid_native(dtype)
        return cls(base=data_type_registry.match_dtype(dtype.subdtype[0]), shape=dtype.shape)

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype((self.base.to_native_dtype(), self.shape))

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return self.to_native_dtype().itemsize

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        raise cls._invalid_json(data, "a field of a record")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        configuration = v3_configuration(data, cls._zarr_v3_name)
        if configuration is None or configuration.keys() != {"data_type", "shape"}:
            raise cls._invalid_json(data, "the name 'subarray', a data_type and a shape")
        base = data_type_registry.match_json(configuration["data_type"], zarr_format=3)
        return cls(base=base, shape=_shape(configuration["shape"]))

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        warn_unstable(self._zarr_v3_name)
        configuration = {"data_type": self.base.to_json(3), "shape": list(self.shape)}
        return {"name": self._zarr_v3_name, "configuration": configuration}

    def _check_scalar(self, data: object) -> bool:
        return True

    def cast_scalar(self, data: object) -> Any:
        dtype = self.base.to_native_dtype()
        return np.broadcast_to(np.asarray(data, dtype), self.shape).copy()

    def default_scalar(self) -> Any:
        return self.cast_scalar(self.base.default_scalar())

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        raw = bytes_from_json(data)
        return np.frombuffer(raw, self.base.to_native_dtype()).reshape(self.shape)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str:
        return b64encode(self.cast_scalar(data).tobytes()).decode()


def _shape(data: object) -> tuple[int, ...]:
    if isinstance(data, (list, tuple)) and all(type(n) is int and n > 0 for n in data) and data:
        return tuple(data)
    raise ValueError(f"The shape of a subarray is a list of positive integers, not {data!r}.")


@dataclass(frozen=True, kw_only=True)
class Structured(ZDType[np.dtype[Any], np.void], HasItemSize):
    """Records, with the metadata that older versions wrote for Zarr v3."""

    fields: tuple[tuple[str, ZDType[Any, Any]], ...]

    dtype_cls = _VOID
    _zarr_v3_name = "structured"

    def __post_init__(self) -> None:
        if len(self.fields) < 1:
            raise ValueError(f"must have at least one field. Got {self.fields!r}")
        names = [name for name, _ in self.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"The fields of a record have different names. Got {names}.")

    @classmethod
    def _check_native_dtype(cls, dtype: np.dtype[Any]) -> bool:
        return type(dtype) is cls.dtype_cls and dtype.fields is not None

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if not cls._check_native_dtype(dtype) or dtype.fields is None or dtype.names is None:
            raise cls._invalid_native(dtype)
        return cls(fields=tuple((name, _of_field(dtype.fields[name][0])) for name in dtype.names))

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype([(name, field.to_native_dtype()) for name, field in self.fields])

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return sum(_item_size(field) for _, field in self.fields)

    def has_multi_byte_fields(self) -> bool:
        """Whether the byte order matters to any field."""
        return any(_item_size(field) > 1 for _, field in self.fields)

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        name = v2_name(data)
        if not isinstance(name, (list, tuple)) or not name:
            raise cls._invalid_json(data, "a list of fields, such as [['a', '<i4']]")
        return cls(fields=tuple(_field_from_v2(field) for field in name))

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        for name in ("struct", "structured"):
            configuration = v3_configuration(data, name)
            if configuration is not None and isinstance(configuration.get("fields"), (list, tuple)):
                return cls(fields=tuple(_field_from_v3(f) for f in configuration["fields"]))
        raise cls._invalid_json(data, f"the name {cls._zarr_v3_name!r} and a list of fields")

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return v2_form([_field_to_v2(name, field) for name, field in self.fields])
        warn_unstable(self._zarr_v3_name)
        fields = [[name, field.to_json(3)] for name, field in self.fields]
        return {"name": self._zarr_v3_name, "configuration": {"fields": fields}}

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (bytes, list, tuple, int, float, np.void))

    def cast_scalar(self, data: object) -> np.void:
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        dtype = self.to_native_dtype()
        if isinstance(data, bytes):
            return self._of_bytes(data)
        value = tuple(data) if isinstance(data, list) else data
        return np.array([value], dtype)[0]  # type: ignore[no-any-return]

    def _of_bytes(self, data: bytes) -> np.void:
        dtype = self.to_native_dtype()
        if len(data) != dtype.itemsize:
            raise ValueError(f"A scalar of {self} has {dtype.itemsize} bytes, not {len(data)}.")
        return np.frombuffer(data, dtype)[0]  # type: ignore[no-any-return]

    def default_scalar(self) -> np.void:
        return self._of_bytes(bytes(self.item_size))

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> np.void:
        if isinstance(data, dict):
            return self._of_fields(data, zarr_format)
        if data == 0 and data is not False and zarr_format == 2:
            return self.default_scalar()
        return self._of_bytes(bytes_from_json(data, "a dict or base64-encoded string"))

    def _of_fields(self, data: dict[str, Any], zarr_format: ZarrFormat) -> np.void:
        unknown = data.keys() - {name for name, _ in self.fields}
        if unknown:
            raise ValueError(f"A scalar of {self} has no fields {sorted(unknown)}.")
        scalar = np.zeros(1, self.to_native_dtype())
        for name, field in self.fields:
            if name in data:
                scalar[name] = field.from_json_scalar(data[name], zarr_format=zarr_format)
            else:
                scalar[name] = field.default_scalar()
        return scalar[0]  # type: ignore[no-any-return]

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str | dict[str, Any]:
        return b64encode(self.cast_scalar(data).tobytes()).decode()


@dataclass(frozen=True, kw_only=True)
class Struct(Structured):
    """Records, as the registered extension ``struct`` of Zarr v3 describes them."""

    _zarr_v3_name = "struct"

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return super().to_json(2)
        fields = [{"name": name, "data_type": field.to_json(3)} for name, field in self.fields]
        return {"name": self._zarr_v3_name, "configuration": {"fields": fields}}

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str | dict[str, Any]:
        if zarr_format == 2:
            return super().to_json_scalar(data, zarr_format=2)
        scalar = self.cast_scalar(data)
        return {
            name: field.to_json_scalar(scalar[name], zarr_format=3) for name, field in self.fields
        }


def _of_field(dtype: np.dtype[Any]) -> ZDType[Any, Any]:
    if dtype.subdtype is not None:
        return SubArray.from_native_dtype(dtype)
    return data_type_registry.match_dtype(dtype)


def _field_from_v2(field: object) -> tuple[str, ZDType[Any, Any]]:
    if not isinstance(field, (list, tuple)) or len(field) not in (2, 3):
        raise Structured._invalid_json(field, "a name, a data type and perhaps a shape")
    name, code = field[0], field[1]
    if not isinstance(name, str):
        raise Structured._invalid_json(field, "a name that is a string")
    dtype = data_type_registry.match_json(v2_form(code), zarr_format=2)
    return name, SubArray(base=dtype, shape=_shape(field[2])) if len(field) == 3 else dtype


def _field_to_v2(name: str, field: ZDType[Any, Any]) -> list[Any]:
    if isinstance(field, SubArray):
        return [name, field.base.to_json(2)["name"], list(field.shape)]
    return [name, field.to_json(2)["name"]]


def _field_from_v3(field: object) -> tuple[str, ZDType[Any, Any]]:
    name: object = None
    if isinstance(field, dict) and field.keys() == {"name", "data_type"}:
        name, data_type = field["name"], field["data_type"]
    elif isinstance(field, (list, tuple)) and len(field) == 2:
        name, data_type = field
    if not isinstance(name, str):
        raise Structured._invalid_json(field, "a name and a data_type")
    if v3_configuration(data_type, SubArray._zarr_v3_name) is not None:
        return name, SubArray.from_json(data_type, zarr_format=3)
    return name, data_type_registry.match_json(data_type, zarr_format=3)
