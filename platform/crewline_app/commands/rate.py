"""crewline rate: try a price without any database."""

from collections.abc import Iterator
from typing import Any

import rich_click as click

from crewline_app.commands.files import read_text
from crewline_app.commands.output import emit, emit_document, format_option
from crewline_billing.rating.rules import fees_of, plain_steps
from crewline_billing.rating.rules_file import NO_CURRENCY, Trial, parse_trial, rate_trial
from crewline_billing.rating.rules_lines import RatedLine

COLUMNS = ("line", "step", "words", "quantity", "unit_price", "amount")


@click.command()
@click.argument("file")
@format_option
def rate(file: str, output_format: str) -> None:
    """Price the usage of FILE (YAML or JSON; "-" reads standard input) and show each step.

    The document names a model, its parameters and the usage: see docs/contract-language.md.
    """
    trial = parse_trial(read_text(file))
    lines = rate_trial(trial)
    if output_format == "json":
        emit_document(_document(trial, lines))
    else:
        emit([*_rows(lines)], COLUMNS, output_format)


def _document(trial: Trial, lines: list[RatedLine]) -> dict[str, Any]:
    return {
        "amount": fees_of(lines),
        "currency": _currency(trial),
        "lines": [
            {
                "line": line.item_id,
                "quantity": line.quantity,
                "unit": line.unit,
                "contacts": line.contacts,
                "amount": line.amount,
                "steps": plain_steps(line),
            }
            for line in lines
        ],
    }


def _rows(lines: list[RatedLine]) -> Iterator[dict[str, Any]]:
    for line in lines:
        for step in line.steps:
            yield {
                "line": line.item_id,
                "step": step.code,
                "words": step.words,
                "quantity": step.quantity,
                "unit_price": step.unit_price,
                "amount": step.amount,
            }
    yield {"line": "total", "amount": fees_of(lines)}


def _currency(trial: Trial) -> str | None:
    currency = trial.contract.currency
    return None if currency == NO_CURRENCY else currency


COMMANDS = [rate]
