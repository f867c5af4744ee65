"""Random windows that share chunks, and shuffled batches, by several libraries.

    python -m benchmarks.batches --peers .envs/peers/bin/python
    python -m benchmarks.batches --peers .envs/peers/bin/python --only loader

A thousand windows of 24 x 24 x 24 are read of 256 x 256 x 256 int32 in chunks of 32 x 32 x 32: on
local files, and from a web server whose every answer takes 20 ms longer. TensorStore reads them one
after the other with a cache pool that holds the whole array, and in one batch, with the same pool.
Shuffled batches are those of 64 images of 20,000 in chunks of 16, by two processes; zarr-python
reads groups of 16 chunks and shuffles these with NumPy, or the images of a batch in any order; so
does dask, and xbatcher reads 64 neighbours at a time, in any order. The training is that of
`examples/train.py`, 20 epochs of scikit-learn's digits. Each measurement is a process of its own
that begins with an empty cache; they take turns, and the best counts.

The environment of the others needs dask, xarray, xbatcher, zarr-indexing and TensorStore beside
zarr-python; this one needs dask, and scikit-learn for the training.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.processes import ROOT, environment
from benchmarks.web import serve

DELAY = 0.020

MAKE = """
import sys, numpy as np, zarr
rng = np.random.default_rng(0)
x = np.linspace(0, 50, 256)
field = np.sin(x)[:, None, None] * np.cos(x)[None, :, None] * 1000 + x[None, None, :] * 20
field = field.astype("i4") + rng.integers(0, 30, field.shape, "i4")
zarr.create_array(sys.argv[1] + "/field", data=field, chunks=(32, 32, 32))
images = rng.integers(0, 60, (20_000, 64, 64), "u1")
zarr.create_array(sys.argv[1] + "/images", data=images, chunks=(16, 64, 64))
"""

BEGIN = """
import json, os, sys, time
import numpy as np
place = sys.argv[1]
corners = np.random.default_rng(1).integers(0, 256 - 24, (1000, 3)).tolist()
windows = [tuple(slice(c, c + 24) for c in corner) for corner in corners]
def cpu():
    return sum(os.times()[:4])
def done(start, spent):
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": cpu() - spent}))
"""
ZARR = """
import zarr
array = zarr.open_array(place + "/field", mode="r")
array[0, 0, 0]
start, spent = time.perf_counter(), cpu()
"""
TENSORSTORE = """
import tensorstore as ts
local = not place.startswith("http")
store = {"driver": "file", "path": place + "/field/"} if local else {
    "driver": "http", "base_url": place, "path": "/field/"}
context = ts.Context({"cache_pool": {"total_bytes_limit": 1 << 30}})
spec = {"driver": "zarr3", "kvstore": store}
array = ts.open(spec, open=True, read=True, context=context).result()
array[0, 0, 0].read().result()
start, spent = time.perf_counter(), cpu()
"""
# The least that anybody's batch costs: each chunk is decoded once, and each window is copied.
FLOOR = (
    ZARR
    + """
field = np.empty(array.shape, array.dtype)
field[...] = 0
start, spent = time.perf_counter(), cpu()
array.get_basic_selection(..., out=field)
"""
)
COPIES = ZARR + "field = array[...]\nstart, spent = time.perf_counter(), cpu()\n"
DASK = (
    "import dask, dask.array\n"
    + ZARR
    + "lazy = dask.array.from_array(array, chunks=array.chunks)\n"
    + "found = dask.compute([lazy[w] for w in windows])[0]"
)
WINDOWS = {
    "zarr, read_many": ("ours", ZARR + "found = array.read_many(windows)"),
    "zarr, decoding each chunk once, no window": (
        "ours",
        FLOOR + "found = [field[w] for w in windows]",
    ),
    "NumPy, copying the windows of an array in memory": (
        "ours",
        COPIES + "found = [field[w].copy() for w in windows]",
    ),
    "zarr, one by one": ("ours", ZARR + "found = [array[w] for w in windows]"),
    "TensorStore with a cache, one by one": (
        "peers",
        TENSORSTORE + "found = [array[w].read().result() for w in windows]",
    ),
    "TensorStore with a cache, in one batch": (
        "peers",
        TENSORSTORE
        + "with ts.Batch() as batch:\n    reads = [array[w].read(batch=batch) for w in windows]\n"
        + "found = [read.result() for read in reads]",
    ),
    "zarr-python, one by one": ("peers", ZARR + "found = [array[w] for w in windows]"),
    "zarr-indexing on zarr-python, one by one": (
        "peers",
        "from zarr_indexing import LazyArray\n"
        + ZARR
        + "lazy = LazyArray(array)\nfound = [lazy[w].result() for w in windows]",
    ),
    "dask on zarr-python, in one graph": ("peers", DASK),
    "dask on zarr, in one graph": ("ours", DASK),
}
SUM = """
assert len(found) == 1000 and found[0].shape == (24, 24, 24)
done(start, spent)
"""

WORKERS = """
import multiprocessing
def run():
    start, spent = time.perf_counter(), cpu()
    gate = multiprocessing.get_context("fork").Barrier(3)
    workers = [
        multiprocessing.get_context("fork").Process(target=work, args=(rank, gate))
        for rank in range(2)
    ]
    for worker in workers: worker.start()
    gate.wait()
    start = time.perf_counter()
    for worker in workers: worker.join()
    assert all(worker.exitcode == 0 for worker in workers)
    done(start, spent)
run()
"""
IMAGES = """
import zarr
array = zarr.open_array(place + "/images", mode="r")
"""
LOADERS = {
    "zarr.loader, two workers": (
        "ours",
        IMAGES
        + """
from zarr.loader import BatchLoader
def work(rank, gate):
    loader = BatchLoader(array, batch_size=64, shuffle="blocks", seed=0, shard=(rank, 2))
    gate.wait()
    assert sum(len(batch) for batch in loader) == 10_000
"""
        + WORKERS,
    ),
    "zarr-python, two workers, groups of chunks": (
        "peers",
        IMAGES
        + """
def batches(rank):
    rng = np.random.default_rng(0)
    blocks = rng.permutation(20_000 // 16)[rank::2]
    left = np.empty((0, 64, 64), "u1")
    for first in range(0, len(blocks), 16):
        group = [array[b * 16:(b + 1) * 16] for b in blocks[first:first + 16].tolist()]
        group = np.concatenate([left, *group])
        group = group[rng.permutation(len(group))]
        for at in range(0, len(group) - 63, 64):
            yield group[at:at + 64]
        left = group[len(group) - len(group) % 64:]
    yield left
def work(rank, gate):
    gate.wait()
    assert sum(len(batch) for batch in batches(rank)) > 9_900
"""
        + WORKERS,
    ),
    "dask on zarr-python, two workers, groups of chunks": (
        "peers",
        IMAGES
        + """
import dask, dask.array
def work(rank, gate):
    lazy = dask.array.from_array(array, chunks=array.chunks)
    rng = np.random.default_rng(0)
    blocks = rng.permutation(20_000 // 16)[rank::2]
    gate.wait()
    for first in range(0, len(blocks), 16):
        group = [lazy[b * 16:(b + 1) * 16] for b in blocks[first:first + 16].tolist()]
        group = np.concatenate(dask.compute(group)[0])
        group = group[rng.permutation(len(group))]
"""
        + WORKERS,
    ),
    "xbatcher on zarr-python, two workers, batches of neighbours": (
        "peers",
        IMAGES
        + """
import dask.array, xarray, xbatcher
def work(rank, gate):
    data = xarray.DataArray(dask.array.from_array(array, chunks=array.chunks), dims=["n", "y", "x"])
    batches = xbatcher.BatchGenerator(data, {"n": 64, "y": 64, "x": 64})
    order = np.random.default_rng(0).permutation(len(batches))[rank::2]
    gate.wait()
    for number in order.tolist():
        assert batches[number].values.shape == (64, 64, 64)
"""
        + WORKERS,
    ),
    "zarr.loader, two workers, any order": (
        "ours",
        IMAGES
        + """
from zarr.loader import BatchLoader
def work(rank, gate):
    loader = BatchLoader(array, batch_size=64, shuffle="full", seed=0, shard=(rank, 2))
    gate.wait()
    assert sum(len(batch) for batch in loader) == 10_000
"""
        + WORKERS,
    ),
    "zarr-python, two workers, any order": (
        "peers",
        IMAGES
        + """
def work(rank, gate):
    order = np.random.default_rng(0).permutation(20_000)[rank::2]
    gate.wait()
    for at in range(0, len(order), 64):
        array.oindex[order[at:at + 64]]
"""
        + WORKERS,
    ),
    "zarr.loader, one process, 5 epochs": (
        "ours",
        IMAGES
        + """
from zarr.loader import BatchLoader
loader = BatchLoader(array, batch_size=64, shuffle="blocks", seed=0)
start, spent = time.perf_counter(), cpu()
for _ in range(5):
    for batch in loader: pass
done(start, spent)
""",
    ),
    "zarr, decoding alone, one process, 5 times": (
        "ours",
        IMAGES
        + """
start, spent = time.perf_counter(), cpu()
for _ in range(5):
    for first in range(0, 20_000, 8192): array[first:first + 8192]
done(start, spent)
""",
    ),
}


DIGITS = """
import sys, zarr
from sklearn.datasets import load_digits
digits = load_digits()
group = zarr.create_group(sys.argv[1] + "/digits")
group.create_array("image", data=digits.images.astype("f4") / 16, chunks=(50, 8, 8))
group.create_array("label", data=digits.target.astype("i8"), chunks=(450,))
"""
MODEL = """
import zarr
group = zarr.open_group(place + "/digits", mode="r")
image, label = group["image"], group["label"]
weights, bias = np.zeros((64, 10), "f4"), np.zeros(10, "f4")
def scores(images):
    return images.reshape(len(images), 64) @ weights + bias
def step(images, labels, rate=0.5):
    global weights, bias
    found = scores(images)
    likely = np.exp(found - found.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    likely[np.arange(len(labels)), labels] -= 1
    weights -= rate / len(labels) * images.reshape(len(images), 64).T @ likely
    bias -= rate * likely.mean(axis=0)
start, spent = time.perf_counter(), cpu()
"""
LOADED = """
from zarr.loader import BatchLoader
views = {"image": image.lazy[:1500], "label": label.lazy[:1500]}
loader = BatchLoader(views, batch_size=32, shuffle="%s", seed=0)
for _ in range(20):
    for batch in loader: step(batch["image"], batch["label"])
"""
TRAINED = """
done(start, spent)
assert (scores(image[1500:]).argmax(axis=1) == label[1500:]).mean() > 0.85
"""
TRAINING = {
    "zarr.loader, blocks": ("ours", LOADED % "blocks"),
    "zarr.loader, any order": ("ours", LOADED % "full"),
    "zarr-python, any order": (
        "peers",
        """
rng = np.random.default_rng(0)
for _ in range(20):
    order = rng.permutation(1500)
    for at in range(0, 1500, 32):
        chosen = order[at:at + 32]
        step(image.oindex[chosen], label.oindex[chosen])
""",
    ),
    "the steps alone, from memory": (
        "ours",
        """
images, labels = image[:1500], label[:1500]
rng = np.random.default_rng(0)
for _ in range(20):
    order = rng.permutation(1500)
    for at in range(0, 1500, 32):
        chosen = order[at:at + 32]
        step(images[chosen], labels[chosen])
""",
    ),
}


def measure(python: str, program: str, place: str) -> dict[str, float] | None:
    """Run a program in a process of its own; None if it cannot run there."""
    done = subprocess.run(
        [python, "-c", program, place],
        env=environment() | ({"PYTHONPATH": str(ROOT / "src")} if python == sys.executable else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class SlowProxy:
    """Passes everything on to a server, and answers back after a while."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        async with server:
            await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        loop = asyncio.get_running_loop()

        async def requests() -> None:
            while data := await reader.read(1 << 16):
                loop.call_later(DELAY, forth.write, data)
            forth.write_eof()

        task = asyncio.ensure_future(requests())
        try:
            while data := await back.read(1 << 20):
                writer.write(data)
        finally:
            task.cancel()
            writer.close()
            forth.close()


def table(
    title: str, cases: dict[str, tuple[str, str]], peers: str, place: str, repeat: int
) -> None:
    """Measure some programs in turns, and print the best of each."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(repeat):
        for name, (whose, program) in cases.items():
            python = sys.executable if whose == "ours" else peers
            found = measure(python, program, place)
            if found is not None:
                known = best.get(name, found)
                best[name] = {key: min(found[key], known[key]) for key in found}
    print(f"\n| {title} | ms | ms of CPU |\n|---|---:|---:|")
    for name, found in best.items():
        print(f"| {name} | {found['seconds'] * 1e3:,.0f} | {found['cpu'] * 1e3:,.0f} |")


def main() -> None:
    """Make the arrays, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", required=True, help="the Python of the other libraries")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=["local", "delay", "loader", "training"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        served = Path(directory) / "served"
        served.mkdir()
        subprocess.run([sys.executable, "-c", MAKE, str(served)], env=environment(), check=True)
        windows = {name: (who, BEGIN + code + SUM) for name, (who, code) in WINDOWS.items()}
        loaders = {name: (who, BEGIN + code) for name, (who, code) in LOADERS.items()}
        if options.only in (None, "local"):
            table("1,000 windows, local", windows, options.peers, str(served), options.repeat)
        if options.only in (None, "delay") and (shutil.which("nginx") or Path("/usr/sbin/nginx")):
            process, url = serve(Path(directory))
            try:
                proxy = SlowProxy(int(url.rpartition(":")[2]))
                slow = f"http://127.0.0.1:{proxy.port}"
                title = f"1,000 windows, a server with {DELAY * 1e3:.0f} ms"
                table(title, windows, options.peers, slow, options.repeat)
            finally:
                process.terminate()
                process.wait()
        if options.only in (None, "loader"):
            table("20,000 images", loaders, options.peers, str(served), options.repeat)
        if options.only in (None, "training"):
            subprocess.run(
                [sys.executable, "-c", DIGITS, str(served)], env=environment(), check=True
            )
            training = {
                name: (who, BEGIN + MODEL + code + TRAINED)
                for name, (who, code) in TRAINING.items()
            }
            title = "20 epochs of handwritten digits"
            table(title, training, options.peers, str(served), options.repeat)


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"\n{time.perf_counter() - start:.0f} s", file=sys.stderr)
