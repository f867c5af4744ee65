"""The errors and warnings of zarr, grouped by what you would do next.

::

    BaseException
     └─ Exception
         ├─ ValueError
         │   ├─ BaseZarrError                     catch this for "anything zarr refused"
         │   │   │
         │   │   │  nothing is there: create it, or look elsewhere
         │   │   ├─ NodeNotFoundError             (also a FileNotFoundError)
         │   │   │   ├─ ArrayNotFoundError
         │   │   │   └─ GroupNotFoundError
         │   │   ├─ ChunkNotFoundError            only with ``array.read_missing_chunks`` off
         │   │   │
         │   │   │  something is there already: open it, or overwrite it
         │   │   ├─ ContainsArrayError
         │   │   ├─ ContainsGroupError
         │   │   ├─ ContainsArrayAndGroupError
         │   │   ├─ CopyError                     (also a RuntimeError)
         │   │   │
         │   │   │  an array is not as it was: make the view of it anew
         │   │   ├─ SourceChangedError
         │   │   │
         │   │   │  the metadata are wrong: repair the document
         │   │   ├─ MetadataValidationError
         │   │   │   └─ NodeTypeValidationError
         │   │   │
         │   │   │  the data cannot be decoded: restore the chunk, or install or allow its codec
         │   │   ├─ ChunkDecodeError
         │   │   ├─ UnknownCodecError
         │   │   └─ PickleCodecDisabledError
         │   │
         │   └─ DataTypeValidationError           another data type must be named
         │
         ├─ KeyError
         │   └─ MemberNotFoundError               there is no such member: look at the names
         │
         ├─ IndexError                            the selection is wrong: correct it
         │   ├─ ArrayIndexError
         │   ├─ BoundsCheckError
         │   ├─ NegativeStepError
         │   └─ VindexInvalidSelectionError
         │
         └─ Warning
             ├─ ZarrDeprecationWarning            (DeprecationWarning)  use the newer name
             ├─ ZarrFutureWarning                 (FutureWarning)       results will change
             │   └─ UnstableSpecificationWarning  others may not be able to read the data
             ├─ ZarrRuntimeWarning                (RuntimeWarning)      works, but look at it
             └─ ZarrUserWarning                   (UserWarning)         probably not as meant
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

__all__ = [
    "ArrayIndexError",
    "ArrayNotFoundError",
    "BaseZarrError",
    "BoundsCheckError",
    "ChunkDecodeError",
    "ChunkNotFoundError",
    "ContainsArrayAndGroupError",
    "ContainsArrayError",
    "ContainsGroupError",
    "CopyError",
    "DataTypeValidationError",
    "GroupNotFoundError",
    "MemberNotFoundError",
    "MetadataValidationError",
    "NegativeStepError",
    "NodeNotFoundError",
    "NodeTypeValidationError",
    "PickleCodecDisabledError",
    "SourceChangedError",
    "UnknownCodecError",
    "UnstableSpecificationWarning",
    "VindexInvalidSelectionError",
    "ZarrDeprecationWarning",
    "ZarrFutureWarning",
    "ZarrRuntimeWarning",
    "ZarrUserWarning",
]


def did_you_mean(wanted: str, names: Iterable[str]) -> str:
    """Return what a message says of the names nearest to one that is not there; often nothing."""
    import difflib  # costs more than most of this package, and few need it

    near = difflib.get_close_matches(wanted, [name for name in names if name != wanted], 3)
    return f": did you mean {' or '.join(map(repr, near))}?" if near else ""


def printable(text: str) -> str:
    """A string of one line, in which nothing steers a terminal.

    Characters that do not print become escapes, as in a literal of Python.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


class Message(str):
    """A message with a hint that is found when it is shown.

    Looking for the hint may list a directory: code that catches the error does not pay for that.

    Parameters
    ----------
    message : str
        The message.
    hint : callable
        Returns what is added to it.
    """

    __slots__ = ("_hint",)
    _hint: Callable[[], str]

    def __new__(cls, message: str, hint: Callable[[], str]) -> Self:
        self = super().__new__(cls, message)
        self._hint = hint
        return self

    def __str__(self) -> str:
        try:
            return f"{self[:]}{self._hint()}"
        except Exception:  # the store is closed, or gone: the error is the one that counts
            return self[:]

    def __reduce__(self) -> tuple[object, ...]:
        return str, (str(self),)


class BaseZarrError(ValueError):
    """Base of the errors that zarr raises on its own account.

    Parameters
    ----------
    *args
        One argument is the message itself. Several are put into the message template of the
        class, as in ``ContainsArrayError(store, path)``.
    """

    _msg: str = "{}"

    def __init__(self, *args: object) -> None:
        if len(args) > 1:
            try:
                args = (self._msg.format(*args),)
            except IndexError:
                # Fewer values than the template has places: show them all, rather than
                # replace the error being raised with one about its message.
                args = (", ".join(str(arg) for arg in args),)
        super().__init__(*args)
        # From Python 3.14 on, `ValueError` has no initializer of its own. That of `OSError` comes
        # next then, for errors that are both, and leaves the arguments alone.
        self.args = args


class NodeNotFoundError(BaseZarrError, FileNotFoundError):
    """There is no array or group at a path."""

    def __new__(cls, *args: object) -> Self:
        # The inherited one is that of `ValueError`, whose objects have no room for the fields of
        # the other; programs that pickle errors in ways of their own call it. Without arguments:
        # two would be taken for a number and text of the system.
        return FileNotFoundError.__new__(cls)


class ArrayNotFoundError(NodeNotFoundError):
    """There is no array at a path: ``ArrayNotFoundError(store, path)``."""

    _msg = "No array found in store {!r} at path {!r}"


class GroupNotFoundError(NodeNotFoundError):
    """There is no group at a path: ``GroupNotFoundError(store, path)``."""

    _msg = "No group found in store {!r} at path {!r}"


class ChunkNotFoundError(BaseZarrError):
    """A chunk is not stored, and the array was opened with ``read_missing_chunks=False``."""


class MemberNotFoundError(KeyError):
    """There is no such member of a group: a KeyError that tells the nearest names.

    Parameters
    ----------
    key : str
        The name that was looked for.
    hint : callable, optional
        Returns what is added to the message. It is called when the error is shown: code that
        catches it does not pay for a listing.

    Examples
    --------
    >>> print(MemberNotFoundError("temprature", lambda: ": did you mean 'temperature'?"))
    'temprature': did you mean 'temperature'?
    """

    def __init__(self, key: str, hint: Callable[[], str] = str) -> None:
        super().__init__(key)
        self._hint = hint

    def __str__(self) -> str:
        return str(Message(repr(self.args[0]), self._hint))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.args[0],)


_REPLACE = "Open it, or replace it: overwrite=True, or mode 'w' of an opening function."


class ContainsArrayError(BaseZarrError):
    """An array is already there: ``ContainsArrayError(store, path)``."""

    _msg = f"An array exists in store {{!r}} at path {{!r}}. {_REPLACE}"


class ContainsGroupError(BaseZarrError):
    """A group is already there: ``ContainsGroupError(store, path)``."""

    _msg = f"A group exists in store {{!r}} at path {{!r}}. {_REPLACE}"


class ContainsArrayAndGroupError(BaseZarrError):
    """Both an array and a group claim one path: ``ContainsArrayAndGroupError(store, path)``."""

    _msg = (
        "Both an array (.zarray) and a group (.zgroup) were found in store {!r} at path {!r}. "
        "A node is one or the other: remove the document that does not belong there."
    )


class SourceChangedError(BaseZarrError):
    """The array that a view selects of has been resized since the view was made.

    The message names the array, the shape that it had then, and the one that it has now.
    """


class CopyError(BaseZarrError, RuntimeError):
    """A copy would replace what is there already."""


class MetadataValidationError(BaseZarrError):
    """A metadata document holds a value that it must not hold.

    ``MetadataValidationError(field, expected, found)``, or one message.
    """

    _msg = "Invalid value for '{}'. Expected '{}'. Got '{}'."


class NodeTypeValidationError(MetadataValidationError):
    """The ``node_type`` of a document is not the one that was asked for."""


class ChunkDecodeError(BaseZarrError):
    """The stored bytes of a chunk are not what the array's metadata say.

    The message names the array, the key, the chunk, what was expected and what was found.
    """


class UnknownCodecError(BaseZarrError):
    """The metadata name a codec that nothing here implements."""


class PickleCodecDisabledError(BaseZarrError):
    """Decoding would unpickle the stored bytes, which may run any code.

    Set ``array.allow_unsafe_pickle_decode`` in :data:`zarr.config` for data that you trust.
    """


class DataTypeValidationError(ValueError):
    """A data type cannot be made from what was given."""


class ArrayIndexError(IndexError):
    """A selection cannot be applied to this array."""


class BoundsCheckError(IndexError):
    """An index lies outside of its dimension."""


class NegativeStepError(IndexError):
    """A slice runs backwards."""


class VindexInvalidSelectionError(IndexError):
    """A selection given to ``vindex`` is neither a mask nor one integer array per dimension."""


class ZarrDeprecationWarning(DeprecationWarning):
    """A name or parameter has a newer form."""


class ZarrFutureWarning(FutureWarning):
    """A behaviour is going to change."""


class UnstableSpecificationWarning(ZarrFutureWarning):
    """Data are written in a form that no final specification describes."""


class ZarrRuntimeWarning(RuntimeWarning):
    """Something unusual was met, and the work goes on."""


class ZarrUserWarning(UserWarning):
    """A call does what it says, which is probably not what its author meant."""


if not TYPE_CHECKING:  # for a type checker, names that are not above are mistakes

    def __getattr__(name: str) -> object:
        if name == "__path__":  # asked for by each import from here
            raise AttributeError(name)
        raise import_module("zarr.successors").missing(f"module {__name__!r}", name, __all__)
