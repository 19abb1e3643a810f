"""A small image with bash, git, Python and procps, made without any registry when none is there yet.

`python tests/support/base_image.py` prints its name.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError
from pytest_swebench.sandbox.engine import connect
from pytest_swebench.sandbox.images import has
from pytest_swebench.sandbox.images.lite import LABEL

if TYPE_CHECKING:
    from docker import DockerClient

NAMES: Final = ("swebench-lite:py3.11", "pytest-swebench-base:latest")
PACKAGES: Final = "python3,python3-pip,python3-venv,git,patch,procps,ca-certificates"


def base_image(client: DockerClient) -> str:
    """Return the name of the base image, building it where it is missing. Raises InputError without mmdebstrap.

    The image of local tasks, which may have the first name, has more in it and is none.
    """
    for name in NAMES:
        if has(client, name) and LABEL not in client.images.get(name).labels:
            return name
    if shutil.which("mmdebstrap") is None:
        raise InputError(f"no base image for the tests: neither {NAMES[0]!r} nor mmdebstrap to build one is here")
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder, "base.tar")
        command = ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(tar)]
        subprocess.run(command, check=True, capture_output=True)
        repository, _, tag = NAMES[1].partition(":")
        subprocess.run(["docker", "import", str(tar), f"{repository}:{tag}"], check=True, capture_output=True)
    return NAMES[1]


if __name__ == "__main__":
    print(base_image(connect()))
