"""The patterns measured on published call histories, as the simulated engine needs them."""

import math

from crewline_floor.engines.patterns import Pattern, Patterns, Spread, Weibull
from crewline_reporting.generator.patterns import LineOfWork, Lognormal, measured

QUIET_SHARE = 0.85
"""Of a line's busiest half-hour: the least rate, so that a demonstration is alive by night too."""


def measured_patterns() -> Patterns:
    """By tenant slug: the history's service types in lower case; others behave like the largest line."""
    lines = {name.lower(): _pattern(line) for name, line in measured().lines_of_work.items()}
    largest = max(lines.values(), key=lambda pattern: sum(map(sum, pattern.arrivals)))
    return Patterns(default=largest, tenants=lines)


def _pattern(line: LineOfWork) -> Pattern:
    return Pattern(
        arrivals=tuple(tuple(day) for day in line.arrivals),
        quiet_per_half_hour=round(QUIET_SHARE * max(map(max, line.arrivals)), 2),
        menu=_spread(line.menu),
        menu_ended_share=line.ended_in_menu,
        patience=Weibull(round(line.patience.scale_s * 1000), line.patience.shape),
        talk=_spread(line.service),
        high_priority_share=line.priorities[-1] / (sum(line.priorities) or 1),
        known_share=line.identified,
    )


def _spread(seconds: Lognormal) -> Spread:
    return Spread(round(math.exp(seconds.mean) * 1000), seconds.deviation)
