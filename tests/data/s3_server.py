"""An S3 protocol server on loopback, with credentials of its own and one bucket; its answers can be made to fail."""

import math
import re
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "shop"
ERRORS = {500: "InternalError", 403: "AccessDenied", 404: "NoSuchKey"}


@dataclass
class Fault:
    """What goes wrong with requests whose "METHOD /bucket/key" a pattern finds.

    Attributes:
        pattern: regular expression.
        status: 500, 403 or 404 is answered; 0 answers as usual.
        seconds: before the answer.
        times: that it shows itself; without a number always.
    """

    pattern: str
    status: int = 0
    seconds: float = 0
    times: float = math.inf


class S3Server:
    """A server, the requests it had, and the faults it shows.

    Attributes:
        client: of boto3.
        settings: variables of the environment that point boto3 and Metaflow to it.
        requests: "METHOD /bucket/key" of each, oldest first.
        read: (application, key, bytes asked for) of each object that was read; boto3 names itself by AWS_SDK_UA_APP_ID.
        faults: that it shows from now on.
    """

    def __init__(self):
        self.requests, self.read, self.faults = [], [], []
        self._answer = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self, threaded=True)
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.settings = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        urllib.request.urlopen(f"{url}/moto-api/reset", data=b"").close()  # buckets outlive a server
        names = {"endpoint_url": url, "region_name": "us-east-1"}
        self.client = boto3.client("s3", aws_access_key_id="test", aws_secret_access_key="test", **names)
        self.client.create_bucket(Bucket=BUCKET)
        self.requests.clear()

    def __call__(self, environ, start_response):
        """Answer a request, as WSGI has it."""
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        self.requests.append(request)
        if environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"].count("/") > 1:
            application = re.search(r"app/(\S+)", environ.get("HTTP_USER_AGENT", ""))
            asked = environ.get("HTTP_RANGE", "")
            self.read.append((application and application[1], environ["PATH_INFO"].split("/", 2)[2], asked))
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.pattern, request):
                fault.times -= 1
                time.sleep(fault.seconds)
                if fault.status:
                    start_response(f"{fault.status} fault", [("Content-Type", "application/xml")])
                    error = f"<Code>{ERRORS[fault.status]}</Code><Message>made to fail</Message>"
                    return [f"<Error>{error}</Error>".encode()]
        return self._answer(environ, start_response)

    def stored_keys(self, prefix: str = "") -> list[str]:
        """The keys in the bucket that begin with a text, ascending."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def s3_server(monkeypatch):
    """Start a server and point boto3's settings to it."""
    server = S3Server()
    for name, value in server.settings.items():
        monkeypatch.setenv(name, value)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def running_s3(monkeypatch):
    """Start a server, point boto3's settings to it, and give a client of it."""
    with s3_server(monkeypatch) as server:
        yield server.client
