"""The layout that keeps imports honest: source roots are folders, never packages."""

import platform
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOTS = ("platform", "tenants", "billing", "reporting", "infra")


def test_the_standard_library_keeps_its_platform() -> None:
    assert platform.__file__ is not None
    assert Path(platform.__file__).is_relative_to(sysconfig.get_path("stdlib"))
    assert platform.python_version()


def test_source_roots_are_no_packages() -> None:
    for folder in SOURCE_ROOTS:
        assert (ROOT / folder).is_dir()
        assert not (ROOT / folder / "__init__.py").exists(), folder


def test_each_source_root_says_what_it_owns() -> None:
    for folder in SOURCE_ROOTS:
        readme = (ROOT / folder / "README.md").read_text(encoding="utf-8")
        assert "Owns" in readme, folder
        assert "Does not own" in readme, folder


def test_tests_are_a_package() -> None:
    assert (ROOT / "tests" / "__init__.py").exists()
    for folder in (ROOT / "tests").rglob("*"):
        if folder.is_dir() and any(folder.glob("test_*.py")):
            assert (folder / "__init__.py").exists(), folder
