"""Points in time and spans of time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest

import zarr
from zarr.dtype import DateTime64, TimeDelta64, data_type_registry
from zarr.dtype.datetime import DATETIME_UNIT

NAT = -(2**63)


@pytest.mark.parametrize("unit", DATETIME_UNIT)
@pytest.mark.parametrize("scale_factor", [1, 7, 2**31 - 1])
@pytest.mark.parametrize("cls", [DateTime64, TimeDelta64])
def test_every_unit_and_scale_is_known(cls: type[DateTime64], unit: str, scale_factor: int) -> None:
    zdtype = cls(unit=unit, scale_factor=scale_factor)  # type: ignore[arg-type]
    assert data_type_registry.match_json(zdtype.to_json(3), zarr_format=3) == zdtype
    assert data_type_registry.match_json(zdtype.to_json(2), zarr_format=2) == zdtype
    assert data_type_registry.match_dtype(zdtype.to_native_dtype()) == zdtype
    for number in (0, 1, -1, 2**63 - 1, NAT):
        scalar = zdtype.from_json_scalar(number, zarr_format=3)
        assert scalar.dtype == zdtype.to_native_dtype().newbyteorder("=")
        assert int(scalar.view(np.int64)) == number
        assert zdtype.to_json_scalar(scalar, zarr_format=3) == number


@pytest.mark.parametrize("cls", [DateTime64, TimeDelta64])
def test_not_a_time_is_the_default(cls: type[DateTime64]) -> None:
    for zdtype in (cls(), cls(unit="s"), cls(unit="ns", scale_factor=10, endianness="big")):
        assert np.isnat(zdtype.default_scalar())
        assert np.isnat(zdtype.from_json_scalar("NaT", zarr_format=3))
        assert np.isnat(zdtype.cast_scalar(None))
        assert zdtype.to_json_scalar("NaT", zarr_format=2) == NAT


def test_microseconds_have_two_names() -> None:
    assert DateTime64(unit="μs") == DateTime64(unit="us")


@pytest.mark.parametrize("arguments", [{"unit": "q"}, {"scale_factor": 0}, {"scale_factor": 2**31}])
def test_other_units_and_scales_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"unit|scale_factor"):
        DateTime64(**arguments)  # type: ignore[arg-type]


def test_scalars_have_the_unit_of_the_data_type() -> None:
    seconds = DateTime64(unit="s")
    assert seconds.to_json_scalar(np.datetime64("1970-01-02"), zarr_format=3) == 86400
    assert seconds.cast_scalar(date(1970, 1, 2)) == np.datetime64(86400, "s")
    assert seconds.cast_scalar(datetime(1970, 1, 1, 0, 1)) == np.datetime64(60, "s")
    assert TimeDelta64(unit="ms").cast_scalar(timedelta(seconds=1)) == np.timedelta64(1000, "ms")
    assert DateTime64().cast_scalar(5).view(np.int64) == 5
    for wrong in (np.timedelta64(1, "s"), timedelta(1), 1.5, [1]):
        with pytest.raises(TypeError):
            seconds.cast_scalar(wrong)
    with pytest.raises(ValueError, match="unit"):
        DateTime64().cast_scalar("2020-01-01")


def test_a_value_that_is_no_count_is_refused() -> None:
    for data in (1.5, "2020-01-01", None, [1]):
        with pytest.raises(TypeError):
            DateTime64(unit="s").from_json_scalar(data, zarr_format=3)
    with pytest.raises(OverflowError):
        DateTime64(unit="s").from_json_scalar(2**63, zarr_format=3)


def _counts(times: np.ndarray) -> list[int]:
    return times.view(f"{times.dtype.str[0]}i8").reshape(-1).tolist()


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("scale", [1, 7])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["M", "m"])
def test_times_without_a_unit_keep_byte_order_multiplier_and_counts(
    kind: str, order: str, scale: int, zarr_format: int
) -> None:
    leaf = np.dtype(f"{order}{kind}8[{scale}generic]")
    counts = [0, 1, -2, 100]
    data = np.array(counts, f"{order}i8").view(leaf)
    given = np.int64(9).view(leaf.newbyteorder("="))
    array = zarr.create_array(
        {}, shape=(6,), chunks=(4,), dtype=leaf, fill_value=given, zarr_format=zarr_format
    )
    array[:4] = data
    read = zarr.open_array(array.store, mode="r")[:]
    assert _counts(read) == [*counts, 9, 9]
    assert np.datetime_data(read.dtype) == ("generic", scale)
    array[:4] = data.astype(f"{order}i8").byteswap().view(leaf.newbyteorder())
    array[1:3] = given  # a part of a chunk
    assert _counts(array[:]) == [0, 9, 9, 100, 9, 9]
    assert _counts(array.oindex[[3, 1]]) == [100, 9]
    with pytest.raises(ValueError, match="units"):
        array[0] = np.array(1, f"{kind}8[s]")
    assert _counts(array[:1]) == [0]


@pytest.mark.filterwarnings("ignore:The data type 'subarray'")
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["M", "m"])
def test_times_without_a_unit_are_kept_in_records(kind: str, order: str, zarr_format: int) -> None:
    leaf = np.dtype(f"{order}{kind}8[7generic]")
    data = np.zeros(3, [("time", leaf), ("count", "i2"), ("pair", leaf, (2,))])
    data["time"].view(f"{order}i8")[:] = [1, -2, 3]
    data["pair"].view(f"{order}i8")[:] = [[4, 5]] * 3
    array = zarr.create_array(
        {}, shape=(3,), chunks=(2,), dtype=data.dtype, zarr_format=zarr_format
    )
    array[:] = data
    read = zarr.open_array(array.store, mode="r")[:]
    assert _counts(read["time"].copy()) == [1, -2, 3]
    assert _counts(read["pair"].copy()) == [4, 5] * 3
    assert np.datetime_data(read["time"].dtype) == ("generic", 7)
    array.set_basic_selection(slice(1, 3), data["time"][:2], fields="time")
    assert _counts(array.get_basic_selection(..., fields="time").copy()) == [1, 1, -2]
