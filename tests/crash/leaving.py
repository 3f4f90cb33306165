"""A process that ends while a daemon thread of it is about to come back out of a native call."""

import ctypes
import threading

from serambi.base.process import leave


def hang() -> None:
    # Without the interpreter's lock, as a library that waits for an answer.
    ctypes.CDLL(None).usleep(200_000)
    print("never said", flush=True)


if __name__ == "__main__":
    threading.Thread(target=hang, daemon=True).start()
    print("closed", flush=True)
    leave(3)
