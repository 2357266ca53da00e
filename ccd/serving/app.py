"""The service as an ASGI application: /recommend, /similar, /healthz, /metrics and OpenAPI."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ccd import __version__
from ccd.errors import ConfigError
from ccd.serving.holder import Holder, Loaded
from ccd.serving.lists import Lists, Ranked
from ccd.serving.requests import (
    MAX_BODY,
    MAX_K,
    Answer,
    Health,
    Item,
    ItemList,
    RecommendRequest,
)

FOLDER_VARIABLE = "CCD_SERVE_FOLDER"
EVERY_VARIABLE = "CCD_SERVE_RELOAD_SECONDS"
TOKEN_VARIABLE = "CCD_SERVE_TOKEN"
"""Settings of the workers; the token is never on a command line, where all users see it."""


def from_environment() -> FastAPI:
    """The application of a worker process, as ``ccd serve`` set it up."""
    holder = Holder(Path(os.environ[FOLDER_VARIABLE]), every=float(os.environ[EVERY_VARIABLE]))
    return make_app(holder, token=os.environ.get(TOKEN_VARIABLE) or None)


def make_app(holder: Holder, *, token: str | None = None) -> FastAPI:
    """The application.

    Args:
        holder: The model.
        token: What clients must send as ``Authorization: Bearer TOKEN``; None asks for nothing.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        holder.watch()
        yield
        holder.close()

    app = FastAPI(title="ccd", version=__version__, lifespan=lifespan)
    _measure(app, holder)
    app.add_middleware(_BodyLimit)
    allowed = [Depends(_bearer(token))] if token else []

    @app.exception_handler(ConfigError)
    async def refuse(_: Request, error: ConfigError) -> JSONResponse:
        return JSONResponse({"detail": error.to_json()}, status_code=422)

    @app.get("/healthz", summary="Whether the service answers, and with which model")
    async def healthz() -> Health:
        now = holder.current
        return Health(model=_name(now), loaded_at=now.since, problem=holder.problem)

    @app.post("/recommend", dependencies=allowed, summary="Lists for users, or for a history")
    def recommend(wanted: RecommendRequest) -> Answer:
        return _recommend(holder.current, wanted)

    @app.get("/recommend", dependencies=allowed, summary="The list of one user, or of a history")
    def recommend_one(
        user: str | None = None,
        history: Annotated[list[str], Query(max_length=1000)] = [],  # noqa: B006 - never changed
        k: Annotated[int, Query(ge=1, le=MAX_K)] = 10,
        exclude: Annotated[list[str], Query(max_length=1000)] = [],  # noqa: B006
        keep_seen: bool = False,
        unknown: Annotated[str, Query(pattern="^(refuse|popular)$")] = "refuse",
    ) -> Answer:
        wanted = RecommendRequest.model_validate(
            {
                "users": [] if user is None else [user],
                "history": history,
                "k": k,
                "exclude": exclude,
                "keep_seen": keep_seen,
                "unknown": unknown,
            }
        )
        return _recommend(holder.current, wanted)

    @app.get("/similar", dependencies=allowed, summary="The items most like one")
    def similar(
        item: str,
        k: Annotated[int, Query(ge=1, le=MAX_K)] = 10,
        exclude: Annotated[list[str], Query(max_length=1000)] = [],  # noqa: B006
    ) -> Answer:
        now = holder.current
        found = now.lists.similar(item, k, exclude=exclude)
        return Answer(model=_name(now), lists=[_shown(now.lists, found, None)])

    return app


def _recommend(now: Loaded, wanted: RecommendRequest) -> Answer:
    lists, found = now.lists, []
    if bool(wanted.users) == bool(wanted.history):
        raise ConfigError(
            "name users or a history, and not both",
            keys=("users", "history"),
            found=f"{len(wanted.users)} users and {len(wanted.history)} items of a history",
        )
    if wanted.history:
        made = lists.for_history(wanted.history, wanted.k, exclude=wanted.exclude)
        found.append(_shown(lists, made, None))
    for user in wanted.users:
        if wanted.unknown == "popular" and user not in lists.vectors.user_places:
            made = lists.popular(wanted.k, exclude=wanted.exclude)
        else:
            made = lists.for_user(
                user, wanted.k, exclude=wanted.exclude, keep_seen=wanted.keep_seen
            )
        found.append(_shown(lists, made, user))
    return Answer(model=_name(now), lists=found)


def _shown(lists: Lists, found: Ranked, user: str | None) -> ItemList:
    ids, names = lists.vectors.item_ids, lists.vectors.item_names
    pairs = zip(found.items.tolist(), found.scores.tolist(), strict=True)
    items = [
        Item(item=ids[place], score=score, name=names[place] if names else None)
        for place, score in pairs
    ]
    return ItemList(user=user, made_from=found.kind, items=items)


def _name(now: Loaded) -> str:
    about = now.lists.vectors.about
    return f"{about['variant']}, seed {about['seed']}, epoch {about['epoch']}"


def _bearer(token: str) -> Callable[[Request], None]:
    expected = f"Bearer {token}".encode()

    def check(request: Request) -> None:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):  # takes as long wherever they differ
            headers = {"WWW-Authenticate": "Bearer"}
            raise HTTPException(401, "send the header 'Authorization: Bearer TOKEN'", headers)

    return check


_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
"""Edges of the histogram of answer times."""

Next = Callable[[Request], Awaitable[Response]]


class _BodyLimit:
    """Refuses bodies that are too large, whatever their header says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        # Read here, not while the application parses it: that answers any error with 400.
        body, more = b"", True
        while more and len(body) <= MAX_BODY:
            message = await receive()
            body += message.get("body", b"")
            more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > MAX_BODY:
            detail = f"a request may have {MAX_BODY:,} bytes"
            refusal = JSONResponse({"detail": detail}, status_code=413)
            return await refusal(scope, receive, send)
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        return await self._app(scope, replay, send)


def _measure(app: FastAPI, holder: Holder) -> None:
    """Count and time requests, and show the figures at /metrics in the format of Prometheus."""
    registry = CollectorRegistry()
    served = Counter("ccd_requests", "Requests", ["path", "status"], registry=registry)
    spent = Histogram(
        "ccd_request_seconds", "Time to answer", ["path"], registry=registry, buckets=_SECONDS
    )
    gauges: dict[str, tuple[str, Callable[[], float]]] = {
        "ccd_model_loaded_timestamp_seconds": (
            "When the model was loaded",
            lambda: holder.current.since,
        ),
        "ccd_model_reloads": ("Times a new export was loaded", lambda: holder.n_reloads),
        "ccd_model_reload_failing": (
            "1 while a new export cannot be loaded",
            lambda: holder.problem is not None,
        ),
    }
    for name, (about, value) in gauges.items():
        Gauge(name, about, registry=registry).set_function(value)
    known = {"/recommend", "/similar", "/healthz"}

    @app.middleware("http")
    async def measure(request: Request, following: Next) -> Response:
        # Any text may be asked for; only known paths become a label.
        path = request.url.path if request.url.path in known else "other"
        started = time.perf_counter()
        status = 500
        try:
            response = await following(request)
            status = response.status_code
            return response
        finally:
            spent.labels(path).observe(time.perf_counter() - started)
            served.labels(path, str(status)).inc()

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
