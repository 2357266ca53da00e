"""Experiments on the 30-user world, built in plain Python."""

from functools import partial
from typing import NamedTuple

from ccd.backbones.freedom import FREEDOM
from ccd.backbones.projector import LinearProjector
from ccd.diffusion.aligner import DiffusionAligner
from ccd.diffusion.estimators import AttentionEstimator
from ccd.diffusion.fusion import final_fusion
from ccd.diffusion.noise_schedules import linear_betas
from ccd.diffusion.process import GaussianDiffusion
from ccd.evaluation.metrics import ndcg, recall
from ccd.evaluation.ranking import Evaluation, FullRanking
from ccd.experiment import Experiment
from ccd.graphs.pruning import degree_pruning
from ccd.losses.mix import LossMix
from ccd.negatives.curricula import step_curriculum
from ccd.negatives.curricular import CurricularSampler
from ccd.negatives.pools import DiffusionPools
from ccd.training.early_stopping import EarlyStopping
from ccd.training.epoch import Trained
from ccd.training.optimizers import adam
from ccd.training.trainer import Trainer
from ccd.training.updates import Descent
from tests.backbones.worlds import dataset, small_knn

DMA = partial(
    DiffusionAligner,
    diffusion=partial(GaussianDiffusion, betas=linear_betas),
    estimator=AttentionEstimator,
    fusion=final_fusion,
)
CNS = partial(
    CurricularSampler,
    curriculum=partial(step_curriculum, interval=1, end_epoch=3),
    candidate_fraction=0.8,
    top_fraction=0.3,
)
FULL = {"aligner": DMA, "pools": DiffusionPools, "sampler": CNS}


BACKBONE = partial(FREEDOM, item_graph=small_knn, pruning=degree_pruning)


def experiment(*, loss=None, trainer=None, backbone=BACKBONE, **parts):
    optimise = {
        "optimizer": adam, "stopping": EarlyStopping, "update": Descent, "epochs": 6,
        "batch_size": 64,
    }  # fmt: skip
    return Experiment(
        dataset=lambda _: dataset(),
        backbone=backbone,
        projector=LinearProjector,
        losses=partial(LossMix, **(loss or {})),
        trainer=partial(Trainer, **{**optimise, **(trainer or {})}),
        evaluator=partial(
            FullRanking, metrics={"recall": recall, "ndcg": ndcg}, cutoffs=(5,), select="recall@5"
        ),
        dim=8,
        **parts,
    )


class Outcome(NamedTuple):
    """The best epoch's model and its test metrics."""

    trained: Trained
    test: Evaluation


def run(built, data, seed):
    """The outcome of training to the end on ``data``, and all epochs."""
    with built.start(data, seed) as training:
        epochs = list(training)
    trained = training.trained
    return Outcome(trained, built.test(data, trained.representations)), epochs


def train(built, seed=1):
    """The outcome on the 30-user world, and all epochs."""
    return run(built, dataset(), seed)
