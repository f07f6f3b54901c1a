"""How two neighbouring sensors sit on their segments, from movement of the joint between them alone."""

from fusion.body.seats.functional.centre import JointCentre, centre_of, joint_centre
from fusion.body.seats.functional.hinge import HingeAxis, HingeEvidence, hinge_axis
from fusion.body.seats.functional.shortage import TooLittle
from fusion.body.seats.functional.two_dof import TwoAxes, heading_between, two_axes

__all__ = [
    "HingeAxis", "HingeEvidence", "JointCentre", "TooLittle", "TwoAxes",
    "centre_of", "heading_between", "hinge_axis", "joint_centre", "two_axes",
]  # fmt: skip
