"""imagecodecs: every codec that it offers to Zarr and that its build has."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import zarr

codecs = pytest.importorskip("imagecodecs.zarr")
imagecodecs = pytest.importorskip("imagecodecs")
codecs.register_codecs(verbose=False)

SHAPE = (64, 48)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
GREY = ((np.sin(X / 7) + np.cos(Y / 5) + 2) * 60).astype("u1")
RGB = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], -1)
WIDE = GREY.astype("u2") * 200
SMOOTH = (GREY / 3).astype("f4")

# Codecs of images, with what they need; the number is how far off a value may be.
IMAGES: dict[str, tuple[Any, dict[str, Any], float]] = {
    "Aec": (WIDE, {}, 0),
    "Avif": (RGB, {"level": 100}, 4),
    "Apng": (RGB[None], {}, 0),
    "Bmp": (RGB, {}, 0),
    "Gif": (GREY, {}, 0),
    "Jpeg": (RGB, {"level": 99}, 16),
    "Jpeg2k": (WIDE, {"level": 0}, 0),
    "Jpegls": (GREY, {}, 0),
    "Jpegxl": (RGB, {"lossless": True}, 0),
    "Jpegxr": (RGB, {"level": 1.0}, 0),
    "Ljpeg": (GREY, {}, 0),
    "Lerc": (SMOOTH, {}, 0),
    "Htj2k": (GREY, {}, 0),
    "Png": (WIDE, {}, 0),
    "Spng": (RGB, {}, 0),
    "Pcx": (RGB, {}, 0),
    "Qoi": (RGB, {}, 0),
    "Tga": (RGB, {}, 0),
    "Webp": (RGB, {"lossless": True}, 0),
    "Zfp": (SMOOTH, {}, 0),
    "Pcodec": (SMOOTH, {}, 0),
    "Rcomp": (WIDE.astype("i4"), {}, 0),
    "Sperr": (SMOOTH, {"mode": "pwe", "level": 1e-3}, 1e-2),
    "Sz3": (SMOOTH, {"mode": "abs", "abs": 1e-3}, 1e-2),
    "B2nd": (WIDE, {}, 0),
    "Blosc2": (WIDE, {}, 0),
    "Delta": (WIDE, {}, 0),
    "Xor": (WIDE, {}, 0),
    "Floatpred": (SMOOTH, {}, 0),
    "Byteshuffle": (SMOOTH, {}, 0),
    "Bitshuffle": (GREY, {}, 0),
    "Bfloat16": (SMOOTH, {}, 0.2),
    "Float24": (SMOOTH, {}, 1e-3),
    "Exr": (SMOOTH, {}, 0),
    "Rgbe": (np.abs(RGB).astype("f4"), {}, 2),
    "Szip": (
        GREY,
        {"options_mask": 4, "pixels_per_block": 16, "bits_per_pixel": 8, "pixels_per_scanline": 48},
        0,
    ),
    "Quantize": (SMOOTH, {"nsd": 4, "mode": "bitgroom"}, 0.05),
    "Packints": (GREY // 16, {"bitspersample": 4}, 0),
    "Checksum": (WIDE, {"kind": "crc32"}, 0),
    "Plio": (WIDE.astype("i4"), {}, 0),
}
NAMES = sorted(
    name
    for name, found in vars(codecs).items()
    if name != "Ultrahdr"  # of half-precision floats, and not lossless
    if isinstance(found, type) and issubclass(found, zarr.abc.codec.BaseCodec)
    if found.__module__ == codecs.__name__
)


def made(name: str) -> tuple[Any, Any, float]:
    """A codec, what to store with it, and the tolerance."""
    data, options, tolerance = IMAGES.get(name, (GREY, {}, 0))
    try:
        codec = getattr(codecs, name)(**options)
    except (TypeError, ValueError, ImportError, imagecodecs.DelayedImportError) as error:
        pytest.skip(f"needs other arguments, or is not in this build: {error}")
    return codec, np.ascontiguousarray(data), tolerance


def without_zarr(codec: Any, name: str, data: Any) -> None:
    """Skip what the library itself cannot encode, or not decode again, from these values."""
    library = getattr(imagecodecs, name.upper(), None)
    if library is None or not library.available:
        pytest.skip("not in this build")
    encode = getattr(imagecodecs, f"{name.lower()}_encode", None)
    if encode is None:
        pytest.skip("decodes only")
    try:
        encode(data)
    except NotImplementedError as error:
        pytest.skip(f"decodes only: {error}")
    except Exception:  # it wants arguments, which the codec gives it
        return


def array_with(codec: Any, data: Any, store: Any) -> zarr.Array[Any]:
    kind: dict[str, Any] = {"compressors": None}
    if isinstance(codec, zarr.abc.codec.ArrayBytesCodec):
        kind["serializer"] = codec
    elif isinstance(codec, zarr.abc.codec.ArrayArrayCodec):
        kind["filters"] = [codec]
    else:
        kind["compressors"] = [codec]
    return zarr.create_array(store, shape=data.shape, chunks=data.shape, dtype=data.dtype, **kind)


@pytest.mark.parametrize("name", NAMES)
def test_values_come_back(name: str) -> None:
    codec, data, tolerance = made(name)
    without_zarr(codec, name, data)
    store = zarr.storage.MemoryStore()
    array_with(codec, data, store)[...] = data
    again = zarr.open_array(store, mode="r")
    found = again[...]
    assert np.abs(found.astype("f8") - data).max() <= tolerance
    document = json.loads(store._store_dict["zarr.json"].to_bytes())
    assert any(part["name"].startswith("imagecodecs_") for part in document["codecs"])
    part = tuple(slice(1, 9) for _ in range(data.ndim))
    assert np.array_equal(again[part], found[part])


def test_most_codecs_are_tried() -> None:
    tried = 0
    for name in NAMES:
        try:
            codec, data, _ = made(name)
            without_zarr(codec, name, data)
        except pytest.skip.Exception:
            continue
        tried += 1
    assert tried >= 45
