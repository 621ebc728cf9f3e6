"""Metrics from a file that a training script wrote, ready for a person to correct."""

from __future__ import annotations

import re
from dataclasses import replace

from registry import metrics, staging
from registry.core import Registry
from registry.records import Actor, Metric

NAME = re.compile(r"(metrics|scores|evaluation|classification_report)\.(json|ya?ml)", re.IGNORECASE)
"""What such a file is called in a package."""


def read(reg: Registry, actor: Actor, staged_id: str) -> tuple[tuple[Metric, ...], tuple[str, ...]]:
    """The metrics of a staged JSON or YAML file, read in a locked worker.

    Returns:
        The metrics with source "file", their direction by their name where the file gives none;
        and the names of what was left out because it is words.

    Raises:
        NotFound: The staged file is gone, or it is somebody else's.
        BrokenArtifact: No metrics could be read; why, in plain words.
        Busy: Too many files are being read.
    """
    staging.get(reg, actor, staged_id)
    with staging.opened(reg, staged_id) as fd:
        found, left_out = reg.pool.read_metrics(fd)
    return tuple(
        replace(metric, higher_is_better=metrics.direction(metric.name))
        if metric.higher_is_better is None
        else metric
        for metric in found
    ), left_out
