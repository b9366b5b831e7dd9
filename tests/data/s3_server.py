"""An S3 protocol server on loopback, with credentials of its own and one bucket."""

import urllib.request
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "shop"


@contextmanager
def running_s3(monkeypatch):
    """Start the server, point boto3's settings to it, and give a client of it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(
        f"{settings['AWS_ENDPOINT_URL']}/moto-api/reset", data=b""
    ).close()  # buckets outlive a server
    client = boto3.Session().client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    server.stop()
