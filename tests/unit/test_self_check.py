"""What a new image says of itself before anything is replaced by it."""

from pathlib import Path

import pytest

from cli.self_check import self_check


def test_one_missing_package_is_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "src").mkdir()
    for name, line in (
        ("aaa", "import zzz"),
        ("bbb", "import zzz"),
        ("ccc", "1 / 0"),
        ("zzz", "import no_such_package"),
    ):
        (tmp_path / f"src/{name}_of_a_test.py").write_text(
            line.replace("zzz", "zzz_of_a_test") + "\n", encoding="utf-8"
        )
    monkeypatch.syspath_prepend(tmp_path / "src")
    assert self_check(tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        "✖ aaa_of_a_test (и ещё 2): ModuleNotFoundError: No module named 'no_such_package'",
        "✖ ccc_of_a_test: ZeroDivisionError: division by zero",
        "Не загружается 4 модуля: программа собрана не полностью или с ошибкой. Соберите образ заново.",
    ]
