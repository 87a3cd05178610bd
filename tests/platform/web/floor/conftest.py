"""The floor's scene and desks, for the supervisor's pages."""

from tests.platform.floor.http.conftest import desks, scene

__all__ = ("desks", "scene")
