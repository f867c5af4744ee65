"""What to tell in a bug report."""

from __future__ import annotations

import logging
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from zarr import _core

_REQUIRED = ("numpy", "numcodecs", "typing_extensions")
_OPTIONAL = (
    "botocore",
    "cupy-cuda12x",
    "fsspec",
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
    left_out = [name for name, there in _core.FEATURES.items() if not there]
    lacks = f" (built without {', '.join(sorted(left_out))})" if left_out else ""
    print(f"zarr: {version('zarr')}{lacks}\n")
    for title, packages in (("Required", _REQUIRED), ("Optional", _OPTIONAL)):
        print(f"**{title} dependencies:**")
        for package in packages:
            print(f"{package}: {_version(package)}")
        print()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _handler() -> logging.Handler:
    logger = logging.getLogger("zarr")
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
    return logger.handlers[0]


def set_log_level(level: int | str) -> None:
    """Log what is of a level, or above, to the standard error stream: of the logger ``zarr``, and
    of those below it.

    Parameters
    ----------
    level : int or str
        As :mod:`logging` has them: 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'.

    Raises
    ------
    ValueError
        If there is no such level.

    Examples
    --------
    >>> import zarr
    >>> zarr.set_log_level("WARNING")
    """
    logging.getLogger("zarr").setLevel(level)
    _handler().setLevel(level)


def set_format(log_format: str) -> None:
    """Say how lines of the log look.

    Parameters
    ----------
    log_format : str
        As :class:`logging.Formatter` takes it.

    Examples
    --------
    >>> import zarr
    >>> zarr.set_format("%(asctime)s %(message)s")
    """
    _handler().setFormatter(logging.Formatter(log_format))
