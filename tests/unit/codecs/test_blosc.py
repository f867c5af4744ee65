"""The blosc codec derives open settings from the elements, and refuses impossible ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zarr.codecs import BloscCodec, ShardingCodec
from zarr.codecs.configuration import InnerGrid


@pytest.mark.parametrize(
    ("codec", "dtype", "typesize", "shuffle"),
    [
        (BloscCodec(), "f8", 8, "shuffle"),
        (BloscCodec(), "u1", 1, "bitshuffle"),
        (BloscCodec(), "S3", 3, "shuffle"),
        (BloscCodec(typesize=2), "f8", 2, "shuffle"),
        (BloscCodec(typesize=2), "u1", 2, "bitshuffle"),
        (BloscCodec(shuffle="noshuffle"), "f8", 8, "noshuffle"),
        (BloscCodec(shuffle="bitshuffle", typesize=4), "f8", 4, "bitshuffle"),
    ],
)
def test_open_settings_are_chosen_by_the_elements(
    spec: Any, codec: BloscCodec, dtype: str, typesize: int, shuffle: str
) -> None:
    fitted = codec.evolve_from_array_spec(spec((4,), dtype, np.zeros((), dtype)[()]))
    assert (fitted.typesize, fitted.shuffle) == (typesize, shuffle)
    assert not fitted._tunable_attrs


def test_a_codec_with_open_choices_is_not_one_where_they_were_made() -> None:
    assert BloscCodec() != BloscCodec(typesize=1, shuffle="bitshuffle")
    assert BloscCodec(typesize=1, shuffle="bitshuffle")._tunable_attrs == set()


@pytest.mark.parametrize("cname", ["lz4", "lz4hc", "blosclz", "snappy", "zlib", "zstd"])
@pytest.mark.parametrize("shuffle", ["noshuffle", "shuffle", "bitshuffle"])
def test_every_compressor_and_shuffle_round_trips(coding: Any, cname: Any, shuffle: Any) -> None:
    data = (np.arange(5000, dtype="i4") % 50).tobytes()
    code = coding(BloscCodec(cname=cname, shuffle=shuffle), (5000,), "i4")
    encoded = code.encode(data)
    assert len(encoded) < len(data)
    assert code.decode(encoded) == data


@pytest.mark.parametrize("clevel", [-1, 10])
def test_a_level_that_blosc_does_not_have_is_refused_for_arrays(spec: Any, clevel: int) -> None:
    chunk = spec((4,), "i4")
    with pytest.raises(ValueError, match="clevel"):
        BloscCodec(clevel=clevel).validate(
            shape=(4,), dtype=chunk.dtype, chunk_grid=InnerGrid((4,))
        )


def test_chunks_that_blosc_cannot_hold_are_refused_for_arrays(spec: Any) -> None:
    dtype = spec((4,), "f8").dtype
    BloscCodec().validate(shape=(2**28,), dtype=dtype, chunk_grid=InnerGrid((2**28 - 3,)))
    with pytest.raises(ValueError, match="at most 2147483631 bytes"):
        BloscCodec().validate(shape=(2**28,), dtype=dtype, chunk_grid=InnerGrid((2**28,)))
    sharded = ShardingCodec(chunk_shape=(2**20,), codecs=[{"name": "bytes"}, BloscCodec()])
    sharded.validate(shape=(2**28,), dtype=dtype, chunk_grid=InnerGrid((2**28,)))
