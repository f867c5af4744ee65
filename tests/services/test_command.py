"""The command on services: options of stores, and words for what goes wrong there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

import zarr
from zarr.cli.commands import app

if TYPE_CHECKING:
    from tests.services.conftest import S3

pytestmark = pytest.mark.network


def call(*arguments: Any, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture
def place(s3: S3) -> tuple[str, list[str]]:
    """A URL with an array of 12 elements, and the options of the command for it."""
    url = f"s3://{s3.bucket}/a.zarr"
    root = zarr.open_group(url, mode="w", storage_options=s3.options)
    root.create_array("t", data=np.arange(12), chunks=4, attributes={"units": "K"})
    region = json.dumps({"region_name": s3.options["client_kwargs"]["region_name"]})
    given = {"key": s3.options["key"], "secret": s3.options["secret"], "client_kwargs": region}
    options = [f"--option={name}={value}" for name, value in given.items()]
    return url, [*options, "--endpoint", s3.endpoint]


def test_a_store_of_a_service_is_looked_at(place: tuple[str, list[str]]) -> None:
    url, options = place
    report = json.loads(call("info", url, "-p", "t", "--json", *options).stdout)
    assert (report["present"], report["expected"], report["shape"]) == (3, 3, [12])
    assert report["newest"] is not None
    assert "t  (12,)" in call("tree", url, *options).stdout
    assert call("cat", url, "-p", "t", "-s", "3:6", *options).stdout == "3\n4\n5\n"
    call("attrs", "set", url, "units=C", "-p", "t", *options)
    assert json.loads(call("attrs", "get", url, "units", "-p", "t", *options).stdout) == "C"
    assert json.loads(call("stats", url, "-p", "t", "--json", *options).stdout)["maximum"] == 11


def test_two_places_are_compared_of_which_one_is_local(
    place: tuple[str, list[str]], tmp_path: Any
) -> None:
    url, options = place
    zarr.create_array(tmp_path / "b", data=np.arange(12), chunks=4, attributes={"units": "K"})
    call("diff", f"{url}/t", tmp_path / "b", *options)
    zarr.open_array(tmp_path / "b")[3] = 0
    call("diff", tmp_path / "b", f"{url}/t", *options, code=1)


def test_an_error_of_a_service_is_a_line_or_two(place: tuple[str, list[str]]) -> None:
    url, options = place
    for wrong in (f"{url}x", "s3://no-such-bucket-of-mine/a"):
        told = call("info", wrong, *options, code=2).stderr
        assert told.startswith("zarr: ")
        assert len(told.splitlines()) <= 2
