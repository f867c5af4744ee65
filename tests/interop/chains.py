"""Run with another implementation's Python: reads chains of lazy selections.

``chains.py zarr-indexing|tensorstore COUNT`` prints the shape and the elements of each, as JSON.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

import numpy as np

MOST = 5000


def chain(number: int) -> tuple[tuple[int, ...], tuple[int, ...], list[tuple[str, Any]]]:
    """The shape and chunks of an array, and selections, each of the one before."""
    draw = random.Random(number)
    shape = tuple(draw.randint(1, 7) for _ in range(draw.randint(1, 4)))
    chunks = tuple(draw.randint(1, length) for length in shape)
    found: list[tuple[str, Any]] = []
    model = np.empty(shape, bool)
    for _ in range(draw.randint(1, 4)):
        if model.ndim == 0 or model.size == 0 or model.size > MOST:
            break
        kind = draw.choice(["basic", "basic", "new", "oindex", "vindex", "mask"])
        if kind == "basic":
            items: Any = tuple(_part(draw, length) for length in model.shape)
            model = model[items]
        elif kind == "new":
            items = (*(slice(None),) * draw.randint(0, model.ndim), None)
            model, kind = model[items], "basic"
        elif kind == "oindex":
            items = tuple(
                _list(draw, length, draw.randint(1, 4))
                if draw.random() < 0.5
                else _part(draw, length)
                for length in model.shape
            )
            for axis, item in reversed(list(enumerate(items))):
                model = model[(*(slice(None),) * axis, item)]
        elif kind == "vindex":
            count = draw.randint(1, 4)
            items = tuple(_list(draw, length, count) for length in model.shape)
            model = model[items]
        else:
            items = np.array([draw.random() < 0.5 for _ in range(model.size)]).reshape(model.shape)
            model, kind = model[items], "vindex"
        found.append((kind, items))
    return shape, chunks, found


def _list(draw: random.Random, length: int, count: int) -> list[int]:
    return [draw.randrange(-length, length) for _ in range(count)]


def _part(draw: random.Random, length: int) -> int | slice:
    if draw.random() < 0.3:
        return draw.randrange(-length, length)
    edges = [None, None, *range(-length - 1, length + 2)]
    return slice(draw.choice(edges), draw.choice(edges), draw.choice([None, 1, 2, 3, -1, -2]))


def elements(shape: tuple[int, ...]) -> Any:
    """The elements of the array."""
    return np.arange(1, np.prod(shape) + 1).reshape(shape)


def selected(view: Any, selections: list[tuple[str, Any]]) -> Any:
    """A view after some selections."""
    for kind, items in selections:
        view = view[items] if kind == "basic" else getattr(view, kind)[items]
    return view


def by_tensorstore(
    shape: tuple[int, ...], chunks: tuple[int, ...], selections: list[tuple[str, Any]]
) -> Any:
    """The elements of a chain. Its domains keep their origin, and count from the start."""
    import tensorstore as ts

    view = ts.open(
        {"driver": "zarr3", "kvstore": {"driver": "memory"}},
        create=True,
        dtype=ts.int64,
        shape=shape,
        chunk_layout=ts.ChunkLayout(chunk_shape=chunks),
        context=ts.Context(),
    ).result()
    view.write(elements(shape)).result()
    for kind, items in selections:
        if not isinstance(items, np.ndarray):
            lengths = iter(view.shape)
            items = tuple(None if item is None else _counted(item, next(lengths)) for item in items)
        view = view[items] if kind == "basic" else getattr(view, kind)[items]
        if view.rank:
            view = view[ts.d[:].translate_to[0]]
    return np.asarray(view.read().result())


def _counted(item: Any, length: int) -> Any:
    if isinstance(item, int):
        return item % length
    if isinstance(item, list):
        return [index % length for index in item]
    start, stop, step = item.indices(length)
    count = len(range(start, stop, step))
    if count == 0:
        return slice(0, 0)
    last = start + step * (count - 1)
    return slice(start, last - 1 if step < 0 else last + 1, step)


def main() -> None:
    name, count = sys.argv[1], int(sys.argv[2])
    answers = []
    for number in range(count):
        shape, chunks, selections = chain(number)
        if name == "tensorstore":
            found = by_tensorstore(shape, chunks, selections)
        else:
            from zarr_indexing import LazyArray

            import zarr

            array = zarr.create_array({}, data=elements(shape), chunks=chunks)
            found = np.asarray(selected(LazyArray(array), selections).result())
        answers.append([list(found.shape), found.reshape(-1).tolist()])
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
