"""One contact's time as phases to scale: where each began, how long it took. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crewline_infra.i18n import gettext as _
from crewline_reporting.records.rules import Record

WIDTH, GAP, TICKS_MAX = 1160.0, 1.5, 9
_STEPS_MS = (5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000)
_LABEL_WIDTH = 46.0


@dataclass(frozen=True, slots=True)
class Phase:
    """`kind` names the colour: menu queue ring talk hold wrap."""

    kind: str
    label: str
    starts_at: datetime
    ms: int


@dataclass(frozen=True, slots=True)
class Bar:
    phase: Phase
    x: float
    width: float
    labelled: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """Geometry for an SVG that is `WIDTH` wide. `late_x` is where the target time passed, if it did."""

    bars: list[Bar]
    ticks: list[tuple[float, int]]
    late_x: float | None
    total_ms: int


def phases(record: Record) -> list[Phase]:
    """Ringing is the last part of the wait. Talk and hold are sums: their order is not in a record."""
    at = record.arrived_at
    found: list[Phase] = []
    ring_ms = min(record.ring_ms, record.wait_ms)
    parts = (
        ("menu", _("Menu"), record.menu_ms),
        ("queue", _("Queue"), record.wait_ms - ring_ms),
        ("ring", _("Ring"), ring_ms),
        ("talk", _("Talk"), record.talk_ms),
        ("hold", _("Hold"), record.hold_ms),
        ("wrap", _("Wrap-up"), record.wrap_ms),
    )
    starts = {"queue": record.queued_at, "talk": record.answered_at}
    for kind, label, ms in parts:
        at = starts.get(kind) or at
        if ms:
            found.append(Phase(kind, label, at, ms))
        at += timedelta(milliseconds=ms)
    return found


def draw(record: Record, threshold_ms: int) -> Drawing:
    found = phases(record)
    total = sum(phase.ms for phase in found)
    if not total:
        return Drawing([], [], None, 0)
    scale = WIDTH / total
    bars, x = [], 0.0
    for phase in found:
        width = phase.ms * scale
        bars.append(Bar(phase, round(x, 1), round(max(width - GAP, 1.0), 1), False))
        x += width
    late_x = _late_x(record, threshold_ms, scale)
    return Drawing(_labelled(bars), _ticks(total, scale), late_x, total)


def _labelled(bars: list[Bar]) -> list[Bar]:
    """Labels for the widest phases first, where they do not run into each other."""
    chosen: list[Bar] = []
    for bar in sorted(bars, key=lambda one: -one.width):
        if all(abs(bar.x - other.x) >= _LABEL_WIDTH for other in chosen):
            chosen.append(bar)
    return [replace(bar, labelled=bar in chosen) for bar in bars]


def _ticks(total_ms: int, scale: float) -> list[tuple[float, int]]:
    step = next((step for step in _STEPS_MS if total_ms / step <= TICKS_MAX), _STEPS_MS[-1])
    return [(round(ms * scale, 1), ms) for ms in range(0, total_ms, step)]


def _late_x(record: Record, threshold_ms: int, scale: float) -> float | None:
    if record.queued_at is None or record.wait_ms <= threshold_ms:
        return None
    return round((record.menu_ms + threshold_ms) * scale, 1)
