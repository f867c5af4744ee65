"""Records: named fields of other data types, one after the other without gaps."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zarr._async.warnings import warn
from zarr.dtype.base import (
    AnyDType,
    HasItemSize,
    InvalidPartError,
    OwnDType,
    TBaseDType,
    frozen,
    invalid_scalar,
    shown,
    v2_form,
    v2_name,
    v3_configuration,
)
from zarr.dtype.registry import data_type_registry
from zarr.dtype.storage import as_type
from zarr.dtype.strings import bytes_from_json, bytes_to_json
from zarr.errors import ZarrUserWarning
from zarr.types import AnyScalar

if TYPE_CHECKING:
    from zarr.types import JSON, Document, DTypeJSON, ZarrFormat


@frozen
class SubArray(OwnDType[TBaseDType, AnyScalar], HasItemSize):
    """A small array in each element; it can stand only in a field of a record.

    Zarr v2 writes it as the third part of a field. For Zarr v3 there is no specification: it is
    written as ``{"name": "subarray", "configuration": {"data_type", "shape"}}``, and its scalars
    as lists.
    """

    base: AnyDType
    shape: tuple[int, ...]

    dtype_cls = type(np.dtype("V1"))
    _zarr_v3_name = "subarray"
    _unstable = True

    @classmethod
    def _check_native_dtype(cls, dtype: TBaseDType) -> bool:
        return dtype.subdtype is not None

    @classmethod
    def from_native_dtype(cls, dtype: TBaseDType) -> Self:
        if dtype.subdtype is None:
            raise cls._invalid_native(dtype)
        return cls(base=data_type_registry.match_dtype(dtype.subdtype[0]), shape=dtype.shape)

    def to_native_dtype(self) -> TBaseDType:
        return np.dtype((self.base.to_native_dtype(), self.shape))

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        if not isinstance(self.base, HasItemSize):
            raise TypeError(f"The elements of an array in a record have one size; {self.base} not.")
        return self.base.item_size * prod(self.shape)

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        raise cls._invalid_json(data, "a field of a record")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        configuration = v3_configuration(data, cls._zarr_v3_name)
        if configuration is None or configuration.keys() != {"data_type", "shape"}:
            raise InvalidPartError(
                f"Invalid subarray {shown(data)}. Expected a data_type and a shape."
            )
        base = data_type_registry.match_json(configuration["data_type"], zarr_format=3)
        return cls.of_shape(base, configuration["shape"])

    @classmethod
    def of_shape(cls, base: AnyDType, shape: object) -> Self:
        """Make an instance of the shape in a metadata document."""
        sizes: list[Any] = list(shape) if isinstance(shape, (list, tuple)) else [shape]
        if not sizes or not all(type(size) is int and size > 0 for size in sizes):
            raise InvalidPartError(f"Invalid shape {shown(shape)}. Expected positive integers.")
        return cls(base=base, shape=tuple(sizes))

    def _json_v2(self) -> dict[str, object]:
        raise ValueError("In Zarr v2, a small array stands only in a field of a record.")

    def _configuration(self) -> dict[str, object]:
        return {"data_type": self.base.to_json(3), "shape": list(self.shape)}

    def _keeps(self, data: object, scalar: object) -> bool:
        given = np.broadcast_to(np.asarray(data), self.shape).reshape(-1)
        pairs = zip(_items(given), _items(scalar), strict=True)
        return all(self.base._keeps(before, after) for before, after in pairs)

    def cast_scalar(self, data: object) -> AnyScalar:
        dtype = self.base.to_native_dtype()
        try:
            return np.broadcast_to(as_type(np.asarray(data, dtype), dtype), self.shape).copy()
        except (TypeError, ValueError):
            raise self._cannot_cast(data) from None

    def default_scalar(self) -> AnyScalar:
        return self._filled(self.base.default_scalar())

    def unwritten_scalar(self) -> object:
        return self._filled(self.base.unwritten_scalar())

    def _filled(self, scalar: object) -> object:
        filled = np.ndarray(self.shape, self.base.to_native_dtype())
        filled[...] = scalar
        return filled

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        items = _flat(data, self.shape)
        filled = np.ndarray(len(items), self.base.to_native_dtype())
        for index, item in enumerate(items):
            filled[index] = self.base.from_json_scalar(item, zarr_format=zarr_format)
        return filled.reshape(self.shape)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> JSON:
        array = self.cast_scalar(data)
        items = [self.base.to_json_scalar(item, zarr_format=zarr_format) for item in _items(array)]
        return _nested(items, self.shape)


def _items(array: Any) -> list[object]:
    flat = array.reshape(-1)
    return [flat[index] for index in range(flat.size)]


def _flat(data: object, shape: tuple[int, ...]) -> list[Any]:
    """Return the innermost items of nested lists, which have to be of this shape."""
    if not shape:
        return [data]
    if not isinstance(data, (list, tuple)) or len(data) != shape[0]:
        raise invalid_scalar(data, f"a list of {shape[0]} items")
    return [item for part in data for item in _flat(part, shape[1:])]


def _nested(items: list[JSON], shape: tuple[int, ...]) -> JSON:
    if not shape:
        return items[0]
    size = len(items) // shape[0]
    parts = (items[start : start + size] for start in range(0, len(items), size))
    return [_nested(part, shape[1:]) for part in parts]


Field = tuple[str, AnyDType]


def _item_size(dtype: AnyDType) -> int:
    if not isinstance(dtype, HasItemSize):
        raise TypeError(f"A field of a record has a fixed size, which {dtype} has not.")
    return dtype.item_size


@frozen
class Structured(OwnDType[TBaseDType, np.void], HasItemSize):
    """Records, with the metadata that older versions wrote for Zarr v3.

    Parameters
    ----------
    fields : tuple of (str, ZDType)
        The name and data type of each field.

    Examples
    --------
    >>> from zarr.dtype import Int32, Structured
    >>> Structured(fields=(("x", Int32()),)).to_native_dtype()
    dtype([('x', '<i4')])
    """

    fields: tuple[Field, ...]

    dtype_cls = type(np.dtype("V1"))
    _zarr_v3_name = "structured"
    _unstable = True

    def __post_init__(self) -> None:
        if len(self.fields) < 1:
            raise ValueError(f"must have at least one field. Got {self.fields!r}")
        names = [name for name, _ in self.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"The fields of a record have different names. Got {names}.")

    @classmethod
    def _check_native_dtype(cls, dtype: TBaseDType) -> bool:
        return type(dtype) is cls.dtype_cls and dtype.fields is not None

    @classmethod
    def from_native_dtype(cls, dtype: TBaseDType) -> Self:
        if not cls._check_native_dtype(dtype) or dtype.fields is None or dtype.names is None:
            raise cls._invalid_native(dtype)
        if len(dtype.fields) > len(dtype.names):
            raise ValueError(f"The fields of {dtype} have titles, which Zarr cannot store.")
        made = cls(fields=tuple((name, _of_field(dtype.fields[name][0])) for name in dtype.names))
        packed = _places(made.to_native_dtype())
        if _places(dtype) != packed:
            warn(
                f"The fields of {dtype} are stored one after the other, without gaps.",
                ZarrUserWarning,
            )
        return made

    def to_native_dtype(self) -> TBaseDType:
        return np.dtype([(name, field.to_native_dtype()) for name, field in self.fields])

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return sum(_item_size(field) for _, field in self.fields)

    def has_multi_byte_fields(self) -> bool:
        """Whether any field is larger than a byte.

        Returns
        -------
        bool
            Whether one of them has.
        """
        return any(_item_size(field) > 1 for _, field in self.fields)

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        name = v2_name(data)
        if not isinstance(name, (list, tuple)):
            raise cls._invalid_json(data, "a list of fields, such as [['a', '<i4']]")
        return cls(fields=tuple(_field_from_v2(field) for field in name))

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        return cls(fields=cls._fields_from_v3(data, cls._zarr_v3_name, pairs_only=True))

    @classmethod
    def _fields_from_v3(cls, data: object, name: str, *, pairs_only: bool) -> tuple[Field, ...]:
        configuration = v3_configuration(data, name)
        if configuration is None or configuration.keys() != {"fields"}:
            raise cls._invalid_json(data, f"the name {name!r} and a configuration of fields")
        fields = configuration["fields"]
        if not isinstance(fields, (list, tuple)):
            raise cls._invalid_json(data, "a list of fields")
        return tuple(_field_from_v3(field, pairs_only) for field in fields)

    def _json_v2(self) -> dict[str, object]:
        return v2_form([_field_to_v2(name, field) for name, field in self.fields])

    def _configuration(self) -> dict[str, object]:
        return {"fields": [[name, field.to_json(3)] for name, field in self.fields]}

    def _keeps(self, data: object, scalar: AnyScalar) -> bool:
        if isinstance(data, np.void) and data.dtype.names is not None:
            parts = [data[name] for name in data.dtype.names]
        elif isinstance(data, (tuple, list)):
            parts = list(data)
        elif isinstance(data, (bytes, np.void)):
            return True
        else:  # one value for all fields
            parts = [data] * len(self.fields)
        fields = zip(self.fields, parts, strict=True)
        return all(field._keeps(part, scalar[name]) for (name, field), part in fields)

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (bytes, list, tuple, int, np.void))

    def cast_scalar(self, data: object) -> np.void:
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        if isinstance(data, bytes):
            return self._of_bytes(data, self.to_native_dtype())
        value = tuple(data) if isinstance(data, list) else data
        return np.array([value], self.to_native_dtype())[0]  # type: ignore[no-any-return]

    def _of_bytes(self, data: bytes, dtype: TBaseDType) -> np.void:
        """Make a scalar of bytes that hold an element of `dtype`, perhaps of another byte order."""
        if len(data) != dtype.itemsize:
            raise ValueError(f"A scalar of {self} has {dtype.itemsize} bytes, not {len(data)}.")
        element = np.frombuffer(data, f"V{len(data)}").view(dtype)
        return element.astype(self.to_native_dtype())[0]  # type: ignore[no-any-return]

    def _stored_as(self, zarr_format: ZarrFormat) -> TBaseDType:
        """Return the data type of bytes in metadata: the byte order is a matter of v2 only."""
        dtype = self.to_native_dtype()
        return dtype if zarr_format == 2 else dtype.newbyteorder("<")

    def default_scalar(self) -> np.void:
        return np.zeros(1, self.to_native_dtype())[0]  # type: ignore[no-any-return]

    def unwritten_scalar(self) -> np.void:
        # Not zeros throughout, which are the beginning of 1970 for a time.
        scalar = np.zeros(1, self.to_native_dtype())
        for name, field in self.fields:
            scalar[name] = field.unwritten_scalar()
        return scalar[0]  # type: ignore[no-any-return]

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> np.void:
        if isinstance(data, dict):
            return self._of_fields(data, zarr_format)
        if type(data) is int and data == 0 and zarr_format == 2:
            return self.default_scalar()
        raw = bytes_from_json(data, "a dict or base64-encoded string")
        return self._of_bytes(raw, self._stored_as(zarr_format))

    def _of_fields(self, data: Document, zarr_format: ZarrFormat) -> np.void:
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

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str | dict[str, JSON]:
        element = np.array([self.cast_scalar(data)], self.to_native_dtype())
        return bytes_to_json(element.astype(self._stored_as(zarr_format)).tobytes())


class Struct(Structured):
    """Records, as the registered extension ``struct`` of Zarr v3 describes them.

    Parameters
    ----------
    fields : tuple of (str, ZDType)
        The name and data type of each field.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.create_array({}, shape=(2,), dtype=np.dtype([("x", "i4"), ("y", "f8")]))
    >>> type(array.metadata.data_type).__name__, array["x"]
    ('Struct', array([0, 0], dtype=int32))
    """

    _zarr_v3_name = "struct"
    _unstable = False

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        # The older form, which there is much of, is read too.
        older = isinstance(data, dict) and data.get("name") == Structured._zarr_v3_name
        name = Structured._zarr_v3_name if older else cls._zarr_v3_name
        return cls(fields=cls._fields_from_v3(data, name, pairs_only=False))

    def _configuration(self) -> dict[str, object]:
        fields = [{"name": name, "data_type": field.to_json(3)} for name, field in self.fields]
        return {"fields": fields}

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str | dict[str, JSON]:
        if zarr_format == 2:
            return super().to_json_scalar(data, zarr_format=2)
        scalar = self.cast_scalar(data)
        return {
            name: field.to_json_scalar(scalar[name], zarr_format=3) for name, field in self.fields
        }


def _places(dtype: TBaseDType) -> tuple[int, tuple[int, ...]]:
    """Return the size of a record, and where its fields begin."""
    fields: Any = dtype.fields
    return dtype.itemsize, tuple(fields[name][1] for name in dtype.names or ())


def _of_field(dtype: TBaseDType) -> AnyDType:
    if dtype.subdtype is not None:
        return SubArray.from_native_dtype(dtype)
    return data_type_registry.match_dtype(dtype)


def _field_from_v2(field: object) -> Field:
    if not isinstance(field, (list, tuple)) or len(field) not in (2, 3):
        raise _invalid_field(field, "a field is a name, a data type and perhaps a shape")
    name, code, *shape = field
    dtype = _matched(field, v2_form(code), 2)
    return _named(field, name), SubArray.of_shape(dtype, shape[0]) if shape else dtype


def _field_to_v2(name: str, field: AnyDType) -> list[Any]:
    if isinstance(field, SubArray):
        return [name, field.base.to_json(2)["name"], list(field.shape)]
    return [name, field.to_json(2)["name"]]


def _field_from_v3(field: object, pairs_only: bool) -> Field:
    if isinstance(field, (list, tuple)) and len(field) == 2:
        name, data_type = field
    elif not pairs_only and isinstance(field, dict) and field.keys() == {"name", "data_type"}:
        name, data_type = field["name"], field["data_type"]
    else:
        raise _invalid_field(field, "a field is a name and a data_type")
    if v3_configuration(data_type, SubArray._zarr_v3_name) is not None:
        return _named(field, name), SubArray.from_json(data_type, zarr_format=3)
    return _named(field, name), _matched(field, data_type, 3)


def _named(field: object, name: object) -> str:
    if isinstance(name, str):
        return name
    raise _invalid_field(field, "the name of a field is a string")


def _matched(field: object, data: Any, zarr_format: ZarrFormat) -> AnyDType:
    try:
        return data_type_registry.match_json(data, zarr_format=zarr_format)
    except InvalidPartError:
        raise
    except RecursionError:
        raise InvalidPartError("The fields of a record are nested too deeply.") from None
    except ValueError as error:
        raise _invalid_field(field, str(error)) from error


def _invalid_field(field: object, reason: str) -> InvalidPartError:
    return InvalidPartError(f"Invalid field of a record: {shown(field)}. {reason}.")
