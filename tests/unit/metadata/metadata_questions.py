"""The answers of a package called zarr to questions about metadata.

The same questions are put to zarr-python, by ``tests/interop/make_metadata_answers.py``, which
writes ``answers.json``, and to this package, by ``test_metadata_as_zarr_python.py``. A question is
a Python expression (they are in ``questions.txt``, in sections); an answer is a short text: a
representation, the bytes of documents, or ``!`` and the class of an exception.
"""

from __future__ import annotations

import copy
import json
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import zarr

OURS = "native" in zarr.__version__
_HOMES = {
    "v2": ("zarr.metadata.v2", "zarr.core.metadata.v2"),
    "v3": ("zarr.core.metadata.v3", "zarr.core.metadata.v3"),
    "group": ("zarr.metadata.group", "zarr.core.group"),
    "grids": ("zarr.core.chunk_grids", "zarr.core.chunk_grids"),
    "chunking": ("zarr.core.chunk_grids", "zarr.core.chunk_grids"),
    "keys": ("zarr.metadata.chunk_key_encodings", "zarr.core.chunk_key_encodings"),
    "spec": ("zarr.metadata.spec", "zarr.core.array_spec"),
    "common": ("zarr.core.common", "zarr.core.common"),
    "dtype": ("zarr.dtype", "zarr.dtype"),
    "codecs": ("zarr.codecs", "zarr.codecs"),
}

LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
V3 = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10, 10],
    "data_type": "int32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [5, 5]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [LITTLE],
    "attributes": {"a": 1},
    "storage_transformers": [],
}
V2 = {
    "zarr_format": 2,
    "shape": [10, 10],
    "chunks": [5, 5],
    "dtype": "<i4",
    "fill_value": 0,
    "order": "C",
    "filters": None,
    "compressor": None,
}
GROUP = {"zarr_format": 3, "node_type": "group", "attributes": {"a": 1}}


def _changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a document with other fields; ``...`` removes one."""
    merged = {**copy.deepcopy(document), **changes}
    return {name: value for name, value in merged.items() if value is not ...}


def _texts(documents: dict[str, Any]) -> dict[str, str]:
    return {name: value.to_bytes().decode() for name, value in documents.items()}


class Questions:
    """Asks the package that is installed."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {
            name: import_module(homes[0 if OURS else 1]) for name, homes in _HOMES.items()
        }
        self.names |= {
            name: getattr(self, name)
            for name in (
                "made",
                "read3",
                "read2",
                "wrote3",
                "wrote2",
                "readg",
                "wroteg",
                "grid",
                "chunk",
                "normal",
                "resolved",
            )
        }
        prototype = import_module("zarr.buffer").default_buffer_prototype()
        self.names |= {
            "np": np,
            "zarr": zarr,
            "json": json,
            "little": LITTLE,
            "prototype": prototype,
        }

    # -- what questions are made of ----------------------------------------------------------

    def made(self, **parameters: Any) -> Any:
        """The documents of an array that is created."""
        store: dict[str, Any] = {}
        zarr.create_array(store, **{"shape": (4, 4), "dtype": "i4", "chunks": (2, 2), **parameters})
        return _texts(dict(sorted(store.items())))  # in whichever order they were stored

    def read3(self, **changes: Any) -> Any:
        """Metadata of format 3, from a document."""
        return self.names["v3"].ArrayV3Metadata.from_dict(_changed(V3, changes))

    def read2(self, **changes: Any) -> Any:
        """Metadata of format 2, from a document."""
        return self.names["v2"].ArrayV2Metadata.from_dict(_changed(V2, changes))

    def readg(self, **changes: Any) -> Any:
        """Metadata of a group, from a document."""
        return self.names["group"].GroupMetadata.from_dict(_changed(GROUP, changes))

    def wrote3(self, **changes: Any) -> Any:
        """The documents of metadata of format 3."""
        return _texts(self.read3(**changes).to_buffer_dict(self.names["prototype"]))

    def wrote2(self, **changes: Any) -> Any:
        """The documents of metadata of format 2."""
        return _texts(self.read2(**changes).to_buffer_dict(self.names["prototype"]))

    def wroteg(self, **changes: Any) -> Any:
        """The documents of metadata of a group."""
        return _texts(self.readg(**changes).to_buffer_dict(self.names["prototype"]))

    def grid(self, shape: Any, sizes: Any) -> Any:
        """A chunk grid."""
        return self.names["grids"].ChunkGrid.from_sizes(shape, sizes)

    def chunk(self, shape: Any, sizes: Any, coords: Any) -> Any:
        """A chunk of a grid: where it lies, and its shape."""
        found = self.grid(shape, sizes)[coords]
        return None if found is None else (found, found.shape, found.is_boundary)

    def normal(self, *arguments: Any) -> Any:
        """A chunk grid as a user names it."""
        return self.names["chunking"].normalize_chunks_nd(*arguments)

    def resolved(self, shape: Any, chunks: Any, shards: Any) -> Any:
        """Both grids of an array."""
        return self.names["chunking"].resolve_outer_and_inner_chunks(
            array_shape=shape,
            chunks=self.normal(chunks, shape),
            shard_shape=shards,
            item_size=4,
        )

    # -- asking ------------------------------------------------------------------------------

    def ask(self, question: str) -> str:
        """Return the answer to one question."""
        with warnings.catch_warnings(), zarr.config.set({"array.rectilinear_chunks": True}):
            warnings.simplefilter("ignore")
            try:
                value = eval(question, dict(self.names))
            except Exception as error:
                return f"!{type(error).__name__}"
            return value if isinstance(value, str) else repr(value)

    def all(self) -> dict[str, str]:
        """Return all answers, by question."""
        return {question: self.ask(question) for question in asked()}


def asked() -> list[str]:
    """Return the questions."""
    lines = Path(__file__).with_name("questions.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]
