"""Modules that are imported late, or by another name, and names of zarr-python 2."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Final, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from importlib.abc import Loader
    from types import FrameType, ModuleType


def lazy_submodules(package: str) -> Callable[[str], object]:
    """Make the ``__getattr__`` of a package.

    Parameters
    ----------
    package : str
        The name of the package.
    """

    def getattribute(name: str) -> object:
        if not name.startswith("__"):
            full = f"{package}.{name}"
            try:
                return import_module(full)
            except ModuleNotFoundError as error:
                if error.name != full:  # what the module itself imports
                    raise
        raise missing(f"module {package!r}", name)

    return getattribute


_RENAMED: Final = {
    "zarr.codecs._v2": "zarr.core.codec_pipeline",
    "zarr.codecs.numcodecs._codecs": "zarr.codecs.numcodecs",
    "zarr.core.buffer.gpu": "zarr.buffer.gpu",
    "zarr.core.dtype.npy.bool": "zarr.core.dtype.npy",
    "zarr.core.dtype.npy.common": "zarr.core.dtype.npy",
    "zarr.core.dtype.npy.complex": "zarr.core.dtype.npy",
    "zarr.core.dtype.npy.float": "zarr.core.dtype.npy",
    "zarr.core.dtype.npy.int": "zarr.core.dtype.npy",
    "zarr.core.dtype.npy.string": "zarr.core.dtype.npy",
    "zarr.core.dtype.npy.structured": "zarr.core.dtype.npy",
    "zarr.core.dtype.npy.time": "zarr.core.dtype.npy",
    "zarr.core.dtype.registry": "zarr.dtype.registry",
    "zarr.core.dtype.wrapper": "zarr.dtype.base",
    "zarr.core.metadata.common": "zarr.metadata.group",
    "zarr.core.metadata.io": "zarr.hierarchy.place",
    "zarr.storage._fsspec": "zarr.storage.fsspec",
    "zarr.storage._local": "zarr.storage.local",
    "zarr.storage._logging": "zarr.storage.wrapper",
    "zarr.storage._memory": "zarr.storage.memory",
    "zarr.storage._obstore": "zarr.storage.obstore",
    "zarr.storage._utils": "zarr.storage._common",
    "zarr.storage._wrapper": "zarr.storage.wrapper",
    "zarr.storage._zip": "zarr.storage.zip",
}
"""The module that has all names of a module of zarr-python, by the name that it has there.

A module that several programs import from is a file instead, so that type checkers find it.
"""


class _Renamed:
    """A loader that puts the module of this package in the place of one of zarr-python."""

    def __init__(self, home: str) -> None:
        self._home = home

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python to make an empty module."""

    def exec_module(self, module: ModuleType) -> None:
        """Replace the empty module: `import` gives its callers the one that is registered."""
        sys.modules[module.__name__] = import_module(self._home)


def renamed(fullname: str) -> ModuleSpec | None:
    """Return how a module is imported that has another name here; None if it is not one.

    Parameters
    ----------
    fullname : str
        The name that the module has in zarr-python.
    """
    home = _RENAMED.get(fullname)
    if home is None:
        return None
    # The base class of loaders lies in a module that takes long to import.
    return ModuleSpec(fullname, cast("Loader", _Renamed(home)), origin=home)


_CODECS: Final = (
    "Adler32 AsType BZ2 Base64 BitRound Blosc CRC32 Categorize Delta FixedScaleOffset Fletcher32 "
    "GZip JSON JenkinsLookup3 LZ4 LZMA PackBits Pickle Quantize Shuffle VLenArray VLenBytes "
    "VLenUTF8 Zlib Zstd"
)
_DICT: Final = "a dict, or zarr.storage.MemoryStore"
_FSSPEC: Final = "zarr.storage.FsspecStore, or a URL"
_INDEXERS: Final = (
    "BasicIndexer BlockIndex BlockIndexer CoordinateIndexer MaskIndexer OIndex OrthogonalIndexer "
    "VIndex"
)
_N5: Final = "zarr.storage.LocalStore, with the codec n5_default"
_MEMBERS: Final = "members() of the group"

_SUCCESSORS: Final = {
    # Classes and functions.
    **dict.fromkeys(
        _CODECS.split(), "the class of that name of numcodecs, or a codec of zarr.codecs"
    ),
    **{name: f"numcodecs.{name}" for name in ("blosc", "get_codec", "register_codec")},
    **{
        name: f"zarr.errors.{name}"
        for name in ("ContainsArrayError", "ContainsGroupError", "CopyError")
    },
    **{name: f"zarr.storage.{name}" for name in ("MemoryStore", "SQLiteStore", "ZipStore")},
    **dict.fromkeys(_INDEXERS.split(), "zarr.core.indexing"),
    "ABSStore": "zarr.storage.ObjectStore or zarr.storage.FsspecStore",
    "Array": "zarr.Array",
    "Attributes": "zarr.core.attributes.Attributes",
    "BadCompressorError": "zarr.errors.UnknownCodecError",
    "BaseStore": "zarr.abc.store.Store",
    "ConsolidatedMetadataStore": "zarr.open_consolidated",
    "DBMStore": "zarr.storage.SQLiteStore",
    "DictStore": _DICT,
    "DirectoryStore": "zarr.storage.LocalStore, or a path",
    "FSPathExistNotDir": "NotADirectoryError",
    "FSStore": _FSSPEC,
    "Group": "zarr.Group",
    "KVStore": "any MutableMapping as it is",
    "LMDBStore": "zarr.storage.SQLiteStore",
    "LRUStoreCache": "zarr.experimental.cache_store.CacheStore",
    "MetadataError": "zarr.errors.MetadataValidationError",
    "MongoDBStore": _FSSPEC,
    "N5FSStore": _N5,
    "N5Store": _N5,
    "NestedDirectoryStore": "zarr.storage.LocalStore, or a path (dimension_separator='/')",
    "PathNotFoundError": "zarr.errors.NodeNotFoundError",
    "ReadOnlyError": "ValueError",
    "RedisStore": _FSSPEC,
    "Store": "zarr.abc.store.Store",
    "TempStore": "zarr.storage.LocalStore(tempfile.mkdtemp())",
    "codec_registry": "zarr.registry",
    "contains_array": "zarr.open_array, which raises ArrayNotFoundError",
    "contains_group": "zarr.open_group, which raises GroupNotFoundError",
    "getsize": "the method getsize of a store",
    "init_array": "zarr.create_array",
    "init_group": "zarr.create_group",
    "listdir": "the method list_dir of a store",
    "normalize_store_arg": "zarr.storage.StorePath, or a path as it is",
    "rmdir": "zarr.storage.StorePath.delete_dir",
    # Modules.
    "_storage": "zarr.storage and zarr.abc.store",
    "attrs": "zarr.core.attributes",
    "context": "zarr.config",
    "convenience": "the functions of zarr itself",
    "creation": "the functions of zarr itself",
    "meta": "zarr.metadata",
    "meta_v1": "zarr.metadata",
    "n5": _N5,
    "sync": "zarr.ThreadSynchronizer and zarr.ProcessSynchronizer, or zarr.core.sync",
    "util": "the functions of zarr itself (the names in it were internal)",
    # Members of arrays.
    "astype": "array[...].astype(dtype)",
    "digest": "hashlib.sha1(array[...].tobytes()).digest()",
    "hexdigest": "hashlib.sha1(array[...].tobytes()).hexdigest()",
    "initialized": "nchunks_initialized",
    "islice": "iter(array[start:stop])",
    "itemsize": "dtype.itemsize",
    "view": "array[...].view(dtype)",
    "write_empty_chunks": "config.write_empty_chunks",
    # Members of groups.
    "create_dataset": "create_array",
    "create_groups": "create_group for each, or create_hierarchy",
    "items": _MEMBERS,
    "require_dataset": "require_array",
    "setdefault": "require_array or require_group",
    "values": _MEMBERS,
    "visit": _MEMBERS,
    "visititems": _MEMBERS,
    "visitkeys": _MEMBERS,
    "visitvalues": _MEMBERS,
    # Members of both.
    "chunk_store": "store",
    "info_items": "info",
    "meta_array": "zarr.config.enable_gpu(), or the parameter prototype",
}
"""The successor, by the old name."""


def missing(owner: str, name: str, known: Collection[str] = ()) -> AttributeError | ImportError:
    """Return the error for a name that is not there, with its successor or the nearest names.

    It is called by the ``__getattr__`` of a module or class. If ``from … import`` asks for a name
    of zarr-python 2, the error is an ImportError: the message of an AttributeError would be
    dropped.

    Parameters
    ----------
    owner : str
        Whose name it is, as in ``"module 'zarr'"``.
    name : str
        The name.
    known : collection of str, optional
        The names that are there, one of which may be meant.
    """
    if name in _SUCCESSORS:
        if _is_import(sys._getframe(1).f_back):
            return ImportError(f"cannot import name {name!r} from {owner}{_hint(name)}", name=name)
        return AttributeError(f"{owner} has no attribute {name!r}{_hint(name)}")
    message = f"{owner} has no attribute {name!r}"
    if not known or name.startswith("_"):
        return AttributeError(message)  # Python adds the nearest names when it shows the error
    import difflib  # costs more than the rest of this module

    public = [there for there in known if not there.startswith("_")]
    if near := difflib.get_close_matches(name, public, 3):
        message += f". Did you mean {' or '.join(near)}?"
    return AttributeError(message, name=name)


def missing_member(instance: object, name: str) -> object:
    """Be the ``__getattr__`` of a class: say what is there instead of a member.

    That is the successor of a member of zarr-python 2, or a member of NumPy's arrays.

    Parameters
    ----------
    instance : object
        The array or group.
    name : str
        The name of a member that is not there.
    """
    owner = f"{type(instance).__name__!r} object"
    if name in _SUCCESSORS:
        raise missing(owner, name)
    if not name.startswith("_") and hasattr(type(instance), "ndim") and hasattr(np.ndarray, name):
        raise AttributeError(
            f"{owner} has no attribute {name!r}. Arrays of NumPy have it: array[...].{name}"
        )
    return object.__getattribute__(instance, name)  # raises once more: a property's own error, too


def _hint(name: str) -> str:
    return f". It is a name of zarr-python 2: use {_SUCCESSORS[name]}"


def _is_import(frame: FrameType | None) -> bool:
    """Whether the instruction that a frame executes is that of ``from … import``."""
    from opcode import opmap  # late: few look for a name that is not there

    return frame is not None and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def refuse_module(fullname: str, asking: FrameType | None) -> None:
    """Raise ModuleNotFoundError, which names the successor, for a module of zarr-python 2.

    Parameters
    ----------
    fullname : str
        The name of a module that is not there.
    asking : frame, optional
        The function that asks for it. Only one that imports is refused:
        `importlib.util.find_spec` asks whether there is such a module, and the answer is None.
    """
    name = fullname.rpartition(".")[2]
    if asking is None or asking.f_code.co_name != "_find_and_load_unlocked":
        return
    if name in _SUCCESSORS:
        raise ModuleNotFoundError(f"No module named {fullname!r}{_hint(name)}", name=fullname)
