"""Metrics of commands that end, in files: the form of node_exporter's textfile collector."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import write_to_textfile
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from guesthouse import files
from guesthouse.cli.families import LIVE, Collected, Row, families, registry
from guesthouse.display import visible
from guesthouse.errors import Problem, SetupError

if TYPE_CHECKING:
    from guesthouse.checks import Finding

_MAX_BYTES = 16 * files.MIB


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write a file in one step: a collector sees the old one or the new one."""
    if path.suffix != ".prom":
        raise SetupError(Problem(str(path), "collectors read only files that end in .prom"))
    try:
        write_to_textfile(str(path), registry(Collected(tuple(families(rows)))))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SetupError(Problem(str(path), f"cannot be written: {reason}")) from None


def verified(stack: str, findings: Sequence[Finding]) -> Iterator[Row]:
    """What a verification that ends now has found."""
    from guesthouse.checks import green, report

    for status, count in report.counts(findings).items():
        yield "guesthouse_verify_checks", (stack, status.replace(" ", "_")), count
    yield "guesthouse_verify_success", (stack,), float(green(findings))
    yield "guesthouse_verify_timestamp_seconds", (stack,), time.time()


def drifted(stack: str, resources: int) -> Iterator[Row]:
    """What a preview that ends now would change, in resources."""
    yield "guesthouse_drift_resources", (stack,), resources
    yield "guesthouse_drift_timestamp_seconds", (stack,), time.time()


def read(folder: Path) -> Iterator[Metric]:
    """The metrics of all ``*.prom`` files of a folder that we do not have ourselves. Of the same
    labels the last file's counts, since Prometheus takes nothing that says a thing twice."""
    found: dict[str, Metric] = {}
    errors: list[Row] = []
    for path in sorted(folder.glob("*.prom")):
        try:
            text = files.read_text(path, _MAX_BYTES)
            seen = [_plain(metric) for metric in text_string_to_metric_families(text)]
        except (OSError, ValueError, files.Unreadable):
            seen = []
            errors.append(("guesthouse_textfile_scrape_error", (path.name,), 1))
        else:
            errors.append(("guesthouse_textfile_scrape_error", (path.name,), 0))
        for metric in seen:
            kept = found.setdefault(metric.name, metric)
            said = (*kept.samples, *metric.samples)
            kept.samples = list({(s.name, *sorted(s.labels.items())): s for s in said}.values())
    # Without a type a counter keeps its ending.
    ours = {*LIVE, *(name.removesuffix("_total") for name in LIVE)}
    yield from (metric for name, metric in found.items() if name not in ours)
    yield from families(errors)


def _plain(metric: Metric) -> Metric:
    """The same, and in no text of it what a terminal obeys."""
    metric.name, metric.documentation = visible(metric.name), visible(metric.documentation)
    metric.samples = [
        sample._replace(
            name=visible(sample.name),
            labels={visible(key): visible(value) for key, value in sample.labels.items()},
        )
        for sample in metric.samples
    ]
    return metric
