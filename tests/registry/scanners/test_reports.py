"""Reports that are cut: never milder than the whole, and never the same for other contents."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from registry import scanners
from registry.formats.text import finding
from registry.records import Finding, FindingLevel, Judgement, Named, Report
from registry.scanners.contract import Look

Scanned = Callable[..., Report]


def many(level: FindingLevel, count: int, mark: str = "") -> list[Finding]:
    return [finding(level, "odd", f"{level} {n} {mark}") for n in range(count)]


def named(judgement: Judgement, count: int) -> dict[str, Named]:
    names = [f"acme.{judgement}_{n}" for n in range(count)]
    return {name: Named(name, judgement) for name in names}


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> Scanned:
    """The report of a file in which one scanner sees just that."""

    class Sees:
        FORMATS = ("onnx",)

        def __init__(self, findings: list[Finding], names: dict[str, Named]) -> None:
            self.findings, self.names = findings, names

        def scan(self, file: object, format: str, look: Look) -> None:
            look.findings.extend(self.findings)
            look.names.update(self.names)

    def report(findings: list[Finding], names: dict[str, Named] | None = None) -> Report:
        monkeypatch.setattr(scanners, "SCANNERS", ("one",))
        monkeypatch.setattr(scanners, "get", lambda _: Sees(findings, names or {}))
        return scanners.scan(io.BytesIO(), "onnx")

    return report


def test_of_very_many_findings_the_gravest_stay_and_the_rest_are_counted(scanned: Scanned) -> None:
    report = scanned([*many("info", 1000), *many("warn", 200), *many("block", 1)])
    assert len(report.findings) == scanners.MAX_FINDINGS + 1
    assert report.findings[0].level == "block"
    assert report.verdict == "refuse"
    assert report.findings[-1].what.startswith("and 1,101 more findings")
    assert report.findings[-1].level == "warn", "as grave as the gravest that is not shown"


def test_what_is_cut_off_counts_when_somebody_trusts(scanned: Scanned) -> None:
    shown = many("warn", scanners.MAX_FINDINGS)
    one = scanned([*shown, *many("warn", 3, "hidden")])
    other = scanned([*shown, *many("warn", 3, "others")])
    assert one.asks != other.asks
    assert one.asks == scanned([*shown, *many("warn", 3, "hidden")]).asks


def test_listed_names_are_cut_without_harm(scanned: Scanned) -> None:
    names = {**named("innocuous", 5000), **named("unusual", 3)}
    report = scanned([], names)
    assert len(report.names) == scanners.MAX_NAMES
    assert len(report.unusual) == 3
    assert [f.level for f in report.findings] == ["info"]
    assert report.findings[0].what == "and 3,003 more names"


def test_more_names_than_anybody_can_read_refuse_the_file(scanned: Scanned) -> None:
    report = scanned(many("warn", 1), named("unusual", scanners.MAX_NAMES + 1))
    assert report.verdict == "refuse"
    assert "more-names" in [f.rule for f in report.findings]


def test_a_report_of_usual_size_is_whole(scanned: Scanned) -> None:
    found = many("warn", scanners.MAX_FINDINGS)
    report = scanned(found, named("unusual", scanners.MAX_NAMES))
    assert list(report.findings) == found
    assert report.verdict == "quarantine"
