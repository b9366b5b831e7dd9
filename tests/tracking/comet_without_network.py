"""What Comet leaves and where it cannot go: an archive to read, and an address where nobody listens."""

import json
import socket
import zipfile
from pathlib import Path


def _name(upload: dict) -> str:
    """The name under which Comet shows a file."""
    about = upload["additional_params"]
    return about.get("fileName") or about["figName"]


class Archive:
    """What comet_ml wrote into an archive."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as content:
            self.experiment = json.loads(content.read("experiment.json"))
            messages = [json.loads(line) for line in content.read("messages.json").splitlines()]
            self.everything = b"".join(content.read(name) for name in content.namelist())
            uploads = [message["payload"] for message in messages if message["type"] == "file_upload"]
            self.files = {_name(each): content.read(each["file_path"]).decode() for each in uploads}
        self.kinds = {_name(each): each["upload_type"] for each in uploads}
        self.types = {message["type"] for message in messages}
        payloads = [message["payload"] for message in messages]
        parameters = [payload["param"] for payload in payloads if "param" in payload]
        self.parameters = {each["paramName"]: each["paramValue"] for each in parameters if each["source"] == "manual"}
        metrics = [payload["metric"] for payload in payloads if "metric" in payload]
        self.metrics = {(each["metricName"], each["epoch"]): each["metricValue"] for each in metrics}
        self.notes = {payload["key"]: payload["value"] for payload in payloads if "key" in payload}


def closed_port_url() -> str:
    """Address of a Comet service at a port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/clientlib/"
