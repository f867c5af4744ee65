"""Extensions of installed packages are found by name, and imported only when needed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CODEC = """
from dataclasses import dataclass

from zarr.abc.codec import BytesBytesCodec


@dataclass(frozen=True)
class Inverted(BytesBytesCodec):
    is_fixed_size = True

    @classmethod
    def from_dict(cls, data):
        return cls()

    def to_dict(self):
        return {"name": "throwaway.inverted", "configuration": {}}

    def compute_encoded_size(self, input_byte_length, chunk_spec):
        return input_byte_length

    async def _decode_single(self, chunk_bytes, chunk_spec):
        assert chunk_spec.shape == (4,)
        assert chunk_spec.dtype.to_native_dtype() == "u1"
        inverted = bytes(255 - byte for byte in chunk_bytes.to_bytes())
        return chunk_spec.prototype.buffer.from_bytes(inverted)

    _encode_single = _decode_single
"""
KEYS = """
from dataclasses import dataclass
from typing import ClassVar

from zarr.core.chunk_key_encodings import ChunkKeyEncoding


@dataclass(frozen=True)
class Hexadecimal(ChunkKeyEncoding):
    name: ClassVar[str] = "throwaway.hexadecimal"

    @classmethod
    def from_dict(cls, data):
        return cls()

    def to_dict(self):
        return {"name": self.name}

    def decode_chunk_key(self, chunk_key):
        return tuple(int(part, 16) for part in chunk_key.split("-")[1:])

    def encode_chunk_key(self, chunk_coords):
        return "-".join(["chunk", *(f"{part:x}" for part in chunk_coords)])
"""
TYPES = """
from zarr.dtype import UInt8


class Level(UInt8):
    _zarr_v3_name = "throwaway.level"

    @classmethod
    def _check_native_dtype(cls, dtype):
        return False

    @classmethod
    def _from_json_v3(cls, data):
        if data == cls._zarr_v3_name:
            return cls()
        raise cls._invalid_json(data, cls._zarr_v3_name)

    def to_json(self, zarr_format):
        return self._zarr_v3_name
"""
ENTRY_POINTS = """
[zarr.codecs]
throwaway.inverted = throwaway.codec:Inverted
[zarr.chunk_key_encoding]
throwaway.hexadecimal = throwaway.keys:Hexadecimal
[zarr.data_type]
throwaway.level = throwaway.types:Level
"""
USE = """
import json
import sys

import zarr

ours = {"name": "throwaway.inverted", "configuration": {}}
plain = zarr.create_array({}, data=[1, 2, 3])
assert plain[:].tolist() == [1, 2, 3]
assert not [name for name in sys.modules if name.startswith("throwaway")]
store = zarr.storage.LocalStore(sys.argv[1])
array = zarr.create_array(
    store, shape=80, chunks=4, dtype="u1", compressors=[ours], fill_value=0,
    chunk_key_encoding={"name": "throwaway.hexadecimal"},
)
array[:] = range(80)
document = json.loads((store.root / "zarr.json").read_text())
document["data_type"] = "throwaway.level"
(store.root / "zarr.json").write_text(json.dumps(document))
assert (store.root / "chunk-13").read_bytes() == bytes(255 - n for n in range(76, 80))
array = zarr.open_array(store)
assert type(array.metadata.data_type).__name__ == "Level"
assert array[70:].tolist() == list(range(70, 80))
"""


def test_an_array_may_consist_of_what_a_package_offers(tmp_path: Path) -> None:
    package, info = tmp_path / "lib/throwaway", tmp_path / "lib/throwaway-1.0.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").touch()
    for name, source in {"codec": CODEC, "keys": KEYS, "types": TYPES}.items():
        (package / f"{name}.py").write_text(source)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: throwaway\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE, str(tmp_path / "array")],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "lib")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
