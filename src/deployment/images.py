"""The product's images on this server: all go but the running one, the previous one and what containers use."""

from typing import NamedTuple

from deployment.engine import BEFORE, IMAGE, Engine
from errors_of_operation import CommandFailed

_OURS = "label=org.opencontainers.image.title=VoxPersona"
_KEPT = (f"{IMAGE}:latest", f"{IMAGE}:previous", BEFORE)


class Cleaned(NamedTuple):
    """The names or ids of images that were removed, and the names of those that stay."""

    removed: list[str]
    kept: list[str]


def clean(engine: Engine, former: str | None = None) -> Cleaned:
    """Remove old images of the product; ``former``, the id that an unfinished deploy goes back to, stays.

    Whoever calls this has the lock of deploys: an image that is being built has no container yet.

    Raises:
        CommandFailed: the engine does not answer.
    """
    protected = {found for name in _KEPT if (found := engine.image_id(name)) is not None} | {former or ""}
    containers = engine.docker("ps", "--all", "--quiet").split()
    if containers:
        protected |= {each.image for each in engine.inspected(*containers)}
    ids = set(engine.docker("image", "ls", "--quiet", "--no-trunc", IMAGE).split())
    ids |= set(
        engine.docker("image", "ls", "--quiet", "--no-trunc", "--filter=dangling=true", f"--filter={_OURS}").split()
    )
    removed = []
    for each in sorted(ids - protected):
        names = engine.docker("image", "inspect", '--format={{join .RepoTags " "}}', each).split()
        ours = [name for name in names if name.startswith(f"{IMAGE}:")]
        try:
            for name in ours or [each]:
                engine.docker("image", "rm", name)
                removed.append(name)
        except CommandFailed:
            continue  # another image is built on it
    kept = engine.docker("image", "ls", "--format={{.Tag}}", IMAGE).split()
    return Cleaned(removed, sorted(kept))
