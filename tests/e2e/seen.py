"""What the wall, the owner and the ledger say of a camera, as tests look at it."""

from playwright.sync_api import expect

from serambi.ledger.entry import Entry
from tests.e2e.screen import Screen
from tests.e2e.town import Camera, Town, until

GONE = "Gambar terakhir sudah dihapus dari layar ini."


class Book:
    """What a site's ledger says from now on."""

    def __init__(self, town: Town, site: str) -> None:
        self._town, self._site = town, site
        self._begin = len(town.ledger(site))

    def since(self) -> list[Entry]:
        return self._town.ledger(self._site)[self._begin :]

    def has(self, kind: str, camera: Camera, reason: str = "") -> bool:
        return any(
            (entry.kind, entry.camera, entry.reason) == (kind, camera.id, reason)
            for entry in self.since()
        )


def see_dark(screen: Screen, camera: Camera, state: str, reason: str) -> None:
    """The tile has no picture any more and says why."""
    tile = screen.tile(camera.number)
    expect(tile.locator("video")).to_have_count(0)
    expect(tile).to_contain_text(state)
    expect(tile).to_contain_text(reason)
    expect(tile).to_contain_text(GONE)


def see_others(screen: Screen, town: Town, but: Camera | None = None) -> None:
    """Whatever happened to one camera, the others of the demo move on."""
    screen.see_moving({c.number for c in town.shared if c != but})


def see_live(screen: Screen, town: Town, camera: Camera) -> None:
    reading = screen.see_moving({camera.number})[camera.number]
    assert reading.tag == camera.tag
    expect(screen.tile(camera.number)).to_contain_text("LANGSUNG")
    until("the owner sees who watches", lambda: town.viewers(camera))


def unwatched(town: Town, camera: Camera) -> None:
    until("nobody watches, says the owner's page", lambda: not town.viewers(camera))
