"""The short form of `dev.py bench wall --soak`: what happens on a wall leaves nothing behind."""

from benches._wall_soak import FLAT, KINDS, Shift
from tests.e2e.conftest import DEMO, OpenWall
from tests.e2e.town import Town

pytestmark = DEMO


def test_what_happened_on_the_wall_is_forgotten(town: Town, open_wall: OpenWall) -> None:
    shift = Shift(town, open_wall(town, language="en"))
    shift.work(2 * KINDS, sample_every=KINDS)
    assert sorted(shift.events.values()) == [2] * KINDS
    assert len(shift.samples) == 2
    assert shift.apart_s, "no badge was read beside a picture"
    for what in ("heap_mib", "nodes", "listeners"):
        assert shift.rises(what) < FLAT[what], [one[what] for one in shift.samples]
