"""The virtual environment and its locked dependencies (standard library only)."""

import shutil
import sys
from pathlib import Path

from steps import BIN, BOOT, ROOT, VENV, SetupError, call, fingerprint, stamp, stamped

UV = "uv==0.13.9"
SETUP = ROOT / "infra" / "setup"
PYTHON = BIN / "python"


def virtual_environment() -> str:
    """.venv with uv inside, also where the system's Python came without ensurepip."""
    if (BIN / "uv").exists() and PYTHON.exists():
        return "there already"
    if VENV.exists():
        shutil.rmtree(VENV)
    try:
        call([sys.executable, "-m", "venv", VENV])
        call([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV])
    except SetupError:
        _without_ensurepip()
    return "made"


def dependencies(level: str) -> str:
    """Sync the hashed lock: 'run' for the product alone, 'dev' with the tools of the tests."""
    names = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
    current = {name: fingerprint(SETUP / file, ROOT / "pyproject.toml") for name, file in names.items()}
    if stamped("dependencies", "dev " + current["dev"]) or stamped("dependencies", f"{level} {current[level]}"):
        return "as locked already"
    call([BIN / "uv", "pip", "sync", "--quiet", "--require-hashes", "--python", PYTHON, SETUP / names[level]])
    call([BIN / "uv", "pip", "install", "--quiet", "--no-deps", "--python", PYTHON, "--editable", ROOT])
    _keep_uv()
    stamp("dependencies", f"{level} {current[level]}")
    return "installed as locked"


def _without_ensurepip() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        call([sys.executable, "-m", "pip", "install", "--quiet", "--target", BOOT, UV])
    except SetupError as problem:
        raise SetupError(
            "this Python has neither venv nor pip. "
            "Debian, Ubuntu: apt install python3-venv; Fedora: dnf install python3-pip."
        ) from problem
    call([BOOT / "bin" / "uv", "venv", "--quiet", "--python", sys.executable, VENV])
    _keep_uv()


def _keep_uv() -> None:
    """`uv pip sync` removes what the lock does not name, uv itself included: put it back."""
    if (BIN / "uv").exists():
        return
    installer: list[str | Path] = (
        [BOOT / "bin" / "uv", "pip", "install", "--quiet", "--python", PYTHON, UV]
        if (BOOT / "bin" / "uv").exists()
        else [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV]
    )
    call(installer)
