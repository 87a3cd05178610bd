"""Browser files: own ones from static/, third-party ones that set-up copied to static/vendor."""

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path

from crewline_infra.errors import NotFound

STATIC = Path(__file__).resolve().parent / "static"
BUNDLE = "css/all.css"
BUNDLE_PARTS = "tokens base shell text controls states panels kpi table chips story charts parts phone".split()
_TEXT = (".css", ".js", ".mjs", ".svg", ".json")
_GZIP_MIN_BYTES = 1024

mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("font/woff2", ".woff2")


class Assets:
    """Files under addresses with the version of the whole set: a browser may keep them for ever."""

    def __init__(self, root: Path = STATIC) -> None:
        self.root = root.resolve()
        self.version = _version(self.root)
        self._read = lru_cache(maxsize=256)(self._load)

    def url(self, path: str) -> str:
        return f"/static/{self.version}/{path}"

    def content(self, path: str, *, gzipped: bool) -> tuple[bytes, str, bool]:
        """Bytes, media type, and whether they are gzipped. Raises `NotFound`."""
        return self._read(path, gzipped and path.endswith(_TEXT))

    def _load(self, path: str, gzipped: bool) -> tuple[bytes, str, bool]:
        content = self._bundle() if path == BUNDLE else self._file(path)
        media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
        if gzipped and len(content) >= _GZIP_MIN_BYTES:
            return gzip.compress(content, 6, mtime=0), media_type, True
        return content, media_type, False

    def _bundle(self) -> bytes:
        """The shared style sheets in their one order: later files win."""
        parts = [f'@import url("{self.url("vendor/fonts.css")}");\n'.encode()]
        parts += [(self.root / "css" / f"{name}.css").read_bytes() for name in BUNDLE_PARTS]
        return b"\n".join(parts)

    def _file(self, path: str) -> bytes:
        file = (self.root / path).resolve()
        if not file.is_relative_to(self.root) or not file.is_file():
            raise NotFound
        return file.read_bytes()


def _version(root: Path) -> str:
    """A digest of our own files and of the manifest that names the vendored ones."""
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        vendored = "vendor" in file.relative_to(root).parts and file.name != "manifest.json"
        if file.is_file() and not vendored:
            digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
