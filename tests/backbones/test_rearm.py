"""REARM against a dense restatement of its equations, as it is at inference: without dropout."""

import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.base import Batch
from ccd.backbones.entries import EntryAttention, LowRankMaps
from ccd.backbones.rearm import REARM, squared_correlation
from ccd.diffusion.fusion import ego_fusion, ego_id_fusion, final_fusion
from tests.backbones.restatements import (
    assert_same_loss_and_gradients,
    dense_info_nce,
    knn_matrix,
    loss_in_all,
    loss_in_rows,
    normalised,
)
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, small_knn, step, world

K, RANK, TEMPERATURE = 6, 2, 0.5
WEIGHTS = {"contrast_weight": 0.7, "orthogonal_weight": 0.9}
SHARES = {"image": 0.1, "text": 0.9}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def build(**settings):
    given = WEIGHTS | {
        "n_layers": 2, "n_item_neighbours": 5, "n_user_neighbours": K, "item_share": 0.3,
        "user_share": 0.6, "rank": RANK, "temperature": TEMPERATURE,
    }  # fmt: skip
    model = REARM(world(), item_graph=small_knn, **given | settings).eval()
    with torch.no_grad():  # so that no gradient is too small to compare
        for attention in (model.self_attention, model.cross_attention):
            attention.shift += 0.5
            attention.gain *= 20
            attention.sharpness *= 20
    return model


def batch():
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


def interactions():
    matrix = torch.zeros(N_USERS, N_ITEMS)
    matrix[dataset().train.users, dataset().train.items] = 1
    return matrix


def together(matrix, k):
    """Softmax of the counts in common over each row's k others with most, ties by number."""
    counts = (matrix @ matrix.T).fill_diagonal_(0)
    result = torch.zeros_like(counts)
    for row, own in zip(result, counts, strict=True):
        top = torch.argsort(own, descending=True, stable=True)[:k]
        top = top[own[top] > 0]
        row[top] = torch.softmax(own[top], dim=0)
    return result


def alike_users(matrix, k):
    cosine = torch.zeros(N_USERS, N_USERS)
    for name, features in dataset().features.items():
        mean = F.normalize(matrix @ torch.from_numpy(features) / matrix.sum(1, keepdim=True))
        cosine += SHARES[name] * mean @ mean.T
    top = cosine.topk(k, dim=1).indices
    return torch.zeros_like(cosine).scatter(1, top, 1 / k)


def attended(attention, head, asking, asked):
    """Entry by entry: the softmax of products, and the entries that it weighs."""
    query = asking * attention.sharpness[head, 0] + attention.shift[head, 0]
    weights = torch.softmax(query[:, :, None] * asked[:, None, :], dim=2)
    return attention.gain[head, 0] * (weights @ asked[:, :, None])[:, :, 0]


def dense_nodes(model):
    """Convolved IDs and views of users, then items, and which of them are detached."""
    data, r = dataset(), interactions()
    ii = 0.3 * together(r.T, 5) + 0.7 * sum(
        share * knn_matrix(data.features[name], 4) for name, share in SHARES.items()
    )
    uu = 0.6 * together(r, K) + 0.4 * alike_users(r, K)
    items, users = [model.item_embeddings], [model.user_embeddings]
    for name, features in data.features.items():
        raw = torch.from_numpy(features)
        items.append(model.projector.maps[name](raw))
        users.append(model.user_maps[name](r @ raw / r.sum(1, keepdim=True)))
    e_i, *seen = (ii @ torch.cat(items, 1)).split(DIM, 1)
    e_u, *wanted = (uu @ torch.cat(users, 1)).split(DIM, 1)
    # Views are centred over what has interactions, which here is everything.
    seen = [F.normalize(x - x.mean(0)) for x in seen]
    wanted = [F.normalize(x - x.mean(0)) for x in wanted]
    e_i, e_u = F.normalize(e_i), F.normalize(e_u)

    def settled(x):
        return model.slope(model.norm(x))

    own = model.self_attention
    image, text = (settled(x + attended(own, m, x, x)) for m, x in enumerate(seen))
    cross = model.cross_attention
    seen = [
        settled(image + attended(cross, 0, text, image)),
        settled(text + attended(cross, 1, image, text)),
    ]
    a = normalised(data.train.users, data.train.items)

    def convolved(u, i):
        x = torch.cat([u, i])
        return (x + a @ x + a @ a @ x) / 3

    views = [convolved(model.slope(u), i) for u, i in zip(wanted, seen, strict=True)]
    return convolved(e_u, e_i), views


def mapped(maps, known, x):
    """One row at a time."""
    rows = []
    for of_one, own in zip(known, x, strict=True):
        first = F.normalize(maps.first(of_one), dim=0).view(DIM, RANK)
        second = F.normalize(maps.second(of_one), dim=0).view(RANK, DIM)
        rows.append(own @ torch.softmax(first, dim=0) @ torch.softmax(second, dim=0))
    return torch.stack(rows)


def dense_correlation(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    a = a / (a.detach().norm(dim=1, keepdim=True) + 1e-6)
    b = b / (b.detach().norm(dim=1, keepdim=True) + 1e-6)
    return ((a.T @ b) * DIM / len(a)).pow(2).mean()


def dense_loss(model, batch):
    ids, views = dense_nodes(model)
    known = torch.cat(views, 1).detach()
    shared = torch.cat(
        [
            mapped(model.maps_of_users, known[:N_USERS], ids[:N_USERS]),
            mapped(model.maps_of_items, known[N_USERS:], ids[N_USERS:]),
        ]
    )
    h = torch.cat([model.slope(x) + ids for x in (*views, shared)], 1)
    users, positives, negatives = batch.users, batch.positives + N_USERS, batch.negatives + N_USERS
    u, p, n = h[users], h[positives], h[negatives]
    loss = -torch.log(torch.sigmoid((u * (p - n)).sum(1))).mean()
    for rows in (users, positives):
        image, text = (view[rows] for view in views)
        loss = loss + WEIGHTS["contrast_weight"] * dense_info_nce(image, text, TEMPERATURE)
        loss = loss + WEIGHTS["orthogonal_weight"] * dense_correlation(image, text)
    return loss


@pytest.mark.parametrize("loss", [loss_in_all, loss_in_rows])
def test_loss_and_gradient_equal_the_dense_restatement(loss):
    model = build()
    ours, theirs = loss(model, batch()), dense_loss(model, batch())
    # The projector's biases are centred away. Rows of length 1 under softmax say little: the maps'
    # gradients are below any tolerance here.
    left_out = ("projector.maps.image.bias", "projector.maps.text.bias", "maps_of_")
    tried = [p for name, p in model.named_parameters() if not name.startswith(left_out)]
    assert_same_loss_and_gradients(ours, theirs, tried)


def test_maps_and_their_gradients_equal_the_dense_restatement():
    rng = torch.Generator().manual_seed(3)
    maps, (known, x, wanted) = LowRankMaps(16, RANK, world()), torch.randn(3, 9, 16, generator=rng)
    x, wanted = 5 * x[:, :DIM], wanted[:, :DIM]
    ours, theirs = ((wanted * made).sum() for made in (maps(known, x), mapped(maps, known, x)))
    assert_same_loss_and_gradients(ours, theirs, list(maps.parameters()))


def test_estimates_replace_the_convolved_ids_where_they_enter_last():
    """The views are none of DMA's; what enters first passes over the graphs."""
    model = build()
    items, made = torch.tensor([2, 5]), torch.full((2, DIM), 3.0)
    fused, plain = model(final_fusion(items, made, 1.0)), model()
    assert torch.equal(fused.state.items, plain.state.items)
    views = model.slope(plain.state.items[items])
    expected = views + made.repeat(1, 2)
    torch.testing.assert_close(fused.items[items, : 2 * DIM], expected)
    others = torch.ones(N_ITEMS, dtype=torch.bool).index_fill(0, items, False)
    torch.testing.assert_close(fused.items[others], plain.items[others])
    for early in (ego_fusion, ego_id_fusion):
        assert not torch.allclose(model(early(items, made, 1.0)).users, plain.users)


def test_one_modality_has_no_contrast_and_asks_itself():
    data = dataset()
    del data.features["image"]
    model = REARM(world(data), item_graph=lambda *args: small_knn(*args, weights=None)).eval()
    assert model.own_loss(step(model, batch())) is None
    assert model().items.shape == (N_ITEMS, 2 * DIM)


def test_dropout_hits_values_in_training_alone():
    attention = EntryAttention(1, 0.5, world())
    x = torch.randn(1, 4, DIM, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(attention(x, x), attention(x, x))
    attention.eval()
    assert torch.equal(attention(x, x), attention(x, x))


def test_correlation_is_that_of_entries():
    rng = torch.Generator().manual_seed(0)
    x, y = (torch.randn(20_000, 4, generator=rng) for _ in range(2))
    assert squared_correlation(x, y).item() < 1e-3
    assert squared_correlation(x, x).item() == pytest.approx(1 / 4, abs=0.01)  # of 4 x 4, 4 are 1


def test_nothing_is_left_of_the_own_loss_without_weights():
    model = build(**dict.fromkeys(WEIGHTS, 0.0))
    assert model.own_loss(step(model, batch())) is None
