"""Commands that take a recipe: an option with the name of a setting is answered with ``--set``."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from ccd.errors import ConfigError

if TYPE_CHECKING:
    from ccd.config.recipe import Recipe

_UsageError: Any = typer.BadParameter.__base__  # typer brings a click of its own, or uses click's
_SHOWN = 3
"""Settings that a hint names at most."""


class RecipeCommand(TyperCommand):
    """A command with ``--set``, which knows that ``--epochs 5`` means ``Trainer.epochs = 5``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = list(args)  # parsing takes them out one by one
        try:
            return super().parse_args(ctx, args)
        except _UsageError as error:
            option = getattr(error, "option_name", None)
            hint = set_hint(option, words) if option is not None else None
            if hint is None:
                raise
            raise ConfigError(f"no such option: {option}", hint=hint) from error


def refuse_wrong_words(
    recipe: str,
    *,
    dataset: str | None,
    with_files: Sequence[str],
    bindings: Sequence[str],
    allow_imports: Sequence[str],
    only: Sequence[str] = (),
) -> None:
    """Refuse wrong paths, variants and keys of ``--set`` before torch is imported.

    The arguments are those of ``load_recipe``.

    Raises:
        ConfigError: There is something wrong.
    """
    from ccd.cli.names import refuse_unknown_keys
    from ccd.config.recipe import read_layers

    layers = read_layers(
        recipe,
        dataset=dataset,
        with_files=with_files,
        bindings=bindings,
        only=only,
        allow_imports=allow_imports,
    )
    if layers.last.bindings and not allow_imports:
        refuse_unknown_keys(layers.last.bindings)


def loaded_recipe(
    recipe: str,
    *,
    dataset: str | None,
    with_files: Sequence[str] | None,
    bindings: Sequence[str] | None,
    allow_imports: Sequence[str] | None,
    only: Sequence[str] | None,
) -> Recipe:
    """The recipe that the options of a command name; what is wrong is refused before torch.

    Raises:
        ConfigError: There is something wrong.
    """
    options: dict[str, Any] = {
        "dataset": dataset,
        "with_files": with_files or (),
        "bindings": bindings or (),
        "only": only or (),
        "allow_imports": allow_imports or (),
    }
    refuse_wrong_words(recipe, **options)
    from ccd.config import load_recipe

    return load_recipe(recipe, **options)


def set_hint(option: str, words: Sequence[str]) -> str | None:
    """What to write instead of an option that does not exist; None where no setting is called so.

    Args:
        option: The option, such as ``--batch-size``.
        words: The command line, from which its value comes.
    """
    from ccd.cli.declared import declared

    name = option.lstrip("-").replace("-", "_").lower()
    having = [one.name for one in declared() if name in one.settings]
    line = " ".join(words).lower()
    # Those that the command line names, as in recipes/ablation_freedom.gin, are likelier.
    ranked = sorted(having, key=lambda component: component.lower() not in line)
    value = _gin_text(_value(option, words))
    ways = [f'--set "{component}.{name} = {value}"' for component in ranked[:_SHOWN]]
    if not ways:
        return None
    more = f" ({len(ranked) - _SHOWN} other components have it too)" if ranked[_SHOWN:] else ""
    return f"did you mean {' or '.join(ways)}?{more}"


def _value(option: str, words: Sequence[str]) -> str | None:
    """The word after an option, or what ``--option=value`` says."""
    for word, after in zip(words, [*words[1:], "-"], strict=True):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and (not after.startswith("-") or after[1:2].isdigit()):
            return after
    return None


def _gin_text(word: str | None) -> str:
    """A value as gin reads it: a component with ``@``, text in quotes."""
    from ccd.cli.declared import declared

    if word is None:
        return "VALUE"
    constant = {"true": "True", "false": "False", "none": "None"}.get(word.lower())
    if constant or word.startswith(("@", "%")):
        return constant or word
    if word in {one.name for one in declared()}:
        return f"@{word}"
    try:
        ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return repr(word)
    return word
