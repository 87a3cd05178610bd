"""What every long-running command does: a log, and a clean end on SIGTERM and Ctrl-C."""

import asyncio
import signal
from collections.abc import Callable

from crewline_infra import log
from crewline_infra.settings import Settings, load_settings


def begin() -> Settings:
    """Settings from the environment, and the log as they say."""
    settings = load_settings()
    log.configure(settings.log_level, settings.log_format)
    return settings


def on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` at the first request to end; later ones find it under way already."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
