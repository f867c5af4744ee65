"""Arrays of every data type, made by whatever is called zarr here.

``typed.py write|read DIRECTORY [zarrs]`` writes arrays, or prints the elements of arrays that were
written, as JSON.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

NAT = np.iinfo("i8").min
TEXTS = ["a", "", "é", "日本語", "x" * 40, "a\0b", " "]
UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "10s", "25us")
NESTED = [("p", [("q", "<i2"), ("r", ">f8")]), ("s", "S3"), ("t", "<M8[ms]"), ("u", "<U2")]


def _numbers(code: str) -> Any:
    dtype = np.dtype(code)
    raw = np.random.default_rng(dtype.num).integers(0, 256, 7 * dtype.itemsize, "u1")
    return (raw % 2 if dtype.kind == "b" else raw).view(dtype)


def _times(code: str) -> Any:
    return np.array([0, 1, -1, NAT, 2**40, -(2**40), 12], "i8").astype(code[0] + "i8").view(code)


def _records(fields: Any) -> Any:
    array = np.zeros(7, np.dtype(fields))
    for name in array.dtype.names or ():
        field = array.dtype[name]
        if field.names:
            array[name] = _records([(each, field[each].str) for each in field.names])
        elif field.kind in "mM":
            array[name] = _times(field.str)
        elif field.kind in "US":
            array[name] = ["a", "", "bc", "b", "", "xy", "q"]
        else:
            array[name] = np.arange(7)
    return array


def cases() -> dict[str, dict[str, Any]]:
    """Values, and parameters of ``create_array``, by name."""
    found: dict[str, dict[str, Any]] = {}

    def add(name: str, data: Any, **more: Any) -> None:
        for zarr_format in (2, 3):
            found[f"{name} in format {zarr_format}"] = {
                "data": data,
                "zarr_format": zarr_format,
                **more,
            }

    for order in "<>":
        for code in ("i2", "u4", "i8", "f2", "f4", "f8", "c8", "c16"):
            add(f"{order}{code}", _numbers(order + code))
        for unit in UNITS:
            add(f"{order}datetime {unit}", _times(f"{order}M8[{unit}]"))
            add(f"{order}timedelta {unit}", _times(f"{order}m8[{unit}]"))
        add(f"{order}text", np.array(["a", "", "é", "日本", "abc", "z", " "], f"{order}U3"))
        add(f"{order}record", _records([("a", f"{order}i4"), ("b", "u1"), ("c", f"{order}c8")]))
    for code in ("?", "i1", "u1"):
        add(code, _numbers(code))
    add("bytes", np.array([b"a", b"", b"abc", b"\xff\x01", b"z", b"q", b" "], "S3"))
    add("raw", _numbers("<i8").view("V8"))
    add("nested record", _records(NESTED))
    add("strings", np.array(TEXTS, np.dtypes.StringDType()))
    add("byte strings", _objects([text.encode() for text in TEXTS]), dtype="variable_length_bytes")
    fills = {
        "<f4": [np.float32("nan"), np.float32("-inf"), np.float32(1.5), np.float32("-0.0")],
        "<i8": [np.int64(-(2**63)), 7],
        "<c8": [np.complex64(complex(np.nan, np.inf)), np.complex64(1 - 2j)],
        "?": [True],
        "<M8[us]": [np.datetime64("NaT"), np.datetime64(5, "us")],
        "<m8[h]": [np.timedelta64("NaT"), np.timedelta64(5, "h")],
        "<U3": ["é"],
        "S3": [b"ab"],
        "V8": [np.void(b"12345678")],
    }
    for code, values in fills.items():
        for number, value in enumerate(values):
            add(f"{code} filled {number}", np.zeros(7, code), fill_value=value)
    add("filled strings", np.array(TEXTS, np.dtypes.StringDType()), fill_value="é")
    record = np.array((3, 1.5), [("a", "<i4"), ("b", "<f4")])
    add("filled record", np.zeros(7, record.dtype), fill_value=record[()])
    return found


def _objects(values: list[Any]) -> Any:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _data_type(name: str, zarr_format: int) -> Any:
    from zarr.dtype import VariableLengthBytes

    return VariableLengthBytes() if name == "variable_length_bytes" else name


def write(directory: Path, case: dict[str, Any]) -> None:
    """Write one array; its second half is not written."""
    import zarr

    data = case.pop("data")
    dtype = _data_type(case.pop("dtype", data.dtype), case["zarr_format"])
    array = zarr.create_array(
        str(directory), shape=(14,), chunks=(7,), dtype=dtype, compressors=None, **case
    )
    array[:7] = data


def shown(values: Any) -> Any:
    """Values as JSON: the bytes of elements, whatever their byte order in memory is."""
    values = np.asarray(values)
    if values.dtype.kind in "OT":
        return [repr(value) for value in values.tolist()]
    return [str(values.dtype.newbyteorder("<")), _little(values).tobytes().hex()]


def _little(values: Any) -> Any:
    if values.dtype.names:
        little = np.zeros(values.shape, values.dtype.newbyteorder("<"))
        for name in values.dtype.names:
            little[name] = _little(values[name])
        return little
    if values.dtype.kind == "V":
        return values
    return values.astype(values.dtype.newbyteorder("<"))


def read(directory: Path) -> Any:
    """The contents of an array."""
    import zarr

    array = zarr.open_array(str(directory), mode="r")
    return shown(array[:])


def main(what: str, directory: Path) -> dict[str, Any]:
    """Write or read all arrays; errors are answers, too."""
    answers = {}
    for name, case in cases().items():
        place = directory / name.replace("<", "little ").replace(">", "big ").replace("?", "bool")
        try:
            answers[name] = write(place, case) if what == "write" else read(place)
        except Exception as error:
            answers[name] = f"!{type(error).__name__}: {str(error)[:200]}"
    return answers


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "zarrs" in sys.argv:
        import zarr

        zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
