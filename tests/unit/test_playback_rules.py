"""What of a range may be played: in force, in hours, not held; and how windows are written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.agreement.instants import ALWAYS, Hours
from serambi.agreement.model import SharedSite, read_agreement
from serambi.agreement.recorded import covered, range_text, without
from serambi.base.errors import SerambiError
from serambi.fabric.frames import HEAD_BYTES, Fetch, Part, decode, encode, read_head
from serambi.fabric.outbox import Outbox
from serambi.fabric.windows import decode_window, encode_window
from serambi.ledger.entry import Entry, EntryKind
from serambi.ledger.views import shut_spans
from tests.builders import NOW, SITE, make_agreement, make_attestation, make_roster

INF = float("inf")
SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=6)


def test_an_agreement_covers_its_validity_and_hours() -> None:
    town = make_roster()
    attestations = [make_attestation(town, "cam-1")]
    # NOW is 17.40 in Jakarta.
    hours = (Hours(ALWAYS[0].days, "08:00", "17:00"),)
    raw = make_agreement(
        town,
        ("cam-1",),
        attestations=attestations,
        sites=(SharedSite(SITE, ("cam-1",), ("playback",), "Asia/Jakarta", hours),),
        valid_from=NOW - 86_400,
    )
    signed = read_agreement(raw, town.roster)
    five = NOW - 40 * 60
    assert covered(signed, SITE, "cam-1", (NOW - 7200, NOW)) == [(NOW - 7200, five)]
    day = 86_400
    assert covered(signed, SITE, "cam-1", (NOW - 2 * day, NOW)) == [(five - 9 * 3600, five)]
    assert covered(signed, SITE, "cam-2", (NOW - 7200, NOW)) == []
    assert covered(signed, "elsewhere", "cam-1", (NOW - 7200, NOW)) == []
    assert covered(signed, SITE, "cam-1", (NOW - 7200, NOW - 7200)) == []


def test_hours_that_the_clocks_leave_out_cover_nothing() -> None:
    """In Berlin on the last Sunday of March two o'clock is three."""
    town = make_roster()
    start = datetime(2026, 3, 28, tzinfo=UTC).timestamp()
    hours = (Hours(("sun",), "02:10", "02:50"),)
    raw = make_agreement(
        town,
        ("cam-1",),
        attestations=[make_attestation(town, "cam-1")],
        sites=(SharedSite(SITE, ("cam-1",), ("playback",), "Europe/Berlin", hours),),
        valid_from=start,
    )
    signed = read_agreement(raw, town.roster)
    assert covered(signed, SITE, "cam-1", (start, start + 5 * 86_400)) == []


@given(SPANS, SPANS)
def test_what_is_taken_away_is_away_and_nothing_else(
    spans: list[tuple[int, int]], shut: list[tuple[int, int]]
) -> None:
    def moments(found: list[tuple[float, float]]) -> set[int]:
        return {m for m in range(80) if any(a <= m < b for a, b in found)}

    ours = [(float(a), float(a + b)) for a, b in spans]
    theirs = sorted((float(a), float(a + b)) for a, b in shut)
    left = without(ours, theirs)
    assert moments(left) == moments(ours) - moments(theirs)
    assert all(start < stop for start, stop in left)


def said(kind: EntryKind, at_s: int, camera: str = "cam-1") -> Entry:
    return Entry(kind=kind, at_ms=at_s * 1000, camera=camera)


@pytest.mark.parametrize(
    ("entries", "spans"),
    [
        ([], []),
        ([said("stopped", 5), said("resumed", 9)], [(5, 9)]),
        ([said("resumed", 9)], [(0, 9)]),
        ([said("stopped", 5), said("stopped", 7), said("resumed", 9)], [(5, 9)]),
        ([said("stopped", 5, ""), said("resumed", 9, "")], [(5, 9)]),
        ([said("stopped", 5), said("resumed", 9, "")], [(5, 9)]),
        ([said("suspended", 5), said("resumed", 7), said("restored", 9)], [(0, 7), (5, 9)]),
        ([said("suspended", 5)], [(5, INF)]),
        ([said("stopped", 5, "cam-2"), said("alert", 6)], []),
    ],
)
def test_when_a_camera_was_held(entries: list[Entry], spans: list[tuple[float, float]]) -> None:
    assert shut_spans(entries, "cam-1") == spans


def test_a_range_in_words() -> None:
    text = "2026-11-23T10:40:00.000Z/2026-11-23T10:41:00.250Z"
    assert range_text(int(NOW * 1000), int(NOW * 1000) + 60_250) == text


@given(st.integers(0, 2**53), st.lists(st.binary(min_size=1, max_size=40), max_size=5))
def test_windows_read_back(next_us: int, messages: list[bytes]) -> None:
    raw = encode_window(next_us, messages)
    assert decode_window(raw) == (next_us, messages)
    for cut in range(1, len(raw)):
        try:
            found = decode_window(raw[:cut])
        except SerambiError:
            continue
        assert encode_window(*found) == raw[:cut]


@given(st.integers(0, 2**64 - 1), st.binary(max_size=64))
def test_frames_of_playbacks_read_back(number: int, raw: bytes) -> None:
    for frame in (Fetch(number, raw), Part(number, "cam-1", "0" * 32, raw)):
        sent = encode(frame)
        kind, size = read_head(sent[:HEAD_BYTES])
        assert (size, decode(kind, sent[HEAD_BYTES:])) == (len(sent) - HEAD_BYTES, frame)
    for broken in (b"", b"\0" * 7, b"\0" * 8 + b"\5cam", b"\0" * 8 + b"\5cam-1\3a/b"):
        with pytest.raises(SerambiError):
            decode(10, broken)


def test_windows_wait_behind_everything_and_are_taken_back() -> None:
    outbox = Outbox()
    parts = [Part(number, "cam-1", session, b"x") for number, session in ((1, "a"), (2, "b"))]
    other = Part(3, "cam-2", "c", b"x")
    for part in (*parts, other):
        outbox.put_part(part)
    assert outbox.next(pictures=False) is None
    outbox.put_state(b"state")
    assert isinstance(outbox.next(), bytes)
    outbox.purge("cam-1", "a")
    assert outbox.next() == parts[1]
    outbox.put_part(parts[1])
    outbox.purge("cam-1", None)
    assert (outbox.parts, outbox.next(), outbox.next()) == (1, other, None)
