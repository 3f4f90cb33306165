"""Messages, descriptions, logins and packets of the own reader: what is accepted, what is not, and
never anything but a `SerambiError`."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import SerambiError
from serambi.base.limits import RTSP_BODY_MAX_BYTES, RTSP_HEAD_MAX_BYTES, RTSP_HEADERS_MAX
from serambi.camera.rtsp import sdp
from serambi.camera.rtsp.auth import Authenticator, parse_challenges
from serambi.camera.rtsp.message import Message, Parser, Request, Response, answer, request
from serambi.camera.rtsp.rtp import (
    Goodbye,
    Order,
    SenderReport,
    later,
    parse,
    parse_reports,
    receiver_report,
)
from serambi.camera.rtsp.target import parse_target
from tests.fakes.rtp import framed, rtp

STREAM = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS\r\n\r\n"
    + framed(b"\x80" + bytes(30))
    + b"\r\n"
    + b"RTSP/1.0 401 No\r\nWWW-Authenticate: Basic realm=a\r\nWWW-Authenticate: Digest x=y\r\n\r\n"
    + framed(b"", 1)
    + b"RTSP/1.0 200 OK\nCSeq:2\nContent-Length: 5\n\nv=0\r\n"
    + b"SET_PARAMETER * RTSP/1.0\r\nCSeq: 9\r\n\r\n"
)


def whole() -> list[Message]:
    return list(Parser().feed(STREAM))


def test_messages_and_packets_of_one_connection() -> None:
    first, packet, refused, empty, described, asked = whole()
    assert isinstance(first, Response)
    assert (first.status, first.reason, first.header("public")) == (200, "OK", "OPTIONS")
    assert packet == (0, b"\x80" + bytes(30))
    assert isinstance(refused, Response)
    assert list(refused.all("www-authenticate")) == ["Basic realm=a", "Digest x=y"]
    assert refused.header("nothing") == ""
    assert empty == (1, b"")
    assert isinstance(described, Response)
    assert (described.body, described.header("cseq")) == (b"v=0\r\n", "2")
    assert isinstance(asked, Request)
    assert (asked.method, asked.url, asked.header("cseq")) == ("SET_PARAMETER", "*", "9")
    assert asked.header("nothing") == ""


@given(st.lists(st.integers(1, 40), max_size=40))
def test_it_does_not_matter_where_the_bytes_are_cut(cuts: list[int]) -> None:
    parser, found, at = Parser(), list[Message](), 0
    for size in [*cuts, len(STREAM)]:
        found.extend(parser.feed(STREAM[at : at + size]))
        at += size
    assert found == whole()
    assert parser.pending_bytes == 0


@given(st.binary(max_size=300), st.sampled_from([b"", b"$", b"RTSP/1.0 200 OK\r\n", b"DESCRIBE "]))
def test_nothing_but_our_error_escapes_a_parser(raw: bytes, before: bytes) -> None:
    for work in (
        lambda data: list(Parser().feed(data)),
        sdp.parse,
        parse,
        parse_reports,
    ):
        try:
            work(before + raw)
        except SerambiError:
            continue


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"RTSP/1.0 20 OK\r\n\r\n",
        b"RTSP/1.0 999 OK\r\n\r\n",
        b"\x00\x01\x02\x03",
        b"RTSP/1.0 200 OK\r\nno colon\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n: nameless\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * (RTSP_HEADERS_MAX + 1) + b"\r\n",
        b"R" * RTSP_HEAD_MAX_BYTES,
        f"RTSP/1.0 200 OK\r\nContent-Length: {RTSP_BODY_MAX_BYTES + 1}\r\n\r\n".encode(),
    ],
)
def test_what_is_not_rtsp_is_refused_and_says_what_to_do(raw: bytes) -> None:
    with pytest.raises(SerambiError, match="does not speak RTSP") as caught:
        list(Parser().feed(raw))
    assert caught.value.hint


def test_a_message_not_yet_whole_is_kept() -> None:
    parser = Parser()
    assert list(parser.feed(b"RTSP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nv=0")) == []
    assert parser.pending_bytes > 30
    assert list(parser.feed(b"\r\n$\0")) == []
    (found,) = parser.feed(b"\1\2")
    assert isinstance(found, Response)


def test_requests_and_answers() -> None:
    raw = request("SETUP", "rtsp://h/x", 3, [("Transport", "RTP/AVP"), ("Session", "1")])
    assert raw.decode().split("\r\n") == [
        *("SETUP rtsp://h/x RTSP/1.0", "CSeq: 3", "Transport: RTP/AVP", "Session: 1", "", "")
    ]
    with pytest.raises(SerambiError, match="line break"):
        request("SETUP", "rtsp://h/x\r\nInjected: 1", 3, [])
    assert answer(200, "OK", "7\r\nX: y") == b"RTSP/1.0 200 OK\r\nCSeq: 0\r\n\r\n"


# Descriptions


def test_what_there_is_instead_of_video_is_said() -> None:
    def said(media: str) -> str:
        with pytest.raises(SerambiError) as caught:
            sdp.parse(f"v=0\r\n{media}".encode())
        return str(caught.value)

    assert "offers JPEG, not H.264 or H.265" in said("m=video 0 RTP/AVP 26\na=rtpmap:26 JPEG/90000")
    assert "offers payload type 26" in said("m=video 0 RTP/AVP 26")
    assert "offers audio, but no video" in said("m=audio 0 RTP/AVP 8")
    assert "names no stream" in said("")
    assert "too many tracks" in said("m=audio 0 RTP/AVP 8\n" * 40)
    h264 = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/{}\na=fmtp:96 {}"
    assert "impossible clock" in said(h264.format(1, ""))
    assert "interleaved" in said(h264.format(90000, "packetization-mode=2"))
    h265 = "m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-max-don-diff=3"
    assert "out of order" in said(h265)
    assert "too long" in said("x" * RTSP_BODY_MAX_BYTES)


def test_parameter_sets_that_cannot_be_read_are_left_out() -> None:
    text = "m=video 0 RTP/AVP 97 96\na=rtpmap:96 h264\na=fmtp:96 sprop-parameter-sets={}"
    for sets, count in (
        ("Z0LAHtoHgUZA,aM4xsg==", 2),
        ("!!,aM4xsg", 1),
        ("AAAAAWdCwB7aB4FGQA==", 1),
    ):
        video = sdp.parse(text.format(sets).encode())
        assert (len(video.parameter_sets), video.clock_hz) == (count, 90_000)
        assert all(nal[0] in (0x67, 0x68) for nal in video.parameter_sets)


# Logins


def test_digests_are_those_of_the_standards() -> None:
    """RFC 2617, 3.5 without qop, and RFC 7616, 3.9.1 with it, for RTSP's methods."""
    for algorithm in ("MD5", "SHA-256"):
        for qop in ("", 'qop="auth, auth-int", '):
            login = Authenticator("Mufasa", "Circle of Life")
            offered = f'Digest realm="r@h", {qop}algorithm={algorithm}, nonce="7yp", opaque="FQh"'
            assert login.challenged([offered])
            header = login.header("DESCRIBE", "rtsp://h/x")
            fields = dict(re.findall(r'(\w+)="?([^",]+)', header))

            def h(text: str, name: str = algorithm) -> str:
                return hashlib.new(name.replace("-", ""), text.encode()).hexdigest()

            middle = f":{fields['nc']}:{fields['cnonce']}:auth:" if qop else ":"
            secret, asked = h("Mufasa:r@h:Circle of Life"), h("DESCRIBE:rtsp://h/x")
            assert fields["response"] == h(f"{secret}:7yp{middle}{asked}")
            assert (fields["opaque"], fields["uri"]) == ("FQh", "rtsp://h/x")
            assert ("algorithm" in fields) == (algorithm != "MD5")


def test_the_best_way_in_is_tried_first_and_none_twice() -> None:
    login = Authenticator("me", "secret")
    offers = [
        'Basic realm="a"',
        'Digest realm="a", nonce="1", Digest realm="a", nonce="2", algorithm=SHA-256',
        'Digest realm="a", nonce="3", algorithm=SHA-512-256',
    ]
    assert [c.algorithm for c in parse_challenges(offers)] == ["", "MD5", "SHA-256"]
    seen = []
    while login.challenged(offers):
        seen.append(login.header("OPTIONS", "*"))
    assert ["SHA-256" in seen[0], seen[1][:6], seen[2]] == [True, "Digest", "Basic bWU6c2VjcmV0"]
    assert len(seen) == 3
    assert login.header("OPTIONS", "*") == ""


def test_a_stale_nonce_is_renewed_a_few_times() -> None:
    login = Authenticator("me", "secret")
    assert login.challenged(['Digest realm="a", nonce="1"'])
    stale = 'Digest realm="a", nonce="{}", stale=true'
    assert login.challenged([stale.format(2)])
    assert 'nonce="2"' in login.header("PLAY", "*")
    assert login.challenged([stale.format(3)])
    assert not login.challenged([stale.format(4)])


def test_what_worked_once_is_renewed_without_being_called_stale() -> None:
    login = Authenticator("me", "secret")
    assert login.challenged(['Digest realm="a", nonce="1", algorithm=MD5-sess, qop=auth'])
    login.accepted()
    assert login.challenged(['Digest realm="a", nonce="2", algorithm=MD5-sess, qop=auth'])
    header = login.header("PLAY", "*")
    assert "algorithm=MD5-sess" in header
    assert "nc=00000001" in header


def test_without_a_user_nothing_is_tried() -> None:
    login = Authenticator("", "")
    assert not login.challenged(['Basic realm="a"'])
    assert login.header("PLAY", "*") == ""


def test_addresses() -> None:
    target = parse_target("rtsp://u%20s:p%40ss@[2001:db8::1]/a?b=c", "", "")
    assert (target.host, target.port, target.url) == (
        "2001:db8::1",
        554,
        "rtsp://[2001:db8::1]/a?b=c",
    )
    assert (target.user, target.password) == ("u s", "p@ss")
    assert "p@ss" not in repr(target)
    for bad in (
        "http://h/x",
        "rtsps://h/x",
        "rtsp:///x",
        "rtsp://h:99999/x",
        "rtsp://h/\r\nX: y",
        "rtsp://[::/",
    ):
        with pytest.raises(SerambiError, match="no rtsp:// address"):
            parse_target(bad, "", "")


# Packets


def test_headers_of_packets() -> None:
    plain = parse(rtp(b"abc", 65_535, 7, marker=True))
    assert plain == (96, True, 65_535, 7, 77, b"abc")
    raw = bytes((0xB1, 96)) + bytes(10) + b"srcs" + b"\xbe\xde\0\1ext." + b"abc\0\0\3"
    assert parse(raw).payload == b"abc"
    for bad in (b"\x80" * 11, b"\x40" + bytes(20), b"\x8f" + bytes(20), b"\x90" + bytes(11)):
        with pytest.raises(SerambiError):
            parse(bad)
    with pytest.raises(SerambiError, match="padded by nothing"):
        parse(b"\xa0" + bytes(20))
    with pytest.raises(SerambiError, match="does not fit"):
        parse(b"\xa0" + bytes(12) + b"\xff")


def test_reports() -> None:
    report = bytes.fromhex("80c80006 00000007 e0000000 80000000 00000005") + bytes(8)
    goodbye = bytes.fromhex("81cb0001 00000007")
    assert parse_reports(report + goodbye + receiver_report(1)) == [
        SenderReport(7, 0xE0000000 - 2_208_988_800 + 0.5, 5),
        Goodbye((7,)),
    ]
    without_clock = report[:8] + bytes(4) + report[12:]
    assert parse_reports(without_clock) == []
    for bad in (report[:-1], b"\x80", b"\x80\xc8\0\0", b"\xa1\xcb\0\1\0\0\0\x09", b"\0" * 8):
        with pytest.raises(SerambiError):
            parse_reports(bad)


@given(st.integers(0, 65_535), st.integers(-(2**15), 2**15 - 1))
def test_counters_wrap(start: int, step: int) -> None:
    assert later(start, (start + step) & 0xFFFF, 16) == step


def ordered(order: Order, sequences: list[int]) -> list[int]:
    found = list[int]()
    for sequence in sequences:
        order.put(sequence & 0xFFFF, sequence, False, b"")
        found += [timestamp for _, timestamp, _, _ in order.take()]
    return found + [timestamp for _, timestamp, _, _ in order.take(all_=True)]


@given(st.integers(0, 70_000), st.lists(st.integers(0, 7), min_size=60, max_size=60))
def test_packets_that_overtake_a_few_others_are_put_in_order(start: int, delays: list[int]) -> None:
    numbers = [0, *(n for _, n in sorted((n + d, n) for n, d in enumerate(delays, 1)))]
    order = Order(window=16)
    assert ordered(order, [start + n for n in numbers]) == [start + n for n in range(61)]
    assert order.lost == order.late == 0


@given(st.sets(st.integers(1, 99), max_size=40))
def test_what_never_comes_is_counted_and_waited_for_no_longer(missing: set[int]) -> None:
    numbers = [n for n in range(101) if n not in missing]
    for window in (0, 8):
        order = Order(window)
        assert ordered(order, numbers) == numbers
        assert order.lost == len(missing)


def test_what_comes_twice_or_too_late_is_left_out() -> None:
    order = Order()
    assert ordered(order, [5, 5, 4, 6]) == [5, 6]
    assert (order.late, order.lost) == (2, 0)
    assert ordered(order, [40_000, 40_001]) == [40_000, 40_001], "it counts anew"
    order.restart()
    assert ordered(order, [9]) == [9]
