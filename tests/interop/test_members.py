"""Members of groups do what they do in zarr-python: results, errors, documents byte for byte."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))

if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)

DIFFERENCES = {
    "numbers of NumPy are numbers": r".*np\.int64\(3\).*",
}


def _answers(python: str) -> dict[str, Any]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    done = subprocess.run(
        [python, str(HERE / "members.py")], env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _without_choices(value: Any) -> Any:
    """Documents without what may be chosen: how a new array of format 2 is compressed, and what
    zarr-python puts into the documents of groups in ``.zmetadata``, where it has no meaning."""
    if isinstance(value, list):
        return [_without_choices(item) for item in value]
    if not isinstance(value, dict):
        return value
    of_format_2 = value.get("zarr_format") == 2
    dropped = {"compressor", "consolidated_metadata"} if of_format_2 else set()
    return {k: _without_choices(v) for k, v in value.items() if k not in dropped}


def _comparable(answer: Any) -> Any:
    documents = {
        key: _without_choices(json.loads(text)) if "{" in text else "a chunk"
        for key, text in answer["changed"].items()
    }
    return [_without_choices(answer["result"]), documents, answer["gone"]]


def _agree(theirs: Any, ours: Any) -> bool:
    """Whether both did the same, and what theirs raises would be caught here, too."""
    their_result, *their_store = _comparable(theirs)
    our_result, *our_store = _comparable(ours)
    if their_store != our_store:
        return False
    if their_result == our_result:
        return True
    raised = isinstance(their_result, list) and isinstance(our_result, list)
    if not raised or their_result[:1] != ["!"] or our_result[:1] != ["!"]:
        return False
    return their_result[1] in our_result


def test_each_answer_is_that_of_zarr_python() -> None:
    theirs, ours = _answers(PYTHON), _answers(sys.executable)
    assert theirs.keys() == ours.keys()
    assert len(ours) > 300
    differing = {key for key in ours if not _agree(theirs[key], ours[key])}
    explained = {
        key for key in differing if any(re.fullmatch(why, key) for why in DIFFERENCES.values())
    }
    assert {key: (theirs[key], ours[key]) for key in differing - explained} == {}
    assert explained


def test_documents_are_those_of_zarr_python_byte_for_byte() -> None:
    theirs, ours = _answers(PYTHON), _answers(sys.executable)
    compared = 0
    for question, answer in ours.items():
        if question.endswith("3") and answer["changed"] and "np.int64(3)" not in question:
            assert answer["changed"] == theirs[question]["changed"], question
            compared += 1
    assert compared > 60
