"""Buffers hold bytes and arrays, whoever made them."""

from __future__ import annotations

import array
import pickle
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zarr.abc.buffer import ArrayLike, BufferPrototype, NDArrayLike
from zarr.abc.buffer import Buffer as AnyBuffer
from zarr.buffer import cpu, default_buffer_prototype, gpu
from zarr.buffer.cpu import Buffer, NDBuffer, as_numpy_array_wrapper
from zarr.registry import get_buffer_class, get_ndbuffer_class, register_buffer
from zarr.settings import BadConfigError, config

SOURCES: dict[str, Any] = {
    "bytes": lambda data: Buffer.from_bytes(data),
    "bytearray": lambda data: Buffer.from_bytes(bytearray(data)),
    "other": lambda data: Buffer.from_bytes(array.array("B", data)),  # type: ignore[arg-type]
    "memoryview": lambda data: Buffer.from_bytes(memoryview(data)),
    "array": lambda data: Buffer.from_array_like(np.frombuffer(data, dtype="B")),
    "strided": lambda data: Buffer.from_array_like(np.repeat(np.frombuffer(data, "B"), 2)[::2]),
    "buffer": lambda data: Buffer.from_buffer(Buffer.from_bytes(data)),
    "sum": lambda data: Buffer.from_bytes(data[:2]) + Buffer.from_bytes(data[2:]),
}


@pytest.fixture(params=SOURCES)
def make(request: pytest.FixtureRequest) -> Any:
    return SOURCES[request.param]


def test_bytes_come_out_as_they_went_in(make: Any) -> None:
    buffer = make(b"abcdef")
    assert buffer.to_bytes() == b"abcdef"
    assert bytes(buffer.as_buffer_like()) == b"abcdef"
    assert len(buffer) == 6
    numbers = buffer.as_numpy_array()
    assert numbers.dtype == np.uint8
    assert numbers.shape == (6,)
    assert numbers.tobytes() == b"abcdef"
    assert buffer.as_array_like().size == 6


def test_slices_are_buffers_and_share_memory(make: Any) -> None:
    buffer = make(b"abcdef")
    part = buffer[1:3]
    assert isinstance(part, Buffer)
    assert part.to_bytes() == b"bc"
    assert buffer[-2:].to_bytes() == b"ef"
    assert np.shares_memory(part.as_numpy_array(), buffer.as_numpy_array())


def test_other_keys_are_refused(make: Any) -> None:
    buffer = make(b"abcdef")
    for key in (0, ..., (slice(1),), [0], np.array([0])):
        with pytest.raises(TypeError, match="expected slice"):
            buffer[key]
    with pytest.raises(ValueError, match="contiguous"):
        buffer[::2]


def test_equality_compares_bytes(make: Any) -> None:
    buffer = make(b"abcdef")
    assert buffer == Buffer.from_bytes(b"abcdef")
    assert buffer != Buffer.from_bytes(b"abcdeg")
    assert buffer != Buffer.from_bytes(b"abcdefg")
    assert buffer != b"abcdef"
    with pytest.raises(TypeError):
        hash(buffer)


def test_buffers_are_joined(make: Any) -> None:
    joined = make(b"abc").combine([make(b"123"), Buffer.from_bytes(b"")])
    assert joined.to_bytes() == b"abc123"
    assert (make(b"abc") + make(b"xyz")).to_bytes() == b"abcxyz"


def test_buffers_survive_pickling(make: Any) -> None:
    assert pickle.loads(pickle.dumps(make(b"abcdef"))) == make(b"abcdef")


def test_zero_length() -> None:
    for buffer in (Buffer.create_zero_length(), Buffer.from_bytes(b"")):
        assert len(buffer) == 0
        assert buffer.to_bytes() == b""
        assert buffer.as_numpy_array().shape == (0,)


def test_bytes_are_shared_not_copied() -> None:
    data = bytearray(b"abc")
    buffer = Buffer.from_bytes(data)
    data[0] = ord("x")
    assert buffer.to_bytes() == b"xbc"
    numbers = np.arange(3, dtype="B")
    assert Buffer.from_array_like(numbers).as_numpy_array() is numbers
    text = b"abc"
    assert Buffer.from_bytes(text).to_bytes() is text


def test_assignment_writes_through_and_respects_read_only() -> None:
    numbers = np.zeros(4, dtype="B")
    buffer = Buffer.from_array_like(numbers)
    buffer[1:3] = Buffer.from_bytes(b"ab")
    buffer[3:] = np.array([7], dtype="B")
    assert numbers.tolist() == [0, 97, 98, 7]
    with pytest.raises(ValueError, match="read-only"):
        Buffer.from_bytes(b"abc")[0:1] = np.array([7], dtype="B")


def test_only_flat_arrays_of_unsigned_bytes_are_taken() -> None:
    with pytest.raises(ValueError, match="1-dim"):
        Buffer(np.zeros((2, 2), dtype="B"))
    with pytest.raises(ValueError, match="byte dtype"):
        Buffer(np.zeros(2, dtype="i4"))
    for wrong in ("abc", Buffer.from_bytes(b"abc"), 3):
        with pytest.raises(TypeError, match="bytes-like"):
            Buffer.from_bytes(wrong)  # type: ignore[arg-type]


def test_as_numpy_array_wrapper() -> None:
    result = as_numpy_array_wrapper(
        lambda numbers: numbers[::-1].tobytes(), Buffer.from_bytes(b"abc"), cpu.buffer_prototype
    )
    assert result.to_bytes() == b"cba"


def test_nd_create_fills() -> None:
    assert NDBuffer.create(shape=(2,), dtype="i4").as_numpy_array().tolist() == [0, 0]
    buffer = NDBuffer.create(shape=[2, 3], dtype=">i4", order="F", fill_value=7)
    assert buffer.as_numpy_array().flags.f_contiguous
    assert (buffer.as_numpy_array() == 7).all()
    assert buffer.shape == (2, 3)
    assert buffer.dtype == np.dtype(">i4")
    assert buffer.byteorder == "big"
    assert NDBuffer.create(shape=(), dtype="U2", fill_value="ab").as_scalar() == "ab"
    assert NDBuffer.empty((2, 2), "f8", "F").as_numpy_array().flags.f_contiguous


@pytest.mark.parametrize("dtype", ["<i4", "i1", "U1", "S1", "f8", "M8[s]", "O", "V4"])
def test_nd_byteorder_of_what_has_none_is_little(dtype: str) -> None:
    assert NDBuffer.from_numpy_array(np.zeros(1, dtype)).byteorder == "little"


def test_nd_shape_changes() -> None:
    buffer = NDBuffer.from_numpy_array(np.arange(6).reshape(1, 2, 3))
    assert buffer.reshape((3, 2)).as_numpy_array().tolist() == [[0, 1], [2, 3], [4, 5]]
    assert buffer.reshape(-1).shape == (6,)
    assert buffer.squeeze((0,)).shape == (2, 3)
    assert buffer.transpose((2, 1, 0)).shape == (3, 2, 1)
    assert buffer.transpose(None).shape == (3, 2, 1)
    assert buffer.astype("f4", order="F").dtype == np.float32
    assert len(buffer) == 1


def test_nd_items_keep_the_data_type() -> None:
    buffer = NDBuffer.from_numpy_array(np.arange(6, dtype=">i4").reshape(2, 3))
    assert buffer[0].as_numpy_array().tolist() == [0, 1, 2]
    element = buffer[1, 2]
    assert element.shape == ()
    assert element.dtype == np.dtype(">i4")
    assert element.as_scalar() == 5
    buffer[0] = NDBuffer.from_numpy_array(np.array([7, 8, 9]))
    buffer[1, 0] = 1
    assert buffer.as_numpy_array().tolist() == [[7, 8, 9], [1, 4, 5]]


def test_nd_as_scalar_needs_one_element() -> None:
    with pytest.raises(ValueError, match="single scalar"):
        NDBuffer.from_numpy_array(np.arange(2)).as_scalar()


def test_nd_copy_and_fill() -> None:
    numbers = np.arange(3)
    buffer = NDBuffer.from_ndarray_like(numbers)
    copy = buffer.copy()
    buffer.fill(4)
    assert numbers.tolist() == [4, 4, 4]
    assert copy.as_numpy_array().tolist() == [0, 1, 2]
    assert buffer.as_ndarray_like() is numbers
    assert "NDBuffer shape=(3,)" in repr(buffer)


NAN = float("nan")


@pytest.mark.parametrize(
    ("data", "other", "equal"),
    [
        ([0, 0], 0, True),
        ([0, 1], 0, False),
        ([0.0, 0.0], 0, True),
        ([0.0, 0.0], -0.0, False),
        ([0.0, -0.0], 0.0, False),
        ([-0.0, -0.0], -0.0, True),
        ([0j, 0j], 0, True),
        ([complex(0.0, -0.0)], 0, False),
        ([NAN, NAN], NAN, True),
        ([NAN, 0.0], NAN, False),
        ([complex(NAN, 0)], complex(NAN, 0), True),
        (np.array(["NaT"], "M8[s]"), np.datetime64("NaT", "s"), True),
        (np.array(["", ""]), "", True),
        (np.array(["", ""], dtype=object), "", True),
        (np.array([None], dtype=object), None, False),
        (np.zeros(2, [("a", "i4")]), np.zeros((), [("a", "i4")])[()], True),
        (np.zeros(0), 5, True),
        ([1, 2], np.array([1, 2]), True),
        (np.zeros((300, 300)), 0, True),
        (np.eye(300), 0, False),
        (np.arange(90000) // 89999, 0, False),
        (np.full((2, 20000), NAN), NAN, True),
    ],
)
def test_all_equal(data: Any, other: Any, equal: bool) -> None:
    assert NDBuffer.from_numpy_array(np.asarray(data)).all_equal(other) is equal


def test_all_equal_can_keep_nan_apart() -> None:
    assert not NDBuffer.from_numpy_array(np.array([NAN])).all_equal(NAN, equal_nan=False)


def test_arrays_are_array_likes() -> None:
    assert isinstance(np.zeros(2), ArrayLike)
    assert isinstance(np.zeros(2), NDArrayLike)
    assert not isinstance(b"", ArrayLike)
    assert not isinstance([1], NDArrayLike)


def test_the_default_prototype_follows_the_settings() -> None:
    class Mine(cpu.Buffer):
        pass

    assert default_buffer_prototype() == BufferPrototype(cpu.Buffer, cpu.NDBuffer)
    register_buffer(Mine, qualname="tests.Mine")
    with config.set({"buffer": "tests.Mine"}):
        assert default_buffer_prototype() == BufferPrototype(Mine, cpu.NDBuffer)
        assert get_buffer_class() is Mine
        assert isinstance(Mine.from_bytes(b"abc")[1:], Mine)
    assert default_buffer_prototype().buffer is cpu.Buffer
    assert get_ndbuffer_class() is cpu.NDBuffer


def test_a_buffer_class_can_be_named_by_where_it_is() -> None:
    with config.set({"buffer": "zarr.buffer.core.Buffer"}):
        assert get_buffer_class() is AnyBuffer


def test_an_unknown_buffer_class_is_an_error_that_names_the_known_ones() -> None:
    with (
        config.set({"buffer": "no.such.Buffer"}),
        pytest.raises(BadConfigError, match=r"no\.such\.Buffer.*zarr\.buffer\.cpu\.Buffer"),
    ):
        default_buffer_prototype()


def test_gpu_buffers_without_cupy_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match=r"zarr\[gpu\]"):
        gpu.Buffer.from_bytes(b"abc")
    with pytest.raises(ImportError, match="CuPy"):
        gpu.NDBuffer.create(shape=(2,), dtype="i4")


@pytest.fixture(params=["cupy", "stand-in"])
def _cupy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "cupy":
        pytest.importorskip("cupy")
        return
    names = ["asarray", "concatenate", "empty", "frombuffer", "isscalar", "uint8", "zeros"]
    stand_in = SimpleNamespace(asnumpy=np.array, **{name: getattr(np, name) for name in names})
    monkeypatch.setitem(sys.modules, "cupy", stand_in)


@pytest.mark.usefixtures("_cupy")
def test_gpu_buffers() -> None:
    buffer = gpu.Buffer.from_bytes(b"abc")
    assert (buffer + cpu.Buffer.from_bytes(b"d")).to_bytes() == b"abcd"
    assert cpu.Buffer.from_buffer(buffer) == cpu.Buffer.from_bytes(b"abc")
    assert gpu.Buffer.from_buffer(cpu.Buffer.from_bytes(b"abc")) == buffer
    assert len(gpu.Buffer.create_zero_length()) == 0
    assert pickle.loads(pickle.dumps(buffer[1:])).to_bytes() == b"bc"
    with pytest.raises(ValueError, match="1-dim"):
        gpu.Buffer(np.zeros((2, 2), dtype="B"))
    nd_buffer = gpu.NDBuffer.create(shape=(2, 3), dtype="f4", fill_value=2)
    nd_buffer[0] = cpu.NDBuffer.from_numpy_array(np.arange(3))
    nd_buffer[1, 0] = 5
    assert nd_buffer.as_numpy_array().tolist() == [[0, 1, 2], [5, 2, 2]]
    assert nd_buffer[1, 1:].all_equal(2)
    assert gpu.NDBuffer.empty((2,), "i4").shape == (2,)
    assert gpu.NDBuffer.from_numpy_array([1, 2]).as_numpy_array().tolist() == [1, 2]
