"""The items most like one item: by the trained vectors, DMA's, or the features of one modality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ccd.arguments import as_whole
from ccd.datasets.scale import cosines_to
from ccd.errors import ConfigError
from ccd.finished.asking import TRAINED, Places
from ccd.finished.inspection import name_of
from ccd.finished.new_items import served
from ccd.finished.runs import FinishedRun, run_of
from ccd.runs.folder import ITEM_IDS_FILE, SAMPLE_TENSOR
from ccd.suggestions import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

    from ccd.datasets.dataset import Dataset
    from ccd.datasets.new_items import NewItems
    from ccd.runs.records import RunResult

ALIGNED = "aligned"


@dataclass(frozen=True)
class SimilarItems:
    """Items near one, the nearest first.

    Attributes:
        result: The run.
        dataset: Its data set: what items are called.
        item: Position of the item asked for.
        space: What is compared: ``trained`` vectors, ``aligned`` ones or a modality.
        items: int64 positions of the others ``[n]``.
        cosines: float32 cosines ``[n]``.
    """

    result: RunResult
    dataset: Dataset
    item: int
    space: str
    items: np.ndarray
    cosines: np.ndarray

    def records(self) -> Iterator[dict[str, Any]]:
        """Plain values of each item in turn, with ids as the data set's files have them."""
        names = self.dataset.item_names
        pairs = zip(self.items.tolist(), self.cosines.tolist(), strict=True)
        for rank, (item, cosine) in enumerate(pairs, start=1):
            yield {
                "rank": rank,
                "item": name_of(item, self.dataset.item_ids),
                **({"name": names[item]} if names else {}),
                "score": cosine,
            }


def similar(
    run: FinishedRun | str | Path,
    item: str | int,
    k: int = 10,
    *,
    space: str = TRAINED,
    variant: str | None = None,
    seed: int | None = None,
    data_dir: str | Path | None = None,
    new_items: str | Path | NewItems | None = None,
    allow_imports: Sequence[str] = (),
) -> SimilarItems:
    """The k items whose vectors point most nearly in the direction of one item's, by cosine.

    Items without a vector in that space, such as those that lack a modality, are not among them.

    Args:
        run: A run folder, a run's own folder, or a run that ``ccd.load_run(folder).run()`` opened.
        item: Its id as the data set's files have it.
        k: Length of the list.
        space: ``trained``: the run's item vectors; ``aligned``: what DMA denoised; or the name of a
            modality: its raw features.
        variant: Of a folder: which variant; by default the last.
        seed: Of a folder: which seed; by default the first.
        data_dir: Folder to look for the data set in first, before the one that the run remembers.
        new_items: Items that came after training, by their features: a folder or ``NewItems``.
        allow_imports: Of a folder: Python modules with parts of your own; only needed where the
            data set is such a part.

    Raises:
        ConfigError: There is no such item, space or run, or the item has no vector in that space.
        DataError: The data set is not there, or has other content than the run was trained on.
        DamagedFileError: The saved model cannot be read.
    """
    k = as_whole("k", k, least=1)
    opened = run_of(run, variant, seed, allow_imports)
    dataset, found = served(opened, data_dir, new_items)
    place = item_place(opened, dataset, str(item))
    cosines = cosines_to(item_vectors(opened, dataset, space, found.items), place)
    if np.isnan(cosines[place]):
        raise ConfigError(
            f"item '{item}' has no {space} vector",
            keys=("--item", "--space"),
            hint="choose another",
        )
    cosines[place] = np.nan
    order = np.argsort(-cosines, kind="stable")[: min(k, int((~np.isnan(cosines)).sum()))]
    return SimilarItems(opened.result, dataset, place, space, order, cosines[order])


def item_place(run: FinishedRun, dataset: Dataset, item: str) -> int:
    """The position of an item.

    Raises:
        ConfigError: There is none with this id.
    """
    places = Places(dataset.item_ids, dataset.n_items)
    if places.get(item) < 0:
        file = str(run.folder.parent / ITEM_IDS_FILE)
        raise ConfigError(
            f"no item '{item}' in data set '{dataset.name}'",
            keys=("--item",),
            hint=places.hint(item, file, "the itemID of its interactions"),
        )
    return places.get(item)


def item_vectors(
    run: FinishedRun, dataset: Dataset, space: str, items: Tensor, *, option: str = "--space"
) -> np.ndarray:
    """The items' vectors of a space ``[n_items, dim]``.

    Args:
        run: A finished run.
        dataset: Its data set, perhaps with items that came after training.
        space: ``trained``, ``aligned`` or a modality.
        items: The items' representations.
        option: Which option named the space, for the refusal.

    Raises:
        ConfigError: The run has no such space; the refusal names the option that chose it.
    """
    if space in dataset.features:
        return dataset.features[space]
    sample = run.tensors.get(SAMPLE_TENSOR)
    if sample is not None and len(sample) < dataset.n_items:
        sample = None  # it has none of the new items
    spaces = {ALIGNED: sample, TRAINED: None if items.is_sparse else items}
    vectors = spaces.get(space)
    if vectors is None:
        known = [name for name, table in spaces.items() if table is not None]
        raise ConfigError(
            f"'{run.result.variant}' has no {space} vectors of items",
            keys=(option,),
            hint=did_you_mean(space, [*known, *dataset.features], "spaces", list_all=True),
        )
    array: np.ndarray = vectors.numpy()
    return array
