"""URLs of files name the paths that they mean, on each system; strings that are none are paths."""

from __future__ import annotations

import pytest

from zarr.urls import is_url, links_of, local_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///C:/data/a.zarr", r"C:\data\a.zarr"),
        ("file:/C:/data", r"C:\data"),
        ("file://C:/data", r"C:\data"),
        ("FILE://localhost/c:/data", r"c:\data"),
        ("file:///C|/data", r"C:\data"),
        ("file:///C:", "C:\\"),
        ("file:///C:/", "C:\\"),
        ("file://server/share/a", r"\\server\share\a"),
        ("file:////server/share/a", r"\\server\share\a"),
        ("file:///data/a", r"\data\a"),
        ("file:///C:/with%20space/%C3%BC%25", "C:\\with space\\ü%"),
        ("file:///CD:/data", r"\CD:\data"),
    ],
)
def test_a_url_of_a_file_names_a_path_of_windows(url: str, path: str) -> None:
    assert local_path(url, windows=True) == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///data/a", "/data/a"),
        ("file:/data/a", "/data/a"),
        ("file://localhost/data", "/data"),
        ("file:///with%20space/%C3%BC%25", "/with space/ü%"),
        ("file:///C:/data", "/C:/data"),
    ],
)
def test_a_url_of_a_file_names_a_path_of_unix(url: str, path: str) -> None:
    assert local_path(url, windows=False) == path


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize(
    "path",
    ["a", "/a/b", r"C:\data\a.zarr", "C:/data", "c:data", r"\\server\share\a", "a:b/c", "100%20"],
)
def test_a_path_is_no_url(path: str, windows: bool) -> None:
    assert not is_url(path)
    assert links_of(path) == [path]
    assert local_path(path, windows=windows) == path


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize("url", ["s3://bucket/a", "https://host/C:/a", "zip::file:///C:/a.zip"])
def test_a_url_of_elsewhere_is_no_path(url: str, windows: bool) -> None:
    assert is_url(url)
    assert local_path(url, windows=windows) is None
