"""Batches feed PyTorch, JAX and plain NumPy, each by its own way of loading data."""

from __future__ import annotations

import multiprocessing
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

import zarr
from zarr.loader import BatchLoader

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 200
IMAGES = np.random.default_rng(0).random((COUNT, 6, 5)).astype("f4")


@pytest.fixture
def views(tmp_path: Any) -> dict[str, Any]:
    """Images and labels of samples on local files."""
    group: Any = zarr.create_group(tmp_path)
    return {
        "image": group.create_array("image", data=IMAGES, chunks=(9, 6, 5)),
        "label": group.create_array("label", data=np.arange(COUNT), chunks=30),
    }


class Worker(NamedTuple):
    """The answer of ``torch.utils.data.get_worker_info()`` in a worker."""

    id: int
    num_workers: int


class Samples:
    """A data set of PyTorch, as the page on batches shows it, without PyTorch."""

    def __init__(self, views: dict[str, Any], **options: Any) -> None:
        self.views, self.options = views, options

    def batches(self, worker: Worker | None) -> Iterator[dict[str, Any]]:
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        yield from BatchLoader(self.views, shard=(number, workers), **self.options)


def work(samples: Samples, worker: Worker, answers: Any) -> None:
    """Do what a worker of PyTorch's loader does: send batches, then say that there are no more."""
    for batch in samples.batches(worker):
        answers.put((worker.id, batch))
    answers.put((worker.id, None))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_pytorchs_protocol_give_each_sample_once(
    views: dict[str, Any], method: str
) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("there is no fork here")
    context = multiprocessing.get_context(method)
    answers: Any = context.Queue()
    samples = Samples(views, batch_size=16, shuffle="blocks", seed=1)
    workers: list[Any] = [
        context.Process(target=work, args=(samples, Worker(n, 2), answers), daemon=True)
        for n in range(2)
    ]
    for worker in workers:
        worker.start()
    found: list[int] = []
    left = len(workers)
    while left:
        _, batch = answers.get(timeout=60)
        if batch is None:
            left -= 1
            continue
        np.testing.assert_array_equal(batch["image"], IMAGES[batch["label"]])
        found += batch["label"].tolist()
    for worker in workers:
        worker.join(60)
    assert sorted(found) == list(range(COUNT))


def test_pytorch_shares_the_memory_of_batches_and_loads_them_in_workers(
    views: dict[str, Any],
) -> None:
    torch = pytest.importorskip("torch")

    class Batches(torch.utils.data.IterableDataset):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[Any]:
            worker = torch.utils.data.get_worker_info()
            for batch in Samples(views, batch_size=16, shuffle="blocks", seed=1).batches(worker):
                yield {name: torch.from_numpy(values) for name, values in batch.items()}

    loaded = torch.utils.data.DataLoader(Batches(), batch_size=None, num_workers=2)
    labels = [batch["label"].tolist() for batch in loaded]
    assert sorted(chain.from_iterable(labels)) == list(range(COUNT))
    tensor = torch.zeros((6, 5))
    assert views["image"].get_basic_selection(3, out=tensor) is tensor
    np.testing.assert_array_equal(tensor.numpy(), IMAGES[3])


def train_with_jax(views: dict[str, Any]) -> None:
    """Fit a line through the sums of the images."""
    import jax

    weights = jax.numpy.zeros(30)

    def loss(weights: Any, images: Any, targets: Any) -> Any:
        return ((images.reshape(len(images), 30) @ weights - targets) ** 2).mean()

    step = jax.jit(jax.value_and_grad(loss))
    loader = BatchLoader(views["image"], batch_size=50, shuffle="full", seed=0)
    losses = []
    for _ in range(30):
        for batch in loader:
            images = jax.numpy.from_dlpack(batch)
            value, slope = step(weights, images, images.sum(axis=(1, 2)))
            weights = weights - 0.05 * slope
            losses.append(float(value))
    assert losses[-1] < losses[0] / 100
    # JAX's arrays are never written to.
    with pytest.raises(ValueError, match="read-only"):
        views["image"].get_basic_selection(3, out=jax.numpy.zeros((6, 5)))


def test_jax_trains_on_batches(views: dict[str, Any]) -> None:
    if find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    # In a process of its own: JAX warns of every fork in a process that has imported it.
    process = multiprocessing.get_context("spawn").Process(target=train_with_jax, args=(views,))
    process.start()
    process.join(120)
    assert process.exitcode == 0


def test_plain_numpy_goes_through_batches(views: dict[str, Any]) -> None:
    mean = np.zeros((6, 5))
    for batch in BatchLoader(views["image"], batch_size=32, shuffle="blocks", seed=0):
        mean += batch.sum(axis=0, dtype="f8") / COUNT
    np.testing.assert_allclose(mean, IMAGES.mean(axis=0), rtol=1e-6)
