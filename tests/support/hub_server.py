"""A hub on loopback: as much of the Hugging Face hub's HTTP protocol as reading a dataset repository takes.

A repository is a folder of files. Its one revision is a hash over names and contents, as a commit would be.
"""

from __future__ import annotations

import hashlib
import json
import threading
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class HubServer:
    """Serves dataset repositories (`owner/name` -> folder); `requests` lists the method and path of each request."""

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        self.repositories = repositories
        self.requests: list[str] = []
        hub = self

        class Handler(_Handler):
            server_hub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_hub: HubServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        self.server_hub.requests.append(f"{self.command} {self.path}")

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "datasets"]:
            parts = parts[2:]
        elif parts[0] == "datasets":
            parts = parts[1:]
        else:
            return self._fail("EntryNotFound")
        folder = self.server_hub.repositories.get("/".join(parts[:2]))
        if folder is None:
            return self._fail("RepoNotFound")
        match parts[2:]:
            case [] | ["revision", _]:
                self._send_json(_repository("/".join(parts[:2]), folder))
            case ["tree", _, *inside] if (folder / "/".join(inside)).is_dir():
                self._send_json(_entries(folder, _children(folder, "/".join(inside), "recursive=true" in self.path)))
            case ["paths-info", _]:
                self._send_json(_entries(folder, _paths_asked_for(sent, self.headers.get("Content-Type", ""))))
            case ["resolve", _, *inside] if (folder / "/".join(inside)).is_file():
                self._send_file(folder, folder / "/".join(inside))
            case _:
                self._fail("EntryNotFound")
        return None

    def _send_json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send_file(self, folder: Path, file: Path) -> None:
        content, status = file.read_bytes(), 200
        headers = {
            "ETag": f'"{_sha1(content)}"',
            "X-Repo-Commit": _revision(folder),
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
        }
        if (asked := self.headers.get("Range", "")).startswith("bytes="):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            end = min(int(last) if last else len(content) - 1, len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{end}/{len(content)}"
            content, status = content[int(first) : end + 1], 206
        self._send(status, content, headers)

    def _fail(self, code: str) -> None:
        self._send(404, b"{}", {"X-Error-Code": code, "Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _paths_asked_for(sent: bytes, content_type: str) -> list[str]:
    if content_type.startswith("application/json"):
        return list(json.loads(sent)["paths"])
    return urllib.parse.parse_qs(sent.decode())["paths"]


def _files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def _children(folder: Path, inside: str, recursive: bool) -> list[str]:
    found = (folder / inside).rglob("*") if recursive else (folder / inside).iterdir()
    return sorted(str(path.relative_to(folder)) for path in found)


def _entries(folder: Path, paths: list[str]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for path in paths:
        if (folder / path).is_dir():
            entries.append({"type": "directory", "path": path, "oid": _sha1(path.encode())})
        elif (folder / path).is_file():
            content = (folder / path).read_bytes()
            entries.append({"type": "file", "path": path, "size": len(content), "oid": _sha1(content)})
    return entries


def _repository(name: str, folder: Path) -> dict[str, Any]:
    return {
        "_id": _sha1(name.encode())[:24],
        "id": name,
        "sha": _revision(folder),
        "private": False,
        "gated": False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": [{"rfilename": file} for file in _files(folder)],
    }


def _revision(folder: Path) -> str:
    return _sha1(b"".join(file.encode() + (folder / file).read_bytes() for file in _files(folder)))


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
