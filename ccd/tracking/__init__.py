"""Trackers: observers of training that tell TensorBoard, MLflow or W&B of it."""

from ccd.tracking import mlflow, tensorboard, wandb

__all__ = ["mlflow", "tensorboard", "wandb"]
