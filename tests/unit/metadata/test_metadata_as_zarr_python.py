"""Metadata are read, shown and written as by zarr-python, except for deliberate differences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from metadata_questions import Questions, asked

ANSWERS: dict[str, str] = json.loads(Path(__file__).with_name("answers.json").read_text())[
    "answers"
]

_BOTH = "{'kind': 'inline', 'must_understand': False, 'metadata': "
DIFFERENCES = {
    "a missing field is a MetadataValidationError that names it": [
        *(f"read3({name}=...)" for name in ("zarr_format", "node_type", "shape", "data_type")),
        *(f"read3({name}=...)" for name in ("chunk_grid", "chunk_key_encoding", "codecs")),
        "read3(fill_value=...)",
        *(f"read2({name}=...)" for name in ("zarr_format", "shape", "chunks", "dtype", "order")),
        "read2(fill_value=...)",
        "read3(chunk_grid={'name': 'regular', 'configuration': {}})",
        "read3(chunk_grid={'name': 'rectilinear', 'configuration': {'kind': 'inline'}})",
    ],
    "a field of the wrong kind is one, too": [
        "read3(attributes=[1])",
        "read3(attributes='a')",
        "read3(dimension_names='xy')",
        "read2(attributes=[1])",
        "read3(chunk_grid={'name': 'rectilinear', 'configuration': {'kind': 'inline', "
        "'chunk_shapes': 5}})",
        "group.parse_node_type('x')",
        *(
            f"group.ConsolidatedMetadata.from_dict({_BOTH}{{'x': {node}}}}})"
            for node in ("{'zarr_format': 3}", "{'zarr_format': 3, 'node_type': 'x'}")
        ),
    ],
    "consolidated metadata whose paths contradict each other, or lead elsewhere, are refused": [
        f"group.ConsolidatedMetadata.from_dict({_BOTH}{{'../y': {{'zarr_format': 3, "
        "'node_type': 'group'}}})",
        f"group.ConsolidatedMetadata.from_dict({_BOTH}{{'': {{'zarr_format': 3, "
        "'node_type': 'group'}}})",
        f"group.ConsolidatedMetadata.from_dict({_BOTH}{{'x': read3().to_dict(), "
        "'x/y': read3().to_dict()}})",
    ],
    "a parent that consolidated metadata do not list is a group": [
        f"group.ConsolidatedMetadata.from_dict({_BOTH}{{'x/y': {{'zarr_format': 3, "
        "'node_type': 'group'}}})",
    ],
    "a boolean is no length": [
        "made(shape=(4, 6), chunks=(True, 2), compressors=None)",
        "v3.RegularChunkGridMetadata(chunk_shape=(True,))",
        "normal(((True, 9), 2), (10, 10))",
        "chunking.normalize_chunks_1d(True, 10)",
        "common.parse_chunk_edge(True)",
    ],
    "what a storage transformer does must be understood, unless it says otherwise": [
        "read3(storage_transformers=[{'name': 'x'}])",
    ],
    "extensions without a configuration may be written as a name alone": [
        "read3(data_type={'name': 'int32'})",
        "read3(chunk_key_encoding='default')",
        "read3(codecs=['bytes'])",
        "wrote3(codecs=['bytes'])",
        "read3(data_type='string', fill_value='', codecs=['vlen-utf8'])",
        "wrote3(data_type='string', fill_value='a', codecs=['vlen-utf8'])",
        "read3(data_type='r16', fill_value='AAA=', codecs=['bytes'])",
        "keys.parse_chunk_key_encoding('default')",
        "common.parse_named_configuration('x', require_configuration=False)",
        "v3.parse_codecs(['bytes'])",
    ],
    "codecs that make no chain are refused when the array is opened": [
        "read3(codecs=[little, {'name': 'transpose', 'configuration': {'order': [1, 0]}}])",
        "v3.validate_codecs((zarr.codecs.GzipCodec(), zarr.codecs.BytesCodec()), dtype.Int32())",
        "resolved((10, 10), (5, 5), (7, 5))",
    ],
    "an order of axes may be written as in Zarr v2": [
        "read3(codecs=[{'name': 'transpose', 'configuration': {'order': 'F'}}, little])",
    ],
    "the bits of fill values that are not numbers are kept": [
        "wrote3(data_type='float32', fill_value='0x7fc00001')",
    ],
    "filters of Zarr v2 may be given as in its documents": [
        "made(zarr_format=2, compressors=None, filters=[{'id': 'delta', 'dtype': '<i4'}])",
    ],
    "documents of Zarr v2 are kept as they are": [
        "wrote2(filters=[{'id': 'delta', 'dtype': '<i4'}])",
        "wrote2(compressor={'id': 'blosc', 'cname': 'lz4', 'clevel': 5, 'shuffle': 1})",
    ],
    "numbers of NumPy are taken as attributes": [
        "made(attributes={'a': np.int64(3)}, compressors=None)",
        "made(attributes={'a': np.float32(0.5)}, compressors=None)",
        "made(attributes={'a': np.arange(3)}, compressors=None)",
    ],
    "a fill value that the data type would change is refused": [
        "made(fill_value=7.5, compressors=None)",
    ],
    "there are two formats": ["made(zarr_format=4)"],
    "a number of bytes is not negative": [
        "spec.ArrayConfig('C', True, sharding_coalesce_max_bytes=-1)",
    ],
}
DIFFERENT = [question for questions in DIFFERENCES.values() for question in questions]


@pytest.fixture(scope="module")
def given() -> dict[str, str]:
    return Questions().all()


def test_the_answers_belong_to_the_questions() -> None:
    assert list(ANSWERS) == list(dict.fromkeys(asked()))


@pytest.mark.parametrize("question", [q for q in ANSWERS if q not in DIFFERENT])
def test_the_answer_is_that_of_zarr_python(question: str, given: dict[str, str]) -> None:
    assert given[question] == ANSWERS[question]


@pytest.mark.parametrize("question", DIFFERENT)
def test_a_difference_that_is_meant_still_is_one(question: str, given: dict[str, str]) -> None:
    assert given[question] != ANSWERS[question]
