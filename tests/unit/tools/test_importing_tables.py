"""Tables of Parquet and CSV become arrays, and tables again, with all types and nulls."""

from __future__ import annotations

import datetime
import decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools

if TYPE_CHECKING:
    from pathlib import Path


def imported(file: Any, **options: Any) -> tuple[Any, Any]:
    store: dict[str, Any] = {}
    done = tools.import_file(file, store, **options)
    return zarr.open(store, mode="r"), done


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_columns_become_arrays_and_nulls_are_told(zarr_format: Any, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    table = arrow.table(
        {
            "i": arrow.array([1, None, 3], arrow.int16()),
            "f": [0.5, None, 1.5],
            "s": ["a", None, "ü"],
            "t": arrow.array([1, None, 3], arrow.timestamp("ms")),
            "b": [True, False, True],
            "nested": [[1], [], [2]],
        }
    )
    arrow.parquet.write_table(table, tmp_path / "a.parquet")
    root, done = imported(tmp_path / "a.parquet", zarr_format=zarr_format)
    assert sorted(root) == ["b", "f", "f_is_null", "i", "i_is_null", "s", "s_is_null", "t"]
    assert [("nested" in str(each)) for each in done.lost] == [True]
    assert root["i_is_null"][:].tolist() == root["s_is_null"][:].tolist() == [False, True, False]
    assert root["i"][:][[0, 2]].tolist() == [1, 3]
    assert root["i"].dtype == "i2"
    np.testing.assert_array_equal(root["f"][:], [0.5, np.nan, 1.5])
    assert root["s"][:][[0, 2]].tolist() == ["a", "ü"]
    assert np.isnat(root["t"][1])
    tools.export_file(root, tmp_path / "b.parquet")
    again = arrow.parquet.read_table(tmp_path / "b.parquet")
    for name in ("i", "f", "s", "t", "b"):
        assert again[name].to_pylist() == table[name].to_pylist()


def test_csv_is_imported(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "a.csv").write_text("n,x,name\n1,0.5,a\n2,,b\n")
    root, _ = imported(tmp_path / "a.csv", columns=["x", "n"])
    assert sorted(root) == ["n", "x", "x_is_null"]
    assert root["n"][:].tolist() == [1, 2]
    with pytest.raises(ValueError, match="no column 'y'"):
        imported(tmp_path / "a.csv", columns=["y"])


def test_a_column_of_csv_that_changes_its_type_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "a.csv").write_text("n\n" + "1\n" * 600_000 + "word\n")
    store: dict[str, Any] = {}
    with pytest.raises(ValueError, match=r"'word'.*The first rows tell the type"):
        tools.import_file(tmp_path / "a.csv", store)
    assert store == {}


def everything() -> Any:
    arrow = pytest.importorskip("pyarrow")
    berlin = arrow.timestamp("us", "Europe/Berlin")
    prices = [decimal.Decimal("-1.23"), None, decimal.Decimal("99999.99")]
    days = [datetime.date(2020, 1, 1), None, datetime.date(1960, 2, 3)]
    return arrow.table(
        {
            "zoned": arrow.array([1, None, 3_000_000], berlin),
            "nanoseconds": arrow.array([1, None, 3], arrow.timestamp("ns")),
            "category": arrow.array(["a", None, "a"]).dictionary_encode(),
            "price": arrow.array(prices, arrow.decimal128(7, 2)),
            "day": arrow.array(days),
            "clock": arrow.array([datetime.time(1, 2, 3), None, datetime.time(4)]),
            "milliseconds": arrow.array([5, None, 7], arrow.time32("ms")),
            "span": arrow.array([1, None, 3], arrow.duration("s")),
            "bytes": arrow.array([b"a", None, b"\xff\x00"]),
            "pair": arrow.array([b"ab", None, b"\x00\x00"], arrow.binary(2)),
            "number": [1.5, None, float("nan")],
            "half": arrow.array(np.array([1, 2, 3], "f2")),
            "large": arrow.array([2**64 - 1, None, 1], arrow.uint64()),
            "flag": [True, None, False],
            "text": ["ü", None, ""],
            "long": arrow.array(["x", None, ""], arrow.large_string()),
        }
    )


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_tables_come_back_with_their_types_and_nulls(zarr_format: Any, tmp_path: Path) -> None:
    table = everything()
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(table, tmp_path / "a.parquet")
    done = tools.import_file(tmp_path / "a.parquet", tmp_path / "z", zarr_format=zarr_format)
    assert done.lost == ()
    assert tools.export_file(tmp_path / "z", tmp_path / "b.parquet").lost == ()
    again = parquet.read_table(tmp_path / "b.parquet")
    assert again.column_names == table.column_names
    for name in table.column_names:
        assert again[name].type == table[name].type, name
        assert repr(again[name].to_pylist()) == repr(table[name].to_pylist()), name
    root = zarr.open_group(tmp_path / "z", mode="r")
    assert root["zoned"].attrs["arrow_type"] == "timestamp[us, tz=Europe/Berlin]"
    assert root["zoned"][2] == np.datetime64(3, "s")  # a moment, in UTC
    assert root["price"][:].tolist() == [-123, 0, 9999999]
    assert root["price"].attrs["scale_factor"] == 0.01
    xarray = pytest.importorskip("xarray")
    with xarray.open_zarr(tmp_path / "z", consolidated=False, decode_timedelta=False) as found:
        assert found["price"][2] == pytest.approx(99999.99)


def test_columns_that_no_array_can_hold_are_listed(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    keys = arrow.map_(arrow.string(), arrow.int32())
    wide = [decimal.Decimal("1234567890123456789012.5")] * 2
    order = arrow.DictionaryArray.from_arrays([1, 0], ["low", "high"], ordered=True)
    table = arrow.table(
        {
            "good": [1, 2],
            "list": [[1], [2]],
            "struct": [{"a": 1}] * 2,
            "map": arrow.array([[("k", 1)]] * 2, keys),
            "wide": wide,
            "order": order,
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    root, done = imported(tmp_path / "a.parquet")
    assert sorted(root) == ["good", "order"]
    assert root["order"][:].tolist() == ["high", "low"]
    shown = sorted(each.what.split("'")[1] for each in done.lost)
    assert shown == ["list", "map", "order", "struct", "wide"]


def test_pandas_finds_its_table_again(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    index = pandas.Index(["p", "q", "r"], name="key")
    when = pandas.to_datetime(["2020-01-01", None, "2021-01-01"]).tz_localize("America/New_York")
    frame = pandas.DataFrame(
        {"a": [1, 2, 3], "c": pandas.Categorical(["x", "y", "x"]), "t": when}, index=index
    )
    frame.to_parquet(tmp_path / "a.parquet")
    tools.import_file(tmp_path / "a.parquet", tmp_path / "z")
    tools.export_file(tmp_path / "z", tmp_path / "b.parquet")
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "b.parquet"), frame)


def test_columns_without_a_name_that_a_node_can_have_come_back(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    # pandas calls an index without a name '__index_level_0__'.
    frame = pandas.DataFrame({"a": [1, 2], "b/c": [3, 4], "": [5, 6]}, index=["p", "q"])
    frame.to_parquet(tmp_path / "a.parquet")
    done = tools.import_file(tmp_path / "a.parquet", tmp_path / "z")
    assert done.lost == ()
    root = zarr.open_group(tmp_path / "z")
    assert sorted(root) == ["a", "b_c", "column_2", "index_level_0"]
    assert root["b_c"].attrs["column"] == "b/c"
    tools.export_file(tmp_path / "z", tmp_path / "b.parquet")
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "b.parquet"), frame)


def test_row_names_of_r_are_a_column(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "a.csv").write_text('"","x"\n"one",1\n"two",2\n')
    root, _ = imported(tmp_path / "a.csv")
    assert root["column_0"][:].tolist() == ["one", "two"]
    assert root["x"][:].tolist() == [1, 2]
