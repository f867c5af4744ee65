"""The JSON of documents: parsed, kept, and written as it is stored."""

from __future__ import annotations

import json
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias, TypeVar

import numpy as np

from zarr import _core
from zarr.abc.metadata import Metadata
from zarr.errors import MetadataValidationError
from zarr.registry import state
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zarr.types import JSON, AnyNDArray, Document, NodeType

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


class _Node(Protocol):
    """Metadata of a node."""

    def copied(self) -> Self:
        """Return metadata that share nothing with these that can be changed."""
        ...

    def update_attributes(self, attributes: dict[str, JSON]) -> Self:
        """Return the metadata of the node with other attributes."""
        ...


N = TypeVar("N", bound=_Node)

_LONGEST_KEPT = 1 << 16
_MOST_KEPT = 512
_Kept: TypeAlias = OrderedDict[tuple[bytes, object], _Node]
_parsed: _Kept = OrderedDict()
_alike: _Kept = OrderedDict()
"""The same by the text of a document without its attributes."""


def remember(document: bytes, metadata: N, as_of: object) -> N:
    """Keep the metadata of a document of format 3 for `recalled`, and return a copy.

    `as_of` is the `state` before it was parsed: the classes that a document names, and whether its
    grid is taken, depend on the settings, which others may change meanwhile.
    """
    if len(document) > _LONGEST_KEPT:
        return metadata
    _keep(_parsed, document, metadata, as_of)
    return metadata.copied()


def _keep(kept: _Kept, text: bytes, metadata: _Node, as_of: object) -> None:
    kept[text, as_of] = metadata
    while len(kept) > _MOST_KEPT:
        try:
            kept.popitem(last=False)
        except KeyError:  # another thread was faster
            break


def recalled(document: bytes) -> Any:
    """Return a copy of the metadata of a document of which equal bytes were parsed, or None."""
    found = _parsed.get((document, state()))
    return None if found is None else found.copied()


def read_alike(document: bytes, read: Callable[[], N], kind: type[N]) -> N:
    """Return metadata of a document; of those that differ in their attributes only, one is read.

    Parameters
    ----------
    document
        The document.
    read
        Reads it.
    kind
        The class of its metadata.
    """
    divided = _divided(document) if len(document) <= _LONGEST_KEPT else None
    if divided is None:
        return read()
    text, attributes = divided
    as_of = state()
    found = _alike.get((text, as_of))
    if isinstance(found, kind):
        return found.copied().update_attributes(json.loads(attributes))
    metadata = read()
    _keep(_alike, text, metadata.copied().update_attributes({}), as_of)
    return metadata


def _divided(document: bytes) -> tuple[bytes, bytes] | None:
    """The text of a document without its attributes, and theirs; None if they are no object."""
    found = _core.members(document, ())
    if found is None:
        return None
    _, _, names, kinds, places = found
    if "attributes" not in names:
        return None
    number = names.index("attributes")
    if kinds[number : number + 1] == b"?" or "attributes" in names[number + 1 :]:
        return None  # not an object, or one to be read with care
    begins, ends = memoryview(places).cast("Q")[4 * number : 4 * number + 2]
    return b"%b{}%b" % (document[:begins], document[ends:]), document[begins:ends]


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
