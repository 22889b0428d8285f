"""A server of the page in a process of its own, and requests to it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """``unsynth app`` as a user starts it; ``address`` has the token.

    After the end, ``errors`` is what it wrote to standard error.
    """

    def __init__(self, out: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.out = out
        self.process = subprocess.Popen(
            [sys.executable, "-m", "unsynth", "app", "--no-browser", "--out", str(out), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found, self.process.communicate(timeout=30)[1]
        self.address = found.group()
        self.netloc = urlsplit(self.address).netloc
        answer = self.ask("GET", f"/?{urlsplit(self.address).query}", cookie="")
        self.cookie = answer.headers["set-cookie"].split(";")[0]

    def ask(
        self,
        method: str,
        path: str,
        *,
        data: Any = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        cookie: str | None = None,
    ) -> Answer:
        """Make a request as the page does: ``data`` as JSON, ``body`` as bytes."""
        sent = {"Cookie": self.cookie if cookie is None else cookie}
        if data is not None:
            body = json.dumps(data).encode()
            sent["Content-Type"] = "application/json"
        elif body is not None:
            sent["Content-Type"] = "application/octet-stream"
        connection = http.client.HTTPConnection(self.netloc, timeout=60)
        try:
            connection.request(method, path, body, sent | (headers or {}))
            answer = connection.getresponse()
            lower = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, lower, answer.read())
        finally:
            connection.close()

    def bring(self, sound: Path, name: str | None = None) -> str:
        """Bring a sound; returns the job's name."""
        answer = self.ask("POST", f"/sounds?name={name or sound.name}", body=sound.read_bytes())
        assert answer.status == 201, answer.body
        id: str = answer.json()["id"]
        return id

    def jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs as the page hears of them."""
        connection = http.client.HTTPConnection(self.netloc, timeout=60)
        connection.request("GET", "/jobs/events", headers={"Cookie": self.cookie})
        line = connection.getresponse().readline()
        connection.close()
        assert line.startswith(b"data: "), line
        return {job["id"]: job for job in json.loads(line.removeprefix(b"data: "))}

    def wait(self, id: str, *states: str, seconds: float = 200) -> dict[str, Any]:
        """Wait until a job is in one of ``states``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.jobs()[id]
            if job["state"] in states:
                return job
            time.sleep(0.2)
        raise AssertionError(f"still {job}")

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        _, self.errors = self.process.communicate(timeout=60)
        return self.process.returncode
