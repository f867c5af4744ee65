"""The errors are caught as the builtins that fit, and keep their messages."""

from __future__ import annotations

import pickle
import re

import pytest

from zarr import errors


def test_one_argument_is_the_message() -> None:
    error = errors.ContainsArrayError("this is in the way")
    assert str(error) == "this is in the way"
    assert error.args == ("this is in the way",)


def test_several_arguments_fill_the_template_of_the_class() -> None:
    error = errors.ContainsArrayError("memory://1", "a/b")
    assert str(error) == (
        "An array exists in store 'memory://1' at path 'a/b'. "
        "Open it, or replace it: overwrite=True, or mode 'w' of an opening function."
    )
    assert error.args == (str(error),)


@pytest.mark.parametrize(
    "kind", [errors.ArrayNotFoundError, errors.GroupNotFoundError, errors.ContainsGroupError]
)
def test_the_template_names_store_and_path(kind: type[errors.BaseZarrError]) -> None:
    text = str(kind("memory://1", "a/b"))
    assert "'memory://1'" in text
    assert "'a/b'" in text


def test_a_template_with_too_few_values_still_shows_them() -> None:
    assert str(errors.MetadataValidationError("zarr_format", 3)) == "zarr_format, 3"
    assert str(errors.MetadataValidationError("zarr_format", 3, 4)) == (
        "Invalid value for 'zarr_format'. Expected '3'. Got '4'."
    )


def test_an_error_without_arguments_has_no_message() -> None:
    assert str(errors.BaseZarrError()) == ""


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.ArrayIndexError, IndexError),
        (errors.ArrayNotFoundError, FileNotFoundError),
        (errors.ArrayNotFoundError, ValueError),
        (errors.BaseZarrError, ValueError),
        (errors.BoundsCheckError, IndexError),
        (errors.ChunkDecodeError, errors.BaseZarrError),
        (errors.ChunkNotFoundError, errors.BaseZarrError),
        (errors.DataTypeValidationError, ValueError),
        (errors.GroupNotFoundError, errors.NodeNotFoundError),
        (errors.NegativeStepError, IndexError),
        (errors.NodeTypeValidationError, errors.MetadataValidationError),
        (errors.UnstableSpecificationWarning, errors.ZarrFutureWarning),
        (errors.VindexInvalidSelectionError, IndexError),
        (errors.ZarrDeprecationWarning, DeprecationWarning),
        (errors.ZarrFutureWarning, FutureWarning),
        (errors.ZarrRuntimeWarning, RuntimeWarning),
        (errors.ZarrUserWarning, UserWarning),
    ],
)
def test_errors_are_caught_by_the_builtin_that_fits(
    kind: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_survives_pickling(name: str) -> None:
    error = getattr(errors, name)("one message")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert "one message" in str(again)


def test_not_found_errors_do_not_read_two_arguments_as_errno() -> None:
    error = errors.ArrayNotFoundError("store", "path")
    assert error.errno is None
    assert pickle.loads(pickle.dumps(error)).args == error.args


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"[├└]─ (\w+)", errors.__doc__ or ""))
    builtin = {"Exception", "IndexError", "KeyError", "ValueError", "Warning"}
    assert drawn - builtin == set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)
