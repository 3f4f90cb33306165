"""The roster's side of a party's process."""

from pathlib import Path

from serambi.base.clock import Clock
from serambi.party.invitations import Invitations
from serambi.party.own_keys import OwnKeys
from serambi.party.proposals import Proposals
from serambi.party.rosters import Rosters
from serambi.party.signing.papers import Papers
from serambi.party.signing.roster_desk import RosterPages
from serambi.party.signing.roster_hand import RosterHand


def roster_pages(papers: Papers, rosters: Rosters, home: Path, clock: Clock) -> RosterPages:
    hand = RosterHand(
        home,
        papers,
        Proposals(home, rosters),
        Invitations(home, papers.party, clock),
        OwnKeys(home / "key", home),
        clock,
        lambda: None,
    )
    return RosterPages(hand, rosters)
