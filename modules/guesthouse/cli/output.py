"""What the command prints: text for people, JSON for programs, colours only on a terminal."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from guesthouse.display import visible, visible_json
from guesthouse.errors import GuesthouseError, Problem, SetupError

# Characters; wider than any row, so that nothing is folded in a file or a pipe.
_FILE_WIDTH = 10_000

__all__ = [
    "escape",
    "plural",
    "print_error",
    "print_json",
    "print_table",
    "problem_values",
    "progress",
    "say",
    "stdout",
    "write_text",
]


class _Console(Console):
    """Shows text, whoever wrote it: what is printed as text cannot steer the terminal."""

    def render_str(self, text: str, *args: Any, **options: Any) -> Text:
        return super().render_str(visible(text), *args, **options)


def stdout() -> Console:
    """Standard output. Made anew each time, so that it is the stream of this moment."""
    console = _Console(soft_wrap=True, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    return console


def stderr() -> Console:
    """Standard error: progress and errors, so that results can be piped."""
    return _Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)


def say(text: str) -> None:
    """One line of progress, on standard error."""
    stderr().print(escape(text), style="dim")


@contextmanager
def progress(title: str) -> Iterator[Callable[[str], None]]:
    """Lines of progress while something takes its time, with a spinner on a terminal."""
    console = stderr()
    if not console.is_terminal:
        yield say
        return
    with console.status(escape(title)) as status:

        def tell(text: str) -> None:
            console.print(escape(text), style="dim")
            status.update(f"{escape(title)}: {escape(visible(text))}")

        yield tell


def print_json(value: Any) -> None:
    """A value as JSON: two blanks of indent, keys in their own order."""
    print(visible_json(json.dumps(value, indent=2, ensure_ascii=False, default=_plain)))


def _plain(value: Any) -> Any:
    """Our frozen dataclasses and mappings, which ``json`` does not know."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: getattr(value, field.name) for field in fields}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    return str(value)


def print_error(error: GuesthouseError) -> None:
    """All problems of an error, one below the other, on standard error."""
    console = stderr()
    for problem in error.problems:
        console.print(f"[bold red]error:[/] {escape(str(problem))}")


def problem_values(problem: Problem) -> dict[str, Any]:
    """A problem as JSON values."""
    return {
        "where": problem.where,
        "what": problem.what,
        "got": problem.got,
        "allowed": problem.allowed,
        "hint": problem.hint,
        "path": list(problem.path),
    }


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table without frame. A terminal folds what is too wide; a file gets it whole."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.title_style = "bold"
    for column in columns:
        table.add_column(column, header_style="bold", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    stdout().print(table)


def write_text(path: Path, text: str) -> None:
    """A file that the user asked for, in a folder that is there."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SetupError(Problem(str(path), f"cannot be written: {reason}")) from None


def plural(count: int, noun: str) -> str:
    """``1 guest``, ``2 guests``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
