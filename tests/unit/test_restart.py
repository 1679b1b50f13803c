"""The way back after a failed restart is taken whatever the failure is, and its reason is said."""

from __future__ import annotations

from typing import Any, cast

import libvirt
import pytest
from fake_libvirt import error

from guesthouse.errors import MachineError, Problem
from guesthouse.provider.restart import with_way_back

BACK = (
    "guest web: did not start with its new definition, which was taken back, got {}\n"
    "  hint: it runs as before, with its old definition; mend the change and run `up` again"
)
NOT_BACK = (
    "guest web: neither started with its new definition nor came back with its old: {}, got {}\n"
    "  hint: look at it on its host; `up` tries again"
)
REFUSED = error(libvirt.VIR_ERR_INTERNAL_ERROR)
# What fails -> the reason that is said.
FAILURES: list[tuple[Exception, str]] = [
    # The harmless twins: these were always taken back.
    (MachineError(Problem("guest web", "no answer within 9 s")), "no answer within 9 s"),
    (REFUSED, str(REFUSED.get_error_message())),
    (MachineError(), "MachineError: "),
    (TypeError("string indices must be integers"), "TypeError: string indices must be integers"),
    (KeyError("return"), "KeyError: 'return'"),
    (RecursionError("too deep"), "RecursionError: too deep"),
    (ValueError("Incorrect padding"), "ValueError: Incorrect padding"),
    (OSError("no route"), "OSError: no route"),
    (MemoryError(), "MemoryError: "),
    (ValueError("x" * 10**7), f"ValueError: {'x' * 288}"),
]


class Domain:
    """A domain that runs, and what is done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def name(self) -> str:
        return "web"

    def connect(self) -> Any:
        return self

    def isActive(self) -> bool:
        return True

    def destroy(self) -> None:
        self.done.append("destroy")

    def defineXML(self, text: str) -> None:
        self.done.append(f"define {text}")


def restart(new: BaseException | None, old: BaseException | None = None) -> Domain:
    """Go through a restart whose steps fail so; the domain's ``done`` is in the error too."""
    domain = Domain()

    def step(failure: BaseException | None, word: str) -> None:
        domain.done.append(word)
        if failure is not None:
            raise failure

    try:
        with_way_back(
            cast(libvirt.virDomain, domain),
            "<old/>",
            lambda: step(new, "new"),
            lambda: step(old, "old"),
        )
    except BaseException as failed:
        failed.args = (*failed.args, domain.done)
        raise
    return domain


TAKEN = ["new", "destroy", "define <old/>", "old"]


def test_one_that_starts_is_left_alone() -> None:
    assert restart(None).done == ["new"]


@pytest.mark.parametrize(("failure", "said"), FAILURES)
def test_the_way_back_is_taken(failure: Exception, said: str) -> None:
    with pytest.raises(MachineError) as caught:
        restart(failure)
    assert caught.value.args == (BACK.format(said), TAKEN)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupt_goes_on_after_the_way_back(interrupt: BaseException) -> None:
    with pytest.raises(type(interrupt)) as caught:
        restart(interrupt)
    assert caught.value.args[-1] == TAKEN


@pytest.mark.parametrize(("failure", "said"), FAILURES)
def test_both_reasons_are_said_where_the_way_back_fails(failure: Exception, said: str) -> None:
    with pytest.raises(MachineError) as caught:
        restart(failure, KeyError("uuid"))
    assert caught.value.args == (NOT_BACK.format(said, "KeyError: 'uuid'"), TAKEN)
