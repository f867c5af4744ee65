"""The base of all data types, and what some of them have in common."""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from dataclasses import FrozenInstanceError, dataclass, fields
from reprlib import Repr
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    Self,
    TypeAlias,
    TypeVar,
    dataclass_transform,
)

import numpy as np

from zarr.dtype.storage import storage_of
from zarr.errors import DataTypeValidationError, UnstableSpecificationWarning
from zarr.types import Document, NumpyDType

if TYPE_CHECKING:
    from zarr.dtype.storage import Swap
    from zarr.types import JSON, DTypeJSON, ZarrFormat

TBaseScalar: TypeAlias = np.generic | str | bytes
"""Any scalar that an element can be."""
TBaseDType: TypeAlias = NumpyDType
"""Any data type of NumPy."""

TScalar_co = TypeVar("TScalar_co", bound="np.generic | str | bytes", covariant=True)
TDType_co = TypeVar("TDType_co", bound="NumpyDType", covariant=True)

EndiannessStr: TypeAlias = Literal["little", "big"]
ENDIANNESS_STR: tuple[EndiannessStr, EndiannessStr] = ("little", "big")
ORDER_CHAR: dict[str, str] = {"little": "<", "big": ">"}

T = TypeVar("T")

_warned: set[str] = set()


def _refuse(self: object, name: str, *value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(cls: type[T]) -> type[T]:
    """Make a frozen dataclass.

    Making methods takes time whenever zarr is imported: those that can be common to all data types
    are in `ZDType`.
    """
    made = dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)
    # Those of a dataclass let classes derived without it have other attributes.
    made.__setattr__ = made.__delattr__ = _refuse  # type: ignore[method-assign]
    made._field_names = tuple(field.name for field in fields(made))  # type: ignore[attr-defined,arg-type]
    return made


def warn_unstable(name: str) -> None:
    """Warn, once per process, that no specification of Zarr v3 describes the data type `name`."""
    if name not in _warned:
        _warned.add(name)
        warnings.warn(
            # Programs know the warning by these words, as zarr-python puts them.
            f"The data type {name!r} does not have a Zarr V3 specification. Other implementations "
            "may not read it, and how it is stored may change.",
            UnstableSpecificationWarning,
            stacklevel=5,
        )


class InvalidPartError(DataTypeValidationError):
    """A data type is the one that is named, but what it consists of is not valid."""


class HasItemSize:
    """A data type whose elements have one size."""

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        raise NotImplementedError(f"{type(self).__name__} does not say how large its elements are.")


@frozen
class HasLength:
    """A data type whose elements have a number of characters or bytes."""

    length: int


@frozen
class HasEndianness:
    """A data type whose elements have a byte order."""

    endianness: EndiannessStr = "little"

    def __post_init__(self) -> None:
        if self.endianness not in ENDIANNESS_STR:
            raise ValueError(
                f"The byte order must be one of {ENDIANNESS_STR}, not {self.endianness!r}."
            )


class HasObjectCodec:
    """A data type whose elements are objects, stored in Zarr v2 by a codec of their own."""

    object_codec_id: ClassVar[str]


@frozen
class ZDType(ABC, Generic[TDType_co, TScalar_co]):
    """How the elements of an array are represented: in memory, in metadata, in chunks.

    Subclasses are frozen dataclasses, made known by ``data_type_registry.register``.

    Examples
    --------
    >>> from zarr.dtype import Int32, ZDType, parse_dtype
    >>> data_type = parse_dtype("int32", zarr_format=3)
    >>> isinstance(data_type, ZDType), data_type == Int32()
    (True, True)
    >>> data_type.to_native_dtype(), data_type.to_json(zarr_format=3)
    (dtype('int32'), 'int32')
    """

    dtype_cls: ClassVar[type[TBaseDType]]
    """The class of the matching data type of NumPy."""
    _zarr_v3_name: ClassVar[str]
    _field_names: ClassVar[tuple[str, ...]]
    # The codec that makes bytes of elements in Zarr v3, where none is given.
    serializer_name: ClassVar[str] = "bytes"
    # Whether an element may be an array or a list itself.
    holds_arrays: ClassVar[bool] = False

    def _values(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self._field_names])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        values = zip(self._field_names, self._values(), strict=True)
        text = ", ".join(f"{name}={value!r}" for name, value in values)
        return f"{type(self).__qualname__}({text})"

    @classmethod
    def _check_native_dtype(cls, dtype: TBaseDType) -> bool:
        """Whether `dtype` is of the class that this data type stands for."""
        return type(dtype) is cls.dtype_cls

    @classmethod
    def _invalid_native(cls, dtype: object) -> DataTypeValidationError:
        return DataTypeValidationError(
            f"Invalid data type: {dtype}. {cls.__name__} stands for instances of {cls.dtype_cls}."
        )

    @classmethod
    def _invalid_json(cls, data: object, expected: object) -> DataTypeValidationError:
        return DataTypeValidationError(
            f"Invalid JSON representation of {cls.__name__}. Got {shown(data)}, "
            f"expected {expected}."
        )

    @classmethod
    @abstractmethod
    def from_native_dtype(cls, dtype: TBaseDType) -> Self:
        """Make an instance for a data type of NumPy.

        Parameters
        ----------
        dtype : numpy.dtype
            The data type of NumPy.

        Raises
        ------
        DataTypeValidationError
            If `dtype` is not of the class that this data type stands for.
        """

    @abstractmethod
    def to_native_dtype(self) -> TDType_co:
        """Return the matching data type of NumPy."""

    @classmethod
    @abstractmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self: ...

    @classmethod
    @abstractmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self: ...

    @classmethod
    def from_json(cls, data: DTypeJSON, *, zarr_format: ZarrFormat) -> Self:
        """Make an instance from its form in metadata.

        Parameters
        ----------
        data : JSON
            The form in metadata.
        zarr_format : {2, 3}
            The format of Zarr.

        Raises
        ------
        DataTypeValidationError
            If `data` does not stand for this data type.
        """
        if zarr_format == 2:
            return cls._from_json_v2(data)
        if zarr_format == 3:
            return cls._from_json_v3(data)
        raise unknown_format(zarr_format)

    @abstractmethod
    def to_json(self, zarr_format: ZarrFormat) -> Any:
        """Return the form in metadata.

        Parameters
        ----------
        zarr_format : {2, 3}
            The format of Zarr.
        """

    @abstractmethod
    def _check_scalar(self, data: object) -> bool:
        """Whether `cast_scalar` can make a scalar of `data`."""

    @abstractmethod
    def cast_scalar(self, data: object) -> TScalar_co:
        """Make a scalar of this data type.

        Parameters
        ----------
        data : object
            The value.

        Raises
        ------
        TypeError
            If `data` cannot be one.
        """

    def _cannot_cast(self, data: object) -> TypeError:
        return TypeError(
            f"Cannot convert object {shown(data)} with type {type(data)} to a scalar compatible "
            f"with the data type {self}."
        )

    @abstractmethod
    def default_scalar(self) -> TScalar_co:
        """Return the fill value of an array that is given none."""

    def unwritten_scalar(self) -> object:
        """Return the value of elements that were never written, where the metadata name none."""
        return self.default_scalar()

    @abstractmethod
    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> TScalar_co:
        """Read a scalar from its form in metadata.

        Parameters
        ----------
        data : JSON
            The form in metadata.
        zarr_format : {2, 3}
            The format of Zarr.

        Raises
        ------
        TypeError
            If `data` does not stand for a scalar of this data type.
        """

    @abstractmethod
    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> JSON:
        """Return the form of a scalar in metadata.

        Parameters
        ----------
        data : object
            The scalar.
        zarr_format : {2, 3}
            The format of Zarr.
        """

    def _keeps(self, data: object, scalar: object) -> bool:
        """Whether the scalar that `cast_scalar` made of `data` has the value of `data`."""
        return True

    def _storage(self) -> tuple[int, Swap]:
        """Return the size of an element, and how its two byte orders differ."""
        return storage_of(self)


AnyDType: TypeAlias = ZDType[Any, Any]
"""Any data type of Zarr."""


class OwnDType(ZDType[TDType_co, TScalar_co]):
    """The base of the data types of this package.

    Most of a data type follows from its names and its fields; a subclass states the rest.
    """

    _aliases: ClassVar[tuple[str, ...]] = ()
    """Other names in Zarr v3."""
    _unstable: ClassVar[bool] = False
    """Whether no specification of Zarr v3 describes the data type."""

    @classmethod
    def from_native_dtype(cls, dtype: TBaseDType) -> Self:
        if not cls._check_native_dtype(dtype):
            raise cls._invalid_native(dtype)
        return cls._of_native(dtype)

    @classmethod
    def _of_native(cls, dtype: TBaseDType) -> Self:
        """Make an instance for a data type of NumPy that was checked."""
        return cls()

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        raise cls._invalid_json(data, "Zarr v3: Zarr v2 has no such data type")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        if data == cls._zarr_v3_name or data in cls._aliases:
            return cls()
        raise cls._invalid_json(data, repr(cls._zarr_v3_name))

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return self._json_v2()
        if zarr_format == 3:
            return self._json_v3()
        raise unknown_format(zarr_format)

    def _json_v2(self) -> dict[str, object]:
        raise ValueError(f"Zarr v2 has no data type {self._zarr_v3_name!r}.")

    def _json_v3(self) -> str | dict[str, object]:
        if self._unstable:
            warn_unstable(self._zarr_v3_name)
        configuration = self._configuration()
        if not configuration:
            return self._zarr_v3_name
        return {"name": self._zarr_v3_name, "configuration": configuration}

    def _configuration(self) -> dict[str, object]:
        """Return the configuration in Zarr v3; without one, the name stands alone."""
        return {}

    def _check_scalar(self, data: object) -> bool:
        return True


def exact_scalar(dtype: AnyDType, data: object) -> object:
    """Make a scalar of a data type that has the value of `data`.

    Floating point numbers are rounded, as elements are.

    Raises
    ------
    ValueError
        If the value would be another one.
    TypeError
        If `data` cannot be a scalar of this data type at all.

    Examples
    --------
    >>> from zarr.dtype import Int8
    >>> exact_scalar(Int8(), 1.0)
    np.int8(1)
    """
    # NumPy would warn of them, and drop the imaginary part.
    if isinstance(data, np.complexfloating) and dtype.to_native_dtype().kind != "c":
        data = complex(data) if data.imag else data.real
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            scalar = dtype.cast_scalar(data)
        except (TypeError, ValueError, OverflowError) as error:
            # NumPy's own words do not say which value is meant.
            kinds = (TypeError, ValueError, OverflowError)
            kind = next(kind for kind in kinds if isinstance(error, kind))
            raise kind(f"fill_value {data!r} is no value of {dtype}: {error}") from None
        if dtype._keeps(data, scalar):
            return scalar
    raise ValueError(
        f"fill_value {data!r} is no value of {dtype}: it would become {scalar!r}. Give one that it "
        "has, or another data type."
    )


_brief = Repr()
_brief.maxdict = _brief.maxlist = _brief.maxtuple = 20
_brief.maxstring = _brief.maxother = 200


def shown(data: object) -> str:
    """Return what an error says of a part of a document, which may be large or deep."""
    return _brief.repr(data)


def invalid_scalar(data: object, expected: str) -> TypeError:
    """Return the error for what stands for no scalar of a data type."""
    return TypeError(f"Invalid type: {shown(data)}. Expected {expected}.")


def unknown_format(zarr_format: object) -> ValueError:
    """Return the error for a format other than 2 and 3."""
    return ValueError(f"zarr_format must be 2 or 3, got {zarr_format}")


def v2_name(data: object, object_codec_id: str | None = None) -> object:
    """Return the name in a v2 form ``{"name", "object_codec_id"}``; None if it is not one.

    A name with another object codec is not of this data type either.
    """
    if isinstance(data, dict) and data.keys() == {"name", "object_codec_id"}:
        return data["name"] if data["object_codec_id"] == object_codec_id else None
    return None


def v2_form(name: object, object_codec_id: str | None = None) -> dict[str, object]:
    """Return the v2 form of a data type."""
    return {"name": name, "object_codec_id": object_codec_id}


def v3_configuration(data: object, name: str) -> Document | None:
    """Return the configuration in a v3 form ``{"name": name, "configuration"}``."""
    if isinstance(data, dict) and data.get("name") == name:
        configuration = data.get("configuration")
        return configuration if isinstance(configuration, dict) else None
    return None


def endianness_of(dtype: TBaseDType) -> EndiannessStr:
    """Return the byte order of a data type of NumPy."""
    if dtype.byteorder in "<>":
        return "big" if dtype.byteorder == ">" else "little"
    return sys.byteorder
