"""The demonstration's cast and stage, read from scene.yaml and the documents beside it."""

from importlib.resources import files
from typing import Any

import msgspec
import yaml

PACKAGE = files("crewline_app.demo")


class PoolScene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    slug: str
    name: str


class QueueScene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`skills` maps the name of a skill to the level that the queue asks for."""

    name: str
    pool: str
    target: str
    skills: dict[str, int] = {}


class ShareScene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    share: str
    floor_seats: int = 0
    cap_seats: int | None = None


class TenantScene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    slug: str
    name: str
    zh_hans: str
    zh_hant: str
    colour: int
    numbers: list[str]
    queue: QueueScene
    share: ShareScene


class Scene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`agents` are simulated ones, by pool."""

    pools: list[PoolScene]
    skills: list[str]
    tenants: list[TenantScene]
    agents: dict[str, list[str]]
    customers: list[str]


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node of a disposition tree, with its label in three languages and the results under it."""

    code: str
    en: str
    zh_hans: str
    zh_hant: str
    outcome: str = "resolved"
    under: list["Result"] = []


def load_scene() -> Scene:
    return msgspec.convert(_yaml("scene.yaml"), Scene)


def script_of(slug: str) -> Any:
    return _yaml(f"scripts/{slug}.yaml")


def results_of(slug: str) -> list[Result]:
    """The tenant's tree: its own results, then those that every tenant has."""
    trees = _yaml("dispositions.yaml")
    return msgspec.convert([*trees.get(slug, []), *trees["everybody"]], list[Result])


def contract_text(slug: str) -> str | None:
    contract = PACKAGE / "contracts" / f"{slug}.yaml"
    return contract.read_text(encoding="utf-8") if contract.is_file() else None


def _yaml(name: str) -> Any:
    return yaml.safe_load((PACKAGE / name).read_text(encoding="utf-8"))
