"""A model hub on this machine: the part of the real one's protocol that huggingface_hub speaks when it fetches."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "c0ffee" * 6 + "cafe"
# Files that the real hub would keep in its large file storage.
LARGE = (".safetensors", ".bin")


@dataclass(frozen=True)
class Asked:
    """A request as the hub saw it."""

    method: str
    path: str
    token: str | None


@dataclass
class FakeHub:
    """One model or dataset and the ways in which a hub can fail.

    Attributes:
        files: Content by name.
        name: The model's id.
        kind: "model" or "dataset".
        aliases: Old ids; the hub redirects them.
        commit: What `main` is.
        token: If set, who does not send it is told that the model is gated.
        refuses_tokens: Whether a request with any token is answered 401.
        drops: For a file, after how many bytes each of the next connections ends.
        spoilt: Content that is served in place of a file's own.
        failing: Files of which every request is answered 503.
        log: All requests.
    """

    files: dict[str, bytes]
    name: str = "lab/tiny"
    kind: str = "model"
    aliases: tuple[str, ...] = ()
    commit: str = COMMIT
    token: str | None = None
    refuses_tokens: bool = False
    drops: dict[str, list[int]] = field(default_factory=dict)
    spoilt: dict[str, bytes] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    log: list[Asked] = field(default_factory=list)
    url: str = ""

    def gets(self, file: str) -> list[Asked]:
        """The requests for a file's content."""
        return [asked for asked in self.log if asked.method == "GET" and asked.path.endswith(f"/{file}")]

    @contextmanager
    def serving(self) -> "Iterator[FakeHub]":
        """Serve on a free port of the loopback while the block lasts."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


def blob_id(content: bytes) -> str:
    """What git calls a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        hub.log.append(Asked(self.command, path, token))
        alias = next((old for old in hub.aliases if re.match(rf"(/api/models)?/{re.escape(old)}(/|$)", path)), None)
        found = re.fullmatch(
            rf"/api/{hub.kind}s/{hub.name}(?:/(?P<kind>revision|tree)/(?P<api>.+))?"
            rf"|{'/datasets' if hub.kind == 'dataset' else ''}/{hub.name}/resolve/(?P<rest>.+)",
            path,
        )
        if hub.refuses_tokens and token:
            self._refuse(401, None, "Invalid credentials in Authorization header")
        elif alias is not None:
            self._send(307, b"", {"Location": self.path.replace(alias, hub.name, 1)})
        elif found is None:
            self._refuse(404, "RepoNotFound", "Repository not found")
        elif hub.token not in (None, token):
            self._refuse(403 if token else 401, "GatedRepo", "Access to model is restricted")
        else:
            self._answer_about(found)

    def _answer_about(self, found: re.Match[str]) -> None:
        revision, _, file = (found["rest"] or f"{found['api'] or 'main'}/").partition("/")
        if revision not in ("main", self.hub.commit):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif found["rest"] is None:
            self._json(self._listing() if found["kind"] == "tree" else self._info())
        elif file not in self.hub.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        else:
            self._file(file)

    def _info(self) -> dict[str, Any]:
        blobs = "blobs" in parse_qs(urlsplit(self.path).query)
        siblings = [
            {"rfilename": file} | (self._facts(content, file) if blobs else {})
            for file, content in self.hub.files.items()
        ]
        card = {"license": "mit"}
        return {"id": self.hub.name, "sha": self.hub.commit, "private": False, "siblings": siblings, "cardData": card}

    def _facts(self, content: bytes, file: str) -> dict[str, Any]:
        facts: dict[str, Any] = {"size": len(content), "blobId": blob_id(content)}
        if file.endswith(LARGE):
            facts["lfs"] = {
                "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 134
            }  # fmt: skip
        return facts

    def _listing(self) -> list[dict[str, Any]]:
        listed = []
        for file, content in self.hub.files.items():
            facts = self._facts(content, file)
            entry = {"type": "file", "path": file, "size": facts["size"], "oid": facts["blobId"]}
            if "lfs" in facts:
                entry["lfs"] = {"size": facts["size"], "oid": facts["lfs"]["sha256"], "pointerSize": 134}
            listed.append(entry)
        return listed

    def _file(self, file: str) -> None:
        hub, content = self.hub, self.hub.files[file]
        if self.command == "GET" and file in hub.failing:
            return self._refuse(503, None, "Service Unavailable")
        headers = {"X-Repo-Commit": hub.commit, "ETag": f'"{blob_id(content)}"'}
        if file.endswith(LARGE):
            headers["X-Linked-ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(content))
        content = hub.spoilt.get(file, content)
        # A server may answer with the whole file whatever range is asked for.
        return self._send(200, content, headers, file=file)

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str | None, message: str) -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self._send(status, json.dumps({"error": message}).encode(), headers)

    def _send(self, status: int, content: bytes, headers: dict[str, str], *, file: str = "") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        drops = self.hub.drops.get(file)
        if drops:
            self.wfile.write(content[: drops.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(content)
