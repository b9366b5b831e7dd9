"""Events that Lambda gets, and answers to those that are no HTTP request.

In: events as AWS makes them, or as anybody does who may invoke the function. Out: requests that Mangum can read; 400
for load balancers, queues, HTTP APIs of payload format 1.0 and whatever else.
"""

import base64
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError, model_validator

from serving.http.problems import PROBLEM_JSON, problem

WARM = {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": '{"status":"warm"}'}
"""The answer to a scheduled event."""


class HttpRequest(BaseModel):
    """What an event must say about its HTTP request."""

    method: str
    path: str
    source_ip: str = Field("", alias="sourceIp")


class RequestContext(BaseModel):
    """Where an event comes from; one that was typed by hand may lack the domain."""

    http: HttpRequest
    domain_name: str = Field("", alias="domainName")


class HttpEvent(BaseModel):
    """An event of payload format 2.0: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html."""

    version: Literal["2.0"]
    context: RequestContext = Field(alias="requestContext")
    headers: dict[str, str] = {}
    query: str = Field("", alias="rawQueryString")
    body: str | None = None
    is_base64: bool = Field(False, alias="isBase64Encoded")

    @model_validator(mode="after")
    def _has_readable_body(self) -> "HttpEvent":
        if self.is_base64:
            base64.b64decode(self.body or "", validate=True)
        return self

    def for_mangum(self) -> dict[str, Any]:
        """Return the event with its path as the client sent it: HTTP APIs decode it, Function URLs do not.

        Host and port are the gateway's: Mangum fails on those that a client makes up.
        """
        http, domain = self.context.http, self.context.domain_name
        path = http.path if ".lambda-url." in domain else quote(http.path)
        gateway = {"host": domain.partition(":")[0] or "lambda", "x-forwarded-port": "443"}
        return {
            "version": self.version,
            "requestContext": {"http": {"method": http.method, "path": path, "sourceIp": http.source_ip}},
            "headers": {name.lower(): value for name, value in self.headers.items()} | gateway,
            "rawQueryString": self.query,
            "body": self.body,
            "isBase64Encoded": self.is_base64,
        }


def is_scheduled(event: Any) -> bool:
    """Whether an event is one of EventBridge's rules or schedules, with which shops keep a container warm."""
    return isinstance(event, dict) and event.get("source") in ("aws.events", "aws.scheduler")


def refused(error: ValidationError) -> dict[str, Any]:
    """Return the answer to an event that is no HTTP request of payload format 2.0; load balancers pass it on, too."""
    wrong = ", ".join(".".join(map(str, each["loc"])) or each["msg"] for each in error.errors())
    answer = problem(
        400,
        "no-http-event",
        "The event is no HTTP request in payload format 2.0",
        f"Use a Function URL, or an HTTP API with payload format 2.0. What does not fit: {wrong}.",
    )
    return {
        "statusCode": 400,
        "statusDescription": "400 Bad Request",
        "headers": {"content-type": PROBLEM_JSON},
        "body": answer.body.decode(),
        "isBase64Encoded": False,
    }
