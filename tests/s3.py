"""A real S3 server (scripts/s3.sh) on loopback for shared states, and a proxy that makes ties."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scratch import CHECKOUT

REGION = "eu-central-1"
ACCESS_KEY = "guesthouse-tests"
SECRET_KEY = "a-word-that-nobody-prints"  # noqa: S105
# The usual variables for who may use a bucket.
ENV = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


@dataclass(frozen=True)
class Bucket:
    """A bucket; it is a folder too, the server's own view of it."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """What a user writes into Pulumi.yaml, with a prefix in the bucket."""
        words = f"region={REGION}&endpoint=http://127.0.0.1:{self.port}&s3ForcePathStyle=true"
        return f"s3://{self.folder.name}/states?{words}"

    @property
    def locks(self) -> Path:
        """The folder of the locks of the stack ``test``."""
        return self.folder / "states/.pulumi/locks/organization/guesthouse/test"

    def objects(self) -> list[str]:
        """The keys of all objects, sorted, without the prefix."""
        states = self.folder / "states"
        return sorted(str(path.relative_to(states)) for path in states.rglob("*") if path.is_file())


@dataclass(frozen=True)
class S3:
    """A running server; each folder in its folder is a bucket."""

    folder: Path
    port: int

    def bucket(self, name: str, port: int | None = None) -> Bucket:
        """A bucket, reached by way of ``port``."""
        made = self.folder / name
        made.mkdir(exist_ok=True)
        return Bucket(made, port or self.port)


@contextmanager
def s3_server(folder: Path) -> Iterator[S3]:
    """It keeps its buckets in the folder, and ends with the context."""
    script = [CHECKOUT / "scripts/s3.sh"]
    built = subprocess.run(script, stdout=subprocess.PIPE, check=True, text=True)
    data, log = folder / "buckets", folder / "s3.log"
    data.mkdir()
    program = f"{built.stdout.strip()}/versitygw"
    # Another process may take the port in the moment between.
    started = (one for _ in range(3) if (one := _started(program, data, log)))
    process, port = next(started, (None, 0))
    assert process, log.read_text()
    try:
        yield S3(data, port)
    finally:
        process.terminate()
        process.wait(30)


def _started(program: str, data: Path, log: Path) -> tuple[subprocess.Popen[bytes], int] | None:
    """A server that answers, and its port; None when it ended or did not answer."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    argv = [program, "--quiet", "--region", REGION, "--port", f"127.0.0.1:{port}"]
    env = {**os.environ, "ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
    with log.open("w") as file:
        process = subprocess.Popen([*argv, "posix", str(data)], env=env, stdout=file, stderr=file)
    end = time.monotonic() + 30
    while not _answers(port) or process.poll() is not None:
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            process.wait()
            return None
        time.sleep(0.05)
    return process, port


def _answers(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


class Tie:
    """A proxy before the server that makes two runs write their locks in one moment.

    When armed, it keeps the first lock that is written until there is a second, and both answers
    until both are there; so each run looked for locks before the other wrote its own, and each sees
    the other's when it looks again: it keeps the first that is taken back until there is a second.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._meet, self._part = threading.Barrier(2), threading.Barrier(2)
        self._left = {b"PUT": 0, b"DELETE": 0}
        self._guard = threading.Lock()
        self.writes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, tie: bool = True) -> None:
        """Count anew; the next two locks make a tie. A second is waited for, at most 20 seconds."""
        with self._guard:
            self.writes, self._left = 0, dict.fromkeys(self._left, 2 if tie else 0)
            self._meet, self._part = (threading.Barrier(2, timeout=20) for _ in range(2))

    def close(self) -> None:
        """No further connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._server))
                tied: list[threading.Barrier] = []
                for pass_on, source, to in (
                    (self._requests, client, server),
                    (self._responses, server, client),
                ):
                    threading.Thread(target=pass_on, args=(source, to, tied), daemon=True).start()

    def _requests(
        self, source: socket.socket, to: socket.socket, tied: list[threading.Barrier]
    ) -> None:
        for data in _chunks(source, to):
            # The engine asks one thing at a time on a connection, so a request begins a chunk.
            verb, _, place = data.split(b"\r\n", 1)[0].partition(b" ")
            if b"/locks/" in place and verb in self._left and self._is_of_a_tie(verb):
                if verb == b"PUT":
                    tied.append(self._meet)
                _wait(self._meet if verb == b"PUT" else self._part)
            to.sendall(data)

    def _responses(
        self, source: socket.socket, to: socket.socket, tied: list[threading.Barrier]
    ) -> None:
        for data in _chunks(source, to):
            if tied:
                _wait(tied.pop())
            to.sendall(data)

    def _is_of_a_tie(self, verb: bytes) -> bool:
        with self._guard:
            self.writes += verb == b"PUT"
            self._left[verb] -= 1
            return self._left[verb] >= 0


def _wait(barrier: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):
        barrier.wait()


def _chunks(source: socket.socket, to: socket.socket) -> Iterator[bytes]:
    """What comes; the end of one side is the end of the other."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            yield data
    for end in (source, to):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
