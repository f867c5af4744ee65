"""A hierarchy equals a dict of paths after any operations, through both faces."""

from __future__ import annotations

import asyncio
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import zarr
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.metadata.group import GroupMetadata
from zarr.storage import LocalStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

NAMES = st.sampled_from(["a", "b", "ab", "a b", "é", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ATTRIBUTES = st.dictionaries(
    st.sampled_from("xyz"), st.integers() | st.text(max_size=3), max_size=2
)

Node = tuple[str, Any, dict[str, Any]]  # kind, data of an array, attributes


class Hierarchy(RuleBasedStateMachine):
    """A group in a store, and what should be below it: a dict of paths."""

    store: Any
    model: dict[str, Node]

    @initialize(
        zarr_format=st.sampled_from([2, 3]),
        kind=st.sampled_from(["memory", "local"]),
        base=st.sampled_from(["", "base/group"]),
        asynchronous=st.booleans(),
    )
    def begin(self, zarr_format: Any, kind: str, base: str, asynchronous: bool) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.store = MemoryStore() if kind == "memory" else LocalStore(self.directory.name)
        self.root = zarr.create_group(self.store, path=base, zarr_format=zarr_format)
        self.asynchronous = asynchronous
        self.model = {}

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.directory.cleanup()

    def do(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of either face."""
        if not self.asynchronous:
            synchronous = {"delitem": "__delitem__", "setitem": "__setitem__"}
            return getattr(self.root, synchronous.get(method, method))(*args, **kwargs)
        call: Callable[..., Coroutine[Any, Any, Any]] = getattr(self.root._async_group, method)
        return asyncio.run(call(*args, **kwargs))

    def kind(self, path: str) -> str | None:
        return self.model[path][0] if path in self.model else None

    def above(self, path: str) -> list[str]:
        parts = path.split("/")
        return ["/".join(parts[:depth]) for depth in range(1, len(parts))]

    def below(self, path: str) -> list[str]:
        return [each for each in self.model if each == path or each.startswith(f"{path}/")]

    def expected_error(self, path: str, overwrite: bool) -> type[Exception] | None:
        if any(self.kind(each) == "array" for each in self.above(path)):
            return ValueError
        if overwrite or path not in self.model:
            return None
        return ContainsArrayError if self.kind(path) == "array" else ContainsGroupError

    def put(self, path: str, node: Node) -> None:
        for each in self.above(path):
            self.model.setdefault(each, ("group", None, {}))
        for each in self.below(path):
            del self.model[each]
        self.model[path] = node

    def attempt(self, error: type[Exception] | None, *args: Any, **kwargs: Any) -> bool:
        """Whether something could be done; what cannot be must raise the error that it should."""
        if error is None:
            self.do(*args, **kwargs)
            return True
        try:
            self.do(*args, **kwargs)
        except error:
            return False
        raise AssertionError(f"{args} raised no {error}")

    @rule(path=PATHS, attributes=ATTRIBUTES, overwrite=st.booleans())
    def create_group(self, path: str, attributes: Any, overwrite: bool) -> None:
        error = self.expected_error(path, overwrite)
        options = {"attributes": attributes, "overwrite": overwrite}
        if self.attempt(error, "create_group", path, **options):
            self.put(path, ("group", None, attributes))

    @rule(path=PATHS, attributes=ATTRIBUTES, overwrite=st.booleans(), size=st.integers(0, 5))
    def create_array(self, path: str, attributes: Any, overwrite: bool, size: int) -> None:
        error = self.expected_error(path, overwrite)
        data = np.arange(1, size + 1, dtype="u1")
        options = {"attributes": attributes, "overwrite": overwrite, "data": data, "chunks": 2}
        if self.attempt(error, "create_array", path, **options):
            self.put(path, ("array", data.tolist(), attributes))

    @rule(path=PATHS, size=st.integers(1, 5))
    def set_item(self, path: str, size: int) -> None:
        data = np.arange(size, dtype="i2")
        if self.attempt(self.expected_error(path, True), "setitem", path, data):
            self.put(path, ("array", data.tolist(), {}))

    @rule(path=PATHS)
    def require_group(self, path: str) -> None:
        error = self.expected_error(path, True)
        error = TypeError if error is None and self.kind(path) == "array" else error
        if self.attempt(error, "require_group", path) and path not in self.model:
            self.put(path, ("group", None, {}))

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        self.do("delitem", path)
        for each in self.below(path):
            del self.model[each]

    @rule(source=PATHS, dest=PATHS)
    def move(self, source: str, dest: str) -> None:
        error: type[Exception] | None = self.expected_error(dest, False)
        if dest == source or dest.startswith(f"{source}/"):
            error = ValueError
        elif source not in self.model:
            error = KeyError
        if self.attempt(error, "move", source, dest):
            moved = {dest + each[len(source) :]: self.model[each] for each in self.below(source)}
            for each in self.below(source):
                del self.model[each]
            for path, node in moved.items():
                self.put(path, node)

    @rule(paths=st.lists(PATHS, max_size=3, unique=True), attributes=ATTRIBUTES)
    def create_hierarchy(self, paths: list[str], attributes: Any) -> None:
        nodes = {path: GroupMetadata(attributes, self.root.metadata.zarr_format) for path in paths}
        refused = any(self.expected_error(path, False) for path in paths)
        before = dict(self.model)
        try:
            made = dict(self.root.create_hierarchy(nodes))
        except ValueError:
            assert refused
            assert self.model == before
            return
        assert not refused
        for path in sorted(paths, key=len):
            self.put_if_missing(path, attributes)
        assert set(made) == set(self.model) - set(before)

    @rule(paths=st.lists(PATHS, max_size=3, unique=True), attributes=ATTRIBUTES)
    def replace_hierarchy(self, paths: list[str], attributes: Any) -> None:
        """Nodes are replaced with all that is below them; an array above one never is."""
        zarr_format = self.root.metadata.zarr_format
        nodes = {path: GroupMetadata(attributes, zarr_format) for path in paths}
        refused = any(
            self.kind(each) == "array" and not {each, *self.above(each)} & set(paths)
            for path in paths
            for each in self.above(path)
        )
        before = dict(self.model)
        try:
            made = dict(self.root.create_hierarchy(nodes, overwrite=True))
        except ValueError:
            assert refused
            assert self.model == before
            return
        assert not refused
        for path in paths:
            for each in self.below(path):
                del self.model[each]
        for path in sorted(paths, key=len):
            self.put_if_missing(path, attributes)
        assert set(paths) <= set(made)

    def put_if_missing(self, path: str, attributes: dict[str, Any]) -> None:
        for each in self.above(path):
            self.model.setdefault(each, ("group", None, {}))
        self.model[path] = ("group", None, attributes)

    @rule(data=st.data(), attributes=ATTRIBUTES)
    @precondition(lambda self: self.model)
    def update_attributes(self, data: Any, attributes: Any) -> None:
        path = data.draw(st.sampled_from(sorted(self.model)))
        self.root[path].update_attributes(attributes)
        kind, value, old = self.model[path]
        self.model[path] = (kind, value, {**old, **attributes})

    @rule(data=st.data(), new=ATTRIBUTES, fails=st.booleans())
    @precondition(lambda self: self.model)
    def change_attributes_together(self, data: Any, new: Any, fails: bool) -> None:
        path = data.draw(st.sampled_from(sorted(self.model)))
        kind, value, old = self.model[path]
        gone = data.draw(st.sets(st.sampled_from(sorted(old)))) if old else set()
        attrs = self.root[path].attrs
        try:
            with attrs.batch() as attributes:
                attributes.update(new)
                for key in gone:
                    attributes.pop(key)
                if fails:
                    raise InterruptedError
        except InterruptedError:
            return
        changed = {key: item for key, item in {**old, **new}.items() if key not in gone}
        assert dict(attrs) == changed
        self.model[path] = (kind, value, changed)

    @rule(data=st.data(), dest=PATHS)
    @precondition(lambda self: self.model)
    def change_through_consolidated_metadata(self, data: Any, dest: str) -> None:
        """A deletion or move through them takes effect in the store and in them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = zarr.consolidate_metadata(self.root.store_path)
        source = data.draw(st.sampled_from(sorted(self.model)))
        error = self.expected_error(dest, False)
        if error is not None or dest == source or dest.startswith(f"{source}/"):
            del opened[source]
            for each in self.below(source):
                del self.model[each]
        else:
            opened.move(source, dest)
            moved = {dest + each[len(source) :]: self.model[each] for each in self.below(source)}
            for each in self.below(source):
                del self.model[each]
            for path, node in moved.items():
                self.put(path, node)
        self.compare(dict(opened.members(None)))
        self.compare(dict(zarr.open_consolidated(self.root.store_path).members(None)))

    @rule()
    def look_through_the_other_face(self) -> None:
        async def members() -> dict[str, Any]:
            group = self.root._async_group
            return {path: node async for path, node in group.members(None)}

        found = asyncio.run(members())
        assert found.keys() == self.model.keys()
        for path, (kind, _, attributes) in self.model.items():
            assert isinstance(found[path], zarr.AsyncArray) is (kind == "array")
            assert dict(found[path].attrs) == attributes

    @invariant()
    def all_nodes_are_found(self) -> None:
        if not hasattr(self, "root"):
            return
        self.compare(dict(self.root.members(None)))
        top = {path for path in self.model if "/" not in path}
        assert set(self.root) == top
        assert len(self.root) == len(top)
        for path in ("a", "a/b", "c"):
            assert (path in self.root) is (path in self.model)

    def compare(self, found: dict[str, Any]) -> None:
        assert found.keys() == self.model.keys()
        for path, (kind, value, attributes) in self.model.items():
            node = found[path]
            assert dict(node.attrs) == attributes
            assert isinstance(node, zarr.Array) is (kind == "array")
            if kind == "array":
                assert node[:].tolist() == value

    @rule()
    def consolidate(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(self.root.store_path)
        opened = zarr.open_consolidated(self.root.store_path)
        self.compare(dict(opened.members(None)))
        # Documents of format 3 hold them from now on: this handle does not look at them.
        assert self.root.metadata.consolidated_metadata is None


Hierarchy.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestHierarchy = Hierarchy.TestCase
