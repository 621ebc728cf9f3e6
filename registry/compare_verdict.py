"""What a comparison comes to, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from registry.comparison import Compatibility, MetricLine

_WORDS = "no one two three four five six seven eight nine ten".split()
_ALIKE = 1.1  # times faster or slower that are still called the same


def sentence(
    names: Sequence[str],
    base: int,
    metrics: Sequence[MetricLine],
    *,
    latency: Sequence[float | None],
    fits: Sequence[Compatibility],
    n_new: Sequence[int | None],
) -> str:
    """The verdict; "" for a version alone.

    Of two, what the other one is against the base. Of more, which one leads and what it costs
    against the base.

    Args:
        latency: p95 of one row in milliseconds, None where nobody measured on the base's machine.
        n_new: How many libraries each needs that the base does not; None when not known.
    """
    if len(names) < 2:
        return ""
    if len(names) == 2:
        other = 1 - base
        return f"{names[other]} is " + ", ".join(
            [*_quality(metrics, other, base), *_costs(other, base, latency, fits, n_new)]
        )
    judged = [row for row in metrics if row.best]
    if not judged:
        return "No metric that tells these versions apart has a known direction."
    leading, n_best = leaders(len(names), judged)
    if len(leading) > 1:
        level = ", ".join(names[i] for i in leading[:-1]) + f" and {names[leading[-1]]}"
        return f"No version leads: {level} are each best on {n_best} of {_metrics(len(judged))}"
    lead = leading[0]
    said = f"{names[lead]} leads: best on {n_best} of {_metrics(len(judged))}"
    if lead == base:
        return said + "; it is the base"
    costs = [*_worse(metrics, lead, base), *_costs(lead, base, latency, fits, n_new)]
    return f"{said}; against {names[base]}: " + ", ".join(costs)


def leaders(n_versions: int, metrics: Sequence[MetricLine]) -> tuple[list[int], int]:
    """The versions that are best most often, more than one when level; and how often."""
    wins = [sum(i in row.best for row in metrics) for i in range(n_versions)]
    return [i for i, n in enumerate(wins) if n == max(wins)], max(wins)


def _quality(metrics: Sequence[MetricLine], other: int, base: int) -> list[str]:
    gains = [gain for row in metrics if (gain := row.gain(other, base)) is not None]
    if not gains:
        return ["not to be judged by metrics: they share none with a known direction"]
    n, n_better = len(gains), sum(gain > 0 for gain in gains)
    if not any(gains):
        return [f"as good on all {n} metrics" if n > 1 else "as good on the one metric"]
    worse = _worse(metrics, other, base)
    if n == 1:
        return worse or [f"better on {_by(_only(metrics, other, base), other, base)}"]
    if n_better == n:
        return [f"better on all {n} metrics"]
    return [f"better on {n_better or 'none'} of {n} metrics", *worse]


def _only(metrics: Sequence[MetricLine], other: int, base: int) -> MetricLine:
    return next(row for row in metrics if row.gain(other, base) is not None)


def _worse(metrics: Sequence[MetricLine], other: int, base: int) -> list[str]:
    """Where it is worse: each by name up to two, of more the largest, relative to the base."""
    rows = [row for row in metrics if (row.gain(other, base) or 0) < 0]
    rows.sort(key=lambda row: _relative(row, other, base))
    if not rows:
        return []
    if len(rows) <= 2:
        return ["worse on " + " and ".join(_by(row, other, base) for row in rows)]
    return [f"worse on {_word(len(rows))}, most on {_by(rows[0], other, base)}"]


def _relative(row: MetricLine, other: int, base: int) -> float:
    return (row.gain(other, base) or 0.0) / (abs(row.values[base] or 0.0) or 1.0)


def _by(row: MetricLine, other: int, base: int) -> str:
    unit = f" {row.unit}" if row.unit else ""
    return f"{row.title} by {abs(row.gain(other, base) or 0.0):.3g}{unit}"


def _costs(
    other: int,
    base: int,
    latency: Sequence[float | None],
    fits: Sequence[Compatibility],
    n_new: Sequence[int | None],
) -> list[str]:
    """Speed, schema and requirements against the base."""
    said = []
    was, now = latency[base], latency[other]
    if was and now:
        factor = max(was / now, now / was)
        word = "slower" if now > was else "faster"
        said.append("as fast" if factor < _ALIKE else f"{factor:.2g}× {word}")
    fit = fits[other]
    if fit.fit == "breaking":
        more = f" and {len(fit.reasons) - 1} more" if len(fit.reasons) > 1 else ""
        said.append(f"schema breaking ({fit.reasons[0]}{more})")
    else:
        words = {"same": "same schema", "compatible": "schema compatible"}
        said.append(words.get(fit.fit, "schema not known"))
    if (n := n_new[other]) is not None:
        said.append(_count(n, "new requirement"))
    return said


def _count(n: int, noun: str) -> str:
    return f"{_word(n)} {noun}{'' if n == 1 else 's'}"


def _metrics(n: int) -> str:
    return "1 metric" if n == 1 else f"{n} metrics"


def _word(n: int) -> str:
    return _WORDS[n] if n < len(_WORDS) else f"{n:,}"
