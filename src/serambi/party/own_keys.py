"""The keys this institution signs with: the one of its settings, and those its desk has made.

A key that was made here lies in `newkeys/<key id>`, under its own passphrase, and counts from when
a roster names it.
"""

from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import NEW_KEYS_MAX, PASSPHRASE_MIN_CHARACTERS
from serambi.identity.keys import SigningKey, is_encrypted, load_public
from serambi.identity.roster import Roster


class OwnKeys:
    """Reads the disk each time; holds no key."""

    def __init__(self, configured: Path, folder: Path) -> None:
        """`configured`: the folder of the key in the settings; `folder`: the party's."""
        self._configured = configured
        self._made = folder / "newkeys"

    def folder_for(self, party: str, roster: Roster) -> Path:
        """Of the key that `roster` has for the signatures of `party`; of the configured one when
        none of them is there."""
        wanted = {key.key_id for key in roster.keys_for(use="sign", party=party)}
        found = (path for key_id, path in self.all().items() if key_id in wanted)
        return next(found, self._configured)

    def all(self) -> dict[str, Path]:
        """Folders by key id: the configured one first, when its public half is there."""
        made = sorted(self._made.iterdir())[:NEW_KEYS_MAX] if self._made.is_dir() else []
        found: dict[str, Path] = {}
        for path in (self._configured, *made):
            try:
                found[load_public(path).key_id] = path
            except SerambiError:
                continue  # the configured one may lie in a safe
        return found

    def make(self, passphrase: str) -> SigningKey:
        """A new key, kept under `passphrase`. Raises `BAD_INPUT` for a short one, `LIMIT`,
        `UNAVAILABLE`."""
        if len(passphrase) < PASSPHRASE_MIN_CHARACTERS:
            raise SerambiError(
                Kind.BAD_INPUT,
                f"the passphrase has less than {PASSPHRASE_MIN_CHARACTERS} characters",
                hint="take several words",
            )
        if self._made.is_dir() and len(list(self._made.iterdir())) >= NEW_KEYS_MAX:
            raise SerambiError(
                Kind.LIMIT,
                f"{NEW_KEYS_MAX} keys were made here",
                where=str(self._made),
                hint="move those away that no roster names",
            )
        key = SigningKey.generate()
        try:
            key.save(self._made / key.key_id, passphrase.encode())
        except OSError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the new key cannot be kept: {error.strerror}",
                where=str(self._made),
                hint="free space on the disk",
            ) from error
        return key

    def open(self, wanted: frozenset[str], secret: str, *, password: bool) -> list[SigningKey]:
        """Those of the keys `wanted` (by id) that `secret` opens; one that lies open counts when
        the person's own password was right (`password`). Raises `NOT_FOUND` when none is here,
        `UNAUTHENTICATED` when none opens."""
        here = [path for key_id, path in self.all().items() if key_id in wanted]
        if not here:
            raise SerambiError(
                Kind.NOT_FOUND,
                "none of the keys that have to sign is here",
                hint="put the key's folder where the settings say",
            )
        opened = []
        for path in here:
            locked = is_encrypted(path)
            if not locked and not password:
                continue
            try:
                opened.append(SigningKey.load(path, secret.encode() if locked else None))
            except SerambiError as error:
                if error.kind is not Kind.CORRUPT:
                    raise
        if not opened:
            raise SerambiError(Kind.UNAUTHENTICATED, "this opens none of the keys")
        return opened
