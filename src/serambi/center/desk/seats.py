"""Whose part of an incident it is: who came by a link, or who is signed in for an institution."""

from collections.abc import Iterable
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PART_READ_CLOSED_S
from serambi.center.accounts import Account
from serambi.center.desk.incidents import Incident
from serambi.center.desk.steps import Person
from serambi.identity.roster import Party, Roster


@dataclass(frozen=True, slots=True)
class Seat:
    """`participant` names whose state it is, `names` what their institution is called, in lower
    case, and `by` is who speaks."""

    participant: str
    names: frozenset[str]
    by: Person


def by_link(incident: Incident, participant: str, roster: Roster) -> Seat:
    """The seat of whoever has this participant's link. Raises `NOT_FOUND`."""
    me = next((one for one in incident.participants if one.id == participant), None)
    if me is None:
        raise SerambiError(Kind.NOT_FOUND, "there is no such participant", where="join")
    names = next(
        (known for known in map(names_of, roster.parties) if _plain(me.party) in known),
        frozenset({_plain(me.party)}),
    )
    by = Person(account=f"participant {me.id}", name=me.who, unit=me.party)
    return Seat(participant, names, by)


def by_account(incident: Incident, account: Account, roster: Roster, now_ms: int) -> Seat:
    """The seat of a signed-in participant: that of whoever was asked last of their institution.

    Raises `NOT_FOUND` where the institution was not asked or the incident is over for long, the
    same as for one that does not exist, and `DENIED` like `party_of`.
    """
    names = names_of(party_of(roster, account))
    asked = [one for one in incident.participants if _plain(one.party) in names]
    over_ms = incident.closed_ms + PART_READ_CLOSED_S * 1000
    if not asked or (incident.closed_ms and now_ms > over_ms):
        raise SerambiError(Kind.NOT_FOUND, "there is no such incident", where="incidents")
    by = Person(account=account.account, name=account.name, unit=asked[-1].party)
    return Seat(asked[-1].id, names, by)


def seated(
    incidents: Iterable[Incident], account: Account, roster: Roster
) -> list[tuple[Incident, Seat]]:
    """The open incidents into which the account's institution was asked, the most urgent first."""
    names = names_of(party_of(roster, account))
    theirs = [
        one for one in incidents if any(_plain(each.party) in names for each in one.participants)
    ]
    theirs.sort(key=lambda one: (one.priority, one.number))
    return [(one, by_account(one, account, roster, one.opened_ms)) for one in theirs]


def party_of(roster: Roster, account: Account) -> Party:
    """The institution of a participant. Raises `DENIED` when it is no party, or no more."""
    found = next((party for party in roster.parties if party.id == account.unit), None)
    if found is None:
        raise SerambiError(
            Kind.DENIED,
            "the institution of this account is not among the parties",
            hint="a coordinator can make an account whose unit is a party of the roster",
        )
    return found


def names_of(party: Party) -> frozenset[str]:
    """What people may have written for it: its id or its name, in either language."""
    return frozenset(map(_plain, (party.id, party.name.id, party.name.en)))


def is_of(party: str, seat: Seat) -> bool:
    """Whether what a person wrote for an institution means that of the seat."""
    return _plain(party) in seat.names


def _plain(name: str) -> str:
    return name.strip().casefold()
