"""Settings as data: which there are, and the values that they may have.

`Settings` is their only list. The defaults of ``zarr.config``, its checks and the tables of
docs/configuration.md follow from it.
"""

# The annotations of `Settings` are read as types: no ``from __future__ import annotations``.
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import index
from types import MappingProxyType, NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    NoReturn,
    Self,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
)

from zarr._async.warnings import warn
from zarr.errors import ZarrUserWarning

__all__ = [
    "BadConfigError",
    "Known",
    "Setting",
    "Settings",
    "Unset",
    "leaves",
    "nearest",
    "parse_size",
]

T = TypeVar("T")
Tree: TypeAlias = dict[str, Any]
"""Settings by name, nested. Packages have settings of any type."""
AnyTree: TypeAlias = Mapping[str, object]
"""The same, which is only read."""


class BadConfigError(ValueError):
    """A setting has a value that cannot be used, or a name that is misspelt."""


class Unset(int):
    """A default that holds only as long as nothing better is known.

    It equals the number, which programs may look at. A program that sets the same number means it.
    """


class Setting:
    """One setting: its name, type, default and meaning.

    Attributes
    ----------
    attribute : str
        Its name as a parameter of `Settings`, such as ``"requests__timeout"``.
    name : str
        Its name in ``zarr.config``, such as ``"requests.timeout"``.
    path : tuple of str
        The parts of the name.
    type : object
        The type of its values.
    default : object
        Its value where nothing else is said.
    unit : str
        The unit of a number, such as ``"seconds"``; otherwise ``""``.
    least : int
        The smallest value of a number.
    doc : str
        Its meaning, in sentences.
    of_array : bool
        Whether an array may have a value of its own, by ``config=``. Otherwise there is one value
        for the whole process.
    """

    __slots__ = (
        *("attribute", "default", "doc", "least", "name", "of_array", "path", "type", "unit"),
    )

    def __init__(self, default: object, doc: str, unit: str, least: int, of_array: bool) -> None:
        self.default, self.doc, self.unit = default, doc, unit
        self.least, self.of_array = least, of_array

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        self.path = tuple(attribute.split("__"))
        self.name = ".".join(self.path)
        self.type: object = owner.__annotations__[attribute]

    def __repr__(self) -> str:
        return f"<{self.name}: {self.type_name} = {self.default!r}. {self.doc}>"

    @property
    def variable(self) -> str:
        """The environment variable that sets it, such as ``"ZARR_REQUESTS__TIMEOUT"``."""
        return f"ZARR_{self.attribute.upper()}"

    @property
    def type_name(self) -> str:
        """The type of its values, such as ``"float | None"`` or ``"'C' | 'F'"``."""
        if get_origin(self.type) is Literal:
            return " | ".join(map(repr, get_args(self.type)))
        shown = self.type.__name__ if isinstance(self.type, type) else str(self.type)
        return shown.replace("typing.", "").replace("collections.abc.", "")

    def checked(self, value: object, source: str) -> object:
        """Return a value in the form in which it counts.

        Parameters
        ----------
        value
            The value, or a string that spells it.
        source
            The place where it was given, for messages.

        Raises
        ------
        BadConfigError
            If it is not of the type, or out of range.
        """
        where = f"{source}: the setting {self.name!r} is"
        origin = get_origin(self.type)
        if origin is Literal:
            return _choice(value, get_args(self.type), where)
        kinds = get_args(self.type) if origin in (Union, UnionType) else (self.type,)
        optional = NoneType in kinds
        if optional and (value is None or _word(value) in ("none", "null")):
            return None
        if bool in kinds:
            return _boolean(value, where)
        if int in kinds or float in kinds:
            return _number(value, where, whole=int in kinds, least=self.least, optional=optional)
        if str in kinds and not isinstance(value, str):
            raise BadConfigError(f"{where} a string, not {value!r}")
        if Sequence[str] in kinds and not _is_list_of_strings(value):
            raise BadConfigError(f"{where} a list of strings, or None, not {value!r}")
        return value


def setting(*, default: T, doc: str, unit: str = "", least: int = 0, of_array: bool = False) -> T:
    """Declare a setting of `Settings`; see `Setting`."""
    return cast("T", Setting(default, doc, unit, least, of_array))  # instances have the value


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(setting,))
class _Frozen:
    """Values that are declared by `setting`: made by keyword, checked, and never changed."""

    # Dataclasses would do, but take milliseconds to make, and each import of zarr makes this one.

    def __init__(self, **named: Any) -> None:
        for attribute in named.keys() - _BY_ATTRIBUTE.keys():
            hint = _hint(nearest(attribute, _BY_ATTRIBUTE))
            raise TypeError(f"zarr.Settings has no parameter {attribute!r}.{hint}")
        given = {n: _BY_ATTRIBUTE[n].checked(v, "zarr.Settings") for n, v in named.items()}
        self._hold({**_BY_DEFAULT, **given}, given)

    def _hold(self, values: Tree, given: AnyTree) -> None:
        """Have these values, and know which of them were named."""
        codecs = MappingProxyType({**_CODECS, **values["codecs"]})
        vars(self).update(values, codecs=codecs, _given=given)

    def __setattr__(self, name: str, value: object = None) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: make another one, by replace()")

    __delattr__ = __setattr__


_NUMCODECS = {
    "adler32": "Adler32",
    "astype": "AsType",
    "bitround": "BitRound",
    "blosc": "Blosc",
    "bz2": "BZ2",
    "crc32": "CRC32",
    "crc32c": "CRC32C",
    "delta": "Delta",
    "fixedscaleoffset": "FixedScaleOffset",
    "fletcher32": "Fletcher32",
    "gzip": "GZip",
    "jenkins_lookup3": "JenkinsLookup3",
    "lz4": "LZ4",
    "lzma": "LZMA",
    "packbits": "PackBits",
    "pcodec": "PCodec",
    "quantize": "Quantize",
    "shuffle": "Shuffle",
    "zfpy": "ZFPY",
    "zlib": "Zlib",
    "zstd": "Zstd",
}
_CODECS: Mapping[str, str] = {
    "blosc": "zarr.codecs.blosc.BloscCodec",
    "gzip": "zarr.codecs.gzip.GzipCodec",
    "zstd": "zarr.codecs.zstd.ZstdCodec",
    "bytes": "zarr.codecs.bytes.BytesCodec",
    "endian": "zarr.codecs.bytes.BytesCodec",
    "crc32c": "zarr.codecs.crc32c_.Crc32cCodec",
    "sharding_indexed": "zarr.codecs.sharding.ShardingCodec",
    "transpose": "zarr.codecs.transpose.TransposeCodec",
    "vlen-utf8": "zarr.codecs.vlen_utf8.VLenUTF8Codec",
    "vlen-bytes": "zarr.codecs.vlen_utf8.VLenBytesCodec",
    **{f"numcodecs.{key}": f"zarr.codecs.numcodecs.{cls}" for key, cls in _NUMCODECS.items()},
}


class Settings(_Frozen):
    """Settings, typed and frozen. Their names have ``__`` for the dots of ``zarr.config``.

    ``zarr.config.settings`` holds the values of now. A new instance has those that are named, and
    the defaults for the others. ``zarr.config.set(settings)`` sets those that are named, and
    ``config=settings`` gives them to one array or group, as far as these can have their own.

    Examples
    --------
    >>> import zarr
    >>> settings = zarr.Settings(requests__timeout=5, array__order="F")
    >>> settings.requests__timeout, settings.requests__attempts
    (5.0, 6)
    >>> with zarr.config.set(settings):
    ...     zarr.config.get("array.order")
    'F'
    """

    default_zarr_format: Literal[2, 3] = setting(
        default=3, doc="The format of new arrays and groups, where none is given."
    )
    array__order: Literal["C", "F"] = setting(
        default="C",
        doc="The memory order of arrays that are read, and of chunks in format 2: 'C' or 'F'.",
        of_array=True,
    )
    array__write_empty_chunks: bool = setting(
        default=False,
        doc="Whether a chunk that holds only the fill value is stored. Otherwise it is deleted.",
        of_array=True,
    )
    array__read_missing_chunks: bool = setting(
        default=True,
        doc="Whether a chunk that is not stored is read as the fill value. Otherwise it raises "
        "`ChunkNotFoundError`.",
        of_array=True,
    )
    array__target_shard_size_bytes: int | None = setting(
        default=None,
        doc='The size of a shard with `shards="auto"`, before compression. `None` means 32 MiB.',
        unit="bytes",
        least=1,
    )
    array__rectilinear_chunks: bool = setting(
        default=False, doc="Whether arrays may have chunks of different lengths."
    )
    array__sharding_coalesce_max_gap_bytes: int = setting(
        default=1 << 20,
        doc="Inner chunks of a shard that are at most this many bytes apart are fetched with one "
        "request.",
        unit="bytes",
        of_array=True,
    )
    array__sharding_coalesce_max_bytes: int = setting(
        default=16 << 20,
        doc="The largest request that is made of such inner chunks.",
        unit="bytes",
        of_array=True,
    )
    array__sharding_index_cache_bytes: int = setting(
        default=32 << 20,
        doc="How many bytes of indexes of shards the process keeps, of all arrays together.",
        unit="bytes",
    )
    array__allow_unsafe_pickle_decode: bool = setting(
        default=False, doc="Whether pickled elements are read. A pickle can run any program."
    )
    array__decoded_max_bytes: int = setting(
        default=256 << 20,
        doc="The largest chunk that is decoded where the metadata do not tell its size.",
        unit="bytes",
    )
    cache: object = setting(
        default=None,
        doc="A cache of decoded chunks: a `zarr.ChunkCache`, or a size such as '2 GB'. `None` "
        "means no cache.",
        of_array=True,
    )
    async__concurrency: int | None = setting(
        default=Unset(10),
        doc="How many requests one operation has under way. It has no effect until it is set: "
        "`requests.limit` alone counts.",
        least=1,
    )
    async__timeout: float | None = setting(
        default=None,
        doc="Seconds for one synchronous call, with all its requests. `None` means no limit.",
        unit="seconds",
    )
    requests__limit: int | None = setting(
        default=Unset(32),
        doc="How many requests may be under way at the data of one store, in this process. `None` "
        "means no limit.",
        least=1,
    )
    requests__timeout: float | None = setting(
        default=300.0,
        doc="Seconds for one request, and one more for each MiB of it. `None` means no limit.",
        unit="seconds",
    )
    requests__attempts: int = setting(
        default=6, doc="How often a request that fails is made, the first time included.", least=1
    )
    requests__backoff: float = setting(
        default=0.1,
        doc="Seconds before the second attempt, at most. They double for each further one.",
        unit="seconds",
    )
    requests__backoff_max: float = setting(
        default=10.0, doc="The longest pause between two attempts, in seconds.", unit="seconds"
    )
    requests__unreachable_after: float = setting(
        default=2.0,
        doc="For how many seconds a server is tried that does not answer at all.",
        unit="seconds",
    )
    requests__give_up_after: float | None = setting(
        default=60.0,
        doc="Seconds after the first fault. No further attempt begins after them. `None` means no "
        "limit.",
        unit="seconds",
    )
    requests__direct: bool = setting(
        default=True, doc="Whether the engine fetches whole chunks by itself, where it can."
    )
    threading__max_workers: int | None = setting(
        default=None,
        doc="The number of threads that one operation uses. `None` means as many as the process "
        "may use CPUs, and while they wait for a slow file system, up to `requests.limit` (or "
        "`async.concurrency`, if that is set to less).",
        least=1,
    )
    tools__block_bytes: int = setting(
        default=16 << 20,
        doc="About how many bytes of elements `diff`, `stats` and `cat` read at a time. Up to four "
        "such parts are under way, and a larger chunk is read as a whole.",
        unit="bytes",
        least=1,
    )
    json_indent: int | None = setting(
        default=2,
        doc="The indentation of metadata documents. `None` writes each on one line.",
        unit="spaces",
    )
    storage__local__fsync: bool = setting(
        default=False, doc="Whether each write waits until the data are on the disk."
    )
    storage__local__follow_links: bool = setting(
        default=True, doc="Whether symbolic links may lead out of the directory of a `LocalStore`."
    )
    storage__references__roots: Sequence[str] | None = setting(
        default=None,
        doc="Directories and URLs that references of kerchunk may lead to. `None` means anywhere.",
    )
    # zarr-python chooses an engine by these. There is one engine here: see `_explain_engine`.
    codec_pipeline__path: object = setting(
        default="zarr.core.codec_pipeline.BatchedCodecPipeline",
        doc="Kept for programs that set it. It has no effect: there is one engine.",
    )
    codec_pipeline__batch_size: object = setting(default=1, doc="Kept likewise.")
    codec_pipeline__max_workers: object = setting(default=None, doc="Kept likewise.")
    codecs: Mapping[str, str] = setting(
        default=_CODECS, doc="The class of a codec, by its name: `codecs.zstd`, for example."
    )
    buffer: str = setting(default="zarr.buffer.cpu.Buffer", doc="The class of buffers of bytes.")
    ndbuffer: str = setting(
        default="zarr.buffer.cpu.NDBuffer",
        doc="The class of buffers of elements. `zarr.config.enable_gpu()` sets both.",
    )

    if TYPE_CHECKING:
        _given: ClassVar[AnyTree]  # of an instance, but no parameter of it

    @classmethod
    def of_values(cls, values: AnyTree) -> Self:
        """Return the instance that has all these values, by attribute, as they are.

        Parameters
        ----------
        values : mapping
            A value for each setting.

        Returns
        -------
        Settings
        """
        made = cls.__new__(cls)
        made._hold(dict(values), values)
        return made

    @classmethod
    def describe(cls) -> tuple[Setting, ...]:
        """Return all settings: their names, types, units, defaults and meanings.

        Returns
        -------
        tuple of Setting

        Examples
        --------
        >>> import zarr
        >>> timeout = next(s for s in zarr.Settings.describe() if s.name == "requests.timeout")
        >>> timeout.type_name, timeout.unit, timeout.default, timeout.variable
        ('float | None', 'seconds', 300.0, 'ZARR_REQUESTS__TIMEOUT')
        """
        return tuple(_BY_ATTRIBUTE.values())

    @classmethod
    def from_dict(cls, data: AnyTree) -> Self:
        """Make an instance of names as ``zarr.config`` has them, with dots or nested.

        Parameters
        ----------
        data : mapping
            The values by name.

        Returns
        -------
        Settings

        Raises
        ------
        BadConfigError
            If there is no setting of a name, or it cannot have the value.

        Examples
        --------
        >>> import zarr
        >>> zarr.Settings.from_dict({"requests.timeout": 5, "array": {"order": "F"}})
        Settings(requests__timeout=5.0, array__order='F')
        """
        named: Tree = {}
        for name, value in _pairs(data):
            top, _, codec = name.partition(".")
            attribute = name.replace("-", "_").replace(".", "__")
            if top == "codecs" and codec:
                named["codecs"] = {**named.get("codecs", {}), codec: value}
            elif attribute in _BY_ATTRIBUTE:
                named[attribute] = value
            else:
                hint = _hint(nearest(name, _BY_NAME))
                raise BadConfigError(f"There is no setting {name!r}.{hint}")
        return cls(**named)

    def to_dict(self) -> Tree:
        """Return all values as a nested dict, as ``zarr.config`` has them.

        Returns
        -------
        dict

        Examples
        --------
        >>> import zarr
        >>> zarr.Settings(async__timeout=5).to_dict()["async"]["timeout"]
        5.0
        """
        tree: Tree = {}
        for attribute, setting in _BY_ATTRIBUTE.items():
            place = tree
            for part in setting.path[:-1]:
                place = place.setdefault(part, {})
            value = getattr(self, attribute)
            place[setting.path[-1]] = dict(value) if isinstance(value, Mapping) else value
        return tree

    def given(self) -> Tree:
        """Return the values that were named when this instance was made.

        Returns
        -------
        dict
            By name, as in ``{"requests.timeout": 5.0}``.

        Examples
        --------
        >>> import zarr
        >>> zarr.Settings(requests__timeout=5).given()
        {'requests.timeout': 5.0}
        """
        return {_BY_ATTRIBUTE[name].name: value for name, value in self._given.items()}

    def replace(self, **changes: Any) -> Self:
        """Return these settings with some of them changed.

        Parameters
        ----------
        **changes
            Values by name, as for the class itself.

        Returns
        -------
        Settings

        Examples
        --------
        >>> import zarr
        >>> zarr.Settings(requests__timeout=5).replace(requests__attempts=2)
        Settings(requests__timeout=5.0, requests__attempts=2)
        """
        return type(self)(**{**self._given, **changes})

    __replace__ = replace

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(frozenset(self._given))

    def __repr__(self) -> str:
        named = ", ".join(f"{name}={value!r}" for name, value in self._given.items())
        return f"{type(self).__name__}({named})"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self).from_dict, (self.given(),)  # with the defaults of the reader's version


_BY_ATTRIBUTE = {name: it for name, it in vars(Settings).items() if isinstance(it, Setting)}
_BY_NAME = {it.name: it for it in _BY_ATTRIBUTE.values()}
_BY_DEFAULT = {name: it.default for name, it in _BY_ATTRIBUTE.items()}
_ATTRIBUTES = "".join(
    f"    {it.attribute} : {it.type_name}, default: {it.default!r}\n        {it.doc}\n"
    for it in _BY_ATTRIBUTE.values()
    if it.name != "codecs"
)
Settings.__doc__ = (Settings.__doc__ or "").replace(
    "    Examples\n", f"    Attributes\n    ----------\n{_ATTRIBUTES}\n    Examples\n"
)


def _pairs(tree: AnyTree, above: str = "") -> Iterator[tuple[str, object]]:
    """The names and values in nested settings; a whole section only where it is a setting."""
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and name.replace("-", "_") not in _BY_NAME:
            yield from _pairs(value, f"{name}.")
        else:
            yield name, value


_MISSPELT = 0.85
"""How much a name must resemble that of a setting to be one that is misspelt."""


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the name that another one resembles most, if it does.

    Parameters
    ----------
    name
        The name that may be misspelt.
    names
        Those to choose from.
    cutoff
        How much it must resemble one of them, from 0 to 1.
    """
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, names, 1, cutoff)), None)


def _hint(near: str | None) -> str:
    return "" if near is None else f" Did you mean {near!r}?"


# Sections in which others have settings of their own.
_OPEN = frozenset({"codecs", "codec_pipeline"})


class Known:
    """The settings that there are by default: those of `Settings`, and what packages add.

    Parameters
    ----------
    defaults
        Trees of settings.
    """

    def __init__(self, defaults: Sequence[AnyTree]) -> None:
        self.values: Tree = {}
        for tree in reversed(defaults):
            self.values.update(leaves(tree))
        self.sections = {path.rpartition(".")[0] for path in self.values if "." in path}

    def checked(self, path: str, value: object, source: str) -> Any:
        """Return a value in the form in which it counts, or a section with such values.

        Parameters
        ----------
        path
            The name of the setting.
        value
            The value that is given for it.
        source
            The place where it is given, for messages.

        Raises
        ------
        BadConfigError
            If it is not of the type of the setting, or out of range.
        """
        if isinstance(value, Mapping):
            return {
                key: self.checked(f"{path}.{key}" if path else str(key), each, source)
                for key, each in value.items()
            }
        path = path.replace("-", "_")
        if path not in self.values or path.partition(".")[0] in _OPEN:
            return value
        if path in _BY_NAME:
            return _BY_NAME[path].checked(value, source)
        default = self.values[path]  # of a setting that a package added
        where = f"{source}: the setting {path!r} is"
        if isinstance(default, bool):
            return _boolean(value, where)
        if isinstance(default, int | float):
            return _number(value, where, whole=isinstance(default, int))
        return value

    def check_name(self, path: str, source: str, *, shared: bool) -> None:
        """Refuse the name of a setting that is misspelt, and warn of one that has no effect.

        Other packages may have sections of their own.

        Parameters
        ----------
        path
            The name.
        source
            The place where it is given, for messages.
        shared
            Whether programs of other packages have names there, as among environment variables.

        Raises
        ------
        BadConfigError
            If it resembles the name of a setting so much that this one must be meant.
        """
        path = path.replace("-", "_")
        top = path.partition(".")[0]
        if path in self.values or path in self.sections or top in _OPEN:
            return
        if any(path.startswith(f"{value}.") for value in self.values):
            return  # a value has nothing below it: that is an error of its own
        ours = any(name.startswith(f"{top}.") for name in _BY_NAME)
        unknown = f"There is no setting {path!r} ({source})"
        meant = nearest(path, _BY_NAME, _MISSPELT)
        if meant is not None and meant in self.values and (ours or not shared):
            raise BadConfigError(f"{unknown}.{_hint(meant)}")
        inside = any(path.startswith(f"{section}.") for section in self.sections)
        near = nearest(path, (*self.values, *self.sections), 0.6 if inside else _MISSPELT)
        if inside or near:
            warn(f"{unknown}: it has no effect.{_hint(near)}", ZarrUserWarning)


def leaves(tree: AnyTree, above: str = "") -> Iterator[tuple[str, object]]:
    """The paths and values in a tree of settings."""
    for key, value in tree.items():
        path = f"{above}{key}".replace("-", "_")
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}.")
        else:
            yield path, value


def _word(value: object) -> str | None:
    return value.strip().lower() if isinstance(value, str) else None


def _choice(value: object, choices: tuple[object, ...], where: str) -> object:
    for choice in choices:
        if not isinstance(value, bool) and value == choice:
            return choice
    near = nearest(str(value).upper(), [str(choice) for choice in choices])
    shown = " or ".join(map(repr, choices))
    raise BadConfigError(f"{where} {shown}, not {value!r}.{_hint(near)}")


def _is_list_of_strings(value: object) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and all(
        isinstance(item, str | os.PathLike) for item in value
    )


_BOOLEANS = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


def _boolean(value: object, where: str) -> bool:
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    word = str(value) if type(value) is int else _word(value)
    if word not in _BOOLEANS:
        raise BadConfigError(f"{where} true or false (also 1, yes, on; 0, no, off), not {value!r}")
    return _BOOLEANS[word]


def _number(
    value: Any, where: str, *, whole: bool, least: int = 0, optional: bool = False
) -> int | float:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = float(value)
        if not math.isfinite(number) or (whole and number != int(number)):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        number = -math.inf
    if number < least:
        kind = f"{'a whole number' if whole else 'a number'} of at least {least}"
        nearest = "" if number == -math.inf else f"; the nearest is {least}"
        none = ", or None" if optional else ""
        raise BadConfigError(f"{where} {kind}{none}, not {value!r}{nearest}")
    if not whole:
        return number
    return index(value) if hasattr(value, "__index__") else int(number)


_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgtp", 1):
    _UNITS[f"{_letter}b"] = 1000**_power
    _UNITS[f"{_letter}ib"] = 1024**_power
_SIZE = r"\s*([0-9]+(?:\.[0-9]*)?)\s*([A-Za-z]*)\s*"


def parse_size(size: object, what: str) -> int:
    """Return a number of bytes that a user gave as a number, or as a string such as ``"2 GB"``.

    Parameters
    ----------
    size
        The number or string.
    what
        The subject of the sentence that refuses others.

    Raises
    ------
    ValueError, TypeError
        If it is something else.
    """
    refused = partial(
        "{} is a positive number of bytes, or a string such as '2 GB' or '512 MiB', "
        "not {!r}".format,
        what,
        size,
    )
    if isinstance(size, str):
        match = re.fullmatch(_SIZE, size)
        unit = None if match is None else _UNITS.get(match[2].lower())
        if match is None or unit is None:
            raise ValueError(refused())
        number = int(float(match[1]) * unit) if "." in match[1] else int(match[1]) * unit
    elif isinstance(size, bool) or not hasattr(size, "__index__"):
        raise TypeError(refused())
    else:
        number = int(cast("int", size))
    if not 0 < number < 1 << 63:
        raise ValueError(refused())
    return number
