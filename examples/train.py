"""Training on shuffled batches: handwritten digits, and a classifier in plain NumPy.

python examples/train.py             needs scikit-learn, which brings the digits
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

import zarr
from zarr.loader import BatchLoader

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

TRAINED = 1500  # of 1,797 digits; the rest is for the test


def write_digits(directory: str) -> None:
    """Store images of 8 x 8 and their labels."""
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    group = zarr.create_group(directory)
    group.create_array("image", data=digits.images.astype("f4") / 16, chunks=(50, 8, 8))
    group.create_array("label", data=digits.target.astype("i8"), chunks=(450,))


class Classifier:
    """Softmax regression, trained by gradient descent."""

    def __init__(self) -> None:
        self.weights = np.zeros((64, 10), "f4")
        self.bias = np.zeros(10, "f4")

    def scores(self, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return images.reshape(len(images), 64) @ self.weights + self.bias

    def step(self, images: npt.NDArray[Any], labels: npt.NDArray[Any], rate: float = 0.5) -> None:
        scores = self.scores(images)
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        likely[np.arange(len(labels)), labels] -= 1
        self.weights -= rate / len(labels) * images.reshape(len(images), 64).T @ likely
        self.bias -= rate * likely.mean(axis=0)


def train(batches: Iterable[dict[str, Any]], model: Classifier) -> None:
    """Go through the batches of one epoch."""
    for batch in batches:
        model.step(batch["image"], batch["label"])


def accuracy(model: Classifier, images: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    """The part of the images whose digit is recognised."""
    return float((model.scores(images).argmax(axis=1) == labels).mean())


def main() -> None:
    """Write the digits, train for some epochs, and test."""
    with tempfile.TemporaryDirectory() as directory:
        write_digits(directory)
        group: Any = zarr.open_group(directory, mode="r")
        views = {name: group[name].lazy[:TRAINED] for name in ("image", "label")}
        loader = BatchLoader(views, batch_size=32, shuffle="blocks", seed=0)
        model = Classifier()
        for _ in range(20):
            train(loader, model)
        found = accuracy(model, group["image"][TRAINED:], group["label"][TRAINED:])
        print(f"{found:.0%} of the digits that were kept back are recognised")
        assert found > 0.85


if __name__ == "__main__":
    main()
