"""What a file of settings says is the same to compose and to the platform's own reader."""

import json
from pathlib import Path

from storeline.settings import ROOT, read_file
from tests.compose.project import Project

WRITTEN = {
    "POSTGRES_PASSWORD": "'a$b\"c\\d #e'",
    "POSTGRES_READER_PASSWORD": "a'b\"c\\d#e",
    "POSTGRES_STREAM_PASSWORD": '"two words"',
    "MYSQL_ADMIN_PASSWORD": "a`b!%&*(){}[]|<>;,.?/~^:@-_=+",
    "SHOP_UNTIL": "",
}


def test_compose_and_the_platform_read_the_same_values(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("".join(f"{name}={written}\n" for name, written in WRITTEN.items()))
    said = Project(file, {}).compose("config", "--format", "json")
    model = json.loads(said[said.index("{") :])
    lines = model["services"]["preflight"]["environment"]["STORELINE_CONFIGURATION"].splitlines()
    theirs = dict(line.replace("$$", "$").split("=", 1) for line in lines)
    expected = read_file(ROOT / ".env") | read_file(file)
    assert {name: theirs[name] for name in expected} == expected
