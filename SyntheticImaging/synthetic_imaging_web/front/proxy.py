"""Requests carried to the page process of a session and back: streamed, with the headers that belong there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from synthetic_imaging_web.front import pages
from synthetic_imaging_web.front.content_policy import page_policy, script_hashes, with_session_script
from synthetic_imaging_web.front.page_process import SECRET_HEADER, PageProcess

MOST_SENT = 16 << 20
_MOST_HTML = 4 << 20
# Of one connection, not of the message (RFC 9110, 7.6.1).
HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
_NOT_TO_THE_PAGE = HOP_BY_HOP | {"host", "cookie", "authorization", "origin", "referer", "forwarded", "via", "expect"}
_NOT_TO_THE_BROWSER = HOP_BY_HOP | {"set-cookie", "server", "date", "content-security-policy", "refresh", "alt-svc"}


def new_client() -> aiohttp.ClientSession:
    """The client for all page processes; it keeps no cookies and unpacks nothing."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, use_dns_cache=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        trust_env=False,
    )


def to_page(headers: Mapping[str, str], page: PageProcess) -> CIMultiDict[str]:
    """The headers for the page process."""
    passed = _without(headers, _NOT_TO_THE_PAGE)
    for name in [n for n in passed if n.lower().startswith(("x-forwarded-", "x-page-", "sec-fetch-"))]:
        passed.popall(name, None)
    passed[SECRET_HEADER] = page.secret
    return passed


def to_browser(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers for the browser."""
    passed = _without(headers, _NOT_TO_THE_BROWSER)
    for name in [n for n in passed if n.lower().startswith(("access-control-", "x-page-"))]:
        passed.popall(name, None)
    # A page process leads nowhere but to itself.
    if "Location" in passed and not _stays_here(passed["Location"]):
        del passed["Location"]
    return passed


def address(page: PageProcess, request: web.Request, scheme: str = "http") -> URL:
    """The address of a request at the page process: its path and query alone, whatever else its first line says."""
    return URL(f"{scheme}://127.0.0.1:{page.port}{request.rel_url.raw_path_qs}", encoded=True)


async def forward(request: web.Request, page: PageProcess, client: aiohttp.ClientSession) -> web.StreamResponse:
    """Carry one request; the answer is streamed, save for HTML, which gets the front's script and policy."""
    if not request.rel_url.raw_path.startswith("/"):
        return pages.failed("This is no address.", 400)
    body = _limited(request) if request.can_read_body else None
    headers = to_page(request.headers, page)
    html_wanted = "text/html" in request.headers.get("Accept", "")
    if html_wanted:
        # HTML is changed on the way: an "unchanged" of the page process would not be true of it.
        for name in ("If-None-Match", "If-Modified-Since", "Accept-Encoding"):
            headers.pop(name, None)
    try:
        async with client.request(
            request.method, address(page, request), headers=headers, data=body, allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as answer:
            plain = "Content-Encoding" not in answer.headers and request.method == "GET"
            if answer.content_type == "text/html" and plain and (answer.content_length or 0) <= _MOST_HTML:
                return await _html(request, answer)
            return await _streamed(request, answer)
    except aiohttp.ClientConnectionError:
        return pages.failed("The viewer does not answer. Load this page again in a moment.", 502)


async def _html(request: web.Request, answer: aiohttp.ClientResponse) -> web.Response:
    text = with_session_script(await answer.read())
    headers = to_browser(answer.headers)
    for name in ("Content-Length", "ETag", "Last-Modified", "Cache-Control"):
        headers.popall(name, None)
    headers["Cache-Control"] = "no-store"
    headers["Content-Security-Policy"] = page_policy(request.headers["Host"], script_hashes(text))
    return web.Response(body=text, status=answer.status, headers=headers)


async def _streamed(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=to_browser(answer.headers))
    await response.prepare(request)
    if request.method != "HEAD":
        try:
            async for piece in answer.content.iter_any():
                await response.write(piece)
        except aiohttp.ClientError:
            # Cut off, so that the browser sees that it is not all there.
            if request.transport is not None:
                request.transport.abort()
            return response
    await response.write_eof()
    return response


async def _limited(request: web.Request) -> AsyncIterator[bytes]:
    sent = 0
    async for piece in request.content.iter_any():
        sent += len(piece)
        if sent > MOST_SENT:
            raise web.HTTPRequestEntityTooLarge(max_size=MOST_SENT, actual_size=sent)
        yield piece


def _without(headers: Mapping[str, str], names: set[str]) -> CIMultiDict[str]:
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in names and k.lower() not in named)


def _stays_here(location: str) -> bool:
    return not location.startswith(("//", "\\")) and "://" not in location.partition("?")[0] and "\\" not in location
