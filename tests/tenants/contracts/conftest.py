"""The application and people who log in to it."""

from tests.platform.web.conftest import app, log_in, settings

__all__ = ["app", "log_in", "settings"]
