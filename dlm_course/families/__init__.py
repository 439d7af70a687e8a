"""Seven families of generative models behind one face, on data whose distribution is known (lecture 09).

Each family has a module of its own, which `build` imports; `FAMILIES` names them.
"""

from dlm_course.families.family import Family, NoLikelihoodError, dequantise, log_cell, quantise
from dlm_course.families.grid import GridData, frequencies, ring, spiral
from dlm_course.families.measures import FAMILIES, Budget, Gap, Quality, build, draw, gap, quality, train
from dlm_course.families.paths import Marginal, OptimalTransport, VarianceExploding, VariancePreserving

__all__ = [
    "FAMILIES", "Budget", "Family", "Gap", "GridData", "Marginal", "NoLikelihoodError", "OptimalTransport", "Quality",
    "VarianceExploding", "VariancePreserving", "build", "dequantise", "draw", "frequencies", "gap", "log_cell",
    "quality", "quantise", "ring", "spiral", "train",
]
