"""A second socket of the Docker engine, whose connections can be cut or which can be taken away."""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ENGINE: Final = "/var/run/docker.sock"


_ASKED: Final = re.compile(rb"^(GET|HEAD|POST|PUT|DELETE) /v[\d.]+(/[^\s?]*)\S* HTTP/1\.1\r$", re.MULTILINE)


class EngineDoor:
    """Hands bytes on between `path` and the engine's own socket.

    `asked` is what came through, in order: e.g. `POST /containers/create`, without its version and query.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self.asked: list[str] = []
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut every connection; new ones are taken."""
        while self._open:
            with contextlib.suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Be gone."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                inside, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(inside,), daemon=True).start()

    def _serve(self, inside: socket.socket) -> None:
        with inside, socket.socket(socket.AF_UNIX) as outside, selectors.DefaultSelector() as selector:
            outside.connect(ENGINE)
            self._open += [inside, outside]
            selector.register(inside, selectors.EVENT_READ, outside)
            selector.register(outside, selectors.EVENT_READ, inside)
            with contextlib.suppress(OSError):
                while selector.get_map():
                    for ready, _ in selector.select():
                        source: Any = ready.fileobj
                        data = source.recv(1 << 16)
                        if not data:  # the end of what a command is given, say, of which the answer is still to come
                            selector.unregister(source)
                            ready.data.shutdown(socket.SHUT_WR)
                            continue
                        if source is inside:
                            self.asked += [f"{verb.decode()} {path.decode()}" for verb, path in _ASKED.findall(data)]
                        ready.data.sendall(data)


@contextmanager
def engine_door(folder: Path) -> Iterator[EngineDoor]:
    """Open a door at `folder`."""
    door = EngineDoor(folder / "engine.sock")
    try:
        yield door
    finally:
        door.close()
