"""The token in the printed address, and how many wrong ones are listened to."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable

_MINUTE = 60.0


class Tokens:
    """The token of this front, and tokens that open the door once.

    The browser that the front itself opens gets one of the latter: its command line can be read by others on the same
    computer, and by then the token is used up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.token = secrets.token_urlsafe(32)
        self._once: dict[bytes, float] = {}
        self._clock = clock

    def once(self, seconds: float = 120.0) -> str:
        """A new token that is good for one use within so many seconds."""
        token = secrets.token_urlsafe(32)
        self._once[_digest(token)] = self._clock() + seconds
        return token

    def accepts(self, offered: str) -> bool:
        """Whether it is the token, or one for a single use, which is then used up."""
        # Digests have one length: the time tells neither how long a token is nor where it differs.
        digest, now = _digest(offered), self._clock()
        right = hmac.compare_digest(digest, _digest(self.token))
        for known, until in list(self._once.items()):
            if hmac.compare_digest(digest, known) or until < now:
                right |= until >= now
                del self._once[known]
        return right


class WrongTokens:
    """How many wrong tokens came from an address in the last minute."""

    def __init__(self, most: int = 20, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._wrong: dict[str, deque[float]] = {}

    def too_many(self, address: str) -> bool:
        """Whether nothing more is listened to from there for the moment."""
        return len(self._recent(address)) >= self._most

    def add(self, address: str) -> None:
        """Count one."""
        if len(self._wrong) > 1000:  # addresses cost memory too
            self._wrong = {a: q for a, q in self._wrong.items() if q and q[-1] > self._clock() - _MINUTE}
        self._wrong.setdefault(address, deque(maxlen=self._most)).append(self._clock())

    def _recent(self, address: str) -> deque[float]:
        times = self._wrong.get(address, deque())
        while times and times[0] < self._clock() - _MINUTE:
            times.popleft()
        return times


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
