"""Parsers of small values, and of JSON, shared by all documents."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Protocol,
    Self,
    TypedDict,
    TypeGuard,
    TypeVar,
    cast,
)

import numpy as np

from zarr.abc.metadata import Metadata
from zarr.errors import MetadataValidationError
from zarr.registry import state
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from zarr.types import JSON, AnyNDArray, Document, NodeType, ShapeLike

MOST_ELEMENTS = 2**63 - 1
"""The most elements along a dimension."""


def ceildiv_int(a: int, b: int) -> int:
    """Return the quotient of integers, rounded up, without going by way of floats."""
    return -(-a // b)


def parse_bool(data: object) -> bool:
    """Return a boolean, if it is one."""
    if isinstance(data, bool):
        return data
    raise ValueError(f"Expected bool, got {data} instead.")


def parse_order(data: object) -> Literal["C", "F"]:
    """Return an order of dimensions in memory, if it is one."""
    if data in ("C", "F"):
        return data
    raise ValueError(
        f"Failed to parse input for 'order': expected Literal['C', 'F'], got {data!r}."
    )


def parse_separator(data: object) -> Literal[".", "/"]:
    """Return a separator of chunk keys, if it is one."""
    if data in (".", "/"):
        return data
    raise ValueError(
        f"Failed to parse input for 'separator': expected Literal['.', '/'], got {data!r}."
    )


def parse_shapelike(data: ShapeLike) -> tuple[int, ...]:
    """Return a shape as a tuple of integers.

    Raises
    ------
    TypeError
        If it is no integer and no iterable of integers.
    ValueError
        If a length is negative, or larger than any dimension can be.
    """
    if isinstance(data, (int, np.integer)) and not isinstance(data, bool):
        data = (data,)
    try:
        shape = tuple(data)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"Expected an integer or an iterable of integers. Got {data} instead."
        ) from None
    for length in shape:
        if type(length) is not int and (
            isinstance(length, bool) or not isinstance(length, (int, np.integer))
        ):
            raise TypeError(f"Expected an iterable of integers. Got {data} instead.")
        if length < 0:
            raise ValueError(f"Expected all values to be non-negative. Got {data} instead.")
        if length > MOST_ELEMENTS:
            raise ValueError(f"Expected all values to be below 2**63. Got {data} instead.")
    return tuple(map(int, shape))


def parse_name(data: JSON, expected: str | None = None) -> str:
    """Return a name, if it is the expected one."""
    if not isinstance(data, str):
        raise TypeError(f"Expected a string, got an instance of {type(data)}.")
    if expected is not None and data != expected:
        raise ValueError(f"Expected '{expected}'. Got {data} instead.")
    return data


def parse_configuration(data: JSON) -> JSON:
    """Return a configuration, if it is a dict."""
    if not isinstance(data, dict):
        raise TypeError(f"Expected dict, got {type(data)}")
    return data


def parse_named_configuration(
    data: object, expected_name: str | None = None, *, require_configuration: bool = True
) -> tuple[str, Document | None]:
    """Return the name and the configuration of an extension point.

    A name alone may be written as a string (core specification, extension definitions).
    """
    if isinstance(data, str) and not require_configuration:
        return parse_name(data, expected_name), None
    if not isinstance(data, Mapping):
        raise TypeError(f"Expected dict, got {type(data)}")
    if "name" not in data:
        raise ValueError(f"Named configuration does not have a 'name' key. Got {dict(data)}.")
    name = parse_name(data["name"], expected_name)
    if "configuration" in data:
        return name, cast("dict[str, Any]", parse_configuration(data["configuration"]))
    if require_configuration:
        raise ValueError(
            f"Named configuration does not have a 'configuration' key. Got {dict(data)}."
        )
    return name, None


def expand_rle(data: Sequence[object], axis: int | None = None) -> list[int]:
    """Return the lengths that a run-length form stands for: lengths, and [length, count] pairs."""
    where = "" if axis is None else f"Dimension {axis}: "
    lengths: list[int] = []
    total = 0
    for item in data:
        size, count = item, 1
        if isinstance(item, (list, tuple)):
            if len(item) != 2:
                raise ValueError(f"{where}RLE entries must be pairs, got {item!r}")
            size, count = item
        edge = parse_chunk_edge(size, axis)
        if type(count) is not int:
            raise TypeError(f"{where}RLE count must be an integer, got {count!r}")
        if count < 1:
            raise ValueError(f"{where}RLE count must be an integer >= 1, got {count!r}")
        total += count
        if total > MOST_RUNS:
            raise ValueError(f"{where}more than {MOST_RUNS} chunks along one dimension")
        lengths.extend([edge] * count)
    return lengths


MOST_RUNS = 1 << 22
"""The most chunks of a dimension that are listed one by one.

A document of a few bytes may ask for any number of them."""


def compress_rle(sizes: Sequence[int]) -> list[int | list[int]]:
    """Return the run-length form of lengths: [length, count] where one repeats."""
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][0] == size:
            runs[-1][1] += 1
        else:
            runs.append([int(size), 1])
    return [size if count == 1 else [size, count] for size, count in runs]


def parse_chunk_edge(size: object, axis: int | None = None) -> int:
    """Return the length of a chunk, if it is one."""
    where = "" if axis is None else f"Dimension {axis}: "
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise TypeError(f"{where}chunk edge length must be an integer, got {size!r}")
    if size < 1:
        raise ValueError(f"{where}chunk edge length must be >= 1, got {size}")
    return int(size)


def parse_chunk_edges(sizes: Iterable[object], axis: int | None = None) -> tuple[int, ...]:
    """Return the lengths of the chunks along a dimension, if they are some."""
    edges: Any = tuple(sizes)
    if edges and set(map(type, edges)) == {int} and min(edges) >= 1:
        return edges  # type: ignore[no-any-return]
    return tuple(parse_chunk_edge(edge, axis) for edge in edges)


def parse_chunk_shape(data: object) -> tuple[int, ...]:
    """Return the shape of chunks as a tuple of positive integers."""
    if not isinstance(data, Iterable) or isinstance(data, (str, Mapping)):
        raise TypeError(f"Expected an iterable of integers. Got {data} instead.")
    return tuple(parse_chunk_edge(size, axis) for axis, size in enumerate(data))


def validate_rectilinear_kind(kind: str | None) -> None:
    """Fail unless the edges of a grid are listed in its metadata."""
    if kind is None:
        raise ValueError(
            "Rectilinear chunk grid configuration requires a 'kind' field. "
            "Only 'inline' is currently supported."
        )
    if kind != "inline":
        raise ValueError(
            f"Unsupported rectilinear chunk grid kind: {kind!r}. "
            "Only 'inline' is currently supported."
        )


def validate_rectilinear_edges(
    chunk_shapes: Sequence[int | Sequence[int]], array_shape: Sequence[int]
) -> None:
    """Fail unless the edges of each dimension reach its end."""
    for axis, (edges, extent) in enumerate(zip(chunk_shapes, array_shape, strict=True)):
        if not isinstance(edges, int) and sum(edges) < extent:
            raise ValueError(
                f"Rectilinear chunk edges for dimension {axis} sum to {sum(edges)} but array "
                f"shape extent is {extent} (edge sum must be >= extent)"
            )


MOST_BYTES = 1 << 30
"""A longer document is refused before it is parsed."""
DEEPEST = 200
"""How deep lists and objects may be nested in a document: who follows them, as copies and
comparisons do, needs a few of Python's 1,000 frames for each level."""


def parse_json(document: bytes, path: str, name: str) -> dict[str, JSON]:
    """Parse the metadata document `name` of the node at `path`: an object.

    Raises
    ------
    MetadataValidationError
        If it is not JSON, or not an object.
    """
    if len(document) > MOST_BYTES:
        raise _bad(path, name, f"it has {len(document)} bytes, more than {MOST_BYTES}")
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise _bad(path, name, f"it is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise _bad(path, name, f"expected an object, found {type(parsed).__name__}")
    if _is_too_deep(document, parsed):
        raise _bad(path, name, f"it is nested deeper than {DEEPEST} levels")
    return parsed


def _is_too_deep(document: bytes, parsed: Any) -> bool:
    """Whether a document is nested deeper than anybody follows."""
    if document.count(b"{") + document.count(b"[") <= DEEPEST:
        return False
    level = [parsed]
    for _ in range(DEEPEST):
        level = [
            child
            for each in level
            for child in (each.values() if type(each) is dict else each)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


class _Copied(Protocol):
    """Metadata of a node."""

    def copied(self) -> Self:
        """Return metadata that share nothing with these that can be changed."""
        ...


N = TypeVar("N", bound=_Copied)

_LONGEST_KEPT = 1 << 16
_MOST_KEPT = 512
_parsed: OrderedDict[tuple[bytes, object], _Copied] = OrderedDict()


def remember(document: bytes, metadata: N) -> N:
    """Keep the metadata of a document of format 3 for `recalled`, and return a copy."""
    if len(document) > _LONGEST_KEPT:
        return metadata
    # The classes that a document names, and whether its grid is taken, depend on the settings.
    _parsed[document, state()] = metadata
    while len(_parsed) > _MOST_KEPT:
        try:
            _parsed.popitem(last=False)
        except KeyError:  # another thread was faster
            break
    return metadata.copied()


def recalled(document: bytes) -> Any:
    """Return a copy of the metadata of a document of which equal bytes were parsed, or None."""
    found = _parsed.get((document, state()))
    return None if found is None else found.copied()


def _bad(path: str, name: str, why: str) -> MetadataValidationError:
    return MetadataValidationError(f"Cannot read the document {name!r} of the node {path!r}: {why}")


def in_node(error: Exception, node_type: NodeType, path: str) -> Exception:
    """Return an error like `error` that names the node in whose metadata it was found."""
    text = str(error.args[0]) if error.args else str(error)
    where = f"the metadata of the {node_type} {path!r}"
    if isinstance(error, KeyError):
        return MetadataValidationError(f"{text} is missing in {where}")
    if isinstance(error, (UnicodeError, OverflowError)):
        return MetadataValidationError(f"{error} (in {where})")
    return type(error)(f"{text} (in {where})")


def to_json(document: Mapping[str, object]) -> bytes:
    """Return the bytes of a document."""
    return _dumps(document, config.settings.json_indent)


def to_compact_json(document: Mapping[str, object]) -> bytes:
    """Return the bytes of a document that programs read only: without line breaks."""
    return _dumps(document, None)


def as_attributes(data: Any) -> dict[str, JSON]:
    """Return what a user gives as attributes as a dict; none at all for None.

    Raises
    ------
    TypeError, ValueError
        If :class:`dict` does not take it.
    """
    try:
        return dict(data or {})
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"Attributes are a dict. Got {data!r} of {type(data).__name__}."
        ) from None


def as_stored(values: Mapping[Any, Any]) -> Document:
    """Return attributes, or other values of a user, as they will be read from a document.

    They are plain values that nobody else holds: what is shown before the document is read again
    is what is in it, and what the user does to the original changes nothing.

    Raises
    ------
    TypeError
        If JSON can hold only a part of a value, or none of it.
    ValueError
        If two keys are the same key in JSON, or it is nested deeper than anybody follows.
    """
    if not values:
        return {}
    if all(type(name) is str and name.isascii() for name in values) and all(
        map(_is_plain, values.values())
    ):
        return dict(values)
    try:
        document = _ENCODER.encode(dict(values))
        plain: dict[str, object] = _DECODER.decode(document)
    except RecursionError:
        raise _too_deep() from None
    if _is_too_deep(document.encode(), plain):
        raise _too_deep()
    return plain


_PLAIN = frozenset((bool, float, type(None)))


def _is_plain(value: object) -> bool:
    """Whether a value is read from a document as it was, and has no parts."""
    kind = type(value)
    if kind is str:
        return value.isascii()  # type: ignore[attr-defined, no-any-return]
    if kind is int:
        return -(2**63) <= value < 2**63  # type: ignore[operator]
    return kind in _PLAIN


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"Several keys of a dict are the key {twice!r} in JSON, whose keys are strings: only "
            "the value of one of them could be stored."
        )
    return found


def copied(value: object) -> Any:
    """Return a copy of a plain value, whose dicts and lists are its own."""
    if type(value) is dict:
        return {name: copied(item) for name, item in value.items()}
    if type(value) is list:
        return [copied(item) for item in value]
    return value


def _dumps(document: Mapping[str, object], indent: int | None) -> bytes:
    try:
        made = _encoder(indent).encode(document).encode()
    except RecursionError:
        raise _too_deep() from None
    if _is_too_deep(made, document):
        raise _too_deep()
    return made


@lru_cache(maxsize=4)
def _encoder(indent: int | None) -> json.JSONEncoder:
    return json.JSONEncoder(indent=indent, default=_plain)


def _too_deep() -> ValueError:
    return ValueError(
        f"Attributes and metadata that are nested deeper than {DEEPEST} levels cannot be stored."
    )


def _plain(value: object) -> object:
    """Return what JSON can hold of a value: all of it, or an error."""
    if isinstance(value, Metadata):
        return value.to_dict()
    if isinstance(value, (np.ndarray, np.generic)):
        _check_kept(value)
        found = value.tolist()
        if not isinstance(found, np.generic):
            return found
    raise _not_json(value, "JSON has strings, numbers, booleans, null, lists and objects")


def _check_kept(value: AnyNDArray | np.generic) -> None:
    """Fail if a value of NumPy would come back as another."""
    dtype = value.dtype
    if dtype.kind in "mM":
        raise _not_json(
            value, "JSON has no times: store str(value), or a number and its unit as two values"
        )
    if dtype.char in "gG":
        raise _not_json(
            value, "numbers in JSON have fewer digits: store it as float64, or str(value)"
        )
    if dtype.names is not None:
        raise _not_json(value, "JSON has no records: store a dict with a list for each field")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise _not_json(value, "JSON has no masks: store value.filled(...), or the mask beside it")


def _not_json(value: object, why: str) -> TypeError:
    return TypeError(
        f"{value!r} of {type(value).__name__} cannot be stored in metadata: not JSON. {why}."
    )


_ENCODER = json.JSONEncoder(default=_plain)
_DECODER = json.JSONDecoder(object_pairs_hook=_object)


class AllowedExtraField(TypedDict):
    """An object that says that it need not be understood; whatever else is in it."""

    must_understand: Literal[False]


def check_allowed_extra_field(data: object) -> TypeGuard[AllowedExtraField]:
    """Return whether a field may be ignored (core specification, ``must_understand``)."""
    return isinstance(data, dict) and data.get("must_understand") is False


def parse_extra_fields(
    data: Mapping[str, object] | None,
    *,
    reserved_keys: AbstractSet[str],
    node_type: NodeType,
) -> dict[str, object]:
    """Return the fields beyond those of the specification.

    Raises
    ------
    MetadataValidationError
        If one of them must be understood.
    """
    if not data:
        return {}
    clash = sorted(set(data) & reserved_keys)
    if clash:
        raise ValueError(f"Invalid extra fields: {clash} are fields of the specification.")
    refused = [name for name, value in data.items() if not check_allowed_extra_field(value)]
    if refused:
        raise MetadataValidationError(
            f"Got Zarr V3 {node_type} metadata with the following disallowed extra fields: "
            f"{refused}. Extra fields are not allowed unless they are an object with a "
            '"must_understand" key which is assigned the value `false`.'
        )
    return as_stored(data)
