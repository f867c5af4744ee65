"""Naming one codec costs the import of that codec, and never that of numcodecs or asyncio."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import zarr.codecs
from zarr.registry import get_codec_class

SCRIPT = """
import sys
import {statement}
loaded = sorted(name for name in sys.modules if name.startswith("zarr.codecs."))
unwanted = ("numcodecs", "asyncio", "fsspec", "concurrent.futures")
heavy = [name for name in unwanted if name in sys.modules]
print(loaded, heavy)
"""


def _loaded(statement: str) -> tuple[list[str], list[str]]:
    script = SCRIPT.replace("import {statement}", statement)
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded, _, heavy = result.stdout.strip().partition("] [")
    names = [name.strip("' ") for name in loaded.strip("[]").split(",") if name.strip()]
    return names, [name for name in heavy.strip("]").split(",") if name]


def test_the_package_alone_loads_no_codec() -> None:
    assert _loaded("import zarr.codecs") == ([], [])


@pytest.mark.parametrize("name", ["BytesCodec", "ZstdCodec", "ShardingCodec", "VLenUTF8Codec"])
def test_a_codec_loads_nothing_heavy(name: str) -> None:
    loaded, heavy = _loaded(f"from zarr.codecs import {name}")
    assert heavy == []
    assert "zarr.codecs.numcodecs" not in loaded


def test_one_codec_does_not_load_the_others() -> None:
    loaded, _ = _loaded("from zarr.codecs import ZstdCodec")
    assert not {"zarr.codecs.sharding", "zarr.codecs.cast_value"} & set(loaded)


def test_every_public_name_is_there() -> None:
    assert all(getattr(zarr.codecs, name) is not None for name in zarr.codecs.__all__)
    assert set(zarr.codecs.__all__) <= set(dir(zarr.codecs))
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = zarr.codecs.absent  # type: ignore[attr-defined]


def test_type_checkers_see_the_names_that_are_there() -> None:
    stub = ast.parse(Path(zarr.codecs.__file__).with_suffix(".pyi").read_text())
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    imported = {alias.name for node in imports for alias in node.names} - {"Final"}
    (listed,) = (node.value for node in stub.body if isinstance(node, ast.Assign))
    assert imported == set(ast.literal_eval(listed)) == set(zarr.codecs.__all__)


@pytest.mark.parametrize("name", zarr.codecs.BUILT_IN)
def test_a_codec_is_found_by_the_name_that_it_writes(name: str) -> None:
    cls = get_codec_class(name)
    assert cls is getattr(zarr.codecs, cls.__name__)
    assert getattr(cls, "_name", None) == name
    default = zarr.config.defaults[0].get("codecs", {}).get(name)
    assert default in (None, f"{cls.__module__}.{cls.__qualname__}")
