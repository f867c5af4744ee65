"""Digests tell equal content from other content, however it is stored."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.support.broken import data_of, store_of, whole

import zarr
from zarr import tools
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from pathlib import Path

# The names of two of the data types are in no specification.
pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")

WAYS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": (5, 7)},
    "columns": {"chunks": (23, 1)},
    "one chunk": {"chunks": (23, 19), "compressors": None},
    "shards": {"chunks": (5, 4), "shards": (10, 8)},
    "format 2": {"chunks": (5, 7), "zarr_format": 2},
    "order F": {"chunks": (6, 4), "zarr_format": 2, "order": "F"},
    "empty chunks stored": {"chunks": (4, 4), "config": {"write_empty_chunks": True}},
}
TYPES = ("bool", "i1", "u2", "<i4", ">i4", "u8", "f2", "f8", ">c8", "c16", "M8[ns]", "U5", "S7")


def elements(dtype: str) -> np.ndarray[Any, Any]:
    numbers = np.random.default_rng(0).integers(0, 3, (23, 19))
    if dtype == "M8[ns]":
        return numbers.view(dtype)
    return numbers.astype(dtype)


def digest_of(data: np.ndarray[Any, Any], **ways: Any) -> str:
    return tools.digest(zarr.create_array({}, data=data, **ways)).digest


@pytest.mark.parametrize("dtype", TYPES)
def test_it_depends_on_no_way_of_storing(dtype: str) -> None:
    data = elements(dtype)
    assert len({digest_of(data, **way) for way in WAYS.values()}) == 1


@pytest.mark.parametrize("dtype", TYPES)
def test_it_depends_on_each_element(dtype: str) -> None:
    data = elements(dtype)
    before = digest_of(data, chunks=(5, 7))
    for place in ((0, 0), (11, 3), (22, 18)):
        other = data.copy()
        other[place] = data[data != data[place]][0]
        assert digest_of(other, chunks=(5, 7)) != before
    swapped = data.copy()
    swapped[0], swapped[1] = data[1], data[0]
    assert digest_of(swapped, chunks=(5, 7)) != before


def test_records_and_strings_have_digests() -> None:
    record = np.zeros(50, [("a", "<i4"), ("b", ">f8"), ("c", "S3")])
    record["a"] = np.arange(50)
    ways = ({"chunks": (7,)}, {"chunks": (50,)}, {"chunks": (9,), "zarr_format": 2})
    found = {digest_of(record, **way) for way in ways}
    assert len(found) == 1
    words = np.array(["one", "", "größer", "a long string that is not kept in place"] * 5, object)
    found = set()
    for way in ({"chunks": (3,)}, {"chunks": (4,), "shards": (20,)}, {"zarr_format": 2}):
        array = zarr.create_array({}, shape=(20,), dtype=str, **way)
        array[...] = words
        found.add(tools.digest(array).digest)
    assert len(found) == 1
    array[3] = "another"
    assert tools.digest(array).digest not in found


def test_bits_count_and_not_only_values() -> None:
    zero, minus = np.zeros(4), np.full(4, -0.0)
    assert digest_of(zero) != digest_of(minus)
    nan = np.full(4, np.nan)
    other = nan.view("u8") + 1
    assert digest_of(nan) != digest_of(other.view("f8"))


def test_the_type_the_shape_and_the_fill_value_count() -> None:
    data = np.ones((4, 6), "i4")
    before = digest_of(data)
    assert digest_of(data.astype("i8")) != before
    assert digest_of(data.reshape(6, 4)) != before
    assert digest_of(data, fill_value=1) != before


def test_attributes_and_names_of_dimensions_count_in_both_formats() -> None:
    data = np.ones((4, 6), "i4")
    names = zarr.create_array({}, data=data, dimension_names=("y", "x"), attributes={"u": 1})
    old = zarr.create_array(
        {}, data=data, zarr_format=2, attributes={"u": 1, "_ARRAY_DIMENSIONS": ["y", "x"]}
    )
    assert tools.digest(names).digest == tools.digest(old).digest
    old.attrs["u"] = 2
    assert tools.digest(names).digest != tools.digest(old).digest
    assert tools.digest(names).nodes[0].data == tools.digest(old).nodes[0].data


def test_an_algorithm_of_ten_lines_gives_the_same() -> None:
    """The definition in the documentation, element by element."""
    data = np.array([[1, 0, 3], [0, 5, 6]], "<i4")
    mask = 2**64 - 1

    def mix(word: int) -> int:
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & mask
        word = (word ^ word >> 27) * 0x94D049BB133111EB & mask
        return word ^ word >> 31

    first = second = 0
    for place, value in enumerate(data.reshape(-1).tolist()):
        if value != 0:  # the fill value
            state = mix(mix(place + 0x9E3779B97F4A7C15 & mask) ^ value)
            first = first + state & mask
            second = second + mix(state + 0xD1B54A32D192ED03 & mask) & mask
    header = {
        "elements": "zarr-elements-1",
        "type": "<i4",
        "shape": [2, 3],
        "fill": [f"{0:016x}"],
        "sums": [f"{first:016x}", f"{second:016x}"],
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    found = tools.digest(zarr.create_array({}, data=data, chunks=(1, 2))).nodes[0].data
    assert found == hashlib.sha256(text.encode()).hexdigest()


def test_a_huge_array_with_little_in_it_is_quick() -> None:
    array = zarr.create_array({}, shape=(10**6, 10**6), chunks=(10, 10), dtype="i4")
    array[10**5, 7] = 3
    other = zarr.create_array({}, shape=(10**6, 10**6), chunks=(9, 8), dtype="i4")
    other[10**5, 7] = 3
    assert tools.digest(array).digest == tools.digest(other).digest


def test_a_tree_has_digests_of_its_nodes() -> None:
    one, two = store_of(whole()), store_of(whole())
    assert tools.digest(one) == tools.digest(two)
    zarr.open_array(two, path="deep/words")[0] = "changed"
    before = {each.path: each for each in tools.digest(one).nodes}
    after = {each.path: each for each in tools.digest(two).nodes}
    assert {path for path in before if before[path].tree != after[path].tree} == {
        "",
        "deep",
        "deep/words",
    }
    assert {path for path in before if before[path].node != after[path].node} == {"deep/words"}


def test_an_exact_digest_depends_on_what_is_stored() -> None:
    data = elements("i4")
    one = zarr.create_array({}, data=data, chunks=(5, 7))
    other = zarr.create_array({}, data=data, chunks=(7, 5))
    copy = zarr.create_array({}, data=data, chunks=(5, 7))
    exact = [tools.digest(array, exact=True).digest for array in (one, other, copy)]
    assert exact[0] == exact[2] != exact[1]


def test_an_executor_gives_the_same() -> None:
    store = store_of(whole())
    with ThreadPoolExecutor(2) as executor:
        assert tools.digest(store, executor=executor) == tools.digest(store)


def test_a_store_that_waits_gives_the_same() -> None:
    from tests.support.stores import WaitingStore

    assert tools.digest(WaitingStore(data=whole())) == tools.digest(store_of(whole()))


def test_large_shards_are_read_in_parts() -> None:
    data = np.arange(2**21, dtype="i8").reshape(1024, 2048)
    array = zarr.create_array({}, data=data, chunks=(128, 128), shards=data.shape)
    assert tools.digest(array).digest == digest_of(data, chunks=(100, 2048))


def test_content_that_cannot_be_read_has_no_digest() -> None:
    data = whole()
    data["zstd/c/0/0"] = b"torn"
    with pytest.raises(ChunkDecodeError):
        tools.digest(store_of(data))


@pytest.mark.parametrize("exact", [False, True])
def test_verify_compares_with_a_digest(tmp_path: Path, exact: bool) -> None:
    store = store_of(whole())
    made = tools.digest(store, exact=exact)
    file = tmp_path / "digest.json"
    file.write_text(made.to_json())
    assert tools.verify(store, against=file).ok
    assert tools.verify(store, against=made).ok
    zarr.open_array(store, path="raw")[0, 0] = 99
    zarr.open_array(store, path="raw").attrs["unit"] = "km"
    report = tools.verify(store, against=file)
    found = [each for each in report.findings if each.code == "digest-differs"]
    assert {each.node for each in found} == {"raw"}
    assert {each.found.rpartition(" ")[2] for each in found} == {"(data)", "(attributes)"} | (
        {"(attributes)"} if exact else set()
    )


def test_nodes_that_are_gone_or_new_are_found(tmp_path: Path) -> None:
    store = store_of(whole())
    made = tools.digest(store)
    root = zarr.open_group(store, use_consolidated=False)
    root.create_group("new")
    del root["raw"]
    report = tools.verify(store, against=made)
    found = {each.code: each.node for each in report.findings if each.code.startswith("digest")}
    assert found == {"digest-surplus": "raw", "digest-lacks": "new"}


def test_a_damaged_chunk_is_a_finding_of_the_comparison_too() -> None:
    data = whole()
    made = tools.digest(store_of(data))
    data["zstd/c/0/0"] = b"torn"
    codes = {each.code for each in tools.verify(store_of(data), against=made).findings}
    assert codes == {"chunk-damaged", "digest-differs"}


@pytest.mark.parametrize("text", ["", "[]", '{"nodes": 3}', '{"algorithm": "x", "digest": ""}'])
def test_a_file_that_is_no_digest_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "digest.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="holds no digest"):
        tools.verify(store_of(whole()), against=file)


def test_nothing_is_written(tmp_path: Path) -> None:
    store = store_of(whole())
    before = data_of(store)
    tools.digest(store)
    tools.digest(store, exact=True)
    assert data_of(store) == before


@pytest.mark.parametrize("exact", [False, True])
def test_a_hierarchy_is_listed_once_however_many_arrays_it_has(exact: bool) -> None:
    from tests.support.stores import WaitingStore

    asked = []
    for count in (1, 20):
        store = WaitingStore(data={})
        root = zarr.create_group(store)
        for number in range(count):
            root.create_array(f"a{number}", data=np.arange(4), chunks=(2,))
        store.log.clear()
        tools.digest(store, exact=exact)
        asked.append(sum(method.startswith("list") for method, _ in store.log))
    assert asked[0] == asked[1]


@pytest.mark.parametrize("exact", [False, True])
def test_progress_ends_at_the_number_of_chunks(exact: bool) -> None:
    seen: list[Any] = []
    tools.digest(store_of(whole()), exact=exact, progress=lambda *step: seen.append(step))
    report = tools.verify(store_of(whole()))
    assert seen[-1]
    done, total = [each for each in seen[-1] if isinstance(each, int)][:2]
    assert done == total == report.decoded
