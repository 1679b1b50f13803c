"""The seed: the same bytes every time, secrets as hashes only, readable as NoCloud."""

from __future__ import annotations

import io
import subprocess
import time

import pycdlib
import pytest

from guesthouse.errors import RefusedError
from guesthouse.provider.seed import MIB, fill, password_hash, refuse_unusable, seed_iso

FILES = {
    "meta-data": 'instance-id: "@@instance_id@@"\n',
    "vendor-data": "#cloud-config\nssh_deletekeys: @@new_guest@@\n",
    "user-data": "#cloud-config\npasswd: @@password_hash:web_password@@\n",
    "network-config": "version: 2\n",
}
SECRETS = {"web_password": "correct horse"}


def test_the_same_files_give_the_same_bytes_at_any_time() -> None:
    first = seed_iso(FILES, SECRETS, "salt")
    time.sleep(1.1)
    assert seed_iso(FILES, SECRETS, "salt") == first


def contents(data: bytes) -> dict[str, str]:
    iso = pycdlib.PyCdlib()
    iso.open_fp(io.BytesIO(data))
    assert iso.pvd.volume_identifier.decode().strip() == "cidata"
    found = {}
    for name in FILES:
        output = io.BytesIO()
        iso.get_file_from_iso_fp(output, joliet_path=f"/{name}")
        found[name] = output.getvalue().decode()
    return found


def test_the_seed_holds_the_files_under_their_names() -> None:
    found = contents(seed_iso(FILES, SECRETS, "salt"))
    assert found["network-config"] == FILES["network-config"]
    assert found["user-data"].startswith("#cloud-config\npasswd: $6$")


def test_only_a_first_instance_drops_the_ssh_host_keys_that_it_finds() -> None:
    first, later = seed_iso(FILES, SECRETS, "uuid"), seed_iso(FILES, SECRETS, "uuid", "uuid-1")
    assert contents(first)["meta-data"] == 'instance-id: "uuid"\n'
    assert contents(first)["vendor-data"] == "#cloud-config\nssh_deletekeys: true\n"
    assert contents(later)["meta-data"] == 'instance-id: "uuid-1"\n'
    assert contents(later)["vendor-data"] == "#cloud-config\nssh_deletekeys: false\n"
    assert seed_iso(FILES, SECRETS, "uuid", "uuid") == first


def test_another_seed_has_the_same_size_until_it_is_very_long() -> None:
    longer = {**FILES, "user-data": FILES["user-data"] + "# more\n" * 20_000}
    sizes = [len(seed_iso(files, SECRETS, "salt")) for files in (FILES, longer)]
    assert sizes == [MIB, MIB]
    longest = {**FILES, "user-data": "#" * MIB}
    assert len(seed_iso(longest, SECRETS, "salt")) == 2 * MIB


def test_the_password_itself_is_nowhere_in_the_seed() -> None:
    assert b"correct horse" not in seed_iso(FILES, SECRETS, "salt")


def test_the_hash_is_one_that_the_system_accepts() -> None:
    found = password_hash("correct horse", "salt")
    salt = found.split("$")[2]
    again = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", salt, "correct horse"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.strip() == found


def test_a_secret_without_a_value_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        fill("@@password_hash:other@@", SECRETS, "salt")
    assert str(caught.value) == (
        "secret other: has no value in the stack's configuration\n"
        "  hint: run: . ./env.sh && pulumi config set --secret -s STACK other"
    )


SET = "\n  hint: run: . ./env.sh && pulumi config set --secret -s STACK web"


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("x", ""),
        ("correct horse", ""),
        ("\u00e4" * 128, ""),
        ("x" * 256, ""),
        ("", "is empty"),
        ("correct\nhorse", "has a line break or another control character"),
        ("correct horse\n", "has a line break or another control character"),
        ("correct\rhorse", "has a line break or another control character"),
        ("correct\0horse", "has a line break or another control character"),
        ("x" * 257, "is too long for a password, got 257 bytes, allowed at most 256"),
        ("\u00e4" * 129, "is too long for a password, got 258 bytes, allowed at most 256"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_a_password_that_would_be_cut_or_wrong_is_refused(password: str, said: str) -> None:
    if not said:
        refuse_unusable({"web": password})
        assert fill("@@password_hash:web@@", {"web": password}, "salt").startswith("$6$")
        return
    for use in (refuse_unusable, lambda secrets: fill("@@password_hash:web@@", secrets, "salt")):
        with pytest.raises(RefusedError) as caught:
            use({"web": password})
        assert str(caught.value) == f"secret web: {said}{SET}"


def test_a_password_that_is_not_known_yet_is_not_judged() -> None:
    refuse_unusable({"web": object()})
