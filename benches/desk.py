"""What the desk takes: a flood of alerts, one confirmed write, and two people on one incident.

A real center in a thread of this process, over HTTP on loopback, beside one client: what a client
waits for includes both. `flood`: 200 alerts in 10 s, every tenth P1, `lost` are those that the
queue does not show afterwards. `write`: a note, until its answer, which comes when it is on the
disk, beside a plain write and fdatasync of the same bytes. `converge`: from the moment a note is
sent until another client, told by the WebSocket, has read it. `inform`: from the moment an alert
is sent, through the incident that it becomes and the institution that is called into it, until
everyone concerned has it: the commander's client has read the alert, the institution's own system
has taken the message, and its officer's telephone, which asks every 2 s, has read her part. What
people think between is not in it; promised are 10 s. `--full`: five times as many.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from benches._report import Row, options, percentile, report, say
from serambi.center.accounts import Role
from tests.e2e.desk import DeskTown, desk_town

FLOOD = 200
FLOOD_S = 10.0
NOTES = 100
PROMISED_S = 10.0
PHONE_S = 2.0
LOOK_S = 0.005
PARCEL = {"type": "suspicious_parcel", "site": "terminal", "title": "A box at the gate"}


def timed_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def flood(desk: DeskTown) -> list[Row]:
    """At the pace that is promised, from eight clients' worth of connections."""
    began = time.monotonic()

    def one(n: int) -> tuple[str, float]:
        time.sleep(max(0.0, began + n * FLOOD_S / FLOOD - time.monotonic()))
        made: dict[str, Any] = {}
        ms = timed_ms(
            lambda: made.update(
                desk.alert(f"{n}", what="loitering", priority=4 - 3 * (n % 10 == 9))
            )
        )
        return made["id"], ms

    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(one, range(FLOOD)))
    took_s = time.monotonic() - began
    waiting = desk.get("/api/alerts")["waiting"]
    lost = len({alert for alert, _ in sent} - {alert["id"] for alert in waiting})
    first = [alert["priority"] for alert in waiting[: FLOOD // 10]]
    desk.clear()
    answers_ms = [ms for _, ms in sent]
    return [
        Row("flood of 200 alerts", lost, "lost"),
        Row("flood of 200 alerts", sum(p != 1 for p in first), "others_before_p1"),
        Row("flood of 200 alerts", took_s, "s"),
        Row("flood of 200 alerts, answer p50", percentile(answers_ms, 0.5), "ms"),
        Row("flood of 200 alerts, answer p99", percentile(answers_ms, 0.99), "ms"),
    ]


def sync_ms(folder: Path, count: int) -> list[float]:
    """The disk's own price."""
    with (folder / "plain").open("wb") as file:

        def one() -> None:
            file.write(b"x" * 256)
            file.flush()
            os.fdatasync(file.fileno())

        return [timed_ms(one) for _ in range(count)]


def writes(desk: DeskTown, folder: Path, count: int) -> list[Row]:
    incident = desk.post("/api/incidents", PARCEL)["id"]

    def note(n: int) -> None:
        said = {"kind": "noted", "text": f"Note {n}"}
        desk.post(f"/api/incidents/{incident}/steps", {"said": said})

    ours = [timed_ms(lambda n=n: note(n)) for n in range(count)]  # type: ignore[misc]
    plain = sync_ms(folder, count)
    return [
        Row(
            f"confirmed write p{int(share * 100)}",
            percentile(ours, share),
            "ms",
            "write and fdatasync",
            percentile(plain, share),
        )
        for share in (0.5, 0.99)
    ]


def converge(desk: DeskTown, count: int) -> list[Row]:
    incident = desk.post("/api/incidents", PARCEL)["id"]
    token = desk.clients[Role.COMMANDER].headers["Authorization"]
    seen: dict[str, float] = {}
    ready, done = threading.Event(), threading.Event()

    def follow() -> None:
        url = desk.url.replace("http", "ws") + "/api/events"
        headers = {"Authorization": token}
        with connect(url, additional_headers=headers, proxy=None) as socket:
            while len(seen) < count and not done.is_set():
                if '"type":"desk"' not in str(socket.recv(timeout=20)):
                    continue
                ready.set()
                found = desk.get(f"/api/incidents/{incident}", Role.COMMANDER)
                now = time.perf_counter()
                for entry in found["timeline"][1:]:
                    seen.setdefault(entry["said"]["text"], now)

    thread = threading.Thread(target=follow)
    thread.start()
    ready.wait(20)
    sent: dict[str, float] = {}
    for n in range(count):
        text = f"Note {n}"
        sent[text] = time.perf_counter()
        said = {"kind": "noted", "text": text}
        desk.post(f"/api/incidents/{incident}/steps", {"said": said})
        while text not in seen:
            time.sleep(0.001)
    done.set()
    thread.join(30)
    ms = [(seen[text] - at) * 1000 for text, at in sent.items()]
    return [
        Row(f"another client has read it p{int(share * 100)}", percentile(ms, share), "ms")
        for share in (0.5, 0.99)
    ]


def inform(desk: DeskTown, count: int) -> list[Row]:
    """Beside what was promised. Each part of the way is measured from the alert."""
    spent: dict[str, list[float]] = {"commander": [], "institution": [], "officer": []}
    for n in range(count):
        before = len(desk.told.posts)
        began = time.perf_counter()
        alert = desk.alert(f"{n}", what="left_object", camera="terminal-1")["id"]
        while alert not in {one["id"] for one in _waiting(desk)}:
            time.sleep(LOOK_S)
        spent["commander"].append(time.perf_counter() - began)
        incident = desk.post("/api/incidents", PARCEL | {"alerts": [alert]})["id"]
        called = {"kind": "joined", "participant": "p1", "party": "transport", "who": "On call"}
        desk.post(f"/api/incidents/{incident}/steps", {"said": called})
        at = time.perf_counter()
        while len(desk.told.posts) == before:
            time.sleep(LOOK_S)
        spent["institution"].append(time.perf_counter() - began)
        # Her telephone looks every 2 s; at worst it has just looked when she is called.
        time.sleep(max(0.0, PHONE_S - (time.perf_counter() - at)))
        part = desk.get(f"/api/parts/{incident}", Role.PARTICIPANT)
        assert part["me"]["state"] == "called"
        spent["officer"].append(time.perf_counter() - began)
    whole = [max(times) for times in zip(*spent.values(), strict=True)]
    promised = ("promised at most", PROMISED_S)
    return [
        *(
            Row(f"alert to the {who} p99", percentile(took, 0.99), "s")
            for who, took in spent.items()
        ),
        *(
            Row(f"alert to everyone concerned informed {name}", value, "s", *promised)
            for name, value in (("p50", percentile(whole, 0.5)), ("max", max(whole)))
        ),
    ]


def _waiting(desk: DeskTown) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.get("/api/alerts", Role.COMMANDER)["waiting"]
    return found


def main() -> None:
    chosen = options(__doc__ or "").parse_args()
    count = NOTES * (5 if chosen.full else 1)
    with tempfile.TemporaryDirectory() as name, desk_town(Path(name) / "town") as desk:
        say("flood")
        rows = flood(desk)
        say("writes")
        rows += writes(desk, Path(name), count)
        say("converge")
        rows += converge(desk, count // 2)
        say("inform")
        rows += inform(desk, count // 10)
    report("desk", rows, as_json=chosen.json)


if __name__ == "__main__":
    main()
