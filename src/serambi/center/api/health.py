"""Whether the center works, for machines: needs no login and names nothing but sites."""

from fastapi import APIRouter

from serambi import __version__
from serambi.center.api import models
from serambi.center.api.access import TheCenter

router = APIRouter(prefix="/api", tags=["health"])


@router.get("/health")
async def health(center: TheCenter) -> models.Health:
    """The process answers; which sites are online; whose ledger is not what it was."""
    sites = {known.state.site: known.online for known in center.sites.all()}
    alarms = [
        models.Alarm(site=alarm.site, epoch=alarm.epoch, seq=alarm.seq, at_ms=alarm.at_ms)
        for alarm in center.entries.alarms()
    ]
    return models.Health(status="ok", version=__version__, sites=sites, alarms=alarms)
