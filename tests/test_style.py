"""Style that tools do not check: sizes, doors, clocks. The figures are hard stops, not targets."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_text(path))


def test_source_files_stay_small() -> None:
    long = [_name(path) for path in SOURCES if _text(path).count("\n") > FILE_LINES]
    assert long == []


def test_functions_stay_small() -> None:
    for path in SOURCES:
        for name, length in _functions(_tree(path)):
            assert length <= FUNCTION_LINES, f"{_name(path)}: {name} has {length} lines"


def test_test_files_stay_readable() -> None:
    long = [_name(path) for path in TESTS if _text(path).count("\n") > TEST_FILE_LINES]
    assert long == []


def test_imports_stand_at_the_top() -> None:
    for path in SOURCES:
        for function in ast.walk(_tree(path)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
                assert not inner, f"{_name(path)}: {function.name} imports inside"


def test_a_suppression_gives_its_reason() -> None:
    for path in [*SOURCES, *TESTS]:
        if path != Path(__file__):
            for number, line in enumerate(_text(path).splitlines(), 1):
                assert not SUPPRESSION.search(line), f"{_name(path)}:{number}: {line.strip()}"


def test_only_the_clock_reads_the_time() -> None:
    allowed = {"infra/crewline_infra/clock.py", "infra/crewline_infra/ids.py"}
    for path in SOURCES:
        if _name(path) not in allowed and not _name(path).startswith("infra/setup/"):
            assert not CLOCKS.search(_text(path)), _name(path)


def test_sql_lives_in_stores() -> None:
    """Outside infra, only store files hold SQL."""
    for path in SOURCES:
        if path.name.startswith("store") or _name(path).startswith("infra/"):
            continue
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and not _is_docstring_like(node.value):
                assert not SQL.search(node.value), f"{_name(path)}:{node.lineno}"


def test_no_session_level_settings() -> None:
    for path in SOURCES:
        text = _text(path).lower()
        assert not re.search(r"set_config\([^)]*,\s*false\)", text), _name(path)
        assert "pg_advisory_lock" not in text, _name(path)


def test_no_address_of_a_registry_is_committed() -> None:
    for path in (ROOT / "infra" / "setup").glob("*.lock"):
        assert "://" not in _text(path), path.name
    lock = ROOT / "infra" / "web" / "package-lock.json"
    assert '"resolved"' not in lock.read_text(encoding="utf-8")


def _functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _is_docstring_like(text: str) -> bool:
    return not re.match(r"\s*(select|insert|update|delete|with)\b", text, re.IGNORECASE)
