"""Write down what zarr-python answers about metadata.

Run with an interpreter that has zarr-python, not this package, whenever the questions change::

    python -m venv /tmp/peer && /tmp/peer/bin/pip install zarr==3.4.2 numpy
    /tmp/peer/bin/python tests/interop/make_metadata_answers.py

It writes ``tests/unit/metadata/answers.json``, with which
``tests/unit/metadata/test_metadata_as_zarr_python.py`` compares this package. The questions are in
``tests/unit/metadata/questions.txt``.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

DIRECTORY = Path(__file__).parents[1] / "unit" / "metadata"


def main(target: Path) -> None:
    """Ask, and write the answers to `target`."""
    sys.path.insert(0, str(DIRECTORY))
    from metadata_questions import Questions

    if "native" in version("zarr"):
        raise SystemExit("This interpreter has the package under test, not zarr-python.")
    answers = {"zarr-python": version("zarr"), "answers": Questions().all()}
    target.write_text(json.dumps(answers, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY / "answers.json")
