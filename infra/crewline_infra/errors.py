"""The product's errors: a sentence for people, a stable code and an HTTP status for machines."""

from typing import ClassVar


class CrewlineError(Exception):
    """Base. `message` is one sentence that names the fix where there is one."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if code is not None:
            self.code = code  # type: ignore[misc]  # a class default, narrowed per instance


class NotFound(CrewlineError):
    """Missing, or somebody else's: callers must not be able to tell the two apart."""

    status = 404
    code = "not_found"

    def __init__(self, message: str = "There is nothing here.") -> None:
        super().__init__(message)


class Unauthenticated(CrewlineError):
    status = 401
    code = "unauthenticated"

    def __init__(self, message: str = "Log in first.") -> None:
        super().__init__(message)


class Forbidden(CrewlineError):
    """A member who may know that the thing exists, but not use it."""

    status = 403
    code = "forbidden"


class Invalid(CrewlineError):
    """Input that cannot be used; `field` names where."""

    status = 422
    code = "invalid"


class Conflict(CrewlineError):
    status = 409
    code = "conflict"


class TooMany(CrewlineError):
    status = 429
    code = "too_many"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(CrewlineError):
    status = 503
    code = "unavailable"
