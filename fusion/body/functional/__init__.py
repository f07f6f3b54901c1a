"""How two neighbouring sensors sit on their segments, from movement of the joint between them alone."""

from fusion.body.functional.hinge import HingeAxis, HingeEvidence, hinge_axis

__all__ = ["HingeAxis", "HingeEvidence", "hinge_axis"]
