"""Style that tools do not check: sizes, doors, clocks. The figures are hard stops, not targets."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path
    for folder in ("platform", "tenants", "billing", "reporting", "infra")
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts and "migrations" not in path.parts
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FILE_LINES, TEST_FILE_LINES, FUNCTION_LINES = 400, 600, 60
SQL = re.compile(r"\b(select|insert into|update|delete from)\b.+\b(from|into|set|values)\b", re.IGNORECASE | re.DOTALL)
SUPPRESSION = re.compile(r"(# noqa(?!: [A-Z0-9, ]+ - )|# type: ignore(?!\[[\w, -]+\]  # ))")
CLOCKS = re.compile(r"(datetime\.now\(|datetime\.utcnow\(|time\.time\(|date\.today\()")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_source_file_stays_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= FILE_LINES
    for name, length in _functions(ast.parse(text)):
        assert length <= FUNCTION_LINES, f"{name} has {length} lines"


@pytest.mark.parametrize("path", TESTS, ids=_name)
def test_a_test_file_stays_readable(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= TEST_FILE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_imports_stand_at_the_top(path: Path) -> None:
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            assert not inner, f"{function.name} imports inside"


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=_name)
def test_a_suppression_gives_its_reason(path: Path) -> None:
    if path == Path(__file__):
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not SUPPRESSION.search(line), f"line {number}: {line.strip()}"


def test_only_the_clock_reads_the_time() -> None:
    allowed = {"infra/crewline_infra/clock.py", "infra/crewline_infra/ids.py"}
    for path in SOURCES:
        if _name(path) not in allowed and not _name(path).startswith("infra/setup/"):
            assert not CLOCKS.search(path.read_text(encoding="utf-8")), _name(path)


def test_sql_lives_in_stores() -> None:
    """Outside infra, only store files hold SQL."""
    for path in SOURCES:
        if path.name.startswith("store") or _name(path).startswith("infra/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and not _is_docstring_like(node.value):
                assert not SQL.search(node.value), f"{_name(path)}:{node.lineno}"


def test_no_session_level_settings() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8").lower()
        assert not re.search(r"set_config\([^)]*,\s*false\)", text), _name(path)
        assert "pg_advisory_lock" not in text, _name(path)


def test_no_address_of_a_registry_is_committed() -> None:
    for path in (ROOT / "infra" / "setup").glob("*.lock"):
        assert "://" not in path.read_text(encoding="utf-8"), path.name
    lock = ROOT / "infra" / "web" / "package-lock.json"
    assert '"resolved"' not in lock.read_text(encoding="utf-8")


def _functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _is_docstring_like(text: str) -> bool:
    return not re.match(r"\s*(select|insert|update|delete|with)\b", text, re.IGNORECASE)
