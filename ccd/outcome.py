"""What training gives, in the form in which a run folder keeps it."""

from __future__ import annotations

import torch

from ccd.errors import DamagedFileError, reason
from ccd.evaluation.ranking import Evaluation
from ccd.runs.checkpoints import RunCheckpoint
from ccd.runs.folder import ITEM_TENSOR, SAMPLE_TENSOR, USER_TENSOR
from ccd.runs.per_user import PerUser
from ccd.runs.records import EpochRecord
from ccd.training.epoch import Epoch, Trained
from ccd.training.trainer import Training


def take_up(training: Training, checkpoint: RunCheckpoint) -> float:
    """Go on from the checkpoint where there is one; the seconds that were spent before it.

    Raises:
        DamagedFileError: It does not fit the parts of the run.
    """
    state = checkpoint.take()
    if state is None:
        return 0.0
    try:
        training.load_state(state["training"])
        return float(state["total"])
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "state_dict" not in str(error):
            raise
        raise DamagedFileError(
            f"this checkpoint does not fit the parts of the run: {reason(error)}",
            where=checkpoint.path,
            hint="go on with the code that wrote it, or start the run anew with --fresh",
        ) from error


def epoch_record(variant: str, seed: int, max_epochs: int, epoch: Epoch) -> EpochRecord:
    """The line of an epoch in ``history.jsonl``."""
    return EpochRecord(
        variant=variant,
        seed=seed,
        epoch=epoch.index,
        max_epochs=max_epochs,
        losses=epoch.losses,
        source=epoch.source,
        valid=epoch.valid,
        best=epoch.best,
        best_epoch=epoch.best_epoch,
        patience_left=epoch.patience_left,
        seconds=epoch.seconds,
        negatives=epoch.negatives,
    )


def per_user_of(test: Evaluation) -> PerUser:
    """Test metrics per user."""
    return PerUser(
        test.users.numpy(), {name: values.numpy() for name, values in test.per_user.items()}
    )


def tensors_of(trained: Trained) -> dict[str, torch.Tensor]:
    """The weights, the representations that score users and items, and DMA's sample of items."""
    final, sample = trained.representations, trained.sample
    return {
        **trained.weights,
        USER_TENSOR: final.users,
        ITEM_TENSOR: final.items,
        **({} if sample is None else {SAMPLE_TENSOR: sample}),
    }
