"""Write the two hashed locks from pyproject.toml (no registry address in them)."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "infra" / "setup"
COMMON = [
    "pip",
    "compile",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--no-annotate",
    "--quiet",
    "pyproject.toml",
]


def main() -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    dev = SETUP / "requirements-dev.lock"
    run = SETUP / "requirements.lock"
    subprocess.run([uv, *COMMON, "--extra=dev", "-o", str(dev)], cwd=ROOT, check=True)
    subprocess.run([uv, *COMMON, "-c", str(dev), "-o", str(run)], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
