"""Paints two scenes without an end, each in a process that leaves its id in FOLDER, and waits to
be killed."""

import os
import sys
import time
from pathlib import Path

import numpy as np

from serambi.sim.counter import Picture
from serambi.sim.encode import Job, encode_all


class Endless:
    """A scene whose pictures never end."""

    width, height, fps, frames = 320, 180, 20, 1_000_000

    def render(self, n: int) -> Picture:
        time.sleep(0.001)
        return np.zeros((self.height, self.width, 3), np.uint8)


def open_endless(name: str, seed: int) -> Endless:
    """`name` is the folder for the id of the process that paints."""
    (Path(name) / str(os.getpid())).touch()
    return Endless()


if __name__ == "__main__":
    folder = sys.argv[1]
    jobs = [Job(folder, seed) for seed in range(2)]
    encode_all(jobs, Path(folder) / "cache", print, opener=open_endless)
