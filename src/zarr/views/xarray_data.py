"""Views as the data of a variable of xarray; imported when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xarray import Variable
from xarray.backends import BackendArray
from xarray.core.indexing import LazilyIndexedArray, OuterIndexer, VectorizedIndexer

from zarr.views.source import Leaf
from zarr.views.transform import dims_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zarr.types import AnyNDArray
    from zarr.views.sync_view import View


class ViewOfXarray(BackendArray):
    """A view, for the lazy indexing of xarray.

    Parameters
    ----------
    view : View
        The view.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.shape = view.shape
        self.dtype = view.dtype

    def __getitem__(self, key: Any) -> AnyNDArray:
        """Read a selection, of one of the kinds that xarray has."""
        if isinstance(key, VectorizedIndexer):
            return self.view.vindex[key.tuple].result()
        if isinstance(key, OuterIndexer):
            return self.view.oindex[key.tuple].result()
        return self.view[key.tuple].result()


def variable(view: View, dims: Sequence[str] | None) -> Variable:
    """Return a variable whose data are read when they are asked for."""
    names = _names(view) if dims is None else list(dims)
    return Variable(names, LazilyIndexedArray(ViewOfXarray(view)))


def _names(view: View) -> list[str]:
    """The names of the dimensions: those of the array, or ``dim_0``, ``dim_1`` and so on."""
    names = by_number = [f"dim_{number}" for number in range(view.ndim)]
    source, transform, _ = view.expression
    if isinstance(source, Leaf):
        names = names.copy()
        stored = getattr(source.array.metadata, "dimension_names", None) or ()
        for name, one in zip(stored, transform.maps, strict=False):
            dims = dims_of(one)
            if name is not None and len(dims) == 1:
                names[dims[0]] = name
    return names if len(set(names)) == len(names) else by_number
