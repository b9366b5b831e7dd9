"""No line names a customer, whoever logs it."""

import logging

import pytest

from serving.logs.log_records import message_of

CUSTOMER = "customer-50"


def record(name: str, message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "file", 1, message, values, None)


@pytest.mark.parametrize(
    ("logged", "written"),
    [
        (record("mangum.http", "%s %s %s", "GET", f"/recommendations/{CUSTOMER}", 200), "%s %s %s"),
        (record("redis.client", "cannot read %s", CUSTOMER), "cannot read %s"),
        (record("asyncio", f"Exception in callback f('{CUSTOMER}')\nhandle: <{CUSTOMER}>"), "Exception in callback f"),
        (record("asyncio", f"Task was destroyed!\ntask: <Task {CUSTOMER}>"), "Task was destroyed!"),
        (record("httpx", f"HTTP Request: GET http://shop/{CUSTOMER}"), "HTTP Request"),
        (record("uvicorn.error", "Started server process [%d]", 7), "Started server process [7]"),
        (record("serving.http.problems", "%s", "Redis is away"), "Redis is away"),
    ],
)
def test_a_librarys_record_is_written_without_its_values(logged, written):
    assert message_of(logged, is_clear=False) == written


def test_all_is_written_where_ids_may_be_clear():
    logged = record("mangum.http", "%s %s", "GET", f"/recommendations/{CUSTOMER}")
    assert message_of(logged, is_clear=True) == f"GET /recommendations/{CUSTOMER}"
