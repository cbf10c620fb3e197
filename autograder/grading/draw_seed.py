"""The seeds of the runs: they depend on the course's secret and on the spec, so nobody can search for a lucky one."""

from __future__ import annotations

import hmac


def draw_seed(secret: bytes, spec_hash: str, number: int) -> int:
    """The seed of run `number` (from 1), 31 bits of HMAC-SHA-256: nobody can predict it without the secret."""
    digest = hmac.digest(secret, f"{spec_hash}/{number}".encode(), "sha256")
    return int.from_bytes(digest[:4], "big") >> 1
