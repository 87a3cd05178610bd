"""Every text in both Chinese scripts, once, with its placeholders."""

import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[3] / "infra" / "setup"


@pytest.mark.parametrize("language", ["zh_Hans", "zh_Hant"])
def test_no_text_is_missing_fuzzy_or_contradicted(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SETUP))
    sys.modules.pop("i18n", None)
    i18n = __import__("i18n")
    assert list(i18n.complaints(language)) == []
