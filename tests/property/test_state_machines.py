"""The shipped state machines find no fault in the shipped stores."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from zarr.storage import LocalStore, MemoryStore
from zarr.testing.faults import LatencyStore
from zarr.testing.stateful import (
    SyncStoreWrapper,
    ZarrHierarchyStateMachine,
    ZarrStoreStateMachine,
    split_prefix_name,
    with_frequency,
)

# The data types that format 3 has no specification of are drawn as well.
pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
FEW = settings(
    max_examples=30,
    stateful_step_count=20,
    suppress_health_check=list(HealthCheck),
)


def try_store(machine: type, make: Any, options: settings = FEW) -> None:
    class Machine(machine):  # type: ignore[misc]
        def __init__(self) -> None:
            self.directory = tempfile.TemporaryDirectory()
            super().__init__(make(self.directory.name))

        def teardown(self) -> None:
            self.directory.cleanup()

    run_state_machine_as_test(Machine, settings=options)


STORES = {
    "memory": lambda directory: MemoryStore(),
    "local": LocalStore,
    "waiting": lambda directory: LatencyStore(MemoryStore()),
}


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("machine", [ZarrHierarchyStateMachine, ZarrStoreStateMachine])
def test_a_store_does_what_a_state_machine_expects(machine: type, kind: str) -> None:
    try_store(machine, STORES[kind])


class LosesKeys(MemoryStore):
    """A store with an error: a key with a 'b' in it is lost."""

    async def set(self, key: str, value: Any, byte_range: Any = None) -> None:
        if "b" not in key:
            await super().set(key, value, byte_range)


@pytest.mark.parametrize("machine", [ZarrHierarchyStateMachine, ZarrStoreStateMachine])
def test_a_store_with_an_error_is_found_out(machine: type) -> None:
    with pytest.raises(Exception):  # noqa: B017
        try_store(machine, lambda directory: LosesKeys(), settings(FEW, phases=[Phase.generate]))


def test_a_rule_can_be_limited_to_a_share_of_the_steps() -> None:
    class Machine:
        @with_frequency(0.25)
        def seldom(self) -> None: ...

    machine = Machine()
    (check,) = Machine.seldom.hypothesis_stateful_preconditions  # type: ignore[attr-defined]
    assert sum(check(machine) for _ in range(100)) == 25


def test_small_helpers() -> None:
    assert split_prefix_name("a/b/c") == ("a/b", "c")
    assert split_prefix_name("a") == ("", "a")
    store = SyncStoreWrapper(MemoryStore())
    assert store.supports_deletes
    assert store.supports_listing
    assert store.supports_writes
    assert store.list_dir("") == []
