"""Tangent planes of the unit sphere."""

import numpy as np

from fusion.body.seats.functional.sphere import deviation, half_sphere, moved, tangents


def test_tangents_are_perpendicular_everywhere_even_at_the_poles() -> None:
    some = np.random.default_rng(0).normal(size=(50, 3))
    some = [*(some / np.linalg.norm(some, axis=1, keepdims=True)), *np.eye(3), *-np.eye(3)]
    for j in some:
        frame = np.stack([j, *tangents(j)])
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)


def test_a_small_step_turns_by_its_length() -> None:
    j = np.array([0.0, 0.6, -0.8])
    there = moved(j, np.array([3e-3, 4e-3]))
    assert abs(np.arccos(j @ there) - 5e-3) < 1e-6
    assert abs(there @ there - 1.0) < 1e-12


def test_every_line_has_a_start_nearby() -> None:
    some = np.random.default_rng(1).normal(size=(2000, 3))
    some /= np.linalg.norm(some, axis=1, keepdims=True)
    nearest = np.abs(some @ half_sphere().T).max(axis=1)
    assert np.degrees(np.arccos(nearest.min())) < 30.0


def test_deviation_is_the_length_of_the_usual_error() -> None:
    assert abs(deviation(np.diag([9e-4, 16e-4])) - 0.05) < 1e-12
