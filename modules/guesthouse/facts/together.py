"""Several questions in one round trip: each part answers, or says why it cannot, for itself."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from guesthouse.facts.question import ODD, Question, why

T = TypeVar("T")

# A line that no answer has: what files hold is encoded, and names have no blanks.
_BEGIN, _END = "==guesthouse begin ", "==guesthouse end "


@dataclass(frozen=True)
class NotAnswered:
    """A part of a joined question failed on the machine; the other parts are not touched by it."""

    reason: str


def together(questions: Mapping[str, Question[Any]]) -> Question[dict[str, Any]]:
    """One question out of several; the answer has each part's fact, or NotAnswered, by name."""
    parts = [_part(name, question.command) for name, question in questions.items()]

    def parse(output: str) -> dict[str, Any]:
        answers = _split(output)
        return {
            name: _fact(question, *answers.get(name, ("", 1, "the answer was cut off")))
            for name, question in questions.items()
        }

    return Question("exec 3>&1\n" + "\n".join(parts) + "\ntrue\n", parse)


def _part(name: str, command: str) -> str:
    # Standard output goes straight on, the error text is kept for the closing line.
    return (
        f"echo '{_BEGIN}{name}'\n"
        f"error=$( (\n{command}\n) 2>&1 >&3 3>&-)\n"
        f"printf '\\n{_END}%s %s\\n' $? \"$(printf %s \"$error\" | tail -n 3 | tr '\\n' ' ')\""
    )


def _split(output: str) -> dict[str, tuple[str, int, str]]:
    answers = {}
    for chunk in output.split(_BEGIN)[1:]:
        name, _, rest = chunk.partition("\n")
        text, found, end = rest.rpartition("\n" + _END)
        if found:
            code, _, error = end.split("\n")[0].partition(" ")
            # What stands there in place of a number is not of our shell.
            answers[name] = (text, int(code) if code.isdecimal() else 1, error.strip())
    return answers


def _fact(question: Question[Any], text: str, code: int, error: str) -> Any:
    if code:
        return NotAnswered(error or f"the command ended with {code}")
    return read_or_not(lambda: question.parse(text))


def read_or_not(parse: Callable[[], T]) -> T | NotAnswered:
    """What ``parse`` gives; an answer that cannot be read is none, whatever is odd in it."""
    try:
        return parse()
    except Exception as error:
        return NotAnswered(f"{ODD}: {why(error)}")


def as_root(command: str) -> str:
    """The same command, as root when the login is not root and sudo asks for no password."""
    body = shlex.quote(command)
    return f"""
if [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then exec sudo -n sh -c {body}; fi
exec sh -c {body}
"""
