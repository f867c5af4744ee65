"""Data types answer as those of zarr-python do, except where there is a reason not to."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import pytest
from dtype_answers import DIRECTORY, Questions, unpacked

# Errors that are caught by the same clauses.
_VALUE_ERRORS = ("ValueError", "Error", "UnicodeEncodeError")
_DTYPE_ERRORS = ("DataTypeValidationError", "_NestedDataTypeValidationError", "InvalidPartError")


class Difference(NamedTuple):
    """The answers that differ, and why."""

    reason: str
    subject: str
    kind: str = ".*"
    question: str = ".*"
    theirs: str = ".*"
    ours: str = ".*"

    def explains(self, subject: str, kind: str, question: str, theirs: str, ours: str) -> bool:
        """Whether these answers differ for this reason."""
        pairs = zip(self[1:], (subject, kind, question, theirs, ours), strict=True)
        return all(re.fullmatch(pattern, text, re.DOTALL) for pattern, text in pairs)


_TIMES = r"(DateTime64|TimeDelta64)\(.*"
_RECORDS = r"Struct(ured)?\(.*"
_BYTES = r"(NullTerminatedBytes|RawBytes|VariableLengthBytes)\(.*"
_REFUSED = r"!(TypeError|ValueError|OverflowError)"

DIFFERENCES = [
    Difference(
        "an array of several elements is no scalar",
        r"(Bool|U?Int|Float|Complex).*",
        "cast_scalar|to_json_scalar .",
        r"(bytearray|\[|\(|np\.array).*",
        "ndarray .*|!ValueError",
        "!TypeError",
    ),
    Difference(
        "numbers of NumPy that do not fit are refused, as those of Python are",
        r"U?Int.*",
        "cast_scalar|to_json_scalar .",
        r"np\..*",
        r"u?int.*|-?\d+",
        "!(OverflowError|ValueError)",
    ),
    Difference(
        "what is no boolean is not read as one",
        r"Bool\(\)",
        "from_json_scalar .",
        ours="!TypeError",
    ),
    Difference(
        "the bits of a NaN are kept",
        r"(Float|Complex)(16|32|64|128)\(.*",
        "to_json_scalar 3",
        theirs=r'.*"NaN".*',
        ours=r'.*"0x.*',
    ),
    Difference(
        "the bits of a NaN are kept",
        r"Float.*",
        "from_json_scalar 3",
        r"'0x7.*",
        r"float.*",
        r"float.*",
    ),
    Difference(
        "the scalar is made first, with its unit, of all that cast_scalar takes",
        _TIMES,
        "to_json_scalar .",
    ),
    Difference(
        "integers of NumPy count units too",
        _TIMES,
        "cast_scalar",
        r"np\.u?int.*",
        "!TypeError",
        "(datetime64|timedelta64) .*",
    ),
    Difference(
        "a date is a point in time",
        r"DateTime64\(unit.*",
        "cast_scalar",
        r"datetime\.date\(.*",
        "!TypeError",
        "datetime64 .*",
    ),
    Difference(
        "a wrong type in the configuration is an invalid document",
        "DateTime64|registry",
        "(from|match)_json 3",
        r".*'scale_factor': '1'.*",
        "!TypeError",
        "!(DataTypeValidationError|ValueError)",
    ),
    Difference(
        "strings have a whole number of characters, sizes are no booleans",
        "FixedLengthUTF32|RawBytes|registry",
        "(from|match)_json 3",
        r".*'length_bytes': (13|True).*",
        r"(FixedLengthUTF32|RawBytes) .*",
        "!(DataTypeValidationError|ValueError)",
    ),
    Difference(
        "what is longer or shorter than an element is cut or filled up with zeros",
        r"(NullTerminatedBytes|RawBytes)\(.*",
        "from_json_scalar .",
        theirs="(bytes_|void) .*",
        ours=r"(bytes_ \|S3|void \|V4) .*",
    ),
    Difference(
        "characters that are not of base64 are refused",
        _BYTES,
        "from_json_scalar .",
        r"'.*[^A-Za-z0-9+/=].*'",
        "(bytes|bytes_|void) .*",
        "!Error",
    ),
    Difference(
        "the form of the core specification is read: one number a byte",
        r"RawBytes\(.*",
        "from_json_scalar 3",
        r"[\[(].*",
        "!TypeError",
        r"void \|V4 .*",
    ),
    Difference(
        "the names of the core specification are read",
        "RawBytes|registry|parse_dtype",
        question="'r(8|16)'",
        ours=r"RawBytes .*",
    ),
    Difference(
        "bytearrays and raw elements are bytes",
        r"(RawBytes|VariableLengthBytes)\(.*",
        "cast_scalar|to_json_scalar .",
        r"(bytearray|np\.(void|array)).*",
        "!TypeError",
        r'(void|bytes) .*|".*"',
    ),
    Difference(
        "strings are no raw elements",
        r"RawBytes\(.*",
        "cast_scalar|to_json_scalar .",
        r"np\.str_.*",
        ours="!TypeError",
    ),
    Difference(
        "a number is not as many zeros",
        r"VariableLengthBytes\(.*",
        "cast_scalar",
        r"-?\d.*|True|False",
        ours="!TypeError",
    ),
    Difference(
        "0 is what older versions wrote for objects",
        r"VariableLengthBytes\(.*",
        "(to|from)_json_scalar .",
        "0",
        "!TypeError",
    ),
    Difference(
        "the scalar is made first, of all that cast_scalar takes",
        r"VariableLengthBytes\(.*",
        "to_json_scalar .",
    ),
    Difference(
        "an array in NumPy's sense is no raw bytes",
        "RawBytes|registry",
        "from_native_dtype|match_dtype",
        r"\('i4', \(2,\)\)",
        "RawBytes .*",
        "!(DataTypeValidationError|ValueError)",
    ),
    Difference(
        "records may have fields that are small arrays",
        "Struct|Structured|registry|parse_dtype",
        question=r".*(\(2,\)|\(2, 3\)|, 2|\[2\]).*",
        theirs="!.*",
        ours=r".*SubArray.*",
    ),
    Difference(
        "no two fields have one name",
        "Struct|Structured|registry",
        "(from|match)_json 2",
        r".*\['a', '<i4'\], \['a', '<i4'\].*",
        "Struct.*",
        "!ValueError",
    ),
    Difference(
        "fields that are not as specified are invalid documents",
        "Struct|registry",
        "(from|match)_json 3",
        r".*'fields': .*",
        "!(KeyError|ValueError)|Struct .*",
        "!(InvalidPartError|DataTypeValidationError)",
    ),
    Difference(
        "bytes of the wrong number are an invalid value",
        _RECORDS,
        "(cast|to_json|from_json)_scalar.*",
        "b?''",
        "!IndexError",
        "!ValueError",
    ),
    Difference(
        "fields that there are not have no value",
        _RECORDS,
        "from_json_scalar .",
        r"\{.*",
        "void .*",
        "!ValueError",
    ),
    Difference(
        "the older form may have a value for each field, as its specification says",
        r"Structured\(.*",
        "from_json_scalar .",
        r"\{.*",
        "!TypeError",
        "void .*|!(ValueError|OverflowError)",
    ),
    Difference(
        "0 is what older versions wrote for records",
        _RECORDS,
        "from_json_scalar 2",
        "0",
        "!TypeError",
        "void .*",
    ),
    Difference(
        "every object codec of numcodecs is known",
        "registry",
        "match_json 2",
        r"V2\('\|O', '.*'\)",
        "!ValueError",
        "PythonObject .*",
    ),
    Difference(
        "a name alone may be written as an object",
        "registry|parse_dtype",
        "match_json 3|3",
        r"\{'name': '\w+'\}",
        "!ValueError",
    ),
    Difference(
        "lists in lists are fields too",
        "parse_dtype",
        question=r"\[\['a', '<i4'\], \['b', \[\[.*",
        theirs="!TypeError",
        ours="Struct .*",
    ),
    Difference(
        "a name that is no other's needs no format",
        "parse_dtype",
        "2",
        "'variable_length_bytes'",
        "!TypeError",
        "VariableLengthBytes .*",
    ),
]


def _agree(theirs: str, ours: str) -> bool:
    if theirs == ours:
        return True
    for family in (_VALUE_ERRORS, _DTYPE_ERRORS, ("ValueError", *_DTYPE_ERRORS)):
        if theirs[1:] in family and ours[1:] in family and theirs[0] == ours[0] == "!":
            return True
    return False


@pytest.fixture(scope="module")
def differing() -> list[tuple[str, str, str, str, str]]:
    theirs = unpacked(json.loads((DIRECTORY / "expected.json").read_text()))
    ours = Questions().all()
    assert {s: {k: list(q) for k, q in kinds.items()} for s, kinds in theirs.items()} == {
        s: {k: list(q) for k, q in kinds.items()} for s, kinds in ours.items()
    }, "the questions changed: run tests/interop/dump_dtypes.py"
    return [
        (subject, kind, question, answer, ours[subject][kind][question])
        for subject, kinds in theirs.items()
        for kind, answers in kinds.items()
        for question, answer in answers.items()
        if not _agree(answer, ours[subject][kind][question])
    ]


def test_every_difference_has_a_reason(differing: list[tuple[str, str, str, str, str]]) -> None:
    unexplained = [
        found for found in differing if not any(why.explains(*found) for why in DIFFERENCES)
    ]
    assert unexplained == []


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda why: why.reason)
def test_every_reason_is_needed(
    difference: Difference, differing: list[tuple[str, str, str, str, str]]
) -> None:
    assert any(difference.explains(*found) for found in differing)
