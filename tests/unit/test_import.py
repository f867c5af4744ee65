"""``import zarr`` is cheap, and gives all names when asked."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import zarr

if TYPE_CHECKING:
    from pathlib import Path


def run(code: str) -> str:
    """The output of a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_every_name_can_be_had() -> None:
    for name in zarr.__all__:
        assert getattr(zarr, name) is not None
    assert set(zarr.__all__) <= set(dir(zarr))


def test_the_version_is_that_of_the_distribution() -> None:
    assert zarr.__version__ == version("zarr")
    assert zarr.__version__.startswith("3.4.2+native.")


def test_importing_does_not_import_what_is_not_used() -> None:
    heavy = ("asyncio", "numcodecs", "fsspec", "concurrent.futures", "inspect", "ml_dtypes")
    code = "import numpy, sys; before = set(sys.modules); import zarr; zarr.create_array; {}"
    code += f"print(sorted(set({heavy!r}) & (set(sys.modules) - before)))"
    assert run(code.format("")).strip() == "[]"
    use = "a = zarr.create_array({{}}, shape=(3,), dtype='i4'); a[:] = 1; a[:]; "
    assert run(code.format(use.replace("{{}}", "{}"))).strip() == "[]"


def test_importing_takes_few_modules() -> None:
    code = "import numpy, sys; before = set(sys.modules); import zarr; "
    code += "print(len(set(sys.modules) - before))"
    assert int(run(code)) <= 185


def test_the_first_array_is_opened_with_few_modules_of_the_package(tmp_path: Path) -> None:
    zarr.create_array(tmp_path, shape=4, dtype="i4")
    code = f"import sys, zarr; zarr.open_array({str(tmp_path)!r}); "
    code += "print(len([name for name in sys.modules if name.partition('.')[0] == 'zarr']))"
    assert int(run(code)) <= 90


def test_the_first_array_is_opened_without_modules_for_anything_else(tmp_path: Path) -> None:
    zarr.create_array(tmp_path, shape=4, dtype="i4")
    others = ("bz2", "lzma", "pathlib", "random", "uuid", "zarr.arrays.create", "zarr.arrays.copy")
    code = "import numpy, sys; before = set(sys.modules); import zarr; "
    code += f"zarr.open_array({str(tmp_path)!r}); "
    code += f"print(sorted(set({others!r}) & (set(sys.modules) - before)))"
    assert run(code).strip() == "[]"
