"""A user's data type, in arrays: ``own_type.py write|read DIRECTORY``, for whatever is zarr here.

Temperatures in tenths of a degree, which stand in metadata as numbers with one decimal.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

import zarr
from zarr.dtype import DataTypeValidationError, ZDType, data_type_registry

NATIVE = np.dtype("<i2", metadata={"quantity": "tenths"})


@dataclass(frozen=True, kw_only=True)
class Tenths(ZDType[np.dtype[np.int16], np.int16]):
    """Temperatures from -3276.8 to 3276.7."""

    dtype_cls = np.dtypes.Int16DType
    _zarr_v3_name = "example.tenths"

    @classmethod
    def from_native_dtype(cls, dtype: Any) -> Self:
        if dtype.metadata and dtype.metadata.get("quantity") == "tenths":
            return cls()
        raise DataTypeValidationError("no tenths")

    def to_native_dtype(self) -> Any:
        return NATIVE

    @classmethod
    def _from_json_v2(cls, data: Any) -> Self:
        if data == {"name": cls._zarr_v3_name, "object_codec_id": None}:
            return cls()
        raise DataTypeValidationError("no tenths")

    @classmethod
    def _from_json_v3(cls, data: Any) -> Self:
        if data == cls._zarr_v3_name:
            return cls()
        raise DataTypeValidationError("no tenths")

    def to_json(self, zarr_format: Any) -> Any:
        if zarr_format == 2:
            return {"name": self._zarr_v3_name, "object_codec_id": None}
        return self._zarr_v3_name

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (int, np.integer))

    def cast_scalar(self, data: Any) -> Any:
        return np.int16(data)

    def default_scalar(self) -> Any:
        return np.int16(0)

    def from_json_scalar(self, data: Any, *, zarr_format: Any) -> Any:
        return np.int16(round(data * 10))

    def to_json_scalar(self, data: Any, *, zarr_format: Any) -> float:
        return int(data) / 10

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return 2


def main(what: str, directory: str) -> None:
    """Write arrays, or check them."""
    data_type_registry.register(Tenths._zarr_v3_name, Tenths)
    values = np.arange(-20, 20, dtype="i2")
    for zarr_format in (2, 3):
        for shards in (None, 20) if zarr_format == 3 else (None,):
            place = f"{directory}/{zarr_format} {shards}"
            if what == "write":
                made = zarr.create_array(
                    place,
                    shape=(50,),
                    dtype=Tenths(),
                    chunks=(10,),
                    shards=shards,
                    fill_value=np.int16(215),
                    zarr_format=zarr_format,  # type: ignore[arg-type]
                    compressors=None,
                )
                made[:40] = values
            array: Any = zarr.open_array(place, mode="r+")
            assert isinstance(array.metadata.dtype, Tenths), array.metadata
            assert array.metadata.to_dict()["fill_value"] == 21.5
            assert array[:40].tolist() == values.tolist()
            assert array[40:].tolist() == [215] * 10
            assert array[3] == -17
            assert array.oindex[[5, 1]].tolist() == [-15, -19]


if __name__ == "__main__":
    main(*sys.argv[1:])
