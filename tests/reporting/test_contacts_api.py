"""Contacts over the API: what a figure opens into."""

import csv
import io
from datetime import timedelta

import pytest

from crewline_reporting.records import service
from tests.reporting.scenes import MORNING, make_record, worker

DAY = {"from": "2026-03-02", "to": "2026-03-02"}


def contacts_path(tenant) -> str:
    return f"/api/v1/tenants/{tenant.id}/contacts"


@pytest.fixture
async def records(worker_database, scene):
    made = [
        make_record(
            scene.aster,
            f"c{n}",
            "answered" if n % 2 else "abandoned",
            at=MORNING + timedelta(minutes=n),
            wait_ms=n * 10_000,
            customer_ref=f"+86 138 0013 80{n:02}",
            disposition='=cmd|"calc"!A1',
        )
        for n in range(5)
    ]
    async with worker_database.transaction(worker(scene.aster)) as tx:
        await service.append(tx, scene.aster.id, made)
    return made


async def test_the_list_pages_through_all_of_them(scene, records) -> None:
    seen, after = [], None
    while True:
        more = {"after": after} if after else {}
        answer = await scene.get("aster-viewer", contacts_path(scene.aster), limit="2", **DAY, **more)
        seen += answer.json()["contacts"]
        after = answer.json()["next_after"]
        if after is None:
            break
    assert [contact["external_id"] for contact in seen] == ["c0", "c1", "c2", "c3", "c4"]
    assert {contact["customer_ref"] for contact in seen} == {f"••••80{n:02}" for n in range(5)}


async def test_the_list_opens_a_figure(scene, records) -> None:
    async def found(**wanted: str) -> list[str]:
        answer = await scene.get("aster-viewer", contacts_path(scene.aster), **(DAY | wanted))
        return [contact["external_id"] for contact in answer.json()["contacts"]]

    assert await found(outcome="answered", within="20") == ["c1"]
    assert await found(outcome="answered", over="20") == ["c3"]
    assert await found(outcome="abandoned,flowed_out", under="5") == ["c0"]
    assert await found(**{"from": "2026-03-02T01:03:00Z", "to": "2026-03-02T01:04:00Z"}) == ["c3"]


async def test_one_contact_shows_its_versions(scene, records, worker_database) -> None:
    corrected = make_record(scene.aster, "c1", wait_ms=1, at=MORNING)
    async with worker_database.transaction(worker(scene.aster)) as tx:
        await service.correct(tx, scene.aster.id, corrected)
    path = f"{contacts_path(scene.aster)}/{corrected.contact_id}"
    answer = await scene.get("aster-manager", path)
    assert [(version["version"], version["wait_ms"]) for version in answer.json()] == [(2, 1), (1, 10_000)]
    for person, status in scene.outsiders.items():
        assert (await scene.get(person, path)).status_code == status
    foreign = await scene.get("birch-manager", f"{contacts_path(scene.birch)}/{corrected.contact_id}")
    assert foreign.status_code == 404


async def test_outsiders_see_nothing(scene, records) -> None:
    for person, status in scene.outsiders.items():
        assert (await scene.get(person, contacts_path(scene.aster), **DAY)).status_code == status
    theirs = await scene.get("birch-manager", contacts_path(scene.birch), **DAY)
    assert theirs.json() == {"contacts": [], "next_after": None}


async def test_the_export_is_for_managers_and_runs_no_formula(scene, records) -> None:
    asked = DAY | {"format": "csv"}
    assert (await scene.get("aster-viewer", contacts_path(scene.aster), **asked)).status_code == 403
    assert (await scene.get("birch-manager", contacts_path(scene.aster), **asked)).status_code == 404
    answer = await scene.get("aster-manager", contacts_path(scene.aster), **asked)
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    blank = lines.index([])
    header = dict(lines[:blank])
    assert header["Period"] == "2026-03-01T16:00:00.000Z <= t < 2026-03-02T16:00:00.000Z"
    assert set(header) == {"Tenant", "Period", "Time zone", "Generated at"}
    rows = [dict(zip(lines[blank + 1], line, strict=True)) for line in lines[blank + 2 :]]
    assert [row["external_id"] for row in rows] == ["c0", "c1", "c2", "c3", "c4"]
    assert rows[0]["disposition"].startswith("'=cmd")
    assert rows[0]["customer_ref"] == "••••8000"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"outcome": "lost"}, "The outcome is one of"),
        ({"after": "bm9uZQ=="}, "no `next_after`"),
        ({"after": "%%%"}, "no `next_after`"),
        ({"limit": "0"}, "1 to 500"),
        ({"within": "soon"}, "no number of seconds"),
        ({"from": "2026-03-02T09:00"}, "no offset"),
    ],
)
async def test_wrong_input_is_named(scene, wrong, complaint) -> None:
    answer = await scene.get("aster-manager", contacts_path(scene.aster), **(DAY | wrong))
    assert answer.status_code == 422
    assert complaint in answer.json()["detail"]
