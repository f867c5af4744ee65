"""Many small reads at once from asyncio, beside other work of the event loop."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from zarr.api import asynchronous


async def main() -> None:
    """Write an array in memory, then read a thousand pieces of it together."""
    data = np.random.default_rng(0).normal(size=(1000, 1000)).astype("f4")
    array = await asynchronous.create_array({}, data=data, chunks=(100, 100))
    places = np.random.default_rng(1).integers(0, 990, (1000, 2)).tolist()

    async def piece(row: int, column: int) -> float:
        """The mean of a small window."""
        window = await array.getitem((slice(row, row + 10), slice(column, column + 10)))
        return float(np.mean(np.asarray(window)))

    begin = time.perf_counter()
    means = await asyncio.gather(*(piece(row, column) for row, column in places))
    took = time.perf_counter() - begin
    expected = [data[r : r + 10, c : c + 10].mean() for r, c in places]
    assert np.allclose(means, expected, atol=1e-5)
    print(f"{len(means)} windows in {took * 1e3:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())
