"""Sites and cameras, as their own gateways describe them."""

from fastapi import APIRouter

from serambi.center.api import models, views
from serambi.center.api.access import SignedIn, TheCenter

router = APIRouter(prefix="/api", tags=["places"])


@router.get("/sites")
async def sites(account: SignedIn, center: TheCenter) -> list[models.Site]:
    """Every site that has ever been heard."""
    return views.all_sites(center.roster, center.sites, center.ground)


@router.get("/cameras")
async def cameras(account: SignedIn, center: TheCenter) -> list[models.Camera]:
    """Every camera that a complete agreement names; others the center cannot know."""
    return views.cameras(center.roster, center.sites)
