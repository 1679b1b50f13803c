"""Review -> Markdown for a comment on a merge request.

A comment has at most 65,536 characters on GitHub and 1,000,000 on GitLab: what would not fit is
left out, line diffs first, and a line says so. Totals are never left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from guesthouse.display import visible
from guesthouse.errors import Problem
from guesthouse.report.diffs import Diff
from guesthouse.report.review import ACTIONS, NOUNS, Outcome, Review, Subject

LIMIT = 60_000
# Room for the line that says what was left out, characters.
_RESERVE = 200
_DIFF_LINES = 300
# What Markdown or a host of merge requests would take for its own.
_SPECIAL = re.compile(r"([\\`*\[\]<|~#!$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_LINE_END = re.compile(r"\s*[\r\n]\s*")
_HEADS = {
    Outcome.OK: "Nothing is refused.",
    Outcome.REFUSED: "**Refused:** `up` would stop at this. What is missing stands below.",
    Outcome.HELD: "**Held back:** `up` would do it, and `--fail-on` does not let it through.",
    Outcome.FAILED: "**The preview failed:** what follows is as far as it came.",
    Outcome.UNEXPECTED: "**Something would change**, and nothing was expected to.",
    Outcome.INTERRUPTED: "**The preview was interrupted:** what follows is as far as it came.",
}


def markdown(review: Review, diagram: str, pictures: Sequence[str], limit: int = LIMIT) -> str:
    """The report; ``diagram`` is Mermaid, ``pictures`` are the names of files beside it."""
    text = "\n".join([*_head(review), ""])
    sections = (
        ("Refused", "refusals", list(_problems(review.refused))),
        ("Held back", "changes held back", list(_problems(review.held))),
        ("Errors", "errors", list(_problems(review.errors))),
        ("Findings", "findings", list(_findings(review))),
        ("What changes", "changes", [_row(s) for s in review.subjects]),
        ("Topology after it", "diagrams", _topology(diagram, pictures)),
        ("Line by line", "diffs", [_fold(s, d) for s in review.subjects for d in s.diffs]),
    )
    for index, (title, noun, items) in enumerate(sections):
        # Those that follow have room to say at least what they leave out.
        later = sum(bool(items) for _, _, items in sections[index + 1 :])
        text += _section(title, noun, items, limit - len(text) - later * _RESERVE)
    return text


def _section(title: str, noun: str, items: Sequence[str], room: int) -> str:
    """As many items as there is room for, and how many are missing."""
    if not items:
        return ""
    head = f"\n## {title}\n\n"
    if noun == "changes":
        head += "| effect | what | how |\n| --- | --- | --- |\n"
    left, taken = room - len(head) - _RESERVE, list[str]()
    for item in items:
        left -= len(item)
        if left < 0:
            break
        taken.append(item)
    more = len(items) - len(taken)
    if not more:
        return head + "".join(taken)
    said = f"Left out, since a comment has no room for it: {more} of {len(items)} {noun}. "
    line = f"\n_{said}`report.json` has all._\n"
    return (head if taken else f"\n## {title}\n") + "".join(taken) + line


def _head(review: Review) -> Iterator[str]:
    yield f"# Preview of stack {escaped(review.stack)}"
    yield ""
    yield f"{_summary(review)}. {_HEADS[review.outcome]}"
    if review.outcome is Outcome.FAILED and not (review.errors or review.findings):
        yield "The engine says why in its own output."
    if not review.subjects:
        return
    nouns = [noun for noun in NOUNS if any(s.kind == noun for s in review.subjects)]
    for title, table in (("worst effect", review.effects()), ("becomes", review.actions())):
        yield ""
        yield f"| {title} | {' | '.join(f'{noun}s' for noun in nouns)} |"
        yield f"| --- |{' ---: |' * len(nouns)}"
        for words, counts in table.items():
            if counts:
                yield f"| {words} | {' | '.join(str(counts[noun] or '') for noun in nouns)} |"


def _summary(review: Review) -> str:
    if not review.subjects:
        return f"**{'No changes' if review.outcome is Outcome.OK else 'Nothing is known'}**"
    actions = review.actions()
    parts = [f"{actions[a].total()} {a}" for a in ACTIONS if actions[a]]
    parts.append(f"{review.unchanged} unchanged")
    refused = [f"{len(review.refused)} refused"] if review.refused else []
    return f"Worst effect: **{escaped(review.worst.word)}**. {', '.join([*parts, *refused])}"


def _problems(problems: Iterable[Problem]) -> Iterator[str]:
    for problem in problems:
        text = str(Problem(problem.where, problem.what, problem.got, problem.allowed))
        hint = f"<br>\n  hint: {_code(problem.hint)}" if problem.hint else ""
        yield f"- {escaped(text.removeprefix(': '))}{hint}\n"


def _findings(review: Review) -> Iterator[str]:
    for severity, problem in review.findings:
        for line in _problems([problem]):
            yield line.replace("- ", f"- {severity}: ", 1)


def _row(subject: Subject) -> str:
    changes = [escaped(str(change)) for change in subject.changes]
    if subject.action != "changed" or not changes:
        changes.insert(0, subject.fate)
    if subject.refused:
        changes.append("**refused**")
    effect = escaped(subject.effect.word)
    if subject.effect.word not in ("none", "live"):
        effect = f"**{effect}**"
    return f"| {effect} | {escaped(subject.title)} | {'<br>'.join(changes)} |\n"


def _topology(diagram: str, pictures: Sequence[str]) -> list[str]:
    if not diagram:
        return []
    names = " and ".join(f"`{name}`" for name in pictures)
    return [f"```mermaid\n{diagram}```\n\nAs pictures, beside this file: {names}.\n"]


def _fold(subject: Subject, diff: Diff) -> str:
    lines = visible(diff.text).split("\n")
    more = len(lines) - _DIFF_LINES
    if more > 0:
        lines = [*lines[:_DIFF_LINES], f"… {more} more lines: see report.json"]
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    summary = f"{escaped(subject.title)}: {escaped(diff.title)}"
    return (
        f"<details><summary>{summary}</summary>\n\n{fence}diff\n{text}\n{fence}\n\n</details>\n\n"
    )


def escaped(text: str) -> str:
    """Words of a user as words: no markup, no mention of anybody, one line."""
    text = visible(_LINE_END.sub(" ", text))
    return _SPECIAL.sub(_entity, text.replace("&", "&amp;")).replace("@", "@&#8203;")


def _entity(match: re.Match[str]) -> str:
    # Entities, since a backslash is not read inside of HTML, as in <summary>.
    return f"&#{ord(match[1])};"


def _code(text: str) -> str:
    """Text to copy. In code spans nothing is markup but as many backticks as began it."""
    text = visible(_LINE_END.sub(" ", text))
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    # Blanks keep a backtick at either end apart; Markdown takes one of each away again.
    blank = " " if "`" in (text[:1], text[-1:]) else ""
    return f"{fence}{blank}{text}{blank}{fence}"
