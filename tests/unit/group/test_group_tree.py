"""Trees print well, as text and in notebooks."""

from __future__ import annotations

from typing import Any

import pytest

import zarr
from zarr.errors import ZarrDeprecationWarning


@pytest.fixture
def root() -> zarr.Group:
    root = zarr.create_group({})
    root.create_array("x/b", shape=(3,), dtype="f4")
    root.create_array("s", shape=(), dtype="i1")
    root.create_group("z<")
    return root


def test_a_tree_is_text(root: zarr.Group) -> None:
    assert repr(root.tree()) == ("/\n├── s () int8\n├── x\n│   └── b (3,) float32\n└── z<\n")
    assert str(root["x"].tree()) == "/x\n└── b (3,) float32\n"
    assert repr(root.tree(level=0)) == "/\n├── s () int8\n├── x\n└── z<\n"
    assert repr(zarr.create_group({}).tree()) == "/\n"
    with pytest.raises(ValueError, match="max_depth"):
        root.tree(level=-1)


def test_a_large_tree_is_cut_and_says_so(root: zarr.Group) -> None:
    text = repr(root.tree(max_nodes=2))
    assert text.startswith("Truncated at max_nodes=2, some nodes")
    assert len(text.splitlines()) == 4
    assert "Truncated" in root.tree(max_nodes=0)._repr_html_()
    assert "Truncated" not in repr(root.tree(max_nodes=4))


def test_a_notebook_folds_groups(root: zarr.Group) -> None:
    html = root.tree()._repr_html_()
    assert html.count("<details open>") == 1
    assert html.count("<details>") == 1
    assert "z&lt;" in html
    assert "z<" not in html.replace("z&lt;", "")
    assert root.tree(expand=True)._repr_html_().count("<details open>") == 2
    assert "open" not in root.tree(expand=False)._repr_html_()
    assert root.tree(plain=True)._repr_html_().startswith("<pre")


def test_names_neither_steer_a_terminal_nor_a_browser() -> None:
    root = zarr.create_group({})
    for name in ("\x1b[31mred", "two\nlines", "<img src=x onerror=alert(1)>", "a&b", '"'):
        root.create_group(name)
    root.create_array("rec", shape=(1,), dtype=[("<b>", "i4")])
    text = repr(root.tree())
    assert len(text.splitlines()) == 7
    assert r"\x1b[31mred" in text
    assert r"two\nlines" in text
    assert "\x1b" not in text
    for plain in (True, False):
        html = root.tree(plain=plain)._repr_html_()
        assert "<img" not in html
        assert "<b>'" not in html
        assert "&lt;img src=x onerror=alert(1)&gt;" in html
        assert "a&amp;b" in html
        assert "\x1b" not in html


def test_the_function_is_deprecated(root: zarr.Group) -> None:
    found: Any
    with pytest.warns(ZarrDeprecationWarning, match=r"group\.tree"):
        found = zarr.tree(root, level=0)
    assert repr(found) == repr(root.tree(level=0))
