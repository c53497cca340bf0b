"""Who may ask: the Host header against DNS rebinding, the origin against other pages, and headers on every answer."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable

import psutil
from aiohttp import web
from aiohttp.typedefs import Middleware

from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging_web.front import pages
from synthetic_imaging_web.front.content_policy import HEADERS, OWN_POLICY
from synthetic_imaging_web.front.log import say, where
from synthetic_imaging_web.front.settings import FrontSettings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
METHODS = {"GET", "HEAD", "POST"}


def allowed_hosts(settings: FrontSettings) -> set[str]:
    """The names and addresses under which this front may be asked for."""
    if settings.loopback:
        return {"127.0.0.1", "localhost", "::1", settings.host.strip("[]")}
    own = socket.gethostname().lower()
    names = {"127.0.0.1", "localhost", "::1", settings.host.strip("[]").lower(), own, f"{own}.local"}
    names.add(socket.getfqdn().lower())
    for addresses in psutil.net_if_addrs().values():
        numeric = [a.address for a in addresses if a.family in (socket.AF_INET, socket.AF_INET6)]
        names |= {address.partition("%")[0].lower() for address in numeric}
    return names


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets."""
    header = header.strip().lower()
    if header.startswith("["):
        return header[1:].partition("]")[0]
    name = header.rpartition(":")[0] if header.count(":") == 1 else header
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def from_own_page(request: web.Request) -> bool:
    """Whether a request that changes something, or opens a websocket, comes from a page of this very front."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None and origin != "null":
        scheme, _, rest = origin.partition("://")
        return scheme in ("http", "https") and rest.lower() == request.headers.get("Host", "").lower()
    # A form's origin is "null" under the policy that sends no referrer; then the browser's own word counts.
    return site == "same-origin"


def stolen(request: web.Request) -> bool:
    """Whether another page tries to draw something of ours into itself: a picture, a script, a frame."""
    site, mode = request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Mode")
    if site not in ("cross-site", "same-site"):
        return False
    return mode != "navigate" or request.headers.get("Sec-Fetch-Dest") not in (None, "document")


def guard(settings: FrontSettings) -> Middleware:
    """The middleware through which every request goes."""
    hosts = allowed_hosts(settings)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in METHODS:
            return pages.failed("This kind of request is not answered here.", 405)
        if host_name(request.headers.get("Host", "")) not in hosts:
            return pages.not_let_in("The viewer is not known under this name. Use the address that was printed.", 421)
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        if stolen(request) or ((request.method == "POST" or upgrade) and not from_own_page(request)):
            return pages.not_let_in("This request came from another page and was refused.")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return pages.failed("There is nothing under this address.", 404)
        except web.HTTPException:
            raise
        except SyntheticImagingError as error:
            return pages.failed(str(error), 500)
        except ConnectionResetError:
            raise
        except Exception as error:
            say(f"error: {type(error).__name__} at {where(error.__traceback__)}")
            return pages.failed("Something went wrong on the way. Try again.", 500)

    return middleware


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Headers that every answer carries, the proxied ones too."""
    headers = response.headers
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("Content-Security-Policy", OWN_POLICY)
    headers.setdefault("Cache-Control", "private, no-cache")
    headers["Server"] = "synthetic-imaging"
