"""Every parameter of every function has an effect, or is refused, in both faces and formats.

A parameter without a case in the table fails the test: nothing is accepted and ignored.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import cases_of_copying
import cases_of_creation
import cases_of_groups
import cases_of_views
import pytest
from parameter_cases import CASES, Caller

from zarr.api import asynchronous

if TYPE_CHECKING:
    from pathlib import Path

TABLES = (
    cases_of_copying,
    cases_of_creation,
    cases_of_groups,
    cases_of_views,
)  # which fill the table
_STARS = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
CREATE = list(inspect.signature(asynchronous.create).parameters)


def parameters(name: str) -> list[str]:
    """The parameters of a function; those that it passes on to ``create`` as well."""
    own = inspect.signature(getattr(asynchronous, name)).parameters.values()
    names = [_STARS.get(parameter.kind, "") + parameter.name for parameter in own]
    if "**kwargs" in names and name in cases_of_creation.PASS_ON:
        names += [n for n in CREATE if n not in (*names, *TAKEN.get(name, ()))]
    return names


# Parameters of `create` that a function chooses itself, and so does not pass on.
TAKEN = {
    "zeros": ("fill_value",),
    "ones": ("fill_value",),
    "zeros_like": ("fill_value",),
    "ones_like": ("fill_value",),
    "array": ("shape", "data"),
    "save_array": ("shape", "data"),
}
WANTED = [(name, parameter) for name in asynchronous.__all__ for parameter in parameters(name)]


def test_every_parameter_has_a_case() -> None:
    assert sorted(set(WANTED) - set(CASES)) == []
    assert sorted(set(CASES) - set(WANTED)) == []
    assert len(WANTED) > 500


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize(("function", "parameter"), sorted(CASES))
def test_a_parameter_has_an_effect(
    function: str, parameter: str, face: str, zarr_format: Any, tmp_path: Path
) -> None:
    CASES[function, parameter](Caller(face, zarr_format, tmp_path, function))
