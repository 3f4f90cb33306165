"""What the roster's pages say, as plain values: who is in it since when, what would change, who
has still to sign. The templates only lay it out."""

from collections.abc import Iterable
from dataclasses import dataclass

from serambi.base.errors import SerambiError
from serambi.base.instants import instant
from serambi.base.words import Language
from serambi.identity.change_page import change_lines, use_words
from serambi.identity.code import in_groups
from serambi.identity.enrollment import SignedEnrollment, fingerprint, read_enrollment, shown_of
from serambi.identity.keys import VerifyKey
from serambi.identity.roster import Key, Roster, verify_key
from serambi.identity.succession import new_keys
from serambi.party.invitations import Invitation
from serambi.party.proposals import Proposal
from serambi.party.rosters import Rosters
from serambi.party.signing.roster_hand import RosterHand
from serambi.web.plain import Text
from serambi.web.times import Times


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`groups`: the fingerprint as it is read aloud."""

    use: str
    since: str
    groups: str


@dataclass(frozen=True, slots=True)
class PartyRow:
    id: str
    name: str
    role: str
    contact: str
    ours: bool
    keys: tuple[KeyRow, ...]


@dataclass(frozen=True, slots=True)
class SignRow:
    """One who signs: a party, or a new key of one."""

    name: str
    state: str
    icon: str
    text: str
    ours: bool


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A proposed roster. `fingerprints`: of the keys that would come."""

    digest: str
    tag: str
    lines: tuple[str, ...]
    fingerprints: tuple[tuple[str, str], ...]
    signers: tuple[SignRow, ...]
    count: str
    can_sign: bool
    can_refuse: bool
    refused: bool


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """`request`: the digest of what was presented and waits for its fingerprint."""

    party: str
    said: str
    icon: str
    request: str


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request whose fingerprint is to be compared: all but what is typed."""

    digest: str
    party: str
    name: str
    role: str
    contact: str
    replaces: bool
    lost_since: str
    invited_by: str
    keys: tuple[str, ...]
    groups: str


class RosterPageBuilder:
    """Builds for one language."""

    def __init__(
        self, hand: RosterHand, rosters: Rosters, times: Times, text: Text, language: Language
    ) -> None:
        self._hand = hand
        self._rosters = rosters
        self._times = times
        self._text = text
        self._language: Language = language

    def parties(self) -> list[PartyRow]:
        """Today's roster."""
        head = self._rosters.head
        return [
            PartyRow(
                id=party.id,
                name=party.name.in_language(self._language),
                role=party.role.in_language(self._language),
                contact=party.contact.in_language(self._language),
                ours=party.id == self._hand.party,
                keys=tuple(self._key(k) for k in head.document.keys if k.party == party.id),
            )
            for party in head.parties
        ]

    def _key(self, key: Key) -> KeyRow:
        first = next(
            each for each in self._rosters.all if each.entry(key.key_id) is not None
        ).document
        at = instant(first.change.at, "change.at") if first.change else 0.0
        since = (
            self._text("roster.since", when=self._times.day(at), number=first.sequence)
            if at
            else self._text("roster.since_first", number=first.sequence)
        )
        return KeyRow(
            use_words(key, self._language), since, in_groups(fingerprint(verify_key(key)))
        )

    def proposals(self) -> list[ProposalView]:
        return [self.proposal(each) for each in self._hand.proposals.all()]

    def proposal(self, proposal: Proposal) -> ProposalView:
        before, after = proposal.before, proposal.after
        rows = tuple(self._signers(proposal))
        signed = sum(row.state == "signed" for row in rows)
        wanted = self._hand.wanted(proposal)
        refused = any(row.ours and row.state == "refused" for row in rows)
        return ProposalView(
            digest=proposal.digest,
            tag=self._hand.tag(proposal),
            lines=tuple(change_lines(before, after, self._language)),
            fingerprints=tuple(self._fingerprints(after, new_keys(before, after))),
            signers=rows,
            count=self._text("signing.count", signed=signed, all=len(rows)),
            can_sign=bool(wanted),
            can_refuse=self._hand.party in proposal.missing and not refused,
            refused=refused,
        )

    def _fingerprints(self, after: Roster, keys: Iterable[VerifyKey]) -> Iterable[tuple[str, str]]:
        for key in keys:
            entry = after.entry(key.key_id)
            if entry is not None:
                use = use_words(entry, self._language)
                yield f"{self._name(entry.party, after)}, {use}", in_groups(fingerprint(key))

    def _signers(self, proposal: Proposal) -> Iterable[SignRow]:
        refused = {each.reply.party: each for each in self._hand.refusals(proposal)}
        for party in proposal.before.parties:
            if party.id in proposal.missing:
                said = refused.get(party.id)
                text = ""
                if said is not None:
                    when = self._times.moment(said.at)
                    text = self._text("signing.party_refused", when=when)
                    text = f"{text}: {said.reply.text}" if said.reply.text else text
                yield self._row(party.id, proposal, "refused" if said else "missing", text)
            elif party.id in proposal.signed:
                yield self._row(party.id, proposal, "signed")
            else:
                yield self._row(party.id, proposal, "excused", self._text("roster.excused"))
        for key in new_keys(proposal.before, proposal.after):
            entry = proposal.after.entry(key.key_id)
            if entry is None:
                continue
            state = "missing" if f"key {key.key_id}" in proposal.missing else "signed"
            name = self._text(
                "roster.new_key_of",
                party=self._name(entry.party, proposal.after),
                use=use_words(entry, self._language),
            )
            yield self._row(entry.party, proposal, state, name=name)

    def _row(
        self, party: str, proposal: Proposal, state: str, text: str = "", name: str = ""
    ) -> SignRow:
        icons = {"signed": "check", "missing": "pen", "refused": "no", "excused": "off"}
        words = {"signed": "roster.has_signed", "missing": "signing.party_missing"}
        return SignRow(
            name=name or self._name(party, proposal.before),
            state=state,
            icon=icons[state],
            text=text or self._text(words[state], when=""),
            ours=party == self._hand.party,
        )

    def invitations(self) -> list[InvitationRow]:
        return [self._invitation(each) for each in self._hand.invitations.all()]

    def _invitation(self, invitation: Invitation) -> InvitationRow:
        over = self._hand.invitations.is_over(invitation)
        expired = over and invitation.state in ("open", "presented")
        state = "expired" if expired else invitation.state
        icons = {"open": "clock", "presented": "pen", "confirmed": "check"}
        request = invitation.presented
        until = self._times.moment(instant(invitation.until, "until"))
        return InvitationRow(
            party=invitation.party,
            said=self._text(
                f"roster.invitation_{state}",
                party=invitation.party,
                until=until,
                person=invitation.invited_by,
            ),
            icon=icons.get(state, "no"),
            request=request.digest if request and state == "presented" else "",
        )

    def request(self, digest: str) -> RequestView:
        """Raises `NOT_FOUND`."""
        invitation, request = self._hand.invitations.find(digest)
        document = request.document
        since = document.lost_since
        return RequestView(
            digest=digest,
            party=document.party.id,
            name=document.party.name.in_language(self._language) or self._name(document.party.id),
            role=document.party.role.in_language(self._language),
            contact=document.party.contact.in_language(self._language),
            replaces=bool(since),
            lost_since=self._times.moment(instant(since, "lost_since")) if since else "",
            invited_by=invitation.invited_by,
            keys=tuple(use_words(key, self._language) for key in document.keys),
            groups=shown_of(request.fingerprint),
        )

    def own_request(self) -> tuple[str, str]:
        """The fingerprint of our own request and the request as text; empty without one, or when
        the roster has its key."""
        raw = self._hand.request()
        if raw is None:
            return "", ""
        try:
            request: SignedEnrollment = read_enrollment(raw)
        except SerambiError:
            return "", ""
        if self._rosters.head.entry(request.sign_key.key_id) is not None:
            return "", ""
        return in_groups(request.fingerprint), raw.decode()

    def _name(self, party: str, roster: Roster | None = None) -> str:
        known = (roster or self._rosters.head).find_party(party)
        known = known or self._rosters.head.find_party(party)
        return known.name.in_language(self._language) if known else party
