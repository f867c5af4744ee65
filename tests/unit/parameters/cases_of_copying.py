"""Parameters of ``copy``, ``copy_all`` and ``copy_store``."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from cases_of_groups import tree_in
from parameter_cases import case

import zarr
from zarr.errors import CopyError

if TYPE_CHECKING:
    from parameter_cases import Caller

NODES = ("copy", "copy_all")


class Copying:
    """A source and an empty destination, and calls from one to the other."""

    def __init__(self, do: Caller) -> None:
        self.do = do
        self.source = tree_in(do, "s")
        self.source.attrs["n"] = 1
        self.source.create_group("g/deep", attributes={"n": 2})
        self.dest = zarr.create_group({}, zarr_format=do.format)

    def __call__(self, **kwargs: Any) -> tuple[int, int, int]:
        if self.do.function == "copy_store":
            return self.do(  # type: ignore[no-any-return]
                "copy_store", self.do.store, self.dest.store, source_path="s", **kwargs
            )
        source: Any = self.source
        dest: Any = self.dest
        if self.do.face == "async":
            source, dest = source._async_group, dest._async_group
        return self.do(self.do.function, source, dest, **kwargs)  # type: ignore[no-any-return]

    @property
    def top(self) -> zarr.Group:
        """Where the children of the source are copied to."""
        place = self.dest["s"] if self.do.function == "copy" else self.dest
        assert isinstance(place, zarr.Group)
        return place


@case(NODES, "source", "dest")
def _(do: Caller) -> None:
    copying = Copying(do)
    assert copying()[0] == (4 if do.function == "copy" else 3)
    assert copying.top["a"][:].tolist() == [1, 1, 1]
    with pytest.raises(TypeError, match="dest must be a group"):
        do(do.function, copying.source, "dest")


@case("copy", "name")
def _(do: Caller) -> None:
    copying = Copying(do)
    copying(name="other")
    assert list(copying.dest) == ["other"]


@case(NODES, "shallow")
def _(do: Caller) -> None:
    copying = Copying(do)
    copying(shallow=True)
    assert "g" in copying.top
    assert "g/deep" not in copying.top


@case(NODES, "without_attrs")
def _(do: Caller) -> None:
    copying = Copying(do)
    copying(without_attrs=True)
    assert copying.top["g/deep"].attrs.asdict() == {}


@case((*NODES, "copy_store"), "log")
def _(do: Caller) -> None:
    lines: list[str] = []
    more = {"if_exists": "replace"} if do.function == "copy_store" else {}
    Copying(do)(log=lines.append, **more)
    assert any("/a" in line for line in lines)
    assert "all done" in lines[-1]
    Copying(do)(log=str(do.tmp_path / "log"), **more)
    assert "all done" in (do.tmp_path / "log").read_text()


@case(NODES, "if_exists")
def _(do: Caller) -> None:
    copying = Copying(do)
    copying()
    copying.source["a"][:] = 5
    with pytest.raises(CopyError):
        copying()
    copying(if_exists="skip")
    assert copying.top["a"][0] == 1
    copying(if_exists="skip_initialized")
    assert copying.top["a"][0] == 1
    copying(if_exists="replace")
    assert copying.top["a"][0] == 5
    with pytest.raises(ValueError, match="if_exists"):
        copying(if_exists="ask")


@case("copy_store", "if_exists")
def _(do: Caller) -> None:
    copying = Copying(do)
    copying(if_exists="replace")
    copying.source["a"][:] = 5
    with pytest.raises(CopyError):
        copying()
    copying(if_exists="skip")
    assert copying.dest["a"][0] == 1
    copying(if_exists="replace")
    assert copying.dest["a"][0] == 5


@case((*NODES, "copy_store"), "dry_run")
def _(do: Caller) -> None:
    copying = Copying(do)
    more = {"if_exists": "replace"} if do.function == "copy_store" else {}
    assert copying(dry_run=True, **more)[0] > 0
    assert list(copying.dest) == []


@case((*NODES, "copy_store"), "progress")
def _(do: Caller) -> None:
    seen: list[tuple[int, int]] = []
    more = {"if_exists": "replace"} if do.function == "copy_store" else {}
    Copying(do)(progress=lambda done, total: seen.append((done, total)), **more)
    assert seen


@case(NODES, "executor")
def _(do: Caller) -> None:
    class Counting(ThreadPoolExecutor):
        count = 0

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            Counting.count += 1
            return super().submit(*args, **kwargs)

    copying = Copying(do)
    with Counting(1) as pool:
        copying(executor=pool)
    assert Counting.count > 0
    assert copying.top["a"][:].tolist() == [1, 1, 1]


@case(NODES, "**create_kws")
def _(do: Caller) -> None:
    copying = Copying(do)
    copying(chunks=(2,))
    assert copying.top["a"].chunks == (2,)
    np.testing.assert_array_equal(copying.top["a"][:], [1, 1, 1])


@case("copy_store", "source", "dest", "source_path", "dest_path")
def _(do: Caller) -> None:
    Copying(do)
    dest: dict[str, Any] = {}
    do("copy_store", do.store, dest, source_path="s", dest_path="x/y")
    assert set(dest) == {"x/y" + key[1:] for key in do.keys if key.startswith("s/")}


@case("copy_store", "excludes", "includes", "flags")
def _(do: Caller) -> None:
    Copying(do)
    dest: dict[str, Any] = {}
    do("copy_store", do.store, dest, excludes="^S/", flags=re.IGNORECASE)
    assert not any(key.startswith("s/") for key in dest)
    dest = {}
    do("copy_store", do.store, dest, excludes="^s/", includes=["^s/a"])
    assert {key.split("/")[1] for key in dest if key.startswith("s/")} == {"a"}
