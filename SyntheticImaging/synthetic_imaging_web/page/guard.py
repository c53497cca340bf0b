"""Who may talk to this process: only the server in front, which knows the secret."""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable
from typing import Any

SECRET_VARIABLE = "SYNTHETIC_IMAGING_PAGE_SECRET"
HEADER = "X-Page-Secret"
COOKIE = "page_secret"


def take_secret() -> str:
    """The secret from the environment, where it is deleted at once: jobs started here must not inherit it."""
    return os.environ.pop(SECRET_VARIABLE, "")


def only_with(secret: str) -> Callable[[Any, Callable[[Any], Awaitable[Any]]], Awaitable[Any]]:
    """An aiohttp middleware that answers 403 to every request, websocket ones too, without the secret."""
    from aiohttp import web

    @web.middleware
    async def check(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        given = request.headers.get(HEADER) or request.cookies.get(COOKIE) or ""
        if not hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode()):
            raise web.HTTPForbidden(text="This page belongs to another session.")
        return await handler(request)

    return check
