"""The data types that are known, and how the one is found that a user or a document names."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from zarr.dtype.base import AnyDType, InvalidPartError, TBaseDType, ZDType, shown
from zarr.dtype.strings import VariableLengthUTF8
from zarr.errors import DataTypeValidationError, did_you_mean
from zarr.types import DTypeConfig_V2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.metadata import EntryPoint

    from zarr.types import DTypeJSON, ZarrFormat

_AMBIGUOUS = (
    "Zarr data type resolution from {} failed. NumPy's 'Object' data type is ambiguous: several "
    "Zarr data types can be stored in it. Name the data type that is meant, such as "
    "zarr.dtype.VariableLengthUTF8() or zarr.dtype.VariableLengthBytes()."
)
_REMEMBERED = 1024
"""How many answers are kept at most."""
_SINGLE_BYTES = ("b1", "i1", "u1")


class DataTypeRegistry:
    """Classes of data types, by name.

    Examples
    --------
    >>> from zarr.dtype import data_type_registry
    >>> data_type_registry.match_json("int8", zarr_format=3)
    Int8()
    """

    def __init__(self) -> None:
        self.contents: dict[str, type[AnyDType]] = {}
        self._lazy_load_list: list[EntryPoint] = []
        # Groups of entry points, and the name in each, that were not looked at yet.
        self._unread: list[tuple[str, str | None]] = []
        # Of these, a class that a user registers takes the place.
        self._yielding: set[type[AnyDType]] = set()
        # Our own that are not imported yet, by name: module and class.
        self._late: dict[str, tuple[str, str]] = {}
        # Earlier answers, which stay true: all data types are frozen.
        self._found: dict[object, AnyDType] = {}

    def __repr__(self) -> str:
        return f"DataTypeRegistry(contents={self.contents}, _lazy_load_list={self._lazy_load_list})"

    def _lazy_load(self) -> None:
        """Load the data types that other packages announced as entry points ``zarr.data_type``."""
        # Several threads may do so at once. An entry stays listed until it is loaded, so
        # that none of them goes on without it; to register it twice does nothing.
        for source in tuple(self._unread):
            from importlib.metadata import entry_points

            group, name = source
            self._lazy_load_list.extend(
                entry for entry in entry_points(group=group) if name in (None, entry.name)
            )
            with suppress(ValueError):
                self._unread.remove(source)
        for entry in tuple(self._lazy_load_list):
            try:
                cls = entry.load()
                self.register(cls._zarr_v3_name, cls)
            finally:
                with suppress(ValueError):
                    self._lazy_load_list.remove(entry)

    def _may_load(self) -> bool:
        """Whether there may be entry points that were not loaded yet."""
        return bool(self._unread or self._lazy_load_list)

    def register(self, key: str, cls: type[AnyDType]) -> None:
        """Make a data type known as `key`.

        Parameters
        ----------
        key : str
            The name of the data type in metadata of format 3.
        cls : type of ZDType
            The class.
        """
        if self.contents.get(key) is cls:
            return
        name = getattr(cls, "_zarr_v3_name", key)
        if self.contents.get(name) in self._yielding:
            self.contents.pop(name, None)
        self.contents[key] = cls
        self._found = {}

    def announce(
        self, yielding: Iterable[type[AnyDType]], late: Mapping[str, tuple[str, str]]
    ) -> None:
        """Make the package's own data types known that others may replace.

        Parameters
        ----------
        yielding : iterable of type
            Classes whose place a class of that name takes that a user registers.
        late : mapping of str to tuple of str
            Modules and classes, by the name in Zarr, that are imported when the name is used.
        """
        self._yielding.update(yielding)
        self._late.update(late)

    def unregister(self, key: str) -> None:
        """Forget the data type known as `key`.

        Parameters
        ----------
        key : str
            The name of the data type in metadata of format 3.
        """
        if key not in self.contents:
            raise KeyError(f"Data type {key!r} not found in registry.")
        del self.contents[key]
        self._found = {}

    def get(self, key: str) -> type[AnyDType]:
        """Return the class known as `key`.

        Parameters
        ----------
        key : str
            The name of the data type in metadata of format 3.

        Returns
        -------
        type of ZDType
            The class.
        """
        if key not in self.contents:
            self._load_late(key)
        if key not in self.contents:
            self._lazy_load()
        return self.contents[key]

    def _load_late(self, name: object) -> None:
        if not isinstance(name, str) or name in self.contents:
            return
        late = self._late.get(name)
        if late is not None:
            # Several threads may do so at once: a class stays listed until it is registered.
            module, cls = late
            found = getattr(import_module(module), cls)
            self.register(name, found)
            self._yielding.add(found)
            self._late.pop(name, None)

    @staticmethod
    def _remember(known: dict[object, AnyDType], key: object, found: AnyDType) -> AnyDType:
        """Keep an answer among those that were `known` before it was searched.

        Where another thread has registered a class meanwhile, nobody looks at these any more.
        """
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = found
        return found

    def match_dtype(self, dtype: TBaseDType) -> AnyDType:
        """Return the data type that stands for a data type of NumPy.

        Parameters
        ----------
        dtype : numpy.dtype
            The data type of NumPy.

        Returns
        -------
        ZDType
            The data type.

        Raises
        ------
        ValueError
            If there is none, or more than one.
        """
        # Data types of NumPy may be equal though their classes, or titles of fields, differ.
        key, known = (type(dtype), dtype), self._found
        found = known.get(key)
        if found is None:
            found = self._search_native(dtype)
            if isinstance(dtype, np.dtype) and dtype.fields is None:
                self._remember(known, key, found)
        return found

    def _search_native(self, dtype: TBaseDType) -> AnyDType:
        if getattr(dtype, "kind", None) == "O":
            raise ValueError(_AMBIGUOUS.format(dtype))
        for may_load in (self._may_load(), False):
            matched = list(self._matching_native(dtype))
            if len(matched) > 1:
                matched = [found for found in matched if type(found) not in self._yielding]
            if len(matched) == 1:
                return matched[0]
            if matched:
                raise ValueError(
                    f"Zarr data type resolution from {dtype} failed. More than one data type "
                    f"matches: {matched}. Unregister one of them, or name the one that is meant."
                )
            if may_load:
                self._lazy_load()
        raise ValueError(f"No Zarr data type found that matches dtype '{dtype!r}'")

    def _matching_native(self, dtype: TBaseDType) -> Iterator[AnyDType]:
        for cls in list(self.contents.values()):
            # Our own classes need not raise an error each to say no.
            if cls.__module__.startswith("zarr.dtype.") and not cls._check_native_dtype(dtype):
                continue
            try:
                yield cls.from_native_dtype(dtype)
            except DataTypeValidationError:
                continue

    def match_json(self, data: DTypeJSON, *, zarr_format: ZarrFormat) -> AnyDType:
        """Return the data type that its form in metadata stands for.

        Parameters
        ----------
        data : JSON
            The form in metadata.
        zarr_format : {2, 3}
            The format of Zarr.

        Returns
        -------
        ZDType
            The data type.

        Raises
        ------
        ValueError
            If there is none.
        """
        key = _key(data, zarr_format)
        if key is None:
            return self._search_json(data, zarr_format)
        known = self._found
        return known.get(key) or self._remember(known, key, self._search_json(data, zarr_format))

    def _search_json(self, data: DTypeJSON, zarr_format: ZarrFormat) -> AnyDType:
        data = _usual_form(data, zarr_format)
        for may_load in (self._may_load(), False):
            for cls in self._candidates(data):
                try:
                    return cls.from_json(data, zarr_format=zarr_format)
                except InvalidPartError:
                    raise
                except DataTypeValidationError:
                    continue
            if may_load:
                self._lazy_load()
        hint = ""
        if isinstance(data, dict) and data.get("name") == "|O":
            hint = (
                ". Objects are stored by an object codec, the first of the filters: none that is "
                "known was found"
            )
        raise ValueError(f"No Zarr data type found that matches {shown(data)}{hint}")

    def _candidates(self, data: DTypeJSON) -> Iterator[type[AnyDType]]:
        """All classes, beginning with the one that has the name in the metadata."""
        name = data.get("name") if isinstance(data, dict) else data
        self._load_late(name)
        named = self.contents.get(name) if isinstance(name, str) else None
        if named is not None:
            yield named
        for cls in list(self.contents.values()):
            if cls is not named:
                yield cls


def _key(data: DTypeJSON, zarr_format: ZarrFormat) -> str | tuple[str, str | None] | None:
    """The key of an answer to remember, where metadata are a name only."""
    if isinstance(data, str):
        return data if zarr_format == 3 else None
    if zarr_format == 2 and isinstance(data, dict) and len(data) == 2:
        name, codec = data.get("name"), data.get("object_codec_id", "")
        if isinstance(name, str) and (codec is None or isinstance(codec, str)):
            return name, codec
    return None


def _usual_form(data: DTypeJSON, zarr_format: ZarrFormat) -> DTypeJSON:
    """Return the form that the classes of data types know."""
    if not isinstance(data, dict):
        return data
    name = data.get("name")
    if zarr_format == 3:
        # A name alone may be written as an object (core specification, extension points).
        return name if data.keys() == {"name"} and isinstance(name, str) else data
    # Where there is no byte order, some programs write one all the same.
    if isinstance(name, str) and name[:1] in ("<", ">") and name[1:] in _SINGLE_BYTES:
        return {**data, "name": f"|{name[1:]}"}
    if isinstance(name, str) and name[:2] in ("<V", ">V"):
        return {**data, "name": f"|{name[1:]}"}
    return data


data_type_registry = DataTypeRegistry()
data_type_registry._unread.extend([("zarr", "data_type"), ("zarr.data_type", None)])

DTypeSpec_V2: TypeAlias = DTypeConfig_V2[Any, Any]
"""The form of a data type in Zarr v2, with the object codec that it needs."""


def check_dtype_spec_v2(data: object) -> TypeGuard[DTypeSpec_V2]:
    """Return whether `data` has the form ``{"name", "object_codec_id"}``.

    Parameters
    ----------
    data : object
        The value.

    Returns
    -------
    bool
        Whether it has.
    """
    return (
        isinstance(data, dict)
        and data.keys() == {"name", "object_codec_id"}
        and _is_name(data["name"])
        and (data["object_codec_id"] is None or isinstance(data["object_codec_id"], str))
    )


def check_dtype_spec_no_object_codec_v2(data: object) -> TypeGuard[DTypeConfig_V2[Any, None]]:
    """Return whether `data` has that form, without an object codec.

    Parameters
    ----------
    data : object
        The value.

    Returns
    -------
    bool
        Whether it has.
    """
    return check_dtype_spec_v2(data) and data["object_codec_id"] is None


def _is_name(name: object) -> bool:
    return isinstance(name, str) or (isinstance(name, (list, tuple)) and all(map(_is_field, name)))


def _is_field(field: object) -> bool:
    """Whether `field` is a name, a data type, and perhaps a shape."""
    if not isinstance(field, (list, tuple)) or len(field) not in (2, 3):
        return False
    return isinstance(field[0], str) and _is_name(field[1])


ZDTypeLike: TypeAlias = AnyDType | npt.DTypeLike | Mapping[str, Any] | str
VLEN_UTF8_ALIAS = ("str", str, "string")
"""Names of strings of any length, which are not those of NumPy without a length."""


def parse_dtype(dtype_spec: ZDTypeLike, *, zarr_format: ZarrFormat) -> AnyDType:
    """Return the data type that `dtype_spec` stands for.

    Parameters
    ----------
    dtype_spec
        A data type of zarr or of NumPy, anything that NumPy takes for one, or the form in metadata
        of the given format.
    zarr_format : {2, 3}
        The format of Zarr.

    Returns
    -------
    ZDType
        The data type.

    Raises
    ------
    ValueError, TypeError
        If nothing matches.

    Examples
    --------
    >>> from zarr.dtype import parse_dtype
    >>> parse_dtype("<i4", zarr_format=3)
    Int32(endianness='little')
    """
    if isinstance(dtype_spec, ZDType):
        return dtype_spec
    if isinstance(dtype_spec, np.dtype):
        return data_type_registry.match_dtype(dtype_spec)
    if isinstance(dtype_spec, str):
        return _parse_name(dtype_spec, zarr_format)
    if dtype_spec is str:
        return VariableLengthUTF8()
    if isinstance(dtype_spec, Mapping) and "name" in dtype_spec:
        return data_type_registry.match_json(dict(dtype_spec), zarr_format=zarr_format)
    return get_data_type_from_native_dtype(dtype_spec)  # type: ignore[arg-type]


def _parse_name(name: str, zarr_format: ZarrFormat) -> AnyDType:
    if name in VLEN_UTF8_ALIAS:
        return VariableLengthUTF8()
    key = ("parsed", name, zarr_format)
    known = data_type_registry._found
    found = known.get(key)
    return found or data_type_registry._remember(known, key, _search_name(name, zarr_format))


def _search_name(name: str, zarr_format: ZarrFormat) -> AnyDType:
    if zarr_format == 3:
        try:
            return data_type_registry.match_json(name, zarr_format=3)
        except ValueError:
            pass
    try:
        native = np.dtype(name)
    except TypeError as error:
        # Some names of Zarr v3 are the only ones that there are.
        try:
            return data_type_registry.match_json(name, zarr_format=3)
        except ValueError:
            near = did_you_mean(name, data_type_registry.contents)
            raise TypeError(f"{error}{near}") from None
    return data_type_registry.match_dtype(native)


def parse_data_type(dtype_spec: ZDTypeLike, *, zarr_format: ZarrFormat) -> AnyDType:
    """Return the data type that `dtype_spec` stands for; the same as `parse_dtype`.

    Parameters
    ----------
    dtype_spec : ZDTypeLike
        A data type of zarr or of NumPy, the name of one, or its form in metadata.
    zarr_format : {2, 3}
        The format of Zarr.

    Returns
    -------
    ZDType
        The data type.
    """
    return parse_dtype(dtype_spec, zarr_format=zarr_format)


def get_data_type_from_native_dtype(dtype: npt.DTypeLike) -> AnyDType:
    """Return the data type that stands for what NumPy takes for a data type."""
    if isinstance(dtype, list):
        # The fields of a record, as they stand in metadata: lists where NumPy wants tuples.
        dtype = _with_tuples(dtype)
    return data_type_registry.match_dtype(np.dtype(dtype))


def _with_tuples(fields: list[object]) -> Any:
    return [
        tuple(_with_tuples(part) if isinstance(part, list) else part for part in field)
        if isinstance(field, list) and field and isinstance(field[0], str)
        else field
        for field in fields
    ]
