"""How the inner functions of the kernels are compiled: into their caller, and vectorised without further checks."""

from numba import njit
from numba.core.compiler import Compiler

inlined = njit(error_model="numpy", forceinline=True)
"""A function without a call of its own; numba's usual choice leaves one around a loop body."""


class _Apart(Compiler):  # type: ignore[misc]  # numba carries no types
    """Tells LLVM that the arrays given to a function never share memory."""

    def define_pipelines(self) -> object:
        self.state.flags.noalias = True
        return super().define_pipelines()


apart = njit(error_model="numpy", forceinline=True, pipeline_class=_Apart)
"""An inlined function whose array arguments never overlap.

Twenty rows that may overlap are compared in pairs before each loop, or it is not vectorised at all; for the few sensors
of a body that costs more than the loop itself.
"""
