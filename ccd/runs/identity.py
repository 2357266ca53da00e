"""When two runs are the same run: the settings of their variant and the content of their data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping


def config_hash(settings: Mapping[str, str], fingerprint: str) -> str:
    """Hash of what makes up a variant and of its data, hexadecimal.

    Args:
        settings: ``Settings.identity`` of the variant (``ccd.config.identity``).
        fingerprint: Of the data set.
    """
    content = json.dumps([dict(settings), fingerprint], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """One phrase per setting that differs, sorted by key."""
    return [
        f"{key} was {before.get(key, 'not set')}, now {now.get(key, 'not set')}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]


def slug(variant: str, seed: int) -> str:
    """Folder name of a run: readable, portable, and different for different variants."""
    safe = re.sub(r"[^A-Za-z0-9._+-]+", "-", variant)[:80]
    # A variant that is named like another one's folder has a hash too.
    if safe != variant or re.search(r"-[0-9a-f]{6}$", variant):
        safe += "-" + hashlib.sha256(variant.encode()).hexdigest()[:6]
    return f"{safe}-{seed}"
