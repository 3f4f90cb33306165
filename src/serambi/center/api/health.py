"""Whether the center works, for machines: needs no login and names nothing but sites."""

from typing import Literal

from fastapi import APIRouter
from sqlalchemy.exc import OperationalError

from serambi import __version__
from serambi.center.api import models
from serambi.center.api.access import TheCenter

router = APIRouter(prefix="/api", tags=["health"])


@router.get("/health")
async def health(center: TheCenter) -> models.Health:
    """The process answers; which sites are online; whose ledger is not what it was."""
    sites = {known.state.site: known.online for known in center.sites.all()}
    status: Literal["ok", "degraded"] = "degraded" if center.journal.disk_refuses else "ok"
    alarms: list[models.Alarm] = []
    try:
        alarms += (
            models.Alarm(site=alarm.site, epoch=alarm.epoch, seq=alarm.seq, at_ms=alarm.at_ms)
            for alarm in center.entries.alarms()
        )
    except OperationalError:
        status = "degraded"  # a full disk does not even let the database be read
    return models.Health(status=status, version=__version__, sites=sites, alarms=alarms)
