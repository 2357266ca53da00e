"""One hash for what the features of a modality were made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ccd.importing.report import sha256


def content_hash(files: Sequence[Path]) -> dict[str, Any]:
    """Number of files, bytes, and SHA-256; of several files, that of their names and hashes.

    Empty where there are no files.
    """
    if not files:
        return {}
    hashes = [sha256(path) for path in files]
    size = sum(path.stat().st_size for path in files)
    if len(files) == 1:
        return {"files": 1, "bytes": size, "sha256": hashes[0]}
    listed = "\n".join(f"{one}  {path.name}" for one, path in zip(hashes, files, strict=True))
    digest = hashlib.sha256(listed.encode()).hexdigest()
    return {"files": len(files), "bytes": size, "sha256": digest}
