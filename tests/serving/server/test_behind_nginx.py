"""The API behind a real nginx that keeps connections to it open and publishes it under a path of its own.

Needs nginx (`apt-get install nginx`); without it these tests are skipped.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from waiting import wait_until

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
CONFIGURATION = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream api {{
        server 127.0.0.1:{api_port};
        keepalive 8;  # idle for 60 s, nginx's default
    }}
    server {{
        listen 127.0.0.1:{port};
        location /shop/api/ {{
            proxy_pass http://api/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx")


@contextmanager
def nginx_before(http: httpx.Client, folder: Path) -> Iterator[httpx.Client]:
    """A client of an nginx that passes requests on to the server of a client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, api_port=http.base_url.port))
    process = subprocess.Popen([NGINX, "-e", folder / "error.log", "-p", folder, "-c", configuration])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/shop/api") as proxied:
            wait_until(lambda: is_listening(port), seconds=20)
            yield proxied
    finally:
        process.terminate()
        process.wait(20)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(("n_requests", "n_pauses"), [(40, 1), pytest.param(10_000, 10, marks=pytest.mark.long)])
def test_no_request_after_a_pause_meets_a_closed_connection(published_redis, start_api, tmp_path, n_requests, n_pauses):
    with start_api(published_redis, ROOT_PATH="/shop/api") as http, nginx_before(http, tmp_path) as proxied:
        for place in range(n_requests):
            if place % (n_requests // n_pauses) == n_requests // n_pauses // 2:
                time.sleep(6)  # uvicorn's default is 5
            assert proxied.get(f"/recommendations/customer-{place % 99}").status_code == 200


def test_every_link_of_the_pages_leads_somewhere_behind_a_path(published_redis, start_api, tmp_path):
    with start_api(published_redis, ROOT_PATH="/shop/api") as http, nginx_before(http, tmp_path) as proxied:
        for page in ("/", "/page/customer?id=customer-0", "/docs"):
            text = proxied.get(page).text
            links = set(re.findall(r'(?:href|src|action)="(/[^"]*)"', text))
            assert len(links) > 3
            for link in links:
                address = f"http://127.0.0.1:{proxied.base_url.port}{link.replace('&amp;', '&')}"
                assert httpx.get(address, follow_redirects=True).status_code == 200, link
