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


def weighted_knn_matrix(features, k):
    """The cosines of each item's k nearest, symmetrically normalised by their sums, dense."""
    unit = F.normalize(torch.from_numpy(features))
    cosine = unit @ unit.T
    kept = cosine * torch.zeros_like(cosine).scatter(1, cosine.topk(k, dim=1).indices, 1.0)
    scale = kept.sum(1).rsqrt()
    return scale[:, None] * kept * scale


def dense_info_nce(anchors, targets, temperature):
    """InfoNCE of rows against the rows of the same number, in a batch."""
    anchors, targets = F.normalize(anchors, dim=1), F.normalize(targets, dim=1)
    similarity = torch.exp(anchors @ targets.T / temperature)
    return -torch.log(similarity.diagonal() / similarity.sum(1)).mean()


def assert_same_loss_and_gradients(ours, theirs, parameters):
    """Both losses and their gradients agree, and no gradient is too small to tell."""
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    got, true = (torch.autograd.grad(x, parameters) for x in (ours, theirs))
    torch.testing.assert_close(got, true, atol=1e-5, rtol=0)
    assert min(g.abs().max() for g in got) > 1e-4  # above the tolerance


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
