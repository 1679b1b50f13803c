"""Room: what a preview told + plan + state -> texts of a report for reviewers. Pure: no IO.

Comes in: the engine's events, its deployment (state), a Plan. Goes out: file name -> text, in
Markdown, JSON, Mermaid and SVG. May import: placement, effects, model. Third-party name: none.
"""

from guesthouse.report.events import Events, read_events
from guesthouse.report.files import FILES, failed_early, report_files
from guesthouse.report.review import Ending, Outcome, review

__all__ = [
    "FILES",
    "Ending",
    "Events",
    "Outcome",
    "failed_early",
    "read_events",
    "report_files",
    "review",
]
