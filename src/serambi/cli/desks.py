"""The signing desks of the demo: the town's papers on each, and one account."""

from pathlib import Path

from serambi.identity.roster import Roster
from serambi.party.signing.accounts import Accounts
from serambi.party.signing.papers import Papers


def password_of(party: str) -> str:
    """What the demo's account at a party's desk signs in with; the account is called as the
    party."""
    return f"{party}-demo"


def furnish(home: Path, party: str, town: Path, roster: Roster) -> None:
    """Put the town's attestations and agreements on the desk of `party`, whose folder is `home`,
    and make its account: once."""
    accounts = Accounts(home)
    if not accounts.any():
        accounts.put(party, password_of(party))
    if (home / "papers").exists():
        return
    papers = Papers(home, party, roster)
    for folder in ("attestations", "agreements"):
        for path in sorted((town / folder).glob("*.json")):
            papers.take(path.read_bytes())
