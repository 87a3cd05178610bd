"""Structured logs: constant event names, a whitelist of fields, ids instead of persons."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

FIELDS = frozenset(
    """event level timestamp component exception process
    request_id method route status duration_ms user_id tenant_id contact_id leg_id agent_id pool_id queue_id
    endpoint_id delivery_id job_id job_key invoice_id period import_run_id
    count rows attempt attempts epoch holder error code reason name version port path pid signal state consumer
    horizon_age_ms wait_ms file bytes""".split()
)


def configure(level: str = "info", style: str = "json") -> None:
    """`style` is json (one object a line) or text (for people at a terminal)."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            only_known_fields,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
        ),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,  # a process may be given another stderr
    )


def _to_stderr(*_names: Any) -> WrappedLogger:
    return structlog.PrintLogger(sys.stderr)


def only_known_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop what is not on the list: a body, a name or a number cannot slip into the log."""
    dropped = [key for key in event if key not in FIELDS]
    for key in dropped:
        del event[key]
    return event


def get_logger(name: str) -> FilteringBoundLogger:
    logger: FilteringBoundLogger = structlog.get_logger(component=name)
    return logger
