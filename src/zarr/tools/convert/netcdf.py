"""Files of netCDF-3, the classic format: CDF-1, CDF-2 and CDF-5. They need no library.

The library of netCDF returns zeros for the parts that a truncated file lacks: here that is an
error.
"""

from __future__ import annotations

import mmap
from contextlib import contextmanager, suppress
from math import prod
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from zarr.copying.hdf5 import attributes_of
from zarr.tools.convert.importing import Incoming, Lost, Opened, check_length, mark_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zarr.tools.convert.importing import Wanted
    from zarr.types import NumpyDType

_TYPES = (">i1", "S1", ">i2", ">i4", ">f4", ">f8", ">u1", ">u2", ">u4", ">i8", ">u8")
"""The data types by their numbers, from 1; CDF-5 has those after the sixth."""
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_STREAMING = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
"""The number of records where the writer did not know it: there are some until the end."""

_T = TypeVar("_T")


class Variable(NamedTuple):
    """A variable as the header describes it."""

    name: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: NumpyDType
    attrs: dict[str, Any]
    begin: int
    is_of_records: bool

    @property
    def size(self) -> int:
        """The bytes of all its elements, or of those in a record."""
        return prod(self.shape[self.is_of_records :]) * self.dtype.itemsize


class _Named(NamedTuple):
    """Something with attributes, as `attributes_of` takes it."""

    name: str
    attrs: dict[str, Any]


@contextmanager
def read_netcdf3(file: IO[bytes], wanted: Wanted) -> Iterator[Opened]:
    """Open a file of the classic format.

    Raises
    ------
    ValueError
        If it is broken or truncated.
    """
    name = str(getattr(file, "name", "the file"))
    with _bytes_of(file) as data:
        attributes, variables = _Header(data, name).read()
        stride = _stride(variables)
        lost: list[Lost] = []

        def leave_out(what: str, why: str) -> None:
            lost.append(Lost(what, why))

        nodes = [Incoming("", None, attributes_of("", _Named("/", attributes), leave_out), {})]
        for variable in variables:
            elements = _Elements(data, variable, stride, name)
            own = attributes_of(variable.name, _Named(variable.name, variable.attrs), leave_out)
            options: dict[str, Any] = {}
            if wanted.zarr_format == 3:
                options["dimension_names"] = variable.dimensions
            else:
                own["_ARRAY_DIMENSIONS"] = list(variable.dimensions)
            mark_missing(own, options, wanted.zarr_format)
            nodes.append(Incoming(variable.name, elements, own, options))
        yield Opened(nodes, lost)


@contextmanager
def _bytes_of(file: IO[bytes]) -> Iterator[Any]:
    """All bytes of a file: mapped into memory if they can be."""
    try:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, AttributeError, ValueError):
        yield file.read()
        return
    try:
        yield mapped
    finally:
        with suppress(BufferError):  # an array that somebody keeps still needs it
            mapped.close()


def _stride(variables: list[Variable]) -> int:
    """How many bytes there are from a record to the next."""
    of_records = [each.size for each in variables if each.is_of_records]
    if len(of_records) == 1:  # the only one is not padded
        return of_records[0]
    return sum(size + -size % 4 for size in of_records)


class _Elements:
    """The elements of a variable, in a file that may be larger than memory."""

    def __init__(self, data: Any, variable: Variable, stride: int, name: str) -> None:
        self.shape, self.dtype = variable.shape, variable.dtype
        size = variable.size
        if variable.is_of_records and self.shape[0]:
            size += (self.shape[0] - 1) * stride
        if 0 in self.shape:
            size = 0
        check_length(f"{variable.name} of {name}", len(data) - variable.begin, size)
        strides = [self.dtype.itemsize] * len(self.shape)
        for axis in reversed(range(len(strides) - 1)):
            strides[axis] = strides[axis + 1] * self.shape[axis + 1]
        if variable.is_of_records:
            strides[0] = stride
        self._array: Any = np.empty(self.shape, self.dtype)
        if size:
            self._array = np.ndarray(self.shape, self.dtype, data, variable.begin, tuple(strides))

    def __getitem__(self, region: object) -> Any:
        return np.array(self._array[region])


class _Header:
    """Reads the header of a file."""

    def __init__(self, data: Any, name: str) -> None:
        self._data = data
        self._name = name
        self._at = 4
        self._version = data[3] if len(data) > 3 else 0
        if data[:3] != b"CDF" or self._version not in (1, 2, 5):
            raise ValueError(f"{name} is no file of netCDF-3")

    def read(self) -> tuple[dict[str, Any], list[Variable]]:
        """Return the attributes of the file, and its variables."""
        records = self._count()
        dimensions = self._list(_DIMENSIONS, lambda: (self._text(), self._count()))
        attributes = self._attributes()
        described = self._list(_VARIABLES, lambda: self._variable(dimensions))
        if records in _STREAMING:
            records = self._records(described)
        found = []
        for each in described:
            shape = (records, *each.shape[1:]) if each.is_of_records else each.shape
            found.append(each._replace(shape=shape))
        return attributes, found

    def _records(self, variables: list[Variable]) -> int:
        """How many records are whole, by the length of the file."""
        of_records = [each for each in variables if each.is_of_records]
        if not of_records:
            return 0
        first = min(each.begin for each in of_records)
        return max(0, len(self._data) - first) // max(1, _stride(variables))

    def _take(self, size: int) -> bytes:
        found: bytes = self._data[self._at : self._at + size]
        if len(found) < size:
            raise ValueError(f"{self._name} is cut off: its header ends after {self._at:,} bytes")
        self._at += size
        return found

    def _number(self, size: int = 4) -> int:
        return int.from_bytes(self._take(size), "big")

    def _count(self) -> int:
        return self._number(8 if self._version == 5 else 4)

    def _padded(self, size: int) -> bytes:
        found = self._take(size)
        self._at += -size % 4
        return found

    def _text(self) -> str:
        try:
            return self._padded(self._count()).decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{self._name} has a name that is no UTF-8: {error}") from error

    def _list(self, tag: int, one: Callable[[], _T]) -> list[_T]:
        found, length = self._number(), self._count()
        if found not in (0, tag) or (found == 0 and length):
            raise ValueError(f"{self._name} has a broken header: {found} where {tag} belongs")
        return [one() for _ in range(length)]

    def _dtype(self) -> NumpyDType:
        kind = self._number()
        if not 1 <= kind <= (len(_TYPES) if self._version == 5 else 6):
            raise ValueError(f"{self._name} has a broken header: there is no type {kind}")
        return np.dtype(_TYPES[kind - 1])

    def _attributes(self) -> dict[str, Any]:
        return dict(self._list(_ATTRIBUTES, self._attribute))

    def _attribute(self) -> tuple[str, Any]:
        name, dtype, length = self._text(), self._dtype(), self._count()
        value = self._padded(length * dtype.itemsize)
        if dtype.kind == "S":
            return name, value.rstrip(b"\0").decode("utf-8", "surrogateescape")
        found = np.frombuffer(value, dtype).tolist()
        return name, found[0] if length == 1 else found

    def _variable(self, dimensions: list[tuple[str, int]]) -> Variable:
        name = self._text()
        numbers = [self._count() for _ in range(self._count())]
        if any(number >= len(dimensions) for number in numbers):
            raise ValueError(f"{self._name} has a broken header: {name} has no such dimension")
        attributes, dtype = self._attributes(), self._dtype()
        self._count()  # its size, which follows from its shape, and is wrong for large ones
        begin = self._number(4 if self._version == 1 else 8)
        names = tuple(dimensions[number][0] for number in numbers)
        shape = tuple(dimensions[number][1] for number in numbers)
        return Variable(name, names, shape, dtype, attributes, begin, shape[:1] == (0,))
