"""DCN-v2 of Merlin blocks: candidates with features in, a network that orders them out.

Cross layers multiply the features with each other, a tower of dense layers runs beside them, and one number comes
out. A softmax over each customer's candidates is the loss, so that only their order counts. A network needs
features of one scale, which `FeatureScaling` learns from the training rows and carries along.

Source: Wang et al. 2021, DCN V2 (https://arxiv.org/abs/2008.13535), the parallel structure.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import merlin.models.torch as mm
import numpy as np
import torch
from merlin.models.torch.blocks.cross import CrossBlock
from torch import Tensor, nn

from recommender.errors import ModelDiverged
from recommender.models.ranking.feature_scaling import FeatureScaling
from recommender.models.ranking.ranker_files import read_description, write_description
from recommender.models.ranking.ranking_rows import RankingRows, check_width, map_within_candidates, rows_to_learn_from
from recommender.models.softmax_loss import multi_target_softmax_loss
from recommender.settings.rankers import DeepCrossSettings

KIND = "deep_cross"
WEIGHTS = "weights.pt"
ROWS_PER_PASS = 65_536
BEHIND_ALL = -1e9  # stands for "no candidate": finite, since a softmax over nothing has no gradient


class DeepCross(nn.Module):
    """Cross layers and dense layers side by side over scaled features, one score out.

    Args:
        scaling: of the raw features.
        settings: sizes.
    """

    def __init__(self, scaling: FeatureScaling, settings: DeepCrossSettings):
        super().__init__()
        self.scaling = scaling
        self.cross = CrossBlock.with_depth(settings.cross_layers)
        self.deep = mm.MLPBlock(list(settings.hidden_dims), dropout=settings.dropout)
        self.output = nn.LazyLinear(1, bias=False)  # the same for all candidates of a customer would not order them
        with torch.no_grad():
            self(torch.zeros(1, len(scaling.mean)))  # gives the lazy layers their shapes

    def forward(self, features: Tensor) -> Tensor:
        """Score raw features (n, n_features): (n,)."""
        scaled = self.scaling(features)
        return self.output(torch.cat([self.cross(scaled), self.deep(scaled)], dim=1))[:, 0]


@dataclass(frozen=True)
class DeepCrossRanker:
    """A fitted network; see `rankers.Ranker`.

    Attributes:
        model: on the device where it scores.
        feature_names: the columns it was fitted on, in order.
        settings: what it was fitted with.
        best_iteration: epochs it was trained for.
    """

    model: DeepCross
    feature_names: tuple[str, ...]
    settings: DeepCrossSettings
    best_iteration: int

    def score(self, features: np.ndarray) -> np.ndarray:
        """Score (n, n_features) float32 rows: (n,) float32, higher is better, comparable within a customer alone.

        Raises:
            ValueError: when the features are of another width or dtype.
        """
        check_width(features, self.feature_names)
        return _score(self.model, torch.from_numpy(np.ascontiguousarray(features)))

    def save(self, folder: Path) -> None:
        """Write the weights, and kind, feature names and sizes as JSON, into a folder, made when missing."""
        settings = asdict(self.settings)
        write_description(folder, KIND, self.feature_names, settings=settings, best_iteration=self.best_iteration)
        weights = {name: weight.cpu() for name, weight in self.model.state_dict().items()}
        torch.save(weights, folder / WEIGHTS)


def fit_deep_cross(
    rows: RankingRows,
    validation: RankingRows | None,
    settings: DeepCrossSettings,
    seed: int,
    report: Callable[[str], None] = print,
    k: int = 12,
) -> DeepCrossRanker:
    """Train a network on the customer-weeks in which something was bought, up to the best validation MAP@k.

    An epoch takes them in any order, so memory holds all of these rows' features, four bytes a value.

    Args:
        rows: what to learn from.
        validation: a later week with the same features, or None to train for `epochs`.
        settings: how.
        seed: of initial weights, shuffling and dropout.
        report: called with a line after every epoch.
        k: how many articles of a list count.

    Raises:
        NotEnoughData: when nothing was bought.
        ValueError: when the features of validation are others.
        ModelDiverged: when the loss is no longer finite.
    """
    learned = rows_to_learn_from(rows, "training").in_memory()
    if validation is not None:
        validation.check_features(rows.feature_names)
        validation = rows_to_learn_from(validation, "validation").in_memory()
    torch.set_num_threads(settings.threads)
    torch.manual_seed(seed)
    device = _device()
    model = DeepCross(FeatureScaling.of(learned.features), settings).to(device)
    epochs = _train(model, _Groups.of(learned, device), validation, settings, report, k)
    return DeepCrossRanker(model.eval(), rows.feature_names, settings, epochs)


def load_deep_cross(folder: Path) -> DeepCrossRanker:
    """Read back what `DeepCrossRanker.save` wrote, ready to score.

    Raises:
        FileNotFoundError: when the folder holds no ranker.
        ValueError: when the weights are of another number of features than the description names.
    """
    description = read_description(folder)
    names, settings = tuple(description["feature_names"]), DeepCrossSettings(**description["settings"])
    weights = torch.load(folder / WEIGHTS, weights_only=True)
    prefix = "scaling."
    scaling = FeatureScaling(**{key[len(prefix) :]: weights[key] for key in weights if key.startswith(prefix)})
    if len(scaling.mean) != len(names):
        raise ValueError(
            f"{folder / WEIGHTS} are of {len(scaling.mean)} features, the description names {len(names)}, "
            f"{', '.join(names)}; fit the ranker again"
        )
    model = DeepCross(scaling, settings)
    model.load_state_dict(weights)
    return DeepCrossRanker(model.to(_device()).eval(), names, settings, description["best_iteration"])


def listwise_softmax_loss(scores: Tensor, group_sizes: Tensor, is_bought: Tensor) -> Tensor:
    """Return the softmax loss of each customer's bought candidates against those not bought.

    See `softmax_loss.multi_target_softmax_loss`; here every customer has candidates of its own.

    Args:
        scores: (n,) float, the candidates of a customer together.
        group_sizes: (n_groups,) int64, candidates of each customer, in order.
        is_bought: (n,) bool.

    Returns:
        A scalar; a customer who bought every candidate adds 0.
    """
    groups = torch.repeat_interleave(torch.arange(len(group_sizes), device=scores.device), group_sizes)
    places = torch.arange(len(scores), device=scores.device) - (group_sizes.cumsum(0) - group_sizes)[groups]
    width = int(group_sizes.max()) + 1  # one place at least for "no candidate"
    logits = scores.new_full((len(group_sizes), width), BEHIND_ALL).index_put((groups, places), scores)
    counts = torch.bincount(groups[is_bought], minlength=len(group_sizes))
    return multi_target_softmax_loss(logits, places[is_bought], nn.functional.pad(counts.cumsum(0), (1, 0)))


@dataclass(frozen=True)
class _Groups:
    """Ranking rows as tensors on the model's device."""

    features: Tensor
    is_bought: Tensor
    sizes: Tensor
    starts: Tensor

    @classmethod
    def of(cls, rows: RankingRows, device: torch.device) -> _Groups:
        sizes = torch.from_numpy(rows.group_sizes).to(device)
        features, is_bought = (torch.from_numpy(array).to(device) for array in (rows.features, rows.is_bought))
        return cls(features, is_bought, sizes, sizes.cumsum(0) - sizes)

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield features, sizes and is_bought of `size` groups at a time, in a fresh order."""
        for chosen in torch.randperm(len(self.sizes)).to(self.sizes.device).split(size):
            sizes = self.sizes[chosen]
            shifts = self.starts[chosen] - (sizes.cumsum(0) - sizes)  # from the row in the batch to the row here
            rows = torch.arange(int(sizes.sum()), device=sizes.device) + torch.repeat_interleave(shifts, sizes)
            yield self.features[rows], sizes, self.is_bought[rows]


def _train(model: DeepCross, groups: _Groups, validation: RankingRows | None, settings, report, k: int) -> int:
    """Train in place, leave the weights of the best epoch, and return its number; the last without validation."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    best_epoch, best_map, best_weights = 0, -math.inf, None
    for epoch in range(1, settings.epochs + 1):
        started = time.perf_counter()
        loss = _run_epoch(model, groups, optimizer, settings)
        speed = f"{len(groups.features) / (time.perf_counter() - started):,.0f} rows/s"
        if validation is None:
            report(f"epoch {epoch:>2}  loss {loss:.4f}  {speed}")
            continue
        score = map_within_candidates(_score(model, torch.from_numpy(validation.features)), validation, k)
        report(f"epoch {epoch:>2}  loss {loss:.4f}  validation MAP@{k} {score:.4f}  {speed}")
        if score > best_map:
            best_epoch, best_map, best_weights = epoch, score, copy.deepcopy(model.state_dict())
        if epoch - best_epoch >= settings.patience:
            break
    if best_weights is None:
        return settings.epochs
    model.load_state_dict(best_weights)
    return best_epoch


def _run_epoch(model: DeepCross, groups: _Groups, optimizer: torch.optim.Optimizer, settings) -> float:
    """Pass once over all customer-weeks and return their mean loss."""
    model.train()
    total = 0.0
    for features, sizes, is_bought in groups.batches(settings.batch_size):
        loss = listwise_softmax_loss(model(features), sizes, is_bought)
        if not torch.isfinite(loss):
            raise ModelDiverged(f"the loss is {loss.item()}; lower learning_rate {settings.learning_rate}")
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(sizes)
    return total / len(groups.sizes)


@torch.no_grad()
def _score(model: DeepCross, features: Tensor) -> np.ndarray:
    model.eval()
    device = model.scaling.mean.device
    scores = [model(some.to(device)).cpu() for some in features.split(ROWS_PER_PASS)]
    return torch.cat(scores).numpy()


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
