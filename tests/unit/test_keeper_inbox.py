"""What is put into the inbox is taken, refused with the reason, or waited for."""

from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES, INBOX_PATIENCE_S, INBOX_SETTLED_S
from serambi.keeper.inbox import Inbox

WHOLE = b'{"whole": true}'


class Desk:
    """Believes `WHOLE`, and nothing while the disk is full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "refused").mkdir(parents=True)
        self.clock = ManualClock(0.0)
        self.inbox = Inbox(folder, self.accept, self.clock)
        self.taken: list[bytes] = []
        self.full = False

    async def accept(self, raw: bytes) -> None:
        if raw != WHOLE:
            raise SerambiError(Kind.BAD_INPUT, "this is no document")
        if self.full:
            raise SerambiError(Kind.UNAVAILABLE, "the disk is full")
        self.taken.append(raw)

    async def look(self, passed_s: float) -> list[str]:
        """A second look -> names that are still waiting."""
        self.clock.advance(passed_s)
        await self.inbox.read()
        return [path.name for path in self.inbox.waiting()]

    def why(self, name: str) -> str:
        return (self.folder / "refused" / f"{name[:200]}.why.txt").read_text(encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "inbox")


async def test_a_document_is_taken_at_once_and_disappears(desk: Desk) -> None:
    (desk.folder / "a.json").write_bytes(WHOLE)
    assert await desk.look(0) == []
    assert desk.taken == [WHOLE]


async def test_what_is_not_believed_is_put_aside_when_it_stands_still(desk: Desk) -> None:
    for name in ("b.json", "a.json", ".hidden", "x" * 250):
        (desk.folder / name).write_bytes("ünlesbar".encode())
    (desk.folder / "folder").mkdir()
    assert [name[:6] for name in await desk.look(0)] == ["a.json", "b.json", "xxxxxx"]
    assert len(await desk.look(INBOX_SETTLED_S - 0.1)) == 3
    assert await desk.look(0.1) == []
    assert desk.why("a.json") == "this is no document\n"
    assert desk.why("x" * 250)
    assert (desk.folder / "refused" / ("x" * 250)).exists()
    assert (desk.folder / ".hidden").exists()


async def test_a_file_that_is_still_being_copied_is_waited_for(desk: Desk) -> None:
    path = desk.folder / "slow.json"
    for size in range(1, len(WHOLE)):
        path.write_bytes(WHOLE[:size])
        assert await desk.look(INBOX_SETTLED_S - 0.1) == ["slow.json"]
    path.write_bytes(WHOLE)
    assert await desk.look(1) == []
    assert desk.taken == [WHOLE]


async def test_one_that_never_stands_still_is_refused_in_the_end(desk: Desk) -> None:
    path = desk.folder / "endless.json"
    looks = 0
    while True:
        with path.open("ab") as file:
            file.write(b"x")
        looks += 1
        if not await desk.look(1):
            break
    assert looks == INBOX_PATIENCE_S + 1


async def test_one_that_is_too_large_is_refused_at_once(desk: Desk) -> None:
    (desk.folder / "large.json").write_bytes(bytes(DOCUMENT_MAX_BYTES + 1))
    assert await desk.look(0) == []
    assert "larger than" in desk.why("large.json")


async def test_what_a_full_disk_refuses_stays(desk: Desk) -> None:
    (desk.folder / "a.json").write_bytes(WHOLE)
    desk.full = True
    assert await desk.look(INBOX_PATIENCE_S * 2) == ["a.json"]
    desk.full = False
    assert await desk.look(1) == []


async def test_a_name_that_comes_again_is_looked_at_anew(desk: Desk) -> None:
    for _ in range(2):
        (desk.folder / "a.json").write_bytes(b"no")
        assert await desk.look(0) == ["a.json"]
        assert await desk.look(INBOX_SETTLED_S) == []


async def test_an_inbox_that_is_gone_is_no_crash(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    (desk.folder / "refused").rmdir()
    desk.folder.rmdir()
    await desk.inbox.read()
    assert "cannot be read" in caplog.text
