"""What to tell in a bug report."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

_OPTIONAL = (
    "botocore",
    "cupy-cuda12x",
    "fsspec",
    "numcodecs",
    "s3fs",
    "gcsfs",
    "universal-pathlib",
    "rich",
    "obstore",
    "ml_dtypes",
)


def print_debug_info() -> None:
    """Print the versions of zarr, of Python, and of the packages that zarr works with."""
    print(f"platform: {platform.platform()}")
    print(f"python: {sys.version.split()[0]}")
    print(f"zarr: {version('zarr')}\n")
    for title, packages in (("Required", ("numpy",)), ("Optional", _OPTIONAL)):
        print(f"**{title} dependencies:**")
        for package in packages:
            print(f"{package}: {_version(package)}")
        print()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
