"""What the product writes is for the user that runs it, whatever the umask of the shell."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from installations import Ground
from product import Product

OTHERS = stat.S_IRWXG | stat.S_IRWXO
LAX = ("sh", "-c", 'umask 000; exec "$@"', "sh")


def open_to_others(folder: Path) -> Iterator[str]:
    """Yield what others may read or write below ``folder``, links aside. To pass through a folder is no reading."""
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(parent, name)
            mode = path.lstat().st_mode
            allowed = stat.S_IXGRP | stat.S_IXOTH if stat.S_ISDIR(mode) else 0
            if not stat.S_ISLNK(mode) and mode & OTHERS & ~allowed:
                yield f"{stat.filemode(mode)} {path.relative_to(folder)}"


@pytest.mark.weights
def test_the_main_job_leaves_no_file_that_others_may_read(ground: Ground, tmp_path: Path) -> None:
    with ground.installation(tmp_path) as installation:
        installation.product.through = LAX
        assert installation.run().status == 0
        assert list(open_to_others(installation.product.state)) == []
        assert list(open_to_others(installation.out)) == []
        assert list(installation.out.rglob("*.json"))


def test_the_embedded_database_runs_and_keeps_its_files_to_itself(tmp_path: Path) -> None:
    product = Product(tmp_path / "state", through=LAX)
    outcome = product.run("objects", "check")
    assert outcome.status == 0, outcome.said
    assert (product.state / "postgres").is_dir()
    assert list(open_to_others(product.state)) == []
