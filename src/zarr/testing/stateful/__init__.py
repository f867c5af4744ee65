"""State machines that try stores with hypothesis. Needs hypothesis (``zarr[testing]``).

Derive from one with a store that takes no arguments, and give it to pytest::

    class MyStoreStateMachine(ZarrHierarchyStateMachine):
        def __init__(self) -> None:
            super().__init__(MyStore())

    TestMyStore = MyStoreStateMachine.TestCase
"""

from zarr.testing.stateful.hierarchy import ZarrHierarchyStateMachine
from zarr.testing.stateful.stores import (
    MAX_BINARY_SIZE,
    SyncStoreWrapper,
    ZarrStoreStateMachine,
    split_prefix_name,
    with_frequency,
)

__all__ = [
    "MAX_BINARY_SIZE",
    "SyncStoreWrapper",
    "ZarrHierarchyStateMachine",
    "ZarrStoreStateMachine",
    "split_prefix_name",
    "with_frequency",
]
