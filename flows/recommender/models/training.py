"""Train one two-tower: training weeks in, a fitted model and its learning curve out.

The loop knows nothing of NVTabular or Merlin: it takes any module that makes vectors of queries and candidates, so it
runs wherever PyTorch does. A batch holds customers of one as-of day, so that the articles are encoded once for
the batch, as they looked on that day.
"""

from __future__ import annotations

import copy
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recommender.errors import ModelDiverged, NotEnoughData
from recommender.features.snapshots import QuerySnapshot
from recommender.models.blocked_softmax import blocked_softmax_loss
from recommender.models.trained_candidate import Epoch
from recommender.models.training_week import Targets, TrainingWeek

KIB_PER_MIB, BYTES_PER_MIB = 1024, 2**20  # ru_maxrss counts KiB
RISING_SHARE = 0.1  # of the steps, before the learning rate falls


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained.

    Attributes:
        epochs: most passes over the training queries.
        patience: epochs without a better validation MAP before training stops.
        batch_size: customers per batch.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: decoupled decay of the embeddings (AdamW); other weights are not decayed.
        history_dropout: share of every history hidden while training.
        sampled_negatives: 0 for a softmax over every article on sale; otherwise the batch's own purchases plus
            this many uniformly drawn articles, with logQ correction.
        threads: CPU threads per candidate, independent of how many candidates train at a time.
        seed: of initial weights, shuffling, dropout and sampling.
    """

    epochs: int = 12
    patience: int = 6
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    history_dropout: float = 0.1
    sampled_negatives: int = 0
    threads: int = 1
    seed: int = 7


def train(
    model: nn.Module,
    weeks: Sequence[TrainingWeek],
    settings: TrainingSettings,
    validate: Callable[[nn.Module], float] | None = None,
    last_epoch: int | None = None,
    report: Callable[[Epoch], None] = print,
) -> list[Epoch]:
    """Fit a model in place and leave it with the weights of its best epoch.

    Args:
        model: makes vectors (n, d) and (m, d) of a `QuerySnapshot` and a `CandidateSnapshot`; moved to CUDA where
            there is one.
        weeks: what to learn from, any order.
        settings: how.
        validate: returns validation MAP; without it no epoch is better than another and the last weights stay.
        last_epoch: stop after this epoch of the schedule, as a run with validation found best.
        report: called after every epoch.

    Returns:
        The learning curve.

    Raises:
        NotEnoughData: when no week has a purchase to learn from.
        ModelDiverged: when the loss is no longer finite.
    """
    weeks = [week for week in weeks if len(week.queries)]
    if not weeks:
        raise NotEnoughData("no training week has a purchase of an article on sale; lengthen training_weeks")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    model.to(device)
    weeks = [week.to(device) for week in weeks]
    optimizer = _optimizer(model, settings)
    batches = sum(-(-len(week.queries) // settings.batch_size) for week in weeks)
    steps = settings.epochs * batches
    steps += steps * RISING_SHARE == 1  # PyTorch divides by the steps that the rate rises for, less one
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=steps, pct_start=RISING_SHARE
    )
    curve, best = [], _Best(settings.patience)
    for number in range(1, (last_epoch or settings.epochs) + 1):
        epoch = _run_epoch(number, model, weeks, optimizer, schedule, settings, validate)
        curve.append(epoch)
        report(epoch)
        if validate is not None and best.should_stop(epoch, model):
            break
    if best.weights is not None:
        model.load_state_dict(best.weights)
    model.to("cpu").eval()
    return curve


class _Best:
    """The weights of the best epoch so far, and whether to go on."""

    def __init__(self, patience: int):
        self.patience, self.epoch, self.score, self.weights = patience, 0, float("-inf"), None

    def should_stop(self, epoch: Epoch, model: nn.Module) -> bool:
        if epoch.validation_map > self.score:
            self.epoch, self.score = epoch.epoch, epoch.validation_map
            self.weights = copy.deepcopy(model.state_dict())
        return epoch.epoch - self.epoch >= self.patience


def _optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    embeddings = [module.weight for module in model.modules() if isinstance(module, nn.Embedding)]
    known = {id(weight) for weight in embeddings}
    others = [weight for weight in model.parameters() if id(weight) not in known]
    groups = [
        {"params": embeddings, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def _run_epoch(number, model, weeks, optimizer, schedule, settings, validate) -> Epoch:
    """Pass once over all batches in a fresh order, then score the validation week."""
    model.train()
    started, cpu_started, total_loss, customers, rows = time.perf_counter(), time.process_time(), 0.0, 0, 0
    for week, batch, targets in _batches(weeks, settings.batch_size):
        loss = _batch_loss(model, week, batch, targets, settings)
        if not torch.isfinite(loss):
            raise ModelDiverged(
                f"the loss of epoch {number} is {loss.item()}; lower learning_rate {settings.learning_rate}"
            )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total_loss += loss.item() * len(batch)
        customers += len(batch)
        rows += len(targets.columns)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    model.eval()
    return Epoch(
        epoch=number,
        loss=total_loss / customers,
        validation_map=validate(model) if validate else None,
        rows_per_second=rows / seconds,
        cpu_cores=cpu_seconds / seconds,
        peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB,
        peak_gpu_memory_mib=torch.cuda.max_memory_allocated() / BYTES_PER_MIB if torch.cuda.is_available() else None,
    )


def _batches(weeks: Sequence[TrainingWeek], size: int) -> Iterator[tuple[TrainingWeek, QuerySnapshot, Targets]]:
    chunks = [(week, rows) for week in weeks for rows in torch.randperm(len(week.queries)).split(size)]
    for chunk in torch.randperm(len(chunks)).tolist():
        week, rows = chunks[chunk]
        yield week, week.queries.take(rows), week.targets.take(rows)


def _batch_loss(
    model, week: TrainingWeek, batch: QuerySnapshot, targets: Targets, settings: TrainingSettings
) -> Tensor:
    batch = hide_some_history(batch, settings.history_dropout)
    candidates, columns, log_probability = week.candidates, targets.columns, None
    if settings.sampled_negatives:
        chosen, columns, log_probability = sample_candidates(week, columns, settings.sampled_negatives)
        candidates = candidates.take(chosen)
    return blocked_softmax_loss(*model(batch, candidates), columns, targets.offsets, log_probability)


def sample_candidates(week: TrainingWeek, targets: Tensor, negatives: int) -> tuple[Tensor, Tensor, Tensor]:
    """Choose the batch's own purchases and some uniformly drawn articles.

    Returns:
        (m,) chosen columns, (n_targets,) where each target lies among them, and the log of each chosen column's
        chance of having been chosen.
    """
    articles = len(week.candidates.positions)
    drawn = torch.randint(articles, (negatives,), device=targets.device)
    chosen = torch.unique(torch.cat([targets, drawn]))
    missed_by_batch = (1 - week.purchase_shares[chosen]).pow(len(targets))
    missed_by_draw = (1 - 1 / articles) ** negatives
    probability = (1 - missed_by_batch * missed_by_draw).clamp(min=1e-9)
    return chosen, torch.searchsorted(chosen, targets), probability.log()


def hide_some_history(queries: QuerySnapshot, share: float) -> QuerySnapshot:
    """Return queries with a random share of their history articles left out, so that no one article decides."""
    if not share:
        return queries
    keep = torch.rand(len(queries.history_codes), device=queries.history_codes.device) >= share
    owner = torch.repeat_interleave(torch.arange(len(queries), device=keep.device), queries.history_offsets.diff())
    counts = torch.bincount(owner[keep], minlength=len(queries))
    return queries.with_history(
        queries.history_codes[keep],
        queries.history_numbers[keep],
        torch.cat([counts.new_zeros(1), counts.cumsum(0)]),
    )
