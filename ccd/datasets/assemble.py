"""Put a data set together from what was read and checked, whatever files that was in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ccd.datasets.alignment import misaligned
from ccd.datasets.dataset import Dataset, Neighbours
from ccd.datasets.fingerprint import fingerprint
from ccd.datasets.interactions import InteractionTable
from ccd.datasets.splits import Splits
from ccd.errors import ConfigError


def assemble(
    name: str,
    table: InteractionTable,
    splits: Splits,
    features: Mapping[str, tuple[np.ndarray, list[str]]],
    *,
    neighbours: Mapping[str, Neighbours] | None = None,
    item_names: tuple[str, ...] = (),
    notes: Sequence[str] = (),
) -> Dataset:
    """The data set, with the notes of all that was read, the alignment test and a fingerprint.

    Args:
        name: Its name.
        table: The interactions, for their ids and notes.
        splits: The interactions, split.
        features: Modality to the features ``[n_items, dim]`` and notes on them.
        neighbours: Modality to precomputed nearest items.
        item_names: What items are called, by position.
        notes: Further notes.
    """
    found = [*table.notes, *splits.notes, *notes]
    found += [note for _, on_file in features.values() for note in on_file]
    dataset = Dataset(
        name=name,
        n_users=splits.n_users,
        n_items=splits.n_items,
        train=splits.train,
        valid=splits.valid,
        test=splits.test,
        features={modality: array for modality, (array, _) in features.items()},
        neighbours=neighbours or {},
        user_ids=table.user_ids,
        item_ids=table.item_ids,
        item_names=item_names,
    )
    found += misaligned(dataset)
    return replace(dataset, notes=tuple(found), fingerprint=fingerprint(dataset))


def refuse_names(modalities: Iterable[str], setting: str) -> None:
    """Models keep a part per modality under its name, beside what torch has there.

    Raises:
        ConfigError: A name is not possible.
    """
    from torch.nn import ModuleDict, ParameterDict

    taken = {*dir(ModuleDict()), *dir(ParameterDict())}
    for name in modalities:
        if name in taken or re.fullmatch(r"[\w-]+", name) is None:
            raise ConfigError(
                f"in {setting}: a modality cannot be called '{name}'",
                keys=(setting,),
                hint="use letters, digits, - and _, and no word that torch uses itself, such as "
                "'keys'",
            )
