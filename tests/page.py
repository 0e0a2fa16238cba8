"""An HTML page as a browser sees it: what it would fetch, and what it contains."""

import re
from html.parser import HTMLParser

# A browser fetches these attributes, and addresses in styles.
FETCHED = {"src", "srcset", "poster", "background", "data", "action", "xlink:href"}
ADDRESS_IN_STYLE = re.compile(r"url\(\s*['\"]?(?!data:)([^)]*)|@import\s+([^;]*)")


class Page(HTMLParser):
    """What a page would fetch, its embedded pictures, its scripts and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.pictures: list[str] = []
        self.elements: list[str] = []
        self.policies: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        values = {name: value or "" for name, value in attrs}
        self.look_at_style(values.get("style", ""))
        for name, value in values.items():
            if name in FETCHED and value.startswith("data:"):
                self.pictures.append(value)
            elif name in FETCHED or (name == "href" and tag != "a"):
                self.fetched.append(value)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(values["content"])

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1] == "style":
            self.look_at_style(data)
        self.text += data

    def look_at_style(self, style: str) -> None:
        self.fetched += [found[0] or found[1] for found in ADDRESS_IN_STYLE.findall(style)]
