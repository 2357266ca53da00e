"""Mistakes of a configuration, collected so that a user sees all of one stage at once."""

from __future__ import annotations

from ccd.errors import ConfigError


class Problems:
    """Mistakes found at one stage, reported together; each is kept once."""

    def __init__(self) -> None:
        self._found: dict[str, ConfigError] = {}

    def add(self, mistake: ConfigError) -> None:
        """Keep one mistake."""
        self._found.setdefault(str(mistake), mistake)

    def raise_if_any(self) -> None:
        """Refuse with all that was added.

        Raises:
            ConfigError: At least one mistake was added.
        """
        found = list(self._found.values())
        if len(found) == 1:
            raise found[0]
        if found:
            raise ConfigError(f"{len(found)} mistakes in the configuration", mistakes=found)
