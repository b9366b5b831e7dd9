"""The API's document: as JSON for programs, and as a page for people that loads nothing from elsewhere.

In: requests with a key, or with it as the password. Out: OpenAPI, made from the routes.
"""

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from serving.page.access import PageRoute
from serving.page.rendering import render

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True)
class Operation:
    """A method of a path as the page shows it; `body` and what `answers` have, by status, are names of schemas."""

    method: str
    path: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    body: str
    answers: dict[str, str]


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    """The document for programs."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The document for people."""
    found = request.app.openapi()
    schemas = {name: json.dumps(each, indent=2) for name, each in found["components"]["schemas"].items()}
    about = found["info"]["description"].strip().split("\n\n")
    return render(request, "docs.html", about=about, operations=operations_of(found), schemas=schemas)


def operations_of(document: dict[str, Any]) -> list[Operation]:
    """Return every operation of an OpenAPI document, in its order."""
    return [
        Operation(
            method.upper(),
            path,
            each.get("summary", ""),
            each.get("description", ""),
            each.get("parameters", []),
            _schema_name(each.get("requestBody", {})),
            {status: answer["description"] for status, answer in each["responses"].items()},
        )
        for path, methods in document["paths"].items()
        for method, each in methods.items()
    ]


def _schema_name(body: dict[str, Any]) -> str:
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    return schema.get("$ref", "").rpartition("/")[2]
