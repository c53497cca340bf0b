"""The front's own pages: waiting, ended, not let in. Plain, dark, readable without the rest of the program."""

from __future__ import annotations

from html import escape

from aiohttp import web

from synthetic_imaging_web.front.content_policy import OWN_POLICY

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Synthetic Imaging</title>
<link rel="icon" href="/front/icon.svg">
<link rel="stylesheet" href="/front/style.css">
{head}</head>
<body data-page="{kind}">
<main>
<p class="program">Synthetic Imaging <span>research use, not for diagnosis</span></p>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
_WAIT_HEAD = (
    '<script src="/front/wait.js" defer></script>\n'
    '<noscript><meta http-equiv="refresh" content="2"></noscript>\n'
)
_AGAIN = '<form method="post" action="/front/again"><button autofocus>{label}</button></form>'


def page(kind: str, title: str, body: str, status: int = 200, head: str = "") -> web.Response:
    """A page of the front; ``body`` and ``head`` are HTML."""
    text = _FRAME.format(kind=kind, title=escape(title), body=body, head=head)
    return web.Response(
        text=text, status=status, content_type="text/html", charset="utf-8",
        headers={"Content-Security-Policy": OWN_POLICY, "Cache-Control": "no-store"},
    )  # fmt: skip


def waiting() -> web.Response:
    """While the page process starts."""
    body = '<p role="status">Starting, a few seconds.</p>\n<div class="bar" aria-hidden="true"><i></i></div>'
    return page("waiting", "One moment", body, head=_WAIT_HEAD)


def ended(sentence: str, details: str) -> web.Response:
    """After a session has ended, with a button that starts it again."""
    body = f"<p>{escape(sentence)}</p>\n{_AGAIN.format(label='Start again')}"
    if details:
        body += f"\n<details><summary>Details for a report</summary><pre>{escape(details[-20000:])}</pre></details>"
    return page("ended", "This session has ended", body)


def full(sentence: str, again: bool) -> web.Response:
    """All sessions are in use."""
    body = f"<p>{escape(sentence)}</p>"
    body += "\n" + (_AGAIN.format(label="Try again") if again else "<p>Then open the same address again.</p>")
    return page("full", "No session is free", body, status=503)


def not_let_in(sentence: str, status: int = 403) -> web.Response:
    """Wrong or missing token, or a request that does not come from this program's own page."""
    return page("refused", "This address does not open the viewer", f"<p>{escape(sentence)}</p>", status=status)


def failed(sentence: str, status: int) -> web.Response:
    """Something went wrong on the way."""
    return page("failed", "That did not work", f"<p>{escape(sentence)}</p>", status=status)


def invite(address: str) -> web.Response:
    """The address for one more session."""
    body = (
        "<p>Open this address in another browser, another profile or a private window. It starts a session of its "
        "own: neither sees the other's images.</p>\n"
        f'<p class="address" tabindex="0" aria-label="Address">{escape(address)}</p>\n'
        "<p>Whoever has the address can open sessions here: keep it to yourself.</p>\n"
        '<p><a href="/">Back to this session</a></p>'
    )
    return page("invite", "A second session", body)


def onward() -> web.Response:
    """Leads to the viewer when the browser came from elsewhere, where a redirect would not carry the new cookie."""
    head = '<meta http-equiv="refresh" content="0; url=/">\n'
    return page("onward", "One moment", '<p><a href="/">To the viewer</a></p>', head=head)
