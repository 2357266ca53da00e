"""What dense restatements of backbones have in common, and the losses they are compared with."""

from dataclasses import replace

import torch
from torch.nn import functional as F

from ccd.backbones.base import Batch, Rows
from ccd.losses.bpr import bpr_loss
from tests.backbones.worlds import N_ITEMS, N_USERS, step


def normalised(users, items):
    """The symmetrically normalised user-item adjacency, dense."""
    adjacency = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS)
    adjacency[users, items + N_USERS] = 1
    adjacency += adjacency.T.clone()
    degree = adjacency.sum(1)
    scale = torch.where(degree > 0, (degree + 1e-7).rsqrt(), 0.0)
    return scale[:, None] * adjacency * scale


def knn_matrix(features, k):
    """Each item's k nearest by cosine, each with weight 1/k, dense."""
    unit = F.normalize(torch.from_numpy(features))
    top = (unit @ unit.T).topk(k, dim=1).indices
    return torch.zeros(N_ITEMS, N_ITEMS).scatter(1, top, 1 / k)


def loss_in_rows(model, batch):
    """The loss of a forward pass over the batch's distinct rows alone."""
    users, user_index = torch.unique(batch.users, return_inverse=True)
    both = torch.cat([batch.positives, batch.negatives])
    items, item_index = torch.unique(both, return_inverse=True)
    output = model(rows=Rows(users, items))
    seen = step(model, Batch(user_index, *item_index.chunk(2)), output)
    seen = replace(seen, batch=batch)
    return bpr_loss(seen.users, seen.positives, seen.negatives) + model.own_loss(seen)


def loss_in_all(model, batch):
    """The loss of a forward pass over everything."""
    seen = step(model, batch)
    return bpr_loss(seen.users, seen.positives, seen.negatives) + model.own_loss(seen)
