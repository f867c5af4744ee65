"""The attributes of an array or group, as a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zarr._async.run import run
from zarr.metadata.json import as_attributes, as_stored, copied

if TYPE_CHECKING:
    from zarr.groups import Group
    from zarr.types import JSON, AnyArray, NodeAttributes

    Change = Callable[[NodeAttributes], NodeAttributes]


class Attributes(MutableMapping[str, "JSON"]):
    """The attributes of an array or group. A change is stored at once.

    Changes are made to the stored attributes, under a lock: of what several writers set, nothing
    is lost. `update` stores once, however many attributes it sets.

    Parameters
    ----------
    obj : Array or Group
        The node that has the attributes.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.ones(3)
    >>> array.attrs["unit"] = "m"
    >>> array.attrs.update(name="height", level=2)
    >>> dict(array.attrs)
    {'unit': 'm', 'name': 'height', 'level': 2}
    """

    def __init__(self, obj: AnyArray | Group) -> None:
        self._obj = obj

    def __setattr__(self, name: str, value: object) -> None:
        if not (name.startswith("_") or hasattr(type(self), name)):  # nothing would be stored
            raise AttributeError(f"attributes are items: set attrs[{name!r}]")
        super().__setattr__(name, value)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_") and name in self:
                message += f": attributes are items, as in attrs[{name!r}]"
            raise AttributeError(message)

    def _now(self) -> dict[str, JSON]:
        """The attributes, read again where the handle does not cache them."""
        node = self._obj._async
        if not node.caches_attributes:
            run(node.reload(), waits=node.needs_event_loop)
        attributes: dict[str, JSON] = node.metadata.attributes
        return attributes

    def _change(self, change: Change) -> None:
        node = self._obj._async
        run(node.change_attributes(change), waits=node.needs_event_loop)

    def __getitem__(self, key: str) -> JSON:
        # A copy: what is done to a list or dict is not stored, so the handle must not show it.
        found: JSON = copied(self._now()[key])
        return found

    def __setitem__(self, key: str, value: JSON) -> None:
        self._change(lambda attributes: {**attributes, key: value})

    def __delitem__(self, key: str) -> None:
        def without(attributes: NodeAttributes) -> NodeAttributes:
            del attributes[key]
            return attributes

        self._change(without)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._now()))

    def __len__(self) -> int:
        return len(self._now())

    def update(self, *args: object, **kwargs: JSON) -> None:
        """Set several attributes; the document is stored once.

        Parameters
        ----------
        *args, **kwargs
            As for :meth:`dict.update`.
        """
        new = dict(*args, **kwargs)
        if new:
            self._change(lambda attributes: {**attributes, **new})

    def clear(self) -> None:
        """Remove all attributes."""
        self.put({})

    def put(self, d: Mapping[str, JSON]) -> None:
        """Replace all attributes.

        Parameters
        ----------
        d : dict
            The new attributes.
        """
        new = as_attributes(d)
        # Programs put what is mostly nothing on each array that they make: no request for that.
        if new or self._now() or self._obj.read_only:  # which the change refuses
            self._change(lambda _: dict(new))

    @contextmanager
    def batch(self) -> Iterator[dict[str, JSON]]:
        """Change several attributes, and store them once.

        Yields
        ------
        dict
            The attributes, to be changed at will. When the block is left, what was changed is
            stored, with one request; attributes that others changed in the meantime stay. If the
            block raises an error, nothing is stored.

        Examples
        --------
        >>> import zarr
        >>> array = zarr.ones(3)
        >>> with array.attrs.batch() as attributes:
        ...     attributes["unit"] = "m"
        ...     attributes["levels"] = [1, 2]
        ...     attributes["levels"].append(3)
        >>> array.attrs["levels"]
        [1, 2, 3]
        """
        before = self._now()
        given = copied(before)
        yield given
        after = as_stored(given)
        new = {
            key: value for key, value in after.items() if key not in before or before[key] != value
        }
        gone = before.keys() - after.keys()
        if new or gone:
            self._change(
                lambda stored: {k: v for k, v in {**stored, **new}.items() if k not in gone}
            )

    def asdict(self) -> dict[str, JSON]:
        """Return the attributes as a dict."""
        found: dict[str, JSON] = copied(self._now())
        return found
