"""The path under which the site is published, for WebSockets; Django strips it from HTTP paths."""

from collections.abc import Awaitable, Callable
from typing import Any

type ASGIApp = Callable[..., Awaitable[None]]


def strip_script_name(app: ASGIApp, script_name: str) -> ASGIApp:
    """Return the app, with the script name stripped from paths where a proxy has left it there."""
    prefix = f"{script_name.rstrip('/')}/"
    if prefix == "/":
        return app

    async def stripped_app(scope: Any, receive: Any, send: Any) -> None:
        path: str = scope["path"]
        if path.startswith(prefix):
            scope = {**scope, "path": path[len(prefix) - 1 :]}
        await app(scope, receive, send)

    return stripped_app
