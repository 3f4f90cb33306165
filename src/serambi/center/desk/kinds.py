"""What can happen and what is done about it: alerts with priority, incidents with checklist.

An alert asks a person to do something; what asks for nothing is an event and not in here. The
instructions and questions themselves are words of the screens, under the same names.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

Priority = Annotated[int, Field(ge=1, le=4)]
"""1 is the most urgent. About 80 of 100 alerts should be 3 or 4, 15 be 2 and 5 be 1."""


class IncidentType(StrEnum):
    SUSPICIOUS_PARCEL = "suspicious_parcel"
    CROWD = "crowd"
    INTRUSION = "intrusion"
    FIRE = "fire"
    CAMERA_DOWN = "camera_down"


class AlertKind(StrEnum):
    """Detections, tampering, health, and what a person was told."""

    LEFT_OBJECT = "left_object"
    REMOVED_OBJECT = "removed_object"
    LOITERING = "loitering"
    LINE_CROSSED = "line_crossed"
    ZONE_ENTERED = "zone_entered"
    CROWD = "crowd"
    TAMPER = "tamper"
    SUSPENDED = "suspended"
    CAMERA_OFFLINE = "camera_offline"
    SITE_OFFLINE = "site_offline"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Rule:
    """`lasts`: a condition that ends by itself, and whose end is told too."""

    priority: int
    leads_to: IncidentType
    lasts: bool = False


RULES: dict[AlertKind, Rule] = {
    AlertKind.LEFT_OBJECT: Rule(1, IncidentType.SUSPICIOUS_PARCEL),
    AlertKind.REMOVED_OBJECT: Rule(3, IncidentType.INTRUSION),
    AlertKind.LOITERING: Rule(4, IncidentType.INTRUSION),
    AlertKind.LINE_CROSSED: Rule(4, IncidentType.INTRUSION),
    AlertKind.ZONE_ENTERED: Rule(2, IncidentType.INTRUSION),
    AlertKind.CROWD: Rule(3, IncidentType.CROWD),
    AlertKind.TAMPER: Rule(2, IncidentType.CAMERA_DOWN),
    AlertKind.SUSPENDED: Rule(2, IncidentType.CAMERA_DOWN, lasts=True),
    AlertKind.CAMERA_OFFLINE: Rule(3, IncidentType.CAMERA_DOWN, lasts=True),
    AlertKind.SITE_OFFLINE: Rule(2, IncidentType.CAMERA_DOWN, lasts=True),
    AlertKind.CALL: Rule(2, IncidentType.INTRUSION),
}

PRIORITIES: dict[IncidentType, int] = {
    IncidentType.SUSPICIOUS_PARCEL: 1,
    IncidentType.CROWD: 2,
    IncidentType.INTRUSION: 2,
    IncidentType.FIRE: 1,
    IncidentType.CAMERA_DOWN: 3,
}

CHECKLISTS: dict[IncidentType, tuple[str, ...]] = {
    IncidentType.SUSPICIOUS_PARCEL: (
        "keep_away",
        "gate_closed",
        "bomb_squad_called",
        "traffic_held",
        "cordon",
        "footage_kept",
        "declared_safe",
    ),
    IncidentType.CROWD: (
        "guards_told",
        "exits_free",
        "organizer_spoken_to",
        "support_asked",
        "dispersed",
    ),
    IncidentType.INTRUSION: (
        "guards_told",
        "patrol_sent",
        "exits_watched",
        "staff_safe",
        "footage_kept",
        "searched",
    ),
    IncidentType.FIRE: (
        "fire_brigade_called",
        "evacuated",
        "power_cut",
        "way_free",
        "staff_counted",
        "fire_out",
    ),
    IncidentType.CAMERA_DOWN: (
        "owner_called",
        "cause_known",
        "neighbors_watched",
        "guard_posted",
        "repaired",
    ),
}
