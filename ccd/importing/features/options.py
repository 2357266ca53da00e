"""What an import is told about features: where they come from, and what may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args, get_type_hints

from ccd.datasets.assemble import refuse_names
from ccd.errors import ConfigError
from ccd.importing.sources import Source

Option = Literal["--features", "--encode"]
_EXAMPLES = {
    "--features": "--features text=vectors.parquet or --features image=vectors.npy:ids.txt",
    "--encode": "--encode text=title or --encode image=photos",
}
_CHOICES = {
    "missing": "--missing-features",
    "duplicates": "--duplicate-features",
    "constant": "--constant-features",
    "non_finite": "--non-finite-features",
}


@dataclass(frozen=True)
class FeatureSource:
    """Where the features of one modality come from.

    Attributes:
        name: Of the modality.
        where: A file or folder of vectors (``--features``), or what is encoded (``--encode``): a
            column of the items, several with commas between them, or a folder of images.
        part: What stands after the colon: the column or array of vectors or the file of ids
            (``--features``), or the encoder's name or folder (``--encode``); empty if left out.
        option: Which of the two options said so.
        table: The table of vectors, where it is in memory.
    """

    name: str
    where: str
    part: str = ""
    option: Option = "--features"
    table: Source | None = None

    @property
    def encoded(self) -> bool:
        """Whether an encoder makes the vectors."""
        return self.option == "--encode"

    @property
    def file(self) -> str:
        """Name of the file that an import writes."""
        return f"{self.name}_feat.npy"

    def __str__(self) -> str:
        return f"{self.option} {self.name}={self.where}" + (f":{self.part}" if self.part else "")


@dataclass(frozen=True)
class FeaturePolicy:
    """What to do where features are not as they should be, and how they are written.

    Attributes:
        missing: Items without a vector: ``keep`` them with a row of zeros, ``drop`` them (which
            the caller does, by ``featured``), or ``refuse`` the import.
        duplicates: Which row counts where an id has several.
        constant: Vectors whose numbers are all equal, often placeholders: ``keep`` them, take them
            as ``missing``, or ``refuse``.
        non_finite: Vectors with a NaN or an infinity, and images that cannot be read: ``refuse``,
            or take them as ``missing``.
        float16: Whether numbers are written with 2 bytes instead of 4.
        device: For encoders: ``cpu``, ``cuda``, ``cuda:N``, or ``auto``, a GPU where there is one.
    """

    missing: Literal["keep", "drop", "refuse"] = "keep"
    duplicates: Literal["first", "last", "refuse"] = "first"
    constant: Literal["keep", "missing", "refuse"] = "keep"
    non_finite: Literal["refuse", "missing"] = "refuse"
    float16: bool = False
    device: str = "auto"

    def __post_init__(self) -> None:
        for field, option in _CHOICES.items():
            legal = get_args(get_type_hints(FeaturePolicy)[field])
            if getattr(self, field) not in legal:
                raise ConfigError(
                    f"{option} must be one of {', '.join(legal)}",
                    keys=(option,),
                    found=repr(getattr(self, field)),
                )


def parse_feature_option(text: str, option: Option = "--features") -> FeatureSource:
    """The source that ``NAME=PATH[:PART]`` or ``NAME=COLUMN_OR_FOLDER[:ENCODER]`` names.

    Args:
        text: What stands after the option.
        option: Which of the two it is.

    Raises:
        ConfigError: It has another form, or a modality cannot have this name.
    """
    name, equals, where = text.partition("=")
    if not equals or not name or not where:
        raise ConfigError(
            f"expected NAME=... after {option}, with the name of the modality",
            keys=(option,),
            found=repr(text),
            hint=f"write for instance {_EXAMPLES[option]}",
        )
    refuse_names((name,), option)
    # A path may hold a colon itself.
    if ":" in where and not Path(where).expanduser().exists():
        where, _, part = where.partition(":") if option == "--encode" else where.rpartition(":")
        return FeatureSource(name, where, part, option)
    return FeatureSource(name, where, "", option)
