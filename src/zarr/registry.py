"""Classes that are known by name: codecs, buffers, chunk key encodings.

A name is looked for among what was registered here, what is built in, and the entry points of
installed packages, in that order; modules and entry points are loaded when a name is first asked
for. Packages may offer

- codecs: group ``zarr.codecs``, one entry a codec, named as in the metadata; or group
  ``zarr.codecs.<codec>`` for one of several implementations,
- chunk key encodings: group ``zarr.chunk_key_encoding``,
- buffer classes: groups ``zarr.buffer`` and ``zarr.ndbuffer``.

Where a codec has several implementations, the setting ``codecs.<codec>`` says which to use, by
qualified name.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zarr._async.warnings import warn
from zarr.buffer import core
from zarr.errors import UnknownCodecError, ZarrUserWarning
from zarr.settings import BadConfigError, Settings, config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

    from zarr.abc.codec import Codec, CodecJSON_V2, CodecPipeline
    from zarr.abc.numcodec import Numcodec
    from zarr.buffer.core import Buffer, NDBuffer
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncoding

__all__ = [
    "Registry",
    "get_buffer_class",
    "get_chunk_key_encoding_class",
    "get_codec_class",
    "get_ndbuffer_class",
    "get_numcodec",
    "get_pipeline_class",
    "register_buffer",
    "register_chunk_key_encoding",
    "register_codec",
    "register_ndbuffer",
    "register_pipeline",
]

T = TypeVar("T")


class Registry(dict[str, type[T]], Generic[T]):
    """Classes by qualified name, and entry points that are yet to be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.lazy_load_list: list[EntryPoint] = []

    def lazy_load(self, use_entrypoint_name: bool = False) -> None:
        """Load the entry points and register what they name.

        Parameters
        ----------
        use_entrypoint_name : bool, optional
            Whether to register under the name of the entry point, and not of the class.
        """
        # Several threads may do so at once: an entry stays listed until it is registered.
        for entry in tuple(self.lazy_load_list):
            try:
                self.register(entry.load(), entry.name if use_entrypoint_name else None)
            finally:
                with suppress(ValueError):
                    self.lazy_load_list.remove(entry)

    def register(self, cls: type[T], qualname: str | None = None) -> None:
        """Register a class.

        Parameters
        ----------
        cls : type
            The class.
        qualname : str, optional
            The name to register it under; by default its module and qualified name.
        """
        self[fully_qualified_name(cls) if qualname is None else qualname] = cls
        _registrations.append(cls)


_registrations: list[type] = []


def state() -> tuple[int, int]:
    """The state that the classes of named codecs depend on: it differs after each change of
    settings, and after each registration.
    """
    return config.changes, len(_registrations)


def fully_qualified_name(cls: type) -> str:
    """Return the module and the qualified name of a class, with a dot between."""
    return f"{cls.__module__}.{cls.__qualname__}"


# Where the built-in classes are; none of these modules is imported before it is needed.
_BUILT_IN_KEY_ENCODINGS = {
    "default": "zarr.metadata.chunk_key_encodings.DefaultChunkKeyEncoding",
    "fanout": "zarr.metadata.chunk_key_extensions.FanoutChunkKeyEncoding",
    "prefix": "zarr.metadata.chunk_key_extensions.PrefixChunkKeyEncoding",
    "suffix": "zarr.metadata.chunk_key_extensions.SuffixChunkKeyEncoding",
    "v2": "zarr.metadata.chunk_key_encodings.V2ChunkKeyEncoding",
}
# Where zarr-python has its pipelines, as the settings name them.
_PIPELINES = "zarr.core.codec_pipeline"

_codecs: dict[str, Registry[Codec]] = {}
_key_encodings: Registry[ChunkKeyEncoding] = Registry()
_pipelines: Registry[CodecPipeline] = Registry()

# Packages that are known to bring codecs, by how the names of these start.
_CODEC_PACKAGES = {
    "any-numcodecs.": "zarr-any-numcodecs",
    "gribberish": "gribberish",
    "imagecodecs_": "imagecodecs-zarr",
    "omfiles.": "omfiles",
    "virtual_tiff.": "virtual-tiff",
}
_NUMCODEC_PACKAGES = {
    "crc32c": "numcodecs[crc32c]",
    "gribscan.": "gribscan",
    "imagecodecs_": "imagecodecs-numcodecs",
    "msgpack2": "numcodecs[msgpack]",
    "pcodec": "numcodecs[pcodec]",
    "zfpy": "numcodecs[zfpy]",
}


def register_codec(key: str, codec_cls: type[Codec], *, qualname: str | None = None) -> None:
    """Make a codec known by the name that it has in metadata.

    Parameters
    ----------
    key : str
        The name in metadata.
    codec_cls : type of codec
        Its class, a subclass of one of the classes in `zarr.abc.codec`.
    qualname : str, optional
        The name of this implementation in the setting ``codecs.<key>``; by default the module and
        qualified name of the class.

    Examples
    --------
    >>> import zarr
    >>> from zarr.codecs import GzipCodec
    >>> class Mine(GzipCodec):
    ...     pass
    >>> zarr.registry.register_codec("mine.gzip", Mine)
    >>> zarr.registry.get_codec_class("mine.gzip").__name__
    'Mine'
    """
    _of_codec(key).register(codec_cls, qualname)


def _of_codec(key: str) -> Registry[Codec]:
    # In one step: of two threads that register a codec, none gets a registry that is thrown away.
    return _codecs.setdefault(key, Registry())


def get_codec_class(key: str, reload_config: bool = False) -> type[Codec]:
    """Return the class of a codec.

    Parameters
    ----------
    key : str
        The name in metadata.
    reload_config : bool, optional
        Whether to read the settings again first.

    Returns
    -------
    type
        The class.

    Raises
    ------
    UnknownCodecError
        Nothing here implements the codec.
    BadConfigError
        The settings name an implementation that there is not.

    Examples
    --------
    >>> import zarr
    >>> zarr.registry.get_codec_class("gzip")
    <class 'zarr.codecs.gzip.GzipCodec'>
    """
    if reload_config:
        config.refresh()
    wanted: str | None = config.config.get("codecs", {}).get(key)
    built_in = _built_in_codecs().get(key)
    registered: Registry[Codec] | dict[str, type[Codec]] = _codecs.get(key, {})
    if wanted is not None and wanted in registered:
        return registered[wanted]
    if built_in is not None and (wanted == built_in or (wanted is None and not registered)):
        codec: type[Codec] = _imported(built_in)
        return codec
    if wanted is not None or not registered:
        _load_codec_entry_points(key)
        registered = _codecs.get(key, {})
    if not registered and built_in is None:
        raise UnknownCodecError(_unknown(key, _CODEC_PACKAGES, "zarr.registry.register_codec"))
    if wanted is not None:
        if wanted in registered:
            return registered[wanted]
        names = sorted({*registered, *([built_in] if built_in else [])})
        raise BadConfigError(
            f"Codec {key!r} is configured to use the implementation {wanted!r}, which is not "
            f"registered. Registered implementations of this codec: {names}."
        )
    if len(registered) + (built_in is not None) > 1:
        warn(
            f"Codec {key!r} not configured in config. Selecting any implementation.",
            ZarrUserWarning,
        )
    return list(registered.values())[-1]


def known_codecs() -> set[str]:
    """Return the names of the codecs that are built in or registered."""
    return {*_built_in_codecs(), *list(_codecs)}


def _load_codec_entry_points(key: str) -> None:
    found = [entry for entry in _entry_points("zarr.codecs") if entry.name == key]
    found += _entry_points(f"zarr.codecs.{key}")
    if found:
        registry = _of_codec(key)
        registry.lazy_load_list = found
        registry.lazy_load()


def _unknown(name: str | None, packages: dict[str, str], register: str) -> str:
    message = f"An implementation for codec {name!r} is not available. "
    for prefix, package in packages.items():
        if name is not None and name.startswith(prefix):
            return f"{message}Known packages supporting this codec: {package}."
    return (
        f"{message}Install a package that brings it, or register a class of your own with "
        f"{register}."
    )


def get_numcodec(data: CodecJSON_V2[str] | Mapping[str, Any]) -> Numcodec:
    """Return a codec of the ``numcodecs`` package.

    Parameters
    ----------
    data : dict
        Its configuration: ``"id"`` and parameters.

    Returns
    -------
    Numcodec
        The codec.

    Raises
    ------
    UnknownCodecError
        ``numcodecs`` does not know the codec, or is not installed.

    Examples
    --------
    >>> import zarr
    >>> zarr.registry.get_numcodec({"id": "gzip", "level": 5})
    GZip(level=5)
    """
    name = data.get("id")
    try:
        from numcodecs.registry import get_codec
    except ImportError as error:
        raise UnknownCodecError(
            f"An implementation for codec {name!r} is not available: it is one of the package "
            "numcodecs, which cannot be imported: pip install numcodecs."
        ) from error
    try:
        codec: Numcodec = get_codec(dict(data))
    except ValueError as error:
        if type(error).__name__ != "UnknownCodecError":
            raise
        raise UnknownCodecError(
            _unknown(name, _NUMCODEC_PACKAGES, "numcodecs.register_codec")
        ) from error
    return codec


def register_pipeline(pipe_cls: type[CodecPipeline]) -> None:
    """Accept a codec pipeline; the engine has no use for it.

    Parameters
    ----------
    pipe_cls : type of CodecPipeline
        Its class.
    """
    _pipelines.register(pipe_cls)


def get_pipeline_class(reload_config: bool = False) -> type[CodecPipeline]:
    """Return the codec pipeline that the settings name; the engine has no use for it.

    Parameters
    ----------
    reload_config : bool, optional
        Whether to read the settings again first.

    Returns
    -------
    type
        The class.
    """
    if reload_config:
        config.refresh()
    path: str = config.get("codec_pipeline.path", "")
    if path not in _pipelines:
        for entry in [*_entry_points("zarr.codec_pipeline"), *_own_group("codec_pipeline")]:
            if entry.value.replace(":", ".") == path:
                _pipelines.register(entry.load(), path)
    if path in _pipelines:
        return _pipelines[path]
    module, _, name = path.rpartition(".")
    own = import_module(_PIPELINES)
    pipeline: type[CodecPipeline] = own.BatchedCodecPipeline
    return getattr(own, name, pipeline) if module == _PIPELINES else pipeline


def register_buffer(cls: type[Buffer], qualname: str | None = None) -> None:
    """Make a class of `Buffer` known to the setting ``buffer``.

    Parameters
    ----------
    cls : type of Buffer
        The class.
    qualname : str, optional
        Its name in the setting; by default its module and qualified name.

    Examples
    --------
    >>> import zarr
    >>> class Mine(zarr.buffer.cpu.Buffer):
    ...     pass
    >>> zarr.registry.register_buffer(Mine, "mine.Buffer")
    >>> with zarr.config.set({"buffer": "mine.Buffer"}):
    ...     zarr.registry.get_buffer_class().__name__
    'Mine'
    """
    core.buffer_classes[qualname or fully_qualified_name(cls)] = cls
    core.forget_prototypes()


def get_buffer_class(reload_config: bool = False) -> type[Buffer]:
    """Return the class that the setting ``buffer`` names.

    Parameters
    ----------
    reload_config : bool, optional
        Whether to read the settings again first.

    Returns
    -------
    type
        The class.

    Examples
    --------
    >>> import zarr
    >>> zarr.registry.get_buffer_class()
    <class 'zarr.buffer.cpu.Buffer'>
    """
    if reload_config:
        config.refresh()
    return core.configured_class("buffer", core.buffer_classes)


def register_ndbuffer(cls: type[NDBuffer], qualname: str | None = None) -> None:
    """Make a class of `NDBuffer` known to the setting ``ndbuffer``.

    Parameters
    ----------
    cls : type of NDBuffer
        The class.
    qualname : str, optional
        Its name in the setting; by default its module and qualified name.

    Examples
    --------
    >>> import zarr
    >>> class Mine(zarr.buffer.cpu.NDBuffer):
    ...     pass
    >>> zarr.registry.register_ndbuffer(Mine, "mine.NDBuffer")
    >>> with zarr.config.set({"ndbuffer": "mine.NDBuffer"}):
    ...     zarr.registry.get_ndbuffer_class().__name__
    'Mine'
    """
    core.ndbuffer_classes[qualname or fully_qualified_name(cls)] = cls
    core.forget_prototypes()


def get_ndbuffer_class(reload_config: bool = False) -> type[NDBuffer]:
    """Return the class that the setting ``ndbuffer`` names.

    Parameters
    ----------
    reload_config : bool, optional
        Whether to read the settings again first.

    Returns
    -------
    type
        The class.

    Examples
    --------
    >>> import zarr
    >>> zarr.registry.get_ndbuffer_class()
    <class 'zarr.buffer.cpu.NDBuffer'>
    """
    if reload_config:
        config.refresh()
    return core.configured_class("ndbuffer", core.ndbuffer_classes)


def register_chunk_key_encoding(key: str, cls: type) -> None:
    """Make a chunk key encoding known by the name that it has in metadata.

    Parameters
    ----------
    key : str
        The name in metadata.
    cls : type of ChunkKeyEncoding
        Its class.
    """
    _key_encodings.register(cls, key)


def get_chunk_key_encoding_class(key: str) -> type[ChunkKeyEncoding]:
    """Return the class of a chunk key encoding.

    Parameters
    ----------
    key : str
        The name in metadata.

    Returns
    -------
    type
        The class.

    Raises
    ------
    KeyError
        Nothing here implements it.

    Examples
    --------
    >>> import zarr
    >>> zarr.registry.get_chunk_key_encoding_class("v2").__name__
    'V2ChunkKeyEncoding'
    """
    if key in _key_encodings:
        return _key_encodings[key]
    if key in _BUILT_IN_KEY_ENCODINGS:
        encoding: type[ChunkKeyEncoding] = _imported(_BUILT_IN_KEY_ENCODINGS[key])
        return encoding
    known = [*_entry_points("zarr.chunk_key_encoding"), *_own_group("chunk_key_encoding")]
    for entry in known:
        if entry.name == key:
            _key_encodings.register(entry.load(), key)
            return _key_encodings[key]
    names = sorted({*_BUILT_IN_KEY_ENCODINGS, *_key_encodings, *(entry.name for entry in known)})
    raise KeyError(
        f"Chunk key encoding {key!r} not found in registered chunk key encodings: {names}."
    )


@cache
def _built_in_codecs() -> dict[str, str]:
    """The qualified names of the built-in codecs, by their names in metadata."""
    own: dict[str, str] = import_module("zarr.codecs").BUILT_IN  # late: few programs ask
    return {**Settings().codecs, **{name: f"zarr.codecs.{path}" for name, path in own.items()}}


@cache
def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@cache
def _entry_points(group: str) -> list[EntryPoint]:
    # `importlib.metadata` takes longer to import than the rest of this package, and reading
    # the entry points of a large environment takes longer still: at most once per group.
    from importlib.metadata import entry_points

    return list(entry_points(group=group))


def _own_group(name: str) -> list[EntryPoint]:
    """The entry points of a name in the group ``zarr``, an older way to offer one class."""
    return [entry for entry in _entry_points("zarr") if entry.name == name]
