"""A host in maintenance, by the command and the real engine. Each run of libvirt's test driver has
forgotten the guests: whoever looks at the host finds them gone."""

from __future__ import annotations

from project import EngineProject
from rivals import guesthouse


def run(project: EngineProject, *argv: str) -> tuple[int, str]:
    with guesthouse(project, *argv) as process:
        said = "".join(process.communicate(timeout=120))
    return process.returncode, said


def declare(project: EngineProject, flag: bool, count: int = 2) -> None:
    project.write(count=count)
    file = project.root / "stacks/test.site.yaml"
    flags = f"memory_mib: 8192, maintenance: {str(flag).lower()}"
    file.write_text(file.read_text().replace("memory_mib: 8192", flags))


def test_a_removal_is_refused_before_anything_is_touched(project: EngineProject) -> None:
    up = ("up", "test", "--yes")
    assert run(project, *up, "--", "--skip-preview")[0] == 0
    file = project.root / "stacks/test.site.yaml"
    one_less = file.read_text().partition("  g1:\n")[0]
    flagged = one_less.replace("memory_mib: 8192", "memory_mib: 8192, maintenance: true")
    before = project.pulumi("stack", "export")
    refused = (
        "error: g1: its host 't1' is in maintenance\n"
        "  hint: end it by `hosts.t1.maintenance: false`, then run the command again\n"
    )
    file.write_text(flagged)
    for argv in (
        ("preview", "test"),
        ("preview", "test", "--report", str(project.root / "report")),
        up,
        (*up, "--", "--skip-preview"),
    ):
        code, said = run(project, *argv)
        assert code == 5 and said.endswith(refused), (argv, said)
    assert project.pulumi("stack", "export") == before
    # Its twin: without the flag it is an ordinary deletion, and with it all else goes on.
    declare(project, True)
    assert run(project, "preview", "test")[0] == 0
    file.write_text(one_less)
    code, said = run(project, "preview", "test")
    assert code == 0 and "guesthouse:index:Guest g1 delete" in " ".join(said.split()), said
    assert run(project, *up, "--", "--skip-preview")[0] == 0


def test_it_is_left_alone_until_it_is_over(project: EngineProject) -> None:
    up = ("up", "test", "--yes", "--", "--skip-preview")
    assert run(project, *up)[0] == 0
    declare(project, True)
    code, said = run(project, "up", "test", "--yes", "--refresh", "--", "--skip-preview")
    assert code == 0 and "2 unchanged" in said and "created" not in said and "deleted" not in said
    # The state has the flag now, for plain pulumi.
    project.pulumi("refresh", "--yes", "--skip-preview")
    project.pulumi("preview", "--expect-no-changes")
    refused = (
        "g1: its host 't1' is in maintenance "
        "hint: end it by `hosts.t1.maintenance: false`, then run the command again"
    )
    for argv in (("destroy", "test", "--yes", "--", "--skip-preview"), up):
        declare(project, True, count=1)
        code, said = run(project, *argv)
        assert code == 5 and refused in " ".join(said.split()), said
        assert "deleted" not in said and "Traceback" not in said
    declare(project, False)
    code, said = run(project, "preview", "test", "--refresh")
    assert code == 0 and "guesthouse:index:Guest g0 create" in " ".join(said.split()), said
    assert run(project, "destroy", "test", "--yes", "--", "--skip-preview")[0] == 0
