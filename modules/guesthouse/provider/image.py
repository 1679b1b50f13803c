"""Image volumes: content-addressed, checked before QEMU sees them, kept on delete."""

from __future__ import annotations

import hashlib
import shlex
import threading
from pathlib import Path
from typing import Any, ClassVar

from guesthouse.errors import MachineError, Problem, RefusedError
from guesthouse.machine import bounded
from guesthouse.machine.connections import HostConnection
from guesthouse.provider.image_format import check_image
from guesthouse.provider.resource import Call, Resource, Values, same_object

# The end of a name that mktemp(1) makes.
_RANDOM_LETTERS = 10
_digests: dict[tuple[str, int, int], str] = {}
_digests_lock = threading.Lock()


class ImageResource(Resource):
    """Inputs: connection, pool, source, sha256, format, path. `path` is on the host."""

    # The source is where the file came from; the digest says what it is.
    COMPARED: ClassVar[tuple[str, ...]] = ("sha256", "format", "path", "mode")

    def planned(self, call: Call, state: Values | None, inputs: Values) -> dict[str, Any]:
        if state is None:
            _check_source(inputs)
            return dict(inputs)
        same_object(_title(inputs), state, inputs)
        if state["path"] != inputs["path"]:
            call.say(f"{Path(inputs['path']).name}: a new image volume; the old one stays")
        return dict(inputs)

    def create(self, call: Call, inputs: Values) -> tuple[str, dict[str, Any]]:
        host = self.host(inputs)
        source = _check_source(inputs)
        if host.is_test:
            _define_test_volume(host, inputs, source)
        else:
            with host.lock(f"image-{inputs['sha256'][:16]}"):
                _remove_leftovers(call, host, inputs)
                if not _is_there(host, inputs):
                    _upload(call, host, inputs, source)
        return f"{host.name}:{inputs['path']}", dict(inputs)

    def read(self, resource_id: str, state: Values) -> dict[str, Any] | None:
        host = self.host(state)
        if host.is_test:
            return dict(state)
        path = shlex.quote(str(state["path"]))
        mode = host.root(f"stat -c 0%a -- {path} 2>/dev/null || true").strip()
        return {**state, "mode": mode} if mode else None

    def update(self, call: Call, resource_id: str, state: Values, inputs: Values) -> dict[str, Any]:
        same_object(_title(inputs), state, inputs)
        return self.create(call, inputs)[1]

    def delete(self, call: Call, resource_id: str, state: Values) -> None:
        call.say(f"{state['path']} stays on host {state['connection']['name']}")


def _title(inputs: Values) -> str:
    return f"image {Path(inputs['path']).name}"


def _check_source(inputs: Values) -> Path:
    source = Path(inputs["source"])
    where = f"image {source.name}"
    if not source.is_file():
        raise RefusedError(Problem(where, "no such file", got=repr(str(source))))
    found = _sha256(source)
    if found != inputs["sha256"]:
        raise RefusedError(
            Problem(
                where,
                "its digest is not the declared one",
                got=found,
                allowed=str(inputs["sha256"]),
                hint="the file was changed or is torn: get it again, or declare the new digest",
            )
        )
    check_image(source, str(inputs["format"]))
    return source


def _sha256(path: Path) -> str:
    """The file's digest, worked out once per process and version of the file."""
    status = path.stat()
    key = (str(path), status.st_size, status.st_mtime_ns)
    with _digests_lock:
        if key not in _digests:
            with path.open("rb") as file:
                _digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return _digests[key]


def _is_there(host: HostConnection, inputs: Values) -> bool:
    """Is the volume on the host, with the right content? Its name alone is not believed."""
    path = shlex.quote(str(inputs["path"]))
    script = f"test ! -f {path} || {{ chmod 0444 -- {path} && sha256sum < {path}; }}"
    found = host.root(script, timeout_s=1800)
    return found.split()[:1] == [inputs["sha256"]]


def _part(host: HostConnection, inputs: Values) -> str:
    """How the names of this host's unfinished uploads begin, quoted: its pool's folder may be one
    that other hosts have too."""
    return shlex.quote(f"{inputs['path']}.part.{host.name}.")


def _remove_leftovers(call: Call, host: HostConnection, inputs: Values) -> None:
    """Remove what killed uploads from this host have left. A running one holds a lock on its file;
    where locks do not reach other hosts, their names do: theirs are not touched."""
    script = (
        f"for old in {_part(host, inputs)}{'?' * _RANDOM_LETTERS}; do "
        '[ -f "$old" ] && [ ! -L "$old" ] || continue; '
        '( flock --nonblock 9 && rm -f -- "$old" && echo removed ) 9>>"$old" || true; done'
    )
    if count := host.root(script).split().count("removed"):
        call.say(f"{inputs['path']}: removed {count} unfinished upload(s) on {host.name}")


def _upload(call: Call, host: HostConnection, inputs: Values, source: Path) -> None:
    """Stream to a name of its own, check the digest of the file there, then give it its name."""
    call.say(f"{source.name}: uploading {source.stat().st_size / 2**20:.0f} MiB to {host.name}")
    path, digest = shlex.quote(str(inputs["path"])), f"{inputs['sha256']}  -"
    script = (
        f"set -e; umask 077; part=$(mktemp -- {_part(host, inputs)}{'X' * _RANDOM_LETTERS}); "
        "trap 'rm -f -- \"$part\"' EXIT; trap 'exit 1' HUP INT PIPE TERM; "
        # Held until all that write to it have ended.
        'exec 9>>"$part"; flock --nonblock 9 || true; '
        'cat >"$part"; sync -- "$part"; '
        f'test "$(sha256sum <"$part")" = "{digest}"; chmod 0444 -- "$part"; '
        # Another host's guest may have it open by now: over NFS it would lose what is replaced.
        f'test -f {path} && test "$(sha256sum <{path})" = "{digest}" || mv -fT -- "$part" {path}'
    )
    sudo = () if host.endpoint.user == "root" else ("sudo", "-n")
    command = host.ssh.command(host.name, *sudo, "sh", "-c", script)
    with source.open("rb") as file:
        result = bounded.run(command, f"host {host.name}", stdin=file)
    if result.returncode != 0:
        raise MachineError(
            Problem(
                f"host {host.name}",
                f"the upload of {source.name} failed",
                got=result.stderr.decode(errors="replace").strip()[-500:] or "a wrong digest",
                hint="is there room in the pool? run `up` again to try once more",
            )
        )


def _define_test_volume(host: HostConnection, inputs: Values, source: Path) -> None:
    """libvirt's test driver keeps volumes in memory: a definition is all there can be."""
    pool = host.libvirt.storagePoolLookupByName(inputs["pool"])
    name = Path(inputs["path"]).name
    if name not in pool.listVolumes():
        pool.createXML(
            f"<volume><name>{name}</name><capacity>{source.stat().st_size}</capacity></volume>", 0
        )
