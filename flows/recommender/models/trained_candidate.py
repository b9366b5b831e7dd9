"""What is remembered of a trained two-tower: settings, learning curve and score. The model lies in its folder.

Stage: left by training, read by the choice, reports and tracking, none of which needs PyTorch for it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from recommender.config import Candidate


@dataclass(frozen=True)
class Epoch:
    """One point of the learning curve, and what the machine did meanwhile.

    Attributes:
        epoch: from 1.
        loss: mean over customers.
        validation_map: MAP in the validation week; None without one.
        rows_per_second: purchases, each a (customer, article), that were learned from.
        cpu_cores: busy on average while learning.
        peak_memory_mib: of the process so far.
        peak_gpu_memory_mib: allocated so far; None without a GPU.
    """

    epoch: int
    loss: float
    validation_map: float | None
    rows_per_second: float
    cpu_cores: float
    peak_memory_mib: float
    peak_gpu_memory_mib: float | None

    def as_dict(self) -> dict:
        """Return plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        score = "" if self.validation_map is None else f"  validation MAP {self.validation_map:.4f}"
        return f"epoch {self.epoch:>2}  loss {self.loss:.4f}{score}  {self.rows_per_second:,.0f} rows/s"


@dataclass(frozen=True)
class TrainedCandidate:
    """What is remembered of a trained candidate.

    Attributes:
        candidate: what was trained.
        folder: where its model is.
        curve: its epochs.
        best_epoch: the epoch whose weights were kept, from 1.
        validation_map: MAP@k of that epoch.
        parameters: number of trained weights.
        seconds: wall time of training.
        average_precision: float32 (n_customers,), AP@k of that epoch by customer of the validation week, in the
            order of the week's queries, so that one row is one customer in every candidate.
        k: how many articles of a list counted.
    """

    candidate: Candidate
    folder: Path
    curve: tuple[Epoch, ...]
    best_epoch: int
    validation_map: float
    parameters: int
    seconds: float
    average_precision: np.ndarray = field(repr=False, compare=False)
    k: int = 12

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "name": self.candidate.name,
            "seed": self.candidate.seed,
            "settings": dict(self.candidate.settings),
            f"validation_map@{self.k}": self.validation_map,
            "best_epoch": self.best_epoch,
            "parameters": self.parameters,
            "seconds": round(self.seconds, 1),
            "epochs": [epoch.as_dict() for epoch in self.curve],
        }
