"""A value of `.env.local` is read exactly as compose reads it, or refused with its name."""

from pathlib import Path

import pytest

from storeline.settings import Settings, read_file
from storeline.variables import SettingsError


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("plain", "plain"),
        ("a'b\"c\\d#e", "a'b\"c\\d#e"),
        ("'a$b\"c\\d #e'", 'a$b"c\\d #e'),
        ('"two words"', "two words"),
        ("", ""),
    ],
)
def test_a_value_is_read(tmp_path: Path, written: str, value: str) -> None:
    file = tmp_path / ".env.local"
    file.write_text(f"POSTGRES_PASSWORD={written}\n")
    assert read_file(file) == {"POSTGRES_PASSWORD": value}


@pytest.mark.parametrize("written", ["yes", "True", "1", ""])
def test_a_switch_is_true_or_false_and_nothing_else(written: str) -> None:
    name = "MARTS_REFUSE_DIFFERING_REPLICA"
    assert [Settings({name: value}).marts_refuse_differing_replica for value in ("true", "false")] == [True, False]
    with pytest.raises(SettingsError, match=f"^{name} is '{written}': expected true or false$"):
        assert Settings({name: written}).marts_refuse_differing_replica


@pytest.mark.parametrize("written", ["a$b", "a\\$b", "a #b", "'a", "'a'b", '"a$b"', '"a\\b"', '"a', "'a\\'b'", "'a\\'"])
def test_a_value_that_compose_would_read_differently_is_refused(tmp_path: Path, written: str) -> None:
    file = tmp_path / ".env.local"
    file.write_text(f"# mine\nPOSTGRES_PASSWORD={written}\n")
    with pytest.raises(SettingsError) as refused:
        read_file(file)
    assert str(refused.value) == (
        "POSTGRES_PASSWORD in .env.local, line 2: compose reads $, quotes and # differently: write the value in "
        "single quotes, or set it in the environment if it contains one itself"
    )
