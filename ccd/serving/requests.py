"""What may be asked of the service, and what it answers; bounds are checked before any work."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_K = 1000
MAX_USERS = 1000
MAX_IDS = 10_000
MAX_BODY = 1 << 20
"""Bytes of a request."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RecommendRequest(_Strict):
    """Lists for users that the model knows, or for one whose history is given."""

    users: list[str] = Field(default=[], max_length=MAX_USERS, description="Ids of users.")
    history: list[str] = Field(
        default=[],
        max_length=MAX_IDS,
        description="Ids of items of somebody whom the model does not know; instead of users.",
    )
    k: int = Field(default=10, ge=1, le=MAX_K, description="Length of each list.")
    exclude: list[str] = Field(
        default=[], max_length=MAX_IDS, description="Ids of items not to list."
    )
    keep_seen: bool = Field(default=False, description="List also what users have taken already.")
    unknown: Literal["refuse", "popular"] = Field(
        default="refuse", description="What users get whom the model does not know."
    )


class Item(_Strict):
    """An item of a list."""

    item: str
    score: float
    name: str | None = None


class ItemList(_Strict):
    """A list, best first.

    ``made_from`` says what the list rests on: the user's own ``vector``, a ``history``, ``popular``
    items, or items ``similar`` to one.
    """

    user: str | None = None
    made_from: Literal["vector", "history", "popular", "similar"]
    items: list[Item]


class Answer(_Strict):
    """One list for each user asked for, or the one of a history or item."""

    model: str
    lists: list[ItemList]


class Health(_Strict):
    """Whether the service answers, and with which model."""

    status: Literal["ok"] = "ok"
    model: str
    loaded_at: float
    problem: str | None = None
