"""Whether this process may start threads, on which libraries rely."""

from __future__ import annotations

import threading

from ccd.errors import ResourceError


def refuse_without_threads(doing: str) -> None:
    """Refuse work for which a library starts threads, where none can be: it would wait or abort.

    Raises:
        ResourceError: The system gives this process no thread.
    """
    try:
        thread = threading.Thread(target=int)
        thread.start()
    except RuntimeError as error:
        raise ResourceError(
            f"no thread can be started for {doing}",
            hint="allow this process more memory or threads: see 'ulimit -v', 'ulimit -u' and the "
            "limits of its container",
        ) from error
    thread.join()
