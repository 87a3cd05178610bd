"""The logins of a demo installation, shown on its login page; nowhere else are there any."""

import msgspec

from crewline_infra.settings import Settings

FILE_NAME = "demo-logins.json"


class DemoLogin(msgspec.Struct, kw_only=True, frozen=True):
    """`persona` is a role name, `where` the tenant or nothing."""

    persona: str
    login: str
    password: str
    where: str = ""


def demo_logins(settings: Settings) -> list[DemoLogin]:
    """Written by the demo's set-up into the installation's own folder."""
    path = settings.home / FILE_NAME
    if not settings.demo or not path.is_file():
        return []
    return msgspec.json.decode(path.read_bytes(), type=list[DemoLogin])
