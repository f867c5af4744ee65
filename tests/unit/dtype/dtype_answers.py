"""The answers of a package called zarr to questions about data types.

The same questions are put to zarr-python, by ``tests/interop/dump_dtypes.py``, which writes
``expected.json`` from them, and to this package, by ``test_as_zarr_python.py``, which compares.
Questions are Python expressions, those in ``questions.txt`` put together with the names of methods
and functions; answers are short texts: the type and bytes of a scalar, the JSON
of metadata, or ``!`` and the class of an exception.
"""

from __future__ import annotations

import base64
import datetime
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

DIRECTORY = Path(__file__).parent


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for section in text.removeprefix("# ").split("\n# "):
        title, *lines = section.rstrip("\n").split("\n")
        sections[title] = lines
    return sections


ASKED = _sections((DIRECTORY / "questions.txt").read_text())


def _v2(name: Any, object_codec_id: Any = None) -> dict[str, Any]:
    return {"name": name, "object_codec_id": object_codec_id}


def _json(value: Any) -> str:
    """Return JSON, with tuples told from lists and NumPy's numbers from Python's."""
    if isinstance(value, np.generic):
        return f"<{_shown(value)}>"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_json, value)) + ")"
    return json.dumps(value, ensure_ascii=False)


def _native(dtype: Any) -> str:
    if dtype.subdtype is not None:
        return f"{_native(dtype.subdtype[0])}{list(dtype.shape)}"
    if dtype.fields is None:
        return "T" if dtype.kind == "T" else str(dtype.str)
    fields = [
        f"{name}:{_native(dtype.fields[name][0])}@{dtype.fields[name][1]}" for name in dtype.names
    ]
    return f"{{{' '.join(fields)}}}{dtype.itemsize}"


def _shown(value: Any) -> str:
    if isinstance(value, np.dtype):
        return f"dtype {_native(value)}"
    if isinstance(value, np.generic):
        return f"{type(value).__name__} {_native(value.dtype)} {value.tobytes().hex()}"
    return f"{type(value).__name__} {value!r}"


class Questions:
    """Puts questions to the package."""

    def __init__(self) -> None:
        import zarr.dtype as package

        self.names: dict[str, Any] = {name: getattr(package, name) for name in dir(package)}
        self.names |= {"np": np, "datetime": datetime, "base64": base64, "V2": _v2}

    def ask(self, question: str, form: Any = _shown, **names: Any) -> str:
        """Return the answer to one question."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                value = eval(question, {**self.names, **names})
            except Exception as error:
                return f"!{type(error).__name__}"
            # Some answers are gigabytes.
            if isinstance(value, (str, bytes)) and len(value) > 1000:
                return f"{type(value).__name__}, long"
            return str(form(value))

    def _of_type(self, zdtype: str) -> dict[str, dict[str, str]]:
        one = {"z": eval(zdtype, self.names)}
        plain = {
            question: self.ask(f"z.{question}", form, **one)
            for question, form in (
                ("item_size", _shown),
                ("to_native_dtype()", _shown),
                ("default_scalar()", _shown),
                ("to_json(2)", _json),
                ("to_json(3)", _json),
            )
        }
        plain["repr"] = repr(one["z"])
        return {
            "": plain,
            "cast_scalar": {s: self.ask(f"z.cast_scalar({s})", **one) for s in ASKED["scalars"]},
            **{
                f"to_json_scalar {f}": {
                    s: self.ask(f"z.to_json_scalar({s}, zarr_format={f})", _json, **one)
                    for s in ASKED["scalars"]
                }
                for f in (2, 3)
            },
            **{
                f"from_json_scalar {f}": {
                    s: self.ask(f"z.from_json_scalar({s}, zarr_format={f})", **one)
                    for s in ASKED["json_scalars"]
                }
                for f in (2, 3)
            },
        }

    def all(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return all answers: subject → kind of question → question → answer."""
        classes = sorted({zdtype.partition("(")[0] for zdtype in ASKED["types"]})
        answers = {zdtype: self._of_type(zdtype) for zdtype in ASKED["types"]}
        for name in classes:
            answers[name] = {
                "from_native_dtype": {
                    s: self.ask(f"{name}.from_native_dtype(np.dtype({s}))")
                    for s in ASKED["natives"]
                },
                **{
                    f"from_json {f}": {
                        s: self.ask(f"{name}.from_json({s}, zarr_format={f})")
                        for s in ASKED["jsons"]
                    }
                    for f in (2, 3)
                },
            }
        ask = self.ask
        registry = "data_type_registry.match_"
        answers["registry"] = {
            "match_dtype": {s: ask(f"{registry}dtype(np.dtype({s}))") for s in ASKED["natives"]},
            "match_json 2": {s: ask(f"{registry}json({s}, zarr_format=2)") for s in ASKED["jsons"]},
            "match_json 3": {s: ask(f"{registry}json({s}, zarr_format=3)") for s in ASKED["jsons"]},
        }
        answers["parse_dtype"] = {
            str(f): {s: ask(f"parse_dtype({s}, zarr_format={f})") for s in ASKED["specs"]}
            for f in (2, 3)
        }
        answers["checks"] = {
            name: {s: ask(f"{name}({s})") for s in ASKED["checks"]}
            for name in ("check_dtype_spec_v2", "check_dtype_spec_no_object_codec_v2")
        }
        return answers


def packed(answers: dict[str, dict[str, dict[str, str]]]) -> dict[str, Any]:
    """Return the answers in a smaller form: each question and each answer stands there once."""
    lists: dict[tuple[str, ...], int] = {}
    replies: dict[str, int] = {}
    given: dict[str, Any] = {}
    for subject, kinds in answers.items():
        for kind, pairs in kinds.items():
            asked = lists.setdefault(tuple(pairs), len(lists))
            numbers = (replies.setdefault(answer, len(replies)) for answer in pairs.values())
            given.setdefault(subject, {})[kind] = [asked, " ".join(map(str, numbers))]
    return {"questions": list(lists), "answers": list(replies), "given": given}


def unpacked(data: dict[str, Any]) -> dict[str, dict[str, dict[str, str]]]:
    """Undo `packed`."""

    def pairs(asked: int, numbers: str) -> dict[str, str]:
        answers = (data["answers"][int(number)] for number in numbers.split())
        return dict(zip(data["questions"][asked], answers, strict=True))

    return {
        subject: {kind: pairs(*packed_pairs) for kind, packed_pairs in kinds.items()}
        for subject, kinds in data["given"].items()
    }
