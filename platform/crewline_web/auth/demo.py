"""The logins of a demo installation, shown on its login page; nowhere else are there any."""

from dataclasses import dataclass

from litestar.datastructures import State


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """`who` is an English text of the catalogues."""

    who: str
    login: str
    password: str


def demo_logins(state: State) -> list[DemoLogin]:
    """The application puts them into its state when the installation is a demo."""
    found: list[DemoLogin] = state.get("demo_logins", [])
    return found
