"""What breaks with real cameras, each reproduced by us and named after the camera it was seen on.

Sources stand with each test; `QUIRKS` of the changelog lists the repairs.
"""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.camera.rtsp import sdp
from serambi.camera.rtsp.session import Session
from serambi.camera.rtsp.target import parse_target
from serambi.camera.rtsp.track import Track
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.nal import split_length_prefixed
from tests.clips import clip
from tests.fakes.rtp import fragments, framed, rtp

URL = "rtsp://192.0.2.7:554/live/ch0"
FILM = clip(20, width=64, height=48, gop=5)
SETS = list(split_length_prefixed(FILM.units[0].data))

DESCRIPTION = (
    "v=0\r\n{origin}\r\ns=Media\r\n{connection}\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=control:trackID=1\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1\r\n"
    "m=audio 0 RTP/AVP 8\r\na=control:trackID=2\r\na=rtpmap:8 PCMA/8000\r\n"
)
PLAIN = DESCRIPTION.format(origin="o=- 1 1 IN IP4 192.0.2.7", connection="c=IN IP4 0.0.0.0")

Answer = Callable[[str, int, str], bytes]
"""(method, cseq, request) -> what the camera sends."""


OK = "200 OK"


def answer(
    method: str,
    cseq: int,
    _: str = "",
    *,
    body: str = PLAIN,
    extra: str = "",
    status: str = OK,
) -> bytes:
    """How a well-behaved camera answers."""
    more = {
        "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n",
        "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n",
        "SETUP": "Session: 12;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
        "PLAY": "Session: 12\r\n",
    }.get(method, "")
    text = f"RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{more}{extra}\r\n"
    return (text + (body if method == "DESCRIBE" else "")).encode()


class Talk:
    """A session with a camera that answers as it is told to."""

    def __init__(self, camera: Answer = answer, *, user: str = "viewer") -> None:
        self.asked: list[str] = []
        self.items: list[VideoConfig | AccessUnit] = []
        self._camera = camera
        target = parse_target(URL, user, "secret")
        self.session = Session(target, self.items.append, lambda: (5000, 5001), 0.0)
        self.settle()

    def settle(self) -> None:
        """Answer until the session asks no more."""
        while out := self.session.outgoing().decode():
            for text in filter(None, out.split("\r\n\r\n")):
                self.asked.append(text)
                method = text.split(" ", 1)[0]
                found = re.search(r"CSeq: (\d+)", text)
                assert found
                self.hear(self._camera(method, int(found[1]), text))

    def hear(self, raw: bytes) -> None:
        self.session.receive(raw, 1.0, 1_000_000)

    def methods(self) -> list[str]:
        return [text.split(" ", 1)[0] for text in self.asked]

    def film(self, *, sequence: int = 0, ssrc: int = 77, channel: int = 0) -> None:
        """The whole clip."""
        for raw in packets(sequence=sequence, ssrc=ssrc):
            self.hear(framed(raw, channel))

    @property
    def units(self) -> list[AccessUnit]:
        return [item for item in self.items if isinstance(item, AccessUnit)]


def packets(*, sequence: int = 0, ssrc: int = 77, size: int = 100, start: int = 0) -> list[bytes]:
    """The clip as RTP packets, well made."""
    found = list[bytes]()
    for unit in FILM.units:
        nals = split_length_prefixed(unit.data)
        payloads = [part for nal in nals for part in fragments(nal, size)]
        for n, payload in enumerate(payloads):
            marker = n == len(payloads) - 1
            number = sequence + len(found)
            found.append(rtp(payload, number, start + unit.pts, marker=marker, ssrc=ssrc))
    return found


def played(raws: list[bytes], *, window: int = 0) -> tuple[list[AccessUnit], Track]:
    items = list[VideoConfig | AccessUnit]()
    track = Track(sdp.Video(96, "h264", 90_000, "", "", ()), items.append, window=window)
    for raw in raws:
        track.packet(raw)
    return [item for item in items if isinstance(item, AccessUnit)], track


def test_a_well_behaved_camera() -> None:
    talk = Talk()
    assert talk.methods() == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    talk.film()
    assert [unit.data for unit in talk.units] == [unit.data for unit in FILM.units]
    assert "trackID=2" not in "".join(talk.asked), "audio is never asked for"


# Logins


def test_hikvision_offers_digest_and_takes_only_basic() -> None:
    """DS-2CD1148, set to basic: go2rtc#2232."""

    def camera(method: str, cseq: int, text: str) -> bytes:
        if "Authorization: Basic" in text or method == "OPTIONS":
            return answer(method, cseq)
        offered = (
            f'WWW-Authenticate: Digest realm="b4", nonce="{cseq:032x}", stale="FALSE"\r\n'
            'WWW-Authenticate: Basic realm="b4"\r\n'
        )
        return answer("", cseq, status="401 Unauthorized", extra=offered)

    talk = Talk(camera)
    assert talk.session.playing
    assert talk.methods() == ["OPTIONS", *["DESCRIBE"] * 3, "SETUP", "PLAY"]


def test_a_wrong_password_ends_at_once_in_plain_words() -> None:
    def camera(method: str, cseq: int, text: str) -> bytes:
        offered = f'WWW-Authenticate: Digest realm="x", nonce="{cseq}"\r\n'
        return answer("", cseq, status="401 Unauthorized", extra=offered)

    with pytest.raises(SerambiError, match="refuses the user name or password"):
        Talk(camera)


def test_headers_stand_in_the_order_that_cameras_count_on() -> None:
    """mediamtx#2887."""

    def camera(method: str, cseq: int, text: str) -> bytes:
        if "Authorization" not in text and method != "OPTIONS":
            offered = 'WWW-Authenticate: Digest realm="x", nonce="1"\r\n'
            return answer("", cseq, status="401 Unauthorized", extra=offered)
        return answer(method, cseq)

    talk = Talk(camera)
    for text in talk.asked:
        names = [line.split(":")[0] for line in text.split("\r\n")[1:]]
        order = ["CSeq", "Authorization", "User-Agent", "Accept", "Transport", "Range", "Session"]
        assert names == [name for name in order if name in names]


# Descriptions


@pytest.mark.parametrize(
    ("origin", "connection"),
    [
        ("o=- -1708463543 1 IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0"),
        ("o=RTSP 19599440071187478912 13656283801756621937 IN IP4 0.0.0.0", "c=IN IP4 0.0.0.0"),
        ("o=- 1.5 2.5 IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0"),
        ("o=- 1 1 IP IP4 192.0.2.7", "c=IN "),
        ("i=no origin", "c="),
    ],
    ids=["mediamtx2708", "mediamtx5949", "mediamtx2555", "uniview-mediamtx5033", "mediamtx120"],
)
def test_descriptions_with_nonsense_where_nobody_looks(origin: str, connection: str) -> None:
    body = DESCRIPTION.format(origin=origin, connection=connection)
    talk = Talk(lambda method, cseq, text: answer(method, cseq, body=body))
    talk.film()
    assert len(talk.units) == len(FILM.units)


@pytest.mark.parametrize(
    ("base", "asked"),
    [
        ("192.0.2.7:554/stream0/", URL + "/trackID=1"),
        ("/", URL + "/trackID=1"),
        (
            "rtsp://192.0.2.7/cam?channel=1&subtype=0/",
            "rtsp://192.0.2.7/cam?channel=1&subtype=0/trackID=1",
        ),
        ("rtsp://192.0.2.7/live", "rtsp://192.0.2.7/live/trackID=1"),
    ],
    ids=["sv3c-moonfire356", "rootless", "dahua", "no-slash"],
)
def test_bases_that_are_no_address(base: str, asked: str) -> None:
    def camera(method: str, cseq: int, text: str) -> bytes:
        extra = f"Content-Base: {base}\r\n" if method == "DESCRIBE" else ""
        return answer(method, cseq, extra=extra)

    setup = next(text for text in Talk(camera).asked if text.startswith("SETUP"))
    assert setup.split(" ")[1] == asked


# Sessions


def test_hikvision_writes_blanks_and_changes_its_session() -> None:
    """Blanks before the value, a timeout behind it, another id in each answer (retina)."""

    def camera(method: str, cseq: int, text: str) -> bytes:
        raw = answer(method, cseq)
        return raw.replace(b"Session: 12", f"Session:        7083{cseq} ".encode())

    talk = Talk(camera)
    assert talk.asked[-1].endswith("Session: 70833"), "that of SETUP, without its timeout"
    assert talk.session.playing


def test_tapo_says_400_to_what_keeps_it_alive() -> None:
    """C100, every 14 s: moonfire-nvr#342."""
    talk = Talk()
    talk.film()
    seen = len(talk.units)
    talk.hear(b"RTSP/1.0 400 Bad Request\r\nCSeq: 5\r\nDate: Mon\r\n\r\n")
    assert talk.session.tick(31.0 - 27.0) is None
    talk.hear(framed(rtp(b"\x41\x9a", 9999, 999_999)))
    talk.session.tick(1.5)
    assert len(talk.units) == seen
    assert talk.session.playing


def test_a_camera_that_refuses_get_parameter_is_asked_for_options() -> None:
    talk = Talk()
    for at, method in ((31.0, "GET_PARAMETER"), (62.0, "OPTIONS")):
        talk.session._heard_s = talk.session._playing_s = at
        talk.session.tick(at)
        out = talk.session.outgoing().decode()
        assert out.startswith(method + " ")
        talk.hear(answer("", int(re.findall(r"CSeq: (\d+)", out)[0]), status="400 Bad Request"))


@pytest.mark.parametrize("cseq", ["0", "", "999"])
def test_hisilicon_counts_wrongly(cseq: str) -> None:
    """CSeq 0 for whatever was asked; others leave it out (homebridge-foscamcamera#6)."""

    def camera(method: str, number: int, text: str) -> bytes:
        line = f"CSeq: {number}\r\n".encode()
        return answer(method, number).replace(line, f"CSeq: {cseq}\r\n".encode() if cseq else b"")

    assert Talk(camera).session.playing


def test_reolink_sends_packets_of_an_earlier_session_even_before_login() -> None:
    """moonfire-nvr#114, retina#17."""
    stale = b"".join(framed(raw) for raw in packets(ssrc=0xDEAD)[:7])

    def camera(method: str, cseq: int, text: str) -> bytes:
        extra = "RTP-Info: url=trackID=1;seq=1;ssrc=4D,url=trackID=2;seq=3\r\n"
        return stale + answer(method, cseq, extra=extra if method == "PLAY" else "")

    talk = Talk(camera)
    ours, theirs = packets(), packets(ssrc=0xDEAD)
    for one, other in zip(ours, theirs, strict=True):
        talk.hear(framed(other) + framed(one))
    assert [unit.data for unit in talk.units] == [unit.data for unit in FILM.units]
    assert talk.session.track
    assert talk.session.track.lost == 0
    assert talk.session.track.strays >= len(theirs)


def test_a_camera_that_begins_anew_with_another_source_is_followed() -> None:
    talk = Talk()
    talk.film()
    before = len(talk.units)
    talk.film(ssrc=0xBEEF, sequence=500)
    talk.film(ssrc=0xBEEF, sequence=500 + len(packets()))
    assert len(talk.units) > before + len(FILM.units) // 2


def test_a_redirect_is_not_followed() -> None:
    def camera(method: str, cseq: int, text: str) -> bytes:
        extra = "Location: rtsp://198.51.100.9/other\r\n"
        return answer("", cseq, status="302 Moved", extra=extra)

    with pytest.raises(SerambiError, match="not followed"):
        Talk(camera)


def test_a_camera_that_asks_gets_an_answer() -> None:
    talk = Talk()
    talk.hear(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\nRECORD * RTSP/1.0\r\nCSeq: 8\r\n\r\n")
    out = talk.session.outgoing()
    assert out.startswith(b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\nRTSP/1.0 501")
    with pytest.raises(SerambiError, match="ended the stream"):
        talk.hear(b"TEARDOWN * RTSP/1.0\r\nCSeq: 9\r\n\r\n")


# Packets


def test_a_marker_on_sei_ends_no_picture() -> None:
    """moonfire-nvr#352."""
    sei = b"\x06\x05\x01\x00\x80"
    raws = list[bytes]()
    for unit in FILM.units:
        nals = list(split_length_prefixed(unit.data))
        for nal in [sei, *nals]:
            marker = nal in (sei, nals[-1])
            raws.append(rtp(nal, len(raws), unit.pts, marker=marker))
    units, track = played(raws)
    assert [u.data[len(sei) + 4 :] for u in units] == [u.data for u in FILM.units]
    assert {b.dts - a.dts for a, b in pairwise(units)} == {3600}
    assert track.lost == 0


def test_a_marker_on_every_slice_is_found_out() -> None:
    """The first picture is cut short, every later one is whole."""
    slices = (b"\x65\x88\x01", b"\x65\x48\x02", b"\x65\x58\x03")
    raws = [rtp(nal, n) for n, nal in enumerate(SETS[:2])]
    for number in range(6):
        for slice_ in slices:
            raws.append(rtp(slice_, len(raws), number * 3600, marker=True))
    units, _ = played(raws)
    counts = [len(list(split_length_prefixed(unit.data))) for unit in units]
    assert counts == [3, 3, 3, 3, 3], "sets and one slice; then all slices, the last one pending"


def test_tiandy_changes_the_type_in_mid_unit() -> None:
    """moonfire-nvr#344, mediamtx#3315."""
    raws = packets(size=40)
    wrong = [
        raw[:13] + bytes((raw[13] & 0xC0 | 0x01,)) + raw[14:]
        if raw[12] & 0x1F == 28 and not raw[13] & 0x80
        else raw
        for raw in raws
    ]
    assert wrong != raws
    units, track = played(wrong)
    assert [unit.data for unit in units] == [unit.data for unit in FILM.units]
    assert track.lost == 0


def test_start_codes_inside_packets_are_taken_apart() -> None:
    """Cameras that send what belongs into a file (gortsplib)."""
    first, *rest = FILM.units
    joined = b"\0\0\0\1".join(split_length_prefixed(first.data))
    raws = [rtp(joined, 0, 0, marker=True)]
    for n, unit in enumerate(rest, 1):
        raws.append(rtp(b"".join(split_length_prefixed(unit.data)), n, unit.pts, marker=True))
    units, _ = played(raws)
    assert units[0].data == first.data
    big = [rtp(p, n, 0, marker=n > 2) for n, p in enumerate(fragments(joined, len(joined) // 3))]
    units, _ = played([*big, rtp(b"\x41\x9a\0", len(big), 3600, marker=True)])
    assert units[0].data == first.data


def test_a_clock_that_steps_is_bridged() -> None:
    """moonfire-nvr#36, frigate#8007."""
    raws = packets()
    later = packets(sequence=len(raws), start=5 * 90_000 - 20 * 3600)
    units, _ = played(raws + later)
    steps = {b.dts - a.dts for a, b in pairwise(units)}
    assert max(steps) <= 10 * 90_000
    assert min(steps) > 0


def test_numbers_and_times_wrap() -> None:
    raws = packets(sequence=65_530, start=2**32 - 5 * 3600)
    units, track = played(raws)
    assert [(u.data, u.pts) for u in units] == [(u.data, u.pts) for u in FILM.units]
    assert track.lost == 0


def test_open_groups_begin_at_recovery_points() -> None:
    """Smart codecs and intra refresh: no IDR ever comes (Frigate: H.264+)."""
    recovery = b"\x06\x06\x01\xc4\x80"
    raws, key = list[bytes](), 0
    for unit in FILM.units:
        nals = list(split_length_prefixed(unit.data))
        if unit.key:
            # What was IDR is an ordinary intra picture with a recovery point before it.
            slice_ = bytes((nals[-1][0] & 0xE0 | 1,)) + nals[-1][1:]
            nals, key = [*nals[:-1], recovery, slice_], key + 1
        for nal in nals:
            raws.append(rtp(nal, len(raws), unit.pts, marker=nal is nals[-1]))
    units, _ = played(raws)
    assert [n for n, unit in enumerate(units) if unit.key] == [0, 5, 10, 15]
    without = [raw for raw in raws if raw[12:] != recovery]
    numbered = [raw[:2] + n.to_bytes(2) + raw[4:] for n, raw in enumerate(without)]
    units, _ = played(numbered)
    assert [n for n, unit in enumerate(units) if unit.key] == [0, 5, 10, 15], "by its I slice"


def test_a_camera_without_any_picture_to_begin_with_is_not_for_this_reader() -> None:
    talk = Talk()
    talk.hear(framed(rtp(b"\x41\x9a\x00", 1, 0, marker=True)))
    talk.session._heard_s = 100.0
    with pytest.raises(SerambiError, match="no picture to begin with") as caught:
        talk.session.tick(100.0)
    assert caught.value.kind is Kind.BAD_INPUT, "so that PyAV has its turn"
