"""A party's notice about a ledger's history: believed for its witness's signature alone."""

import msgspec
import pytest

from serambi.base.canonical import encode
from serambi.base.errors import SerambiError
from serambi.base.instants import instant_text
from serambi.base.limits import NOTICE_MAX_BYTES
from serambi.identity import dsse
from serambi.ledger.notice import NOTICE_TYPE, Notice, is_notice, read_notice, seal_notice
from tests.builders import NOW, SITE, make_roster

FORK = Notice(1, "fork", f"kpu/{SITE}/keeper", "bawaslu", instant_text(NOW))


def test_a_notice_counts_for_its_witness_only() -> None:
    town = make_roster(witnessed=True)
    key = town.witnesses["bawaslu"]
    raw = seal_notice(FORK, key)
    assert is_notice(raw)
    assert (read_notice(raw, town.roster).notice, read_notice(raw, town.roster).at) == (FORK, NOW)
    long = msgspec.structs.replace(FORK, origin="x" * NOTICE_MAX_BYTES)
    for bad, why in (
        (seal_notice(FORK, town.keys["bawaslu"]), "not signed by the witness"),
        (seal_notice(msgspec.structs.replace(FORK, party="polres"), key), "not signed by"),
        (seal_notice(msgspec.structs.replace(FORK, at="now"), key), "not an instant"),
        (seal_notice(long, key), "more than"),
        (dsse.dump(dsse.sign("text/plain", encode(FORK), [key])), "not a notice"),
        (dsse.dump(dsse.sign(NOTICE_TYPE, b"{}", [key])), "cannot be read"),
    ):
        with pytest.raises(SerambiError, match=why):
            read_notice(bad, town.roster)
    assert not is_notice(b"nothing")
