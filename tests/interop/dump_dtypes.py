"""Write down what zarr-python answers about data types.

Run with an interpreter that has zarr-python, not this package, whenever the questions change::

    python -m venv /tmp/peer && /tmp/peer/bin/pip install zarr==3.4.2 numpy
    /tmp/peer/bin/python tests/interop/dump_dtypes.py

It writes ``tests/unit/dtype/expected.json``, with which ``tests/unit/dtype/test_as_zarr_python.py``
compares this package. The questions are in ``tests/unit/dtype/dtype_answers.py``.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

DIRECTORY = Path(__file__).parents[1] / "unit" / "dtype"


def main(target: Path) -> None:
    """Ask, and write the answers to `target`."""
    sys.path.insert(0, str(DIRECTORY))
    from dtype_answers import Questions, packed

    if "native" in version("zarr"):
        raise SystemExit("This interpreter has the package under test, not zarr-python.")
    answers = {"zarr-python": version("zarr"), **packed(Questions().all())}
    target.write_text(json.dumps(answers, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY / "expected.json")
