"""Key expressions: the whole key space of the fabric. docs/reference/fabric.md explains it."""

from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id

CENTER_NAME = "center"


def check_site(site: str) -> str:
    """A site's id; the center's own certificate name is not one."""
    check_id(site, "site")
    if site == CENTER_NAME:
        raise SerambiError(Kind.BAD_INPUT, "a site cannot be called 'center'", hint="rename it")
    return site


def everything(site: str) -> str:
    """All that this site may say; what its certificate is allowed."""
    return f"s/{check_site(site)}/**"


def state(site: str) -> str:
    return f"s/{check_site(site)}/state"


def live(site: str, camera: str, stream: str) -> str:
    return f"s/{check_site(site)}/live/{check_id(camera, 'camera')}/{check_id(stream, 'stream')}"


def playback(site: str, camera: str, session: str) -> str:
    camera, session = check_id(camera, "camera"), check_id(session, "session")
    return f"s/{check_site(site)}/playback/{camera}/{session}"


def playbacks(site: str) -> str:
    return f"s/{check_site(site)}/playback/*/*"


def named_playback(key: str) -> tuple[str, str]:
    """Camera and session out of a key that `playback` made. Raises BAD_INPUT."""
    parts = key.split("/")
    if len(parts) != 5:
        raise SerambiError(Kind.BAD_INPUT, "the key of a playback is not one")
    return check_id(parts[3], "camera"), check_id(parts[4], "session")


def command(site: str) -> str:
    return f"s/{check_site(site)}/command"


def ingest(site: str) -> str:
    return f"s/{check_site(site)}/ingest"


def echo(site: str) -> str:
    return f"s/{check_site(site)}/echo"


def here(site: str) -> str:
    return f"s/{check_site(site)}/here"
