"""What the desk's pages say, as plain values: the templates only lay them out."""

from dataclasses import dataclass

from serambi.agreement.approval import SignedApproval
from serambi.agreement.attestation import Attestation
from serambi.agreement.model import SignedAgreement
from serambi.agreement.page import ACTIONS, title
from serambi.agreement.reply import SignedReply
from serambi.agreement.sheet import Section, lead, sections
from serambi.base.errors import SerambiError
from serambi.base.instants import instant
from serambi.base.words import Language
from serambi.party.signing.changes import (
    Change,
    changes_in_words,
    changes_of_machine,
    machine_form,
)
from serambi.party.signing.delivery import Delivery
from serambi.party.signing.hand import Hand
from serambi.party.signing.record import Act, Record
from serambi.party.signing.standing import Stand, Standing
from serambi.web.plain import Text
from serambi.web.times import Times

_ICONS = {
    Stand.REVOKED: "no",
    Stand.WITHDRAWN: "no",
    Stand.ENDED: "off",
    Stand.IN_FORCE: "check",
    Stand.NOT_YET: "clock",
    Stand.REFUSED: "no",
    Stand.WAITING_FOR_US: "pen",
    Stand.WAITING: "clock",
    Stand.DRAFT: "pen",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A paper in the list."""

    digest: str
    number: str
    title: str
    stand: str
    icon: str
    said: str
    until: str


@dataclass(frozen=True, slots=True)
class PartyRow:
    name: str
    ours: bool
    state: str
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    who: str
    kind: str
    when: str
    text: str


@dataclass(frozen=True, slots=True)
class Version:
    digest: str
    said: str
    words: tuple[Change, ...]
    machine: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class PaperView:
    """One paper's page. `tag` goes with the forms; the flags say which forms there are."""

    digest: str
    tag: str
    number: str
    title: str
    lead: str
    stand: str
    icon: str
    said: str
    sections: tuple[Section, ...]
    machine: str
    parties: tuple[PartyRow, ...]
    signed_count: str
    replies: tuple[Said, ...]
    versions: tuple[Version, ...]
    sites: tuple[tuple[str, bool], ...]
    acts: tuple[str, ...]
    unknown_cameras: tuple[str, ...]
    revocations: tuple[str, ...]
    can_sign: bool
    can_refuse: bool
    can_propose: bool
    can_remark: bool
    can_withdraw: bool
    can_revoke: bool
    key: str


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """What is asked of this institution, on one page; `ours`: it has approved it."""

    digest: str
    party: str
    unit: str
    facts: tuple[tuple[str, str], ...]
    until: str
    ours: bool
    key: str


class PageBuilder:
    """Builds for one language."""

    def __init__(
        self,
        hand: Hand,
        delivery: Delivery,
        record: Record,
        times: Times,
        text: Text,
        lang: Language,
    ) -> None:
        self._hand = hand
        self._papers = hand.papers
        self._roster = hand.papers.roster
        self._delivery = delivery
        self._record = record
        self._times = times
        self._text = text
        self._language: Language = lang

    def lines(self) -> dict[str, list[Line]]:
        """The list: what waits for us first, then what is open, in force, and over."""
        groups: dict[str, list[Line]] = {name: [] for name in ("ours", "open", "force", "over")}
        for signed in reversed(self._papers.agreements()):
            standing = self._hand.standing(signed)
            groups[self._group(signed, standing)].append(self._line(signed, standing))
        return groups

    def _group(self, signed: SignedAgreement, standing: Standing) -> str:
        if standing.over:
            return "over"
        if standing.stand in (Stand.IN_FORCE, Stand.NOT_YET):
            return "force"
        ours = self._papers.party
        mine = ours in signed.missing and all(r.reply.party != ours for r in standing.refusals)
        return "ours" if mine else "open"

    def _line(self, signed: SignedAgreement, standing: Standing) -> Line:
        return Line(
            digest=signed.digest,
            number=signed.agreement.number,
            title=signed.agreement.title.in_language(self._language),
            stand=standing.stand,
            icon=_ICONS[standing.stand],
            said=self._said(signed, standing),
            until=self._times.moment(signed.valid_until),
        )

    def _said(self, signed: SignedAgreement, standing: Standing) -> str:
        """How it stands, in one sentence."""
        who = {
            Stand.REVOKED: tuple(each.party for each in standing.revocations),
            Stand.WITHDRAWN: tuple(each.party for each in standing.revocations),
            Stand.REFUSED: tuple(said.reply.party for said in standing.refusals),
        }.get(standing.stand, signed.missing)
        return self._text(
            f"signing.stand_{standing.stand}",
            parties=", ".join(self._name(party) for party in who),
            begin=self._times.moment(signed.valid_from),
            end=self._times.moment(signed.valid_until),
        )

    def _name(self, party: str) -> str:
        known = self._roster.find_party(party)
        return known.name.in_language(self._language) if known else party

    def approvals(self) -> list[ApprovalView]:
        """What is asked of this institution, and what it has approved, until it is over."""
        return [self.approval(signed) for signed in self._hand.approvals.all()]

    def approval(self, signed: SignedApproval) -> ApprovalView:
        """Raises `NOT_FOUND` for what is over."""
        asked, text = signed.asked, self._text
        under = self._hand.approvals.find(signed.digest)[2]
        known = self.attested(under)
        cameras = "; ".join(
            f"{known[camera].number} {known[camera].name.in_language(self._language)}"
            if camera in known
            else camera
            for camera in asked.cameras
        )
        purpose = next(
            (
                p.text.in_language(self._language)
                for p in under.agreement.purposes
                if p.id == asked.purpose
            ),
            asked.purpose,
        )
        action = ACTIONS[asked.action].in_language(self._language)
        until = self._times.moment(signed.until)
        return ApprovalView(
            digest=signed.digest,
            party=self._name(asked.party),
            unit=asked.unit,
            facts=(
                (text("signing.approval_cameras"), f"{cameras} ({asked.site})"),
                (text("signing.approval_action"), action),
                (text("signing.approval_purpose"), purpose),
                (text("signing.approval_why"), asked.why),
                (text("signing.approval_until"), until),
                (text("signing.approval_agreement"), title(under, self._language)),
            ),
            until=until,
            ours=self._papers.party in signed.approved_by,
            key=self._key(),
        )

    def attested(self, signed: SignedAgreement) -> dict[str, Attestation]:
        """By camera, the very attestations that the agreement refers to."""
        known = self._papers.attestations()
        return {
            camera: known[camera].attestation
            for camera, digest in signed.attested.items()
            if camera in known and known[camera].digest == digest
        }

    def paper(self, digest: str) -> PaperView:
        """Raises `NOT_FOUND`."""
        signed, raw = self._papers.agreement(digest)
        standing = self._hand.standing(signed)
        attested = self.attested(signed)
        agreement, ours = signed.agreement, self._papers.party
        ours_in = ours in agreement.parties
        mine = ours_in and ours in signed.missing and not standing.over
        refused = any(said.reply.party == ours for said in standing.refusals)
        replies = self._papers.replies(digest)
        proposed = any((r.reply.kind, r.reply.party) == ("proposal", ours) for r in replies)
        closed_by_us = any(each.party == ours for each in standing.revocations)
        gives = ours in signed.signed_by and not closed_by_us and standing.stand != Stand.ENDED
        return PaperView(
            digest=digest,
            tag=self._hand.tag(signed),
            number=agreement.number,
            title=agreement.title.in_language(self._language),
            lead=lead(signed, self._roster, self._language),
            stand=standing.stand,
            icon=_ICONS[standing.stand],
            said=self._said(signed, standing),
            sections=sections(
                signed,
                self._roster,
                attested,
                self._language,
                Times(agreement.sites[0].zone, self._language).moment,
            ),
            machine=machine_form(raw),
            parties=tuple(self._party(party, signed, standing) for party in agreement.parties),
            signed_count=self._text(
                "signing.count", signed=len(signed.signed_by), all=len(agreement.parties)
            ),
            replies=tuple(self._reply(said) for said in replies),
            versions=tuple(
                self._version(other, signed, raw) for other in self._hand.versions(signed)
            ),
            sites=tuple(self._delivery.taken_up(digest).items()) if signed.complete else (),
            acts=tuple(self._act(act) for act in self._record.of(digest)),
            unknown_cameras=tuple(sorted(set(signed.attested) - set(attested))),
            revocations=tuple(each.party for each in standing.revocations),
            can_sign=mine,
            can_refuse=mine and not refused,
            can_propose=mine and not signed.signed_by and not proposed,
            can_remark=ours_in and not standing.over,
            can_withdraw=gives and not signed.complete,
            can_revoke=gives and signed.complete,
            key=self._key(),
        )

    def _key(self) -> str:
        """`encrypted`, `plain` or `missing`."""
        try:
            return "encrypted" if self._hand.key_is_encrypted else "plain"
        except SerambiError:
            return "missing"

    def _party(self, party: str, signed: SignedAgreement, standing: Standing) -> PartyRow:
        state, when = ("signed", "") if party in signed.signed_by else ("missing", "")
        text = ""
        for said in standing.refusals:
            if said.reply.party == party:
                state, when, text = "refused", self._times.moment(said.at), said.reply.text
        for each in standing.revocations:
            if each.party == party:
                state, when = "closed", self._times.moment(instant(each.at, "at"))
        icon = {"signed": "check", "missing": "pen", "refused": "no", "closed": "no"}[state]
        words = self._text(f"signing.party_{state}", when=when)
        return PartyRow(
            name=self._name(party),
            ours=party == self._papers.party,
            state=state,
            icon=icon,
            text=f"{words}: {text}" if text else words,
        )

    def _reply(self, said: SignedReply) -> Said:
        return Said(
            who=self._name(said.reply.party),
            kind=self._text(f"signing.said_{said.reply.kind}"),
            when=self._times.moment(said.at),
            text=said.reply.text,
        )

    def _version(self, other: SignedAgreement, signed: SignedAgreement, raw: bytes) -> Version:
        return Version(
            digest=other.digest,
            said=self._said(other, self._hand.standing(other)),
            words=tuple(changes_in_words(other, signed, self._roster, self._language)),
            machine=tuple(changes_of_machine(self._papers.agreement(other.digest)[1], raw)),
        )

    def _act(self, act: Act) -> str:
        when = self._times.moment(act.at_ms / 1000)
        return self._text(f"signing.act_{act.what}", account=act.account, when=when)
