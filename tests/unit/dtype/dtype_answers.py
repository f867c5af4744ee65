"""What a package called zarr answers when it is asked about data types.

The same questions are put to zarr-python, by ``tests/interop/dump_dtypes.py``, which writes
``expected.json`` from them, and to this package, by ``test_as_zarr_python.py``, which compares.
Questions are Python expressions, answers are short texts: the type and bytes of a scalar, the JSON
of metadata, or ``!`` and the class of an exception.
"""

from __future__ import annotations

import base64
import datetime
import json
import warnings
from typing import Any

import numpy as np

TYPES = """
Bool()
Int8()
Int16()
Int64(endianness='big')
UInt8()
UInt32(endianness='big')
UInt64()
Float16()
Float32(endianness='big')
Float64()
Complex64()
Complex128(endianness='big')
DateTime64(unit='s')
DateTime64(unit='ns', scale_factor=10, endianness='big')
DateTime64()
TimeDelta64(unit='us')
TimeDelta64()
FixedLengthUTF32(length=3)
FixedLengthUTF32(length=2, endianness='big')
NullTerminatedBytes(length=3)
RawBytes(length=4)
VariableLengthUTF8()
VariableLengthBytes()
Struct(fields=(('a', Int8()), ('b', Float32(endianness='big'))))
Structured(fields=(('a', Int8()), ('b', Float32(endianness='big'))))
Struct(fields=(('x', Struct(fields=(('p', Int16()), ('q', RawBytes(length=2))))), ('y', Bool())))
Struct(fields=(('t', DateTime64(unit='D')), ('s', FixedLengthUTF32(length=2))))
""".split("\n")[1:-1]

SCALARS = """
None
True
False
0
1
-1
7
127
128
-129
300
70000
2**63
-2**63
2**64
10**400
0.0
-0.0
1.5
-2.75
3.0
1e39
1e400
float('nan')
float('-inf')
1j
complex('nan+infj')
''
'0'
'12'
'-3'
'1.5'
'1_000'
' 5 '
'nan'
'inf'
'NaN'
'Infinity'
'1+2j'
'abc'
'abcdef'
'äöü€'
'2020-01-02'
'NaT'
'3 days'
b''
b'5'
b'ab'
b'abcdef'
b'a\\0\\0'
b'NaT'
bytearray(b'xy')
memoryview(b'xy')
[]
[1]
[1, 2]
(1, 2)
(1, 2.5)
['a', 'b']
{}
{'a': 1}
{'a': 1, 'b': 2.5}
{'x': {'p': 1}, 'y': True}
object
np.bool_(True)
np.int8(-5)
np.uint8(200)
np.int64(2**40)
np.float16(1.5)
np.float32(0.1)
np.float32('nan')
np.uint32(0x7fc00001).view('f4')
np.uint64(0x7ff8000000000123).view('f8')
np.float64(-0.0)
np.complex64(1+2j)
np.str_('hey')
np.bytes_(b'hey')
np.void(b'hello')
np.void(b'hi')
np.datetime64('2001-02-03')
np.datetime64('NaT')
np.datetime64('2001-02-03T04:05:06.789')
np.timedelta64(5, 'D')
np.timedelta64(5)
np.timedelta64('NaT', 's')
datetime.datetime(2020, 1, 2, 3, 4, 5)
datetime.date(2020, 1, 2)
datetime.timedelta(seconds=3)
np.array(3)
np.array([1, 2])
np.array((1, 2.5), dtype='i1,>f4')[()]
np.array([(1, 2.5)], dtype=[('a', 'i1'), ('b', '>f4')])[0]
np.array([(-1, -0.0)], dtype=[('a', 'i1'), ('b', '<f4')])[0]
np.array([((1, b'zz'), True)], dtype=[('x', [('p', '<i2'), ('q', 'V2')]), ('y', '?')])[0]
np.array([('2020-01-01', 'uv')], dtype=[('t', '<M8[D]'), ('s', '<U2')])[0]
""".split("\n")[1:-1]

JSON_SCALARS = """
None
True
False
0
1
-1
127
128
-129
256
70000
2**63
-2**63
2**63-1
2**64
10**400
0.0
-0.0
1.0
1.5
-2.75
1e39
1e400
''
'0'
'1'
'12'
'-3'
'1.5'
'1e5'
'nan'
'inf'
'NaN'
'Infinity'
'-Infinity'
'-NaN'
'+Infinity'
'infinity'
'NaT'
'2020-01-02'
'0x7fc00001'
'0xffc00000'
'0x7f800001'
'0x7e01'
'0x3c00'
'0x7ff8000000000123'
'0x00000000'
'0x1'
'0x'
'0xzz'
'0X7FC00001'
'1+2j'
'abc'
'abcdef'
'äöü'
'AA=='
'AAAA'
'AQIDBA=='
'AQIDBAU='
'AT8AAAA='
'not base64!'
[]
[0]
[0, 1]
(0, 1)
[1.5, 'NaN']
['NaN', '-Infinity']
['0x7fc00001', '0x7ff8000000000123']
['0x7fc00001', 0.0]
['1', '2']
[1, 2, 3]
[1, 2, 3, 4]
['a', 1]
[[1, 2]]
{}
{'a': 1}
{'a': 1, 'b': 2.5}
{'a': 1, 'b': 'NaN'}
{'a': 1, 'b': '0x7fc00001'}
{'a': 300, 'b': 0}
{'a': 1, 'b': 2, 'c': 3}
{'x': {'p': 1, 'q': 'AAE='}, 'y': True}
{'t': 1, 's': 'uv'}
""".split("\n")[1:-1]

NATIVES = """
'?'
'|b1'
'i1'
'<i2'
'>i2'
'=i4'
'l'
'q'
'<i8'
'>i8'
'u1'
'<u2'
'>u4'
'L'
'Q'
'>u8'
'<f2'
'>f2'
'f4'
'>f8'
'g'
'F'
'>c8'
'c16'
'G'
'M8'
'M8[s]'
'>M8[10ns]'
'M8[7W]'
'M8[Y]'
'M8[as]'
'm8[us]'
'>m8[25s]'
'm8'
'S'
'S0'
'S3'
'<U5'
'>U2'
'U'
'U0'
'V'
'V5'
'V0'
'O'
'T'
[('a', 'i1')]
[('a', '<i2'), ('b', '>f4')]
[('a', 'S3'), ('b', 'V2'), ('c', '<U2'), ('d', '<M8[s]')]
[('a', [('b', '>i2'), ('c', '?')]), ('d', 'f8')]
[('a', 'O')]
[('a', 'i1', (2,))]
[('a', 'i1'), ('b', '<i4', (2, 3))]
{'names': ['a', 'b'], 'formats': ['i1', '<i4'], 'offsets': [0, 4]}
{'names': ['a', 'b'], 'formats': ['i1', '<i4'], 'offsets': [4, 0]}
{'names': ['a'], 'formats': ['i1'], 'itemsize': 8}
[(('title', 'a'), 'i1')]
[]
('i4', (2,))
('V4', [('a', 'i4')])
""".split("\n")[1:-1]

JSONS = """
'bool'
'int8'
'int16'
'int64'
'uint8'
'uint64'
'float16'
'float32'
'float64'
'complex64'
'complex128'
'string'
'bytes'
'variable_length_bytes'
'raw_bytes'
'null_terminated_bytes'
'fixed_length_utf32'
'numpy.datetime64'
'struct'
'structured'
'str'
'r8'
'r16'
'nope'
''
'|b1'
'<i4'
'datetime64'
None
3
[]
['int8']
{}
{'name': 'int8'}
{'name': 'int8', 'configuration': {}}
{'name': 'int8', 'configuration': {'a': 1}}
{'name': 'string', 'configuration': {}}
{'name': 'fixed_length_utf32', 'configuration': {'length_bytes': 12}}
{'name': 'fixed_length_utf32', 'configuration': {'length_bytes': 13}}
{'name': 'fixed_length_utf32', 'configuration': {'length_bytes': 0}}
{'name': 'fixed_length_utf32', 'configuration': {'length_bytes': '12'}}
{'name': 'fixed_length_utf32', 'configuration': {}}
{'name': 'fixed_length_utf32', 'configuration': {'length_bytes': 12, 'x': 1}}
{'name': 'fixed_length_utf32'}
{'name': 'null_terminated_bytes', 'configuration': {'length_bytes': 3}}
{'name': 'null_terminated_bytes', 'configuration': {'length_bytes': 0}}
{'name': 'raw_bytes', 'configuration': {'length_bytes': 4}}
{'name': 'raw_bytes', 'configuration': {'length_bytes': -4}}
{'name': 'raw_bytes', 'configuration': {'length_bytes': 4.0}}
{'name': 'raw_bytes', 'configuration': {'length_bytes': True}}
{'name': 'variable_length_bytes'}
{'name': 'numpy.datetime64', 'configuration': {'unit': 's', 'scale_factor': 1}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 'ns', 'scale_factor': 10}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 'generic', 'scale_factor': 1}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 'μs', 'scale_factor': 1}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 's'}}
{'name': 'numpy.datetime64', 'configuration': {'scale_factor': 1}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 'q', 'scale_factor': 1}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 's', 'scale_factor': 0}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 's', 'scale_factor': 2**31}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 's', 'scale_factor': '1'}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 's', 'scale_factor': 1, 'x': 1}}
{'name': 'numpy.timedelta64', 'configuration': {'unit': 'W', 'scale_factor': 2}}
{'name': 'struct', 'configuration': {'fields': [{'name': 'a', 'data_type': 'int8'}]}}
{'name': 'struct', 'configuration': {'fields': [['a', 'int8'], ['b', 'float32']]}}
{'name': 'struct', 'configuration': {'fields': [('a', 'int8')]}}
{'name': 'struct', 'configuration': {'fields': []}}
{'name': 'struct', 'configuration': {'fields': [{'name': 'a', 'data_type': 'nope'}]}}
{'name': 'struct', 'configuration': {'fields': [{'name': 'a', 'data_type': 'string'}]}}
{'name': 'struct', 'configuration': {'fields': [{'name': 'a'}]}}
{'name': 'struct', 'configuration': {'fields': [{'name': 1, 'data_type': 'int8'}]}}
{'name': 'struct', 'configuration': {'fields': [['a', 'int8', [2]]]}}
{'name': 'struct', 'configuration': {'fields': 'int8'}}
{'name': 'struct', 'configuration': {}}
{'name': 'struct', 'configuration': {'fields': [{'name': 'a', 'data_type': {'name': 'struct', 'configuration': {'fields': [{'name': 'b', 'data_type': {'name': 'raw_bytes', 'configuration': {'length_bytes': 2}}}]}}}]}}
{'name': 'structured', 'configuration': {'fields': [['a', 'int8'], ['b', 'float32']]}}
{'name': 'structured', 'configuration': {'fields': [{'name': 'a', 'data_type': 'int8'}]}}
{'name': 'structured', 'configuration': {'fields': [['a', {'name': 'structured', 'configuration': {'fields': [['b', 'int16']]}}]]}}
V2('|b1')
V2('<b1')
V2('>b1')
V2('|i1')
V2('<i1')
V2('|u1')
V2('>u1')
V2('<i2')
V2('>i2')
V2('|i2')
V2('=i2')
V2('i2')
V2('>i4')
V2('<u8')
V2('<f2')
V2('>f4')
V2('<f8')
V2('>c8')
V2('<c16')
V2('<f16')
V2('int8')
V2('float32')
V2('<M8[s]')
V2('>M8[10ns]')
V2('<M8')
V2('<M8[7W]')
V2('<M8[μs]')
V2('<M8[generic]')
V2('<M8[25s/3]')
V2('<M8[q]')
V2('|M8[s]')
V2('M8[s]')
V2('<datetime64[s]')
V2('<m8[us]')
V2('>m8')
V2('|S3')
V2('|S0')
V2('|S')
V2('<S3')
V2('S3')
V2('|S03')
V2('|S3x')
V2('|a3')
V2('<U3')
V2('>U3')
V2('|U3')
V2('<U0')
V2('<U')
V2('|V4')
V2('|V0')
V2('|V')
V2('<V4')
V2('|V4 ')
V2('|O')
V2('O')
V2('|O', 'vlen-utf8')
V2('|O', 'vlen-bytes')
V2('|O', 'vlen-array')
V2('|O', 'pickle')
V2('|O', 'json2')
V2('|O', 'msgpack2')
V2('<i4', 'vlen-utf8')
V2('<i4', 3)
V2([['a', '<i4']])
V2([('a', '<i4')])
V2((('a', '<i4'),))
V2([['a', '|S3'], ['b', '>f8'], ['c', '<U2'], ['d', '<M8[s]'], ['e', '|V3'], ['f', '|b1']])
V2([['a', [['b', '>i2'], ['c', '|u1']]], ['d', '<f4']])
V2([['a', '<i4', [2]]])
V2([['a', '<i4', 2]])
V2([['a', '|O']])
V2([['a', 'nope']])
V2([['a']])
V2([])
V2(['a', '<i4'])
V2([[1, '<i4']])
V2([['a', '<i4'], ['a', '<i4']])
V2('nope')
V2('')
V2(None)
V2(3)
{'name': '<i4'}
{'name': '<i4', 'object_codec_id': None, 'x': 1}
""".split("\n")[1:-1]

SPECS = """
int
float
bool
complex
str
bytes
object
np.int8
np.float32
np.str_
np.bytes_
np.void
np.object_
np.number
'i4'
'>i4'
'int32'
'int'
'float'
'bool'
'str'
'string'
'bytes'
'S4'
'U4'
'U'
'S'
'V'
'V3'
'O'
'object'
'M8[ns]'
'm8[s]'
'datetime64[ns]'
'T'
'raw_bytes'
'variable_length_bytes'
'numpy.datetime64'
'r16'
'f'
'd'
'f4,i2'
'nope'
''
None
3
np.dtype('f4')
np.dtype('O')
np.dtypes.StringDType()
np.dtypes.StringDType(na_object=None)
np.dtypes.StringDType(coerce=False)
[('a', 'i4'), ('b', 'f4')]
[['a', 'i4'], ['b', 'f4']]
[['a', '<i4'], ['b', [['c', '<f4']]]]
(('a', 'i4'), ('b', 'f4'))
[('a', str)]
[('a', 'i4', (2,))]
Int8()
Float32(endianness='big')
{'name': 'raw_bytes', 'configuration': {'length_bytes': 4}}
{'name': 'numpy.datetime64', 'configuration': {'unit': 's', 'scale_factor': 1}}
{'name': 'struct', 'configuration': {'fields': [{'name': 'a', 'data_type': 'int8'}]}}
{'name': '<i4', 'object_codec_id': None}
{'name': '|O', 'object_codec_id': 'vlen-utf8'}
{'names': ['a'], 'formats': ['i4']}
{'name': 'int8'}
{'name': 'nope'}
{}
""".split("\n")[1:-1]

CHECKS = """
V2('<i4')
V2('foo')
V2('<i4', 'abc')
V2('<i4', 3)
V2('|O', 'vlen-utf8')
V2([['a', '<i4']])
V2([('a', '<i4')])
V2([['a', [['b', '<i4']]]])
V2([])
V2([['a']])
V2(3)
V2(None)
{'name': '<i4'}
{'name': '<i4', 'object_codec_id': None, 'x': 1}
{}
'<i4'
None
""".split("\n")[1:-1]


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
    fields = [f"{name}:{_native(dtype.fields[name][0])}@{dtype.fields[name][1]}" for name in dtype.names]
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
            "cast_scalar": {s: self.ask(f"z.cast_scalar({s})", **one) for s in SCALARS},
            **{
                f"to_json_scalar {f}": {
                    s: self.ask(f"z.to_json_scalar({s}, zarr_format={f})", _json, **one)
                    for s in SCALARS
                }
                for f in (2, 3)
            },
            **{
                f"from_json_scalar {f}": {
                    s: self.ask(f"z.from_json_scalar({s}, zarr_format={f})", **one)
                    for s in JSON_SCALARS
                }
                for f in (2, 3)
            },
        }

    def all(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return all answers: subject → kind of question → question → answer."""
        classes = sorted({zdtype.partition("(")[0] for zdtype in TYPES})
        answers = {zdtype: self._of_type(zdtype) for zdtype in TYPES}
        for name in classes:
            answers[name] = {
                "from_native_dtype": {
                    s: self.ask(f"{name}.from_native_dtype(np.dtype({s}))") for s in NATIVES
                },
                **{
                    f"from_json {f}": {
                        s: self.ask(f"{name}.from_json({s}, zarr_format={f})") for s in JSONS
                    }
                    for f in (2, 3)
                },
            }
        ask = self.ask
        registry = "data_type_registry.match_"
        answers["registry"] = {
            "match_dtype": {s: ask(f"{registry}dtype(np.dtype({s}))") for s in NATIVES},
            "match_json 2": {s: ask(f"{registry}json({s}, zarr_format=2)") for s in JSONS},
            "match_json 3": {s: ask(f"{registry}json({s}, zarr_format=3)") for s in JSONS},
        }
        answers["parse_dtype"] = {
            str(f): {s: ask(f"parse_dtype({s}, zarr_format={f})") for s in SPECS} for f in (2, 3)
        }
        answers["checks"] = {
            name: {s: ask(f"{name}({s})") for s in CHECKS}
            for name in ("check_dtype_spec_v2", "check_dtype_spec_no_object_codec_v2")
        }
        return answers


def packed(answers: dict[str, dict[str, dict[str, str]]]) -> dict[str, Any]:
    """Return the answers in a smaller form: each question and each answer stands there once."""
    questions: dict[str, int] = {}
    replies: dict[str, int] = {}
    body: dict[str, Any] = {}
    for subject, kinds in answers.items():
        for kind, given in kinds.items():
            numbers = [
                f"{questions.setdefault(question, len(questions))}:"
                f"{replies.setdefault(answer, len(replies))}"
                for question, answer in given.items()
            ]
            body.setdefault(subject, {})[kind] = " ".join(numbers)
    return {"questions": list(questions), "answers": list(replies), "given": body}


def unpacked(data: dict[str, Any]) -> dict[str, dict[str, dict[str, str]]]:
    """Undo `packed`."""
    questions, replies = data["questions"], data["answers"]

    def pairs(text: str) -> dict[str, str]:
        numbers = (pair.split(":") for pair in text.split())
        return {questions[int(q)]: replies[int(a)] for q, a in numbers}

    return {
        subject: {kind: pairs(text) for kind, text in kinds.items()}
        for subject, kinds in data["given"].items()
    }
