"""The messages between a client and a worker: JSON lines over a private unix socket."""

import hashlib
import json
import os
import socket
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from steering_reliability.errors import InputError
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.process.system import longest_socket, runtime_folder

# A request holds the prompts of one shard; far above any real one, far below what would hurt.
MAX_MESSAGE = 1 << 28


@dataclass(frozen=True)
class VllmStart:
    """How a worker starts vLLM: `generation.vllm` of the config, and the Python that has it."""

    python: str
    tensor_parallel_size: int = 1
    gpu_memory_utilization: float = 0.9
    max_model_len: int | None = None
    enforce_eager: bool = True


@dataclass(frozen=True)
class WorkerIdentity:
    """What makes two clients share a worker.

    `folder` is the absolute Hugging Face folder; device and dtype are as configured. The end of the process `owner`
    also ends the worker; `code` is the digest of what it runs. The `of` workers of a run, numbered from 0, share its
    rows, memory and cores. `vllm` is None for the engine of this package.
    """

    folder: str
    device: str
    dtype: str
    hook_point: str
    max_rows: int
    memory_mb: int
    owner: int
    code: str
    number: int = 0
    of: int = 1
    vllm: VllmStart | None = None

    def pool(self) -> "list[WorkerIdentity]":
        """All workers of this one's run."""
        return [replace(self, number=number) for number in range(self.of)]

    def socket_path(self) -> Path:
        """Socket of the worker, in a folder that only this user can enter."""
        name = hashlib.sha256(self.as_json().encode()).hexdigest()[:16]
        path = private_folder() / f"{name}.sock"
        longest = longest_socket()
        if len(os.fsencode(path)) > longest:
            what = f"the path of the worker's socket is longer than the {longest} bytes that the system allows"
            raise InputError(what, where=str(path), fix="set TMPDIR to a shorter path")
        return path

    def as_json(self) -> str:
        """The identity as a worker takes it on its command line."""
        return json.dumps(asdict(self), sort_keys=True)


def identity_from_json(text: str) -> WorkerIdentity:
    """An identity from a worker's command line."""
    fields = json.loads(text)
    vllm = fields.pop("vllm")
    return WorkerIdentity(**fields, vllm=VllmStart(**vllm) if vllm else None)


def private_folder() -> Path:
    """A folder for sockets that belongs to this user alone.

    Raises:
        InputError: When the folder exists and belongs to somebody else, or others may enter it.
    """
    folder = runtime_folder() / f"steering-reliability-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        what = "the folder for the worker's socket is not private to you"
        raise InputError(what, where=str(folder), fix="remove it, or set TMPDIR")
    return folder


def request_to_json(request: CompletionRequest) -> dict[str, Any]:
    """A request as a message."""
    return asdict(request)


def request_from_json(message: Mapping[str, Any]) -> CompletionRequest:
    """A message as a request.

    Raises:
        TypeError: When fields are missing or unknown.
    """
    steering = message.get("steering")
    return CompletionRequest(**{**message, "steering": SteeringRequest(**steering) if steering else None})


def send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one message."""
    connection.sendall(json.dumps(message, ensure_ascii=True, allow_nan=False).encode() + b"\n")


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """Read one message; None when the other side has closed, or sent something that is not one."""
    parts: list[bytes] = []
    size = 0
    while True:
        part = connection.recv(1 << 16)
        if not part:
            return None
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            break
        if size > MAX_MESSAGE:
            return None
    try:
        message = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
