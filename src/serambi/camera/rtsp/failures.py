"""What can go wrong with a camera, in plain words for its owner. Never an address or a secret."""

import errno

from serambi.base.errors import Kind, SerambiError

_STATUS = {
    401: (
        "the camera refuses the user name or password",
        "check user and password of this camera",
    ),
    403: ("the camera forbids this stream to this user", "give the user the right to watch live"),
    404: (
        "the camera has no stream at this path",
        "check the stream's path in the camera's manual",
    ),
    453: ("the camera has no more room for viewers", "close other viewers of this camera"),
    503: ("the camera is too busy", "close other viewers of this camera"),
}
_REFUSED = ("nothing answers at the camera's port", "is the camera on, and its RTSP service?")
_NO_WAY = ("there is no way to the camera's address", "check the network")
_SILENT = ("the camera does not answer", "check power and network of the camera")


def _unavailable(what: str, hint: str = "it will be tried again") -> SerambiError:
    return SerambiError(Kind.UNAVAILABLE, what, hint=hint)


def of_status(method: str, status: int) -> SerambiError:
    """The camera answered `method` with something other than success."""
    if 300 <= status < 400:
        # Followed, it could lead anywhere in the owner's network.
        return _unavailable(
            "the camera points to another address, which is not followed",
            "enter the address it points to",
        )
    what = f"the camera refuses to play ({method}: status {status})"
    return _unavailable(*_STATUS.get(status, (what, "try its other stream, or restart the camera")))


def of_socket(error: OSError) -> SerambiError:
    """The network said no."""
    if error.errno == errno.ECONNREFUSED:
        return _unavailable(*_REFUSED)
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
        return _unavailable(*_NO_WAY)
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return ended()
    if error.errno == errno.ETIMEDOUT:
        return silent()
    said = error.strerror or type(error).__name__
    return _unavailable(f"the camera cannot be read: {said}")


def unknown_host() -> SerambiError:
    """Its name means nothing."""
    return _unavailable("the camera's name is not known in this network", "use its IP address")


def silent() -> SerambiError:
    """It took too long."""
    return _unavailable(*_SILENT)


def ended() -> SerambiError:
    """It hung up."""
    return _unavailable("the camera ended the stream")


def endless() -> SerambiError:
    """What is to be sent to it grows: it asks and asks, or does not read."""
    return SerambiError(
        Kind.BAD_INPUT,
        "the camera asks without end, or does not read the answers",
        hint="restart the camera, and update its firmware",
    )


def unusable() -> SerambiError:
    """Packets come, but no picture that decoding could begin with."""
    return SerambiError(
        Kind.BAD_INPUT,
        "the camera sends packets but no picture to begin with",
        hint="turn smart codecs off in the camera, or try its other stream",
    )
