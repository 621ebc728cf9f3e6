"""Every error a door can raise: safe to show, with an HTTP status, named by what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from registry.records import Report, RuleResult


class RegistryError(Exception):
    """Base of all errors whose message may be shown to the person."""

    status: ClassVar[int] = 500

    @property
    def message(self) -> str:
        """The sentence to show."""
        return str(self)


class NotFound(RegistryError):
    """No such thing, or it exists but not for this actor: the two look alike."""

    status = 404


class NotSignedIn(RegistryError):
    """Nobody is signed in, or the name and password do not match."""

    status = 401


class Forbidden(RegistryError):
    """The actor may see the subject but not do this with it."""

    status = 403


class Conflict(RegistryError):
    """The request does not fit the present state (name taken, alias in the way)."""

    status = 409


class GateClosed(Conflict):
    """A version does not meet the rules of its model's promotion gate.

    Args:
        results: Every rule of the alias, those that passed among them.
    """

    def __init__(self, alias: str, number: int, results: Sequence[RuleResult]) -> None:
        failed = [result.said for result in results if not result.passed]
        rules = "rule" if len(results) == 1 else "rules"
        super().__init__(
            f"version {number} does not become {alias!r}: {len(failed)} of {len(results)} {rules} "
            f"failed: {'; '.join(failed)}"
        )
        self.alias, self.number, self.results = alias, number, tuple(results)


class Rejected(RegistryError):
    """An upload was refused; nothing of it is kept."""

    status = 422


class UnknownFormat(Rejected):
    """The content is no model format that Vitrine knows."""

    status = 415


class TooLarge(Rejected):
    """The file is above the size limit."""

    status = 413


class BrokenArtifact(Rejected):
    """The file is truncated, empty or damaged."""


class UnsafeArtifact(Rejected):
    """A scanner found something that must not be loaded, or could not finish."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"refused: {report.worst.what}" if report.worst else "refused")
        self.report = report


class SeveralModels(RegistryError):
    """A package holds more than one model: somebody must say which one is meant.

    Args:
        names: Their paths in the package.
    """

    status = 409

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"the package holds {len(names)} model files: choose the one to publish")
        self.names = tuple(names)


class InvalidInput(RegistryError):
    """One or more fields are wrong.

    Args:
        problems: Field name to what is wrong with it and what to do.
    """

    status = 422

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in problems.items()))
        self.problems = dict(problems)


class PredictionFailed(RegistryError):
    """The model raised while loading or predicting.

    Args:
        message: What happened, in a sentence.
        log: What the model said: the tail of its error, hostile text.
    """

    status = 502

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class PredictionTimeout(PredictionFailed):
    """The model took longer than `timeout_s` seconds and was stopped."""

    status = 504

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"the model did not answer within {timeout_s:g} s and was stopped")
        self.timeout_s = timeout_s


class OutOfMemory(PredictionFailed):
    """The model wanted more memory than a worker may take."""


class WorkerCrashed(PredictionFailed):
    """The sandboxed worker ended by itself.

    Args:
        signal: Number of the signal that ended it, or None when it exited.
    """

    def __init__(self, message: str, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal


class FetchFailed(RegistryError):
    """An address outside is not permitted, or nothing useful came from it."""

    status = 502


class LinkRefused(FetchFailed):
    """Nothing was asked: this is no address that may be asked, or fetching is off."""

    status = 422


class Busy(RegistryError):
    """All workers are in use; worth trying again in a moment."""

    status = 503


class RateLimited(RegistryError):
    """Too many tries; `retry_after_s` says when the next one is welcome."""

    status = 429

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotInstalled(RegistryError):
    """A known plug whose library is missing; `package` is what to install."""

    status = 501

    def __init__(self, package: str) -> None:
        super().__init__(f"not installed here: {package}. Run: pip install {package}")
        self.package = package


class StoreError(RegistryError):
    """Stored bytes are missing or do not match their digest."""


class StorageFull(RegistryError):
    """The disk has no room for this."""

    status = 507


class QuotaExceeded(StorageFull):
    """A person's share of the room is used up.

    Source: RFC 4331, section 6 (a quota that is exceeded is 507).
    """
