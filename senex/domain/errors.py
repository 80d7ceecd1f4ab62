"""The errors an operator can meet.

    SenexError
    ├── UsageProblem      exit 2   bad input or configuration
    ├── Unavailable       exit 3   a service is away; try again
    ├── Refused           exit 4   policy said no; the reasons say what would pass
    └── OutcomeUnknown    exit 5   the broker may or may not have acted

Each carries a stable code (``E_BROKER_TOKEN``) and one sentence that says
what happened, why, and what to do next.
"""

from __future__ import annotations


class SenexError(Exception):
    """An error with a stable code and one sentence for the operator."""

    exit_code = 1

    def __init__(self, code: str, message: str, *, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reasons = reasons

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class UsageProblem(SenexError):
    """The input or the configuration is wrong; trying again will not help."""

    exit_code = 2


class Unstorable(Exception):
    """The books cannot hold a value: a number too large, a text with a NUL. A bug, unless an operator gave it."""

    def as_input(self) -> UsageProblem:
        """What an operator is told who gave it."""
        return UsageProblem(
            "E_VALUE",
            f"The books cannot hold what was given ({self}), so nothing was changed; give something else.",
        )


class Unavailable(SenexError):
    """A service that is needed does not answer; trying again may help."""

    exit_code = 3


class Refused(SenexError):
    """A rule or limit said no; nothing was sent."""

    exit_code = 4


class OutcomeUnknown(SenexError):
    """Whether the broker acted is not known; reconciliation will settle it."""

    exit_code = 5
