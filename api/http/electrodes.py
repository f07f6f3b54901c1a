"""The electrode guide: which muscles have a known placement, and where electrodes go."""

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from fusion.emg.placements import CHECKS_VERIFIED, PLACEMENTS, PREPARATION, REFERENCE, SIZE_MM, SPACING_MM

SOURCE = "SENIAM (Hermens et al. 2000), in our own words"


class Electrodes(BaseModel):
    """Where the electrodes of one muscle go; not verified ones are from memory of the source and shown as such."""

    muscle: str
    name: str
    view: Literal["front", "back"]
    action: str
    posture: str
    line: tuple[str, str]
    share: float | None
    where: str
    along: str
    check: str
    verified: bool


class Guide(BaseModel):
    """How to set electrodes."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "source": SOURCE,
                "spacing_mm": SPACING_MM,
                "size_mm": SIZE_MM,
                "reference": REFERENCE,
                "preparation": list(PREPARATION),
                "checks_verified": CHECKS_VERIFIED,
                "muscles": [asdict(PLACEMENTS[0])],
            }
        }
    )
    source: str
    spacing_mm: int
    size_mm: int
    reference: str
    preparation: tuple[str, ...]
    checks_verified: bool
    """Whether the movements in `check` were read in a source, or are from memory."""
    muscles: list[Electrodes]


def router() -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["sensors"])

    @routes.get("/muscles", operation_id="getMuscles", summary="Where electrodes go")
    async def muscles() -> Guide:
        return Guide(
            source=SOURCE,
            spacing_mm=SPACING_MM,
            size_mm=SIZE_MM,
            reference=REFERENCE,
            preparation=PREPARATION,
            checks_verified=CHECKS_VERIFIED,
            muscles=[Electrodes.model_validate(asdict(placement)) for placement in PLACEMENTS],
        )

    return routes
