"""A `guesthouse up` that is interrupted ends soon, without a traceback, and leaves no lock."""

from __future__ import annotations

from interrupted import Interrupted, drawn
from project import EngineProject

GUESTS = 40
SEED = 8


def test_an_interrupted_up_ends_and_the_next_one_finishes_it(project: EngineProject) -> None:
    project.write(count=GUESTS)
    interrupted = Interrupted(project)
    longest_s = interrupted.up()
    outcomes = [interrupted.round(each) for each in drawn(SEED, 4, longest_s)]
    wrong = {each.interrupt: each.faults(GUESTS) for each in outcomes if each.faults(GUESTS)}
    assert wrong == {}
