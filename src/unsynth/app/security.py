"""Who may talk to the page's server: the page itself, on the machine's own address.

A local server is open to every page in the user's browser and, by DNS rebinding, to every site. So
each request needs the right ``Host``, no foreign ``Origin``, and the token of this server, which
arrives once in the URL, as with Jupyter, and then lives in a cookie.
"""

import secrets
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Sent with every answer. Scripts come from this server only; the report embeds its sounds.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; media-src 'self' data: blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: Methods that change nothing.
_SAFE = ("GET", "HEAD")


class Guard:
    """ASGI middleware that refuses requests of other hosts and origins, and without the token.

    ``hosts`` are the accepted values of ``Host``, with the port; empty accepts any.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Collection[str], port: int) -> None:
        self._app, self._token, self._hosts = app, token, {host.lower() for host in hosts}
        # Cookies ignore the port: two servers on one machine must not share a name.
        self._cookie = f"unsynth-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refuse(scope)
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if self._hosts and host not in self._hosts:
            return _refusal(
                headers, f"this server is not {host[:80]!r}; open the address it printed"
            )
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            return _refusal(headers, "this request comes from another site")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if given and self._is_token(given):
            return self._enter(scope)
        if not self._is_token(self._cookie_value(headers)):
            return _refusal(headers, "open the address that `unsynth app` printed, with its token")
        return None

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self._token.encode())

    def _cookie_value(self, headers: Headers) -> str:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ""
        return cookies[self._cookie].value if self._cookie in cookies else ""

    def _enter(self, scope: Scope) -> Response | None:
        """Move the token from the URL, which browsers remember, into a cookie."""
        if scope["method"] not in _SAFE:
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        query.pop("token")
        path = "/" + scope["path"].lstrip("/")  # "//site" would lead to another site
        rest = urlencode(query, doseq=True)
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), status_code=303)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="lax")
        return answer


def _refusal(headers: Headers, reason: str) -> Response:
    if "text/html" in headers.get("accept", ""):  # a browser, which shows the answer as a page
        return PlainTextResponse(f"unsynth: {reason}", status_code=403)
    return JSONResponse({"error": reason}, status_code=403)
