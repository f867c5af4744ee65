"""Undocumented uses of nodes and codecs by known programs keep working."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.codecs import BloscCodec, ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import LocalStore, MemoryStore


def test_options_are_declared_with_the_types_of_codecs() -> None:
    # Images of microscopes: the options of a writer are a class that is made of its hints.
    def write(
        compressor: zarr.core.array.CompressorLike | None = None,
        compressors: zarr.core.array.CompressorsLike | None = None,
        filters: zarr.core.array.FiltersLike | None = None,
        serializer: zarr.core.array.SerializerLike | None = None,
    ) -> None: ...

    for parameter in inspect.signature(write, eval_str=True).parameters.values():
        assert type(None) in parameter.annotation.__args__


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_wrapper_deletes_the_group_that_it_holds(tmp_path: Any, zarr_format: Any) -> None:
    root = zarr.open_group(LocalStore(tmp_path / "image.zarr"), mode="a", zarr_format=zarr_format)
    held = root.create_group("labels")
    held.create_array("cells", data=np.arange(4))
    del held["/"]
    assert "labels" not in root
    assert zarr.open_group(root.store, path="labels", mode="a", zarr_format=zarr_format) == held
    del root["/"]
    with pytest.raises(FileNotFoundError):
        zarr.open_group(tmp_path / "image.zarr", mode="r")


def test_a_reader_gives_arrays_a_class_of_its_own(tmp_path: Any) -> None:
    # Recordings of neurons: what is read behaves as the data sets of HDF5 do.
    class Dataset(zarr.Array[Any]):
        def __len__(self) -> int:
            return self.shape[0]

        @property
        def maxshape(self) -> tuple[None, ...]:
            return (None,) * self.ndim

    zarr.create_array(tmp_path, name="a/b", data=np.arange(10), chunks=(3,))
    found: Any = zarr.open_group(tmp_path, mode="r")["a/b"]
    found.__class__ = Dataset
    found.origin = "here"
    assert (len(found), found.maxshape, found.origin) == (10, (None,), "here")
    assert [int(element) for element in found] == list(range(10))
    assert isinstance(found, zarr.Array)
    assert found.attrs.asdict() == {}


def test_a_converter_replaces_the_metadata_of_a_group() -> None:
    # Satellite scenes: attributes are made for the whole group and stored at once.
    group = zarr.open_group(MemoryStore(), mode="w", attributes={"old": 1})
    metadata = dataclasses.replace(group.metadata, attributes={"conventions": ["geo"]})
    changed = dataclasses.replace(group._async_group, metadata=metadata)
    asyncio.run(changed._save_metadata())
    assert zarr.open_group(group.store, mode="r").attrs.asdict() == {"conventions": ["geo"]}
    names = [item.name for item in dataclasses.fields(group.metadata)]
    assert names[:3] == ["attributes", "zarr_format", "consolidated_metadata"]


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        (ZstdCodec(level=1), "_zstd_codec"),
        (BloscCodec(typesize=4, shuffle="shuffle"), "_blosc_codec"),
    ],
)
def test_a_writer_encodes_chunks_by_itself(codec: Any, name: str) -> None:
    # Vector data: many small chunks are encoded beside each other and put into the store.
    pytest.importorskip("numcodecs")
    array = zarr.create_array({}, shape=(8,), chunks=(4,), dtype="i4", compressors=codec)
    make = default_buffer_prototype().buffer.from_bytes
    for number in range(2):
        values = np.arange(4, dtype="<i4") + 4 * number
        encoded = getattr(array.compressors[0], name).encode(values.tobytes())
        asyncio.run(array.store.set(f"c/{number}", make(bytes(encoded))))
    assert array[:].tolist() == list(range(8))


def test_a_translator_makes_arrays_of_format_2_in_silence() -> None:
    # References to chunks of other files: each variable names its compressor, often None.
    group = zarr.open_group({}, mode="w", zarr_format=2)
    for name in ("time", "lat"):
        made = group.create_array(
            name, shape=(4,), chunks=(2,), dtype="<f8", compressor=None, fill_value=None
        )
        assert made.compressors == ()
        assert group.require_array(name, shape=(4,), dtype="<f8", compressor=None) == made
