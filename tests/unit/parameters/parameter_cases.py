"""The cases: for a function and a parameter, what shows that the parameter has an effect."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem

import zarr
from zarr.api import asynchronous
from zarr.arrays import Array, AsyncArray
from zarr.groups import AsyncGroup, Group

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHAPE = (4, 6)


def as_sync(made: Any) -> Any:
    """A node of the asynchronous face as one of the other, to be looked at in the same way."""
    if isinstance(made, AsyncArray):
        return Array(made)
    return Group(made) if isinstance(made, AsyncGroup) else made


class Caller:
    """Calls functions by one face, for one format.

    Parameters
    ----------
    face
        "sync" or "async".
    zarr_format
        The format of what is made.
    tmp_path
        An empty directory.
    function
        The function that a case is about.
    """

    def __init__(self, face: str, zarr_format: Any, tmp_path: Path, function: str) -> None:
        self.face, self.format, self.tmp_path = face, zarr_format, tmp_path
        self.function = function
        self.store: dict[str, Any] = {}

    def __call__(self, function: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function; nodes that it takes and gives are synchronous ones."""
        if self.face == "sync":
            return getattr(zarr, function)(*args, **kwargs)
        return asyncio.run(self._awaited(getattr(asynchronous, function)(*args, **kwargs)))

    async def _awaited(self, made: Any) -> Any:
        if hasattr(made, "__aiter__"):
            return [(path, as_sync(node)) async for path, node in made]
        return as_sync(await made)

    def make(self, **kwargs: Any) -> Array[Any]:
        """Make an array of four rows and six columns of int32 by the function of the case."""
        kwargs.setdefault("store", self.store)
        if "zarr_version" not in kwargs:
            kwargs.setdefault("zarr_format", self.format)
        store, name = kwargs["store"], self.function
        if name in ("create_array", "from_array"):
            kwargs.pop("store")
            if name == "from_array" or "data" in kwargs:
                kwargs.setdefault("data", np.zeros(SHAPE, kwargs.pop("dtype", "i4")))
            else:
                kwargs = {"shape": SHAPE, "dtype": "i4", **kwargs}
            made = self(name, store, **kwargs)
        elif name in ("array", "save_array") or name.endswith("_like"):
            made = self._made_like(name, kwargs)
        else:
            made = self._made_new(name, {"dtype": "i4", **kwargs})
        assert isinstance(made, Array)
        return made

    def _made_like(self, name: str, kwargs: dict[str, Any]) -> Any:
        like = np.zeros(kwargs.pop("shape", SHAPE), kwargs.get("dtype", "i4"))
        if name == "save_array":
            store = kwargs.pop("store")
            self(name, store, like, **kwargs)
            options = {k: kwargs[k] for k in ("path", "storage_options") if k in kwargs}
            return self("open_array", store, mode="r+", **options)
        if name == "open_like":
            return self(name, like, kwargs.pop("path", ""), **kwargs)
        if name == "full_like":
            kwargs.setdefault("fill_value", 0)
        return self(name, like, **kwargs)

    def _made_new(self, name: str, kwargs: dict[str, Any]) -> Any:
        shape = kwargs.pop("shape", SHAPE)
        if name in ("open", "open_array"):
            kwargs.setdefault("mode", "a")
            return self(name, shape=shape, **kwargs)
        if name == "full":
            return self(name, shape, kwargs.pop("fill_value", 0), **kwargs)
        return self(name, shape, **kwargs)

    @property
    def keys(self) -> set[str]:
        """The keys that are stored."""
        return set(self.store)


def told(call: Callable[[], Any], category: type[Warning], count: int = 1) -> Any:
    """Return the result of a call that warns so often, of that category, at its caller's line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    mine = [w for w in caught if issubclass(w.category, category)]
    assert len(mine) == count, [str(w.message) for w in caught]
    assert all(w.filename in FILES for w in mine), [w.filename for w in mine]
    assert len(mine) == len(caught), [str(w.message) for w in caught]
    return result


class Noted(LocalFileSystem):  # type: ignore[misc]
    """A file system that notes how it was asked for."""

    protocol = "noted"
    notes: ClassVar[list[str]] = []

    def __init__(self, note: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        Noted.notes.append(note)


fsspec.register_implementation("noted", Noted, clobber=True)
CASES: dict[tuple[str, str], Any] = {}
# Files of tests: where warnings are to point to.
FILES: set[str] = {__file__}


def case(functions: str | tuple[str, ...], *parameters: str) -> Callable[[Any], Any]:
    """Register what shows the effect of parameters of functions."""
    names = (functions,) if isinstance(functions, str) else functions

    def register(check: Any) -> Any:
        FILES.add(check.__code__.co_filename)
        for name in names:
            for parameter in parameters:
                assert (name, parameter) not in CASES, (name, parameter)
                CASES[name, parameter] = check
        return check

    return register
