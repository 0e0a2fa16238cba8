"""What the documents name exists: targets, links, and what every README of this kind must answer."""

import re

import pytest

from storeline.settings import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def code_of(page: str) -> str:
    """Return what a page shows as code: its blocks and its spans."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page, flags=re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_names_exists(page):
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code_of(page.read_text()))) <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_make_prints_every_target_but_its_inner_steps():
    printed = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert TARGETS - printed <= {"python"} | {target for target in TARGETS if target.startswith("bench-")}


@pytest.mark.parametrize(
    "section",
    ["Start", "Where things are", "Change it", "The storeline command", "Without Docker", "Test it", "Limits"],
)
def test_the_readme_answers_what_a_newcomer_asks(section):
    _, _, text = (ROOT / "README.md").read_text().partition(f"\n## {section}\n")
    assert text.strip()
