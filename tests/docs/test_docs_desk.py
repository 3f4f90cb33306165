"""Every address of the signing desk is on its page, and no other."""

import re
from pathlib import Path

from starlette.routing import Route

from serambi.party.signing.routes import desk_router
from tests.docs.pages import page
from tests.fakes.signing_town import fake_desk, one_hand


def test_addresses_of_the_signing_desk(tmp_path: Path) -> None:
    desk, delivery = one_hand(tmp_path)
    router = desk_router(fake_desk(desk.hand, delivery, tmp_path, desk.clock, "kpu"))
    routes = [route for route in router.routes if isinstance(route, Route)]
    known = {
        f"{method} {r.path}" for r in routes for method in (r.methods or ()) if method != "HEAD"
    }
    text = page("docs/reference/signing-desk.md")
    assert known == set(re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", text, re.MULTILINE))
