"""Names of zarr-python 2 that are not there any more, and what takes their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_DICT: Final = "a dict, or zarr.storage.MemoryStore"
_FSSPEC: Final = "zarr.storage.FsspecStore, or a URL"

_SUCCESSORS: Final = {
    **dict.fromkeys(
        ("Blosc", "Zstd", "GZip", "Zlib", "LZ4", "LZMA", "BZ2", "Delta", "Quantize", "Pickle"),
        "the class of that name of numcodecs, or a codec of zarr.codecs",
    ),
    "ABSStore": "zarr.storage.ObjectStore or zarr.storage.FsspecStore",
    "ConsolidatedMetadataStore": "zarr.open_consolidated",
    "DBMStore": "zarr.storage.SQLiteStore",
    "DictStore": _DICT,
    "DirectoryStore": "zarr.storage.LocalStore, or a path",
    "FSStore": _FSSPEC,
    "KVStore": "any MutableMapping as it is",
    "LMDBStore": "zarr.storage.SQLiteStore",
    "LRUStoreCache": "zarr.experimental.cache_store.CacheStore",
    "MongoDBStore": _FSSPEC,
    "N5FSStore": "zarr.storage.LocalStore, with the codec n5_default",
    "N5Store": "zarr.storage.LocalStore, with the codec n5_default",
    "NestedDirectoryStore": "zarr.storage.LocalStore, or a path (dimension_separator='/')",
    "RedisStore": _FSSPEC,
    "TempStore": "zarr.storage.LocalStore(tempfile.mkdtemp())",
    "ProcessSynchronizer": "zarr.ProcessSynchronizer",
    "attrs": "zarr.core.attributes",
    "contains_array": "zarr.open_array, which raises ArrayNotFoundError",
    "contains_group": "zarr.open_group, which raises GroupNotFoundError",
    "convenience": "the functions of zarr itself",
    "create_dataset": "create_array",
    "creation": "the functions of zarr itself",
    "hierarchy": "zarr.Group, zarr.group and zarr.open_group",
    "init_array": "zarr.create_array",
    "init_group": "zarr.create_group",
    "n5": "zarr.storage.LocalStore, with the codec n5_default",
    "require_dataset": "require_array",
    "rmdir": "zarr.storage.StorePath.delete_dir",
    "sync": "zarr.core.sync",
    "visit": "members",
    "visititems": "members",
    "visitkeys": "members",
    "visitvalues": "members",
}
"""What to use instead, by the old name."""


def missing(owner: str, name: str, known: Collection[str] = ()) -> AttributeError:
    """Return the error for a name that is not there, with what may be meant.

    Parameters
    ----------
    owner : str
        Whose name it is, as in ``"module 'zarr'"``.
    name : str
        The name.
    known : collection of str, optional
        The names that are there, one of which may be meant.
    """
    message = f"{owner} has no attribute {name!r}"
    if name in _SUCCESSORS:
        message += f". It is a name of zarr-python 2: use {_SUCCESSORS[name]}"
    elif known and not name.startswith("_"):
        import difflib  # costs more than the rest of this module

        public = [there for there in known if not there.startswith("_")]
        if near := difflib.get_close_matches(name, public, 3):
            message += f". Did you mean {' or '.join(near)}?"
    return AttributeError(message, name=name)
