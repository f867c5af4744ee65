"""Opening and making do what they do in zarr-python, in every mode and whatever is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))

if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)

NOTHING_DONE = r" \| lost \[\] \| made \[\]"
REFUSED = r"!\w+(,\w+)*" + NOTHING_DONE


class Difference(NamedTuple):
    """The answers that differ, and why."""

    reason: str
    question: str
    theirs: str
    ours: str

    def explains(self, *found: str) -> bool:
        """Whether a question and its answers differ for this reason."""
        pairs = zip(self[1:], found, strict=True)
        return all(re.fullmatch(pattern, text) for pattern, text in pairs)


DIFFERENCES = [
    Difference(
        "a document that is not JSON is an error that names it, and stays",
        ".* on not json",
        r"!JSONDecodeError.*|.* \| lost \['x/zarr.json'\].*",
        "!(MetadataValidation|ContainsArrayAndGroup)Error.*" + NOTHING_DONE,
    ),
    Difference(
        "a node of a type that is not known stays",
        ".* on no node",
        r"!(GroupNotFound|TypeError|ValueError|NotImpl).*|.* \| lost \['x/zarr.json'\].*",
        "!NodeTypeValidationError.*" + NOTHING_DONE,
    ),
    Difference(
        "no group is made where consolidated metadata are asked for",
        "open_consolidated (None|a) .*",
        r"group[23] \{\}.*|!ContainsArrayError.*|!ValueError.*",
        "!GroupNotFoundError.*" + NOTHING_DONE,
    ),
    Difference(
        "no group is an array",
        "open with shape .* on (group|consolidated).*",
        r"!TypeError.*|!ArrayNotFoundError.*|array3 .*",
        "!ContainsGroupError.*" + NOTHING_DONE,
    ),
    Difference(
        "no node is made beside one of format 2, or below, unless its format is given",
        ".* on (array2|group2|consolidated2|above2)",
        r".* \| made \[.*zarr.json.*\]",
        rf"!Contains(Array|Group)Error.*{NOTHING_DONE}|(array|group)2 .*",
    ),
    Difference(
        "damaged chunks are named",
        ".* on chunks",
        r"!RuntimeError \| (.*)",
        r"!ChunkDecodeError,BaseZarrError,ValueError \| (.*)",
    ),
    Difference(
        "groups can be loaded",
        "load .*",
        r"!(NotImplementedError|ValueError).*",
        rf"other.*|{REFUSED}",
    ),
    Difference(
        "what must be new is made",
        "open w- .* on (nothing|above.)",
        "!TypeError.*",
        rf"group[23] \{{\}} \| lost \[\].*|{REFUSED}",
    ),
]


def _answers(python: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    done = subprocess.run(
        [python, str(HERE / "modes.py")], env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _agree(theirs: str, ours: str) -> bool:
    """Whether both did the same, and what theirs raises would be caught here, too."""
    if theirs == ours:
        return True
    their_result, _, their_store = theirs.partition(" | ")
    our_result, _, our_store = ours.partition(" | ")
    raised = their_result.startswith("!") and our_result.startswith("!")
    caught = their_result[1:].split(",")[0] in our_result[1:].split(",")
    return raised and caught and their_store == our_store


@pytest.fixture(scope="module")
def answers() -> dict[str, tuple[str, str]]:
    """Theirs and ours, by question."""
    theirs, ours = _answers(PYTHON), _answers(sys.executable)
    assert theirs.keys() == ours.keys()
    return {question: (theirs[question], ours[question]) for question in ours}


def test_every_difference_has_a_reason(answers: dict[str, tuple[str, str]]) -> None:
    differing = {key: pair for key, pair in answers.items() if not _agree(*pair)}
    unexplained = {
        key: pair
        for key, pair in differing.items()
        if not any(why.explains(key, *pair) for why in DIFFERENCES)
    }
    assert unexplained == {}
    for why in DIFFERENCES:
        assert any(why.explains(key, *pair) for key, pair in differing.items()), why.reason


def test_nothing_is_lost_by_opening(answers: dict[str, tuple[str, str]]) -> None:
    for question, (_, ours) in answers.items():
        replaces = re.search("^open.* w |overwrite|save_|^consolidate_metadata", question)
        assert replaces or "| lost [] |" in ours, question
        if re.search("^open.* (r|r[+]) |^load", question):
            assert "| made []" in ours, question
