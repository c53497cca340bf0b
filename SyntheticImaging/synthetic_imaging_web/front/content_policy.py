"""What a page may load and run: headers for every answer, and the hashes of the scripts written into a page's HTML."""

from __future__ import annotations

import base64
import hashlib
import re

_INLINE = re.compile(rb"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.S | re.I)
_SCRIPT = b'<script src="front/session.js" defer></script>'

HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()",
    "X-Robots-Tag": "noindex",
}

# The front's own pages: a style sheet, a script, a form that leads back here.
OWN_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def page_policy(host: str, hashes: list[str]) -> str:
    """The policy for a page of trame: Vue compiles its templates in the browser, hence 'unsafe-eval'.

    Args:
        host: the Host header, already checked; some browsers do not count ws: as 'self'.
        hashes: of the scripts that stand in the HTML itself.
    """
    scripts = " ".join(["'self'", "'unsafe-eval'", *(f"'{value}'" for value in hashes)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; "
        f"connect-src 'self' ws://{host} wss://{host} data: blob:; worker-src 'self' blob:; manifest-src 'self'; "
        "form-action 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'none'"
    )


def script_hashes(html: bytes) -> list[str]:
    """Hashes of the scripts in the HTML, as a policy names them."""
    found = []
    for match in _INLINE.finditer(html):
        if b"src=" not in match["attributes"].lower():
            found.append("sha256-" + base64.b64encode(hashlib.sha256(match["text"]).digest()).decode())
    return found


def with_session_script(html: bytes) -> bytes:
    """The HTML with the front's script, before the end of its head."""
    head, end, rest = html.partition(b"</head>")
    return head + _SCRIPT + end + rest if end else html
