"""The page that tests read: what it would load from elsewhere."""

import pytest

from tests.page import Page


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://x/y.js">',
        '<link href="https://x/y.css">',
        '<img src="https://x/y.png">',
        "<style>a { background: url(https://x/y.png) }</style>",
        "<style>@import 'https://x/y.css';</style>",
        '<p style="background: url(&quot;https://x/y.png&quot;)">',
    ],
)
def test_a_page_that_loads_something_is_noticed(text: str) -> None:
    assert len(Page(text).fetched) == 1
