"""A small disk of its own for one folder: an ext4 image, mounted where the folder was. It can be
filled to the last byte, which no folder on a shared disk should be."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path


class SmallDisk:
    """Takes the place of `folder`, with what is in it. Needs root and a free loop device."""

    def __init__(self, folder: Path, image: Path, size_bytes: int) -> None:
        self.folder = folder
        self._filler = folder / "filler"
        aside = image.with_suffix(".aside")
        shutil.copytree(folder, aside)
        with image.open("wb") as file:
            file.truncate(size_bytes)
        _run("mkfs.ext4", "-q", "-m", "0", str(image))
        _run("mount", "-o", "loop", str(image), str(folder))
        shutil.rmtree(folder / "lost+found")
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        folder.chmod(aside.stat().st_mode)
        shutil.rmtree(aside)

    def fill(self) -> int:
        """Not a byte is left -> how many were taken."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
                        os.fsync(file.fileno())
        return self._filler.stat().st_size

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount; the folder is empty then. Whoever wrote there must have ended."""
        _run("umount", str(self.folder))


def missing() -> str:
    """Why there can be no such disk here; empty when there can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if shutil.which("mkfs.ext4") is None:
        return "mkfs.ext4 is not installed"
    return "" if Path("/dev/loop-control").exists() else "there is no loop device"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
