"""Start the page's server, and open a browser when it answers."""

import errno
import logging
import secrets
import socket
import sys
import threading
import webbrowser
from contextlib import suppress

import click
import uvicorn

from unsynth.app.server import Services, create_app
from unsynth.errors import UnsynthError

#: Seconds that open connections get at the end.
_GRACE = 1
#: Error numbers of a port that is taken or reserved; any other error is one of the address.
_PORT_ERRORS = (errno.EADDRINUSE, errno.EACCES)


def serve(services: Services, host: str, port: int, any_port: bool, browse: bool) -> None:
    """Serve until Ctrl-C.

    With ``any_port``, another port is taken if ``port`` is in use; without, :class:`UnsynthError`
    says so.
    """
    listener = listen(host, port, any_port)
    port = listener.getsockname()[1]
    local = host in ("127.0.0.1", "localhost", "::1", "[::1]")
    names = ["127.0.0.1", "localhost", "[::1]"] if local else []
    token = secrets.token_urlsafe(24)
    app = create_app(services, token, [f"{name}:{port}" for name in names], port)
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    address = f"http://{shown}:{port}/?token={token}"
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE
    )
    server = _Server(config, services, address, browse)
    # Ctrl-C is how a server ends; uvicorn raises it again after it has closed everything.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that says where it is once it answers."""

    def __init__(
        self, config: uvicorn.Config, services: Services, address: str, browse: bool
    ) -> None:
        super().__init__(config)
        self._services, self._address, self._browse = services, address, browse

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        click.echo(f"unsynth is at {self._address}\nCtrl-C ends it.")
        if self._browse:
            # Some browsers' starters return only when the browser ends.
            threading.Thread(target=webbrowser.open, args=(self._address,), daemon=True).start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._services.closing = True
        # Requests that do not end in time are cut off, which uvicorn reports with tracebacks.
        logging.getLogger("uvicorn.error").disabled = True
        await super().shutdown(sockets)


def listen(host: str, port: int, any_port: bool) -> socket.socket:
    """Listen on a port; see :func:`serve`."""
    plain = host.strip("[]")
    family = socket.AF_INET6 if ":" in plain else socket.AF_INET
    for attempt in (port, 0) if any_port else (port,):
        listener = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":  # Windows would share the port with a server that has it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((plain, attempt))
            # Two servers that start at once can both bind a port, but only one of them can listen.
            listener.listen()
            return listener
        except OSError as error:
            listener.close()
            reason = error.strerror
            option = "--port" if error.errno in _PORT_ERRORS else "--host"
    raise UnsynthError(f"{host}:{port}: cannot listen there ({reason}); choose another {option}")
