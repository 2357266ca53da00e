"""Read gin text into a flat list of bindings that remember where they stand.

gin-config is the language here, not the run time: its parser is used, its process-global registry
and bindings are not. So variants, threads and notebooks never see one another's values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gin.config_parser import BindingStatement, ImportStatement, IncludeStatement

from ccd.config.files import find_included, is_wiring, shown
from ccd.config.imports import import_parts
from ccd.config.origin import Origin
from ccd.config.parser import statements
from ccd.config.problems import Problems
from ccd.config.values import DEEPEST, Reference, leaves
from ccd.errors import ConfigError, reading


@dataclass(frozen=True)
class Binding:
    """``scope/component.parameter = value``; a macro's definition has no parameter.

    Attributes:
        scope: Its gin scope, or an empty string.
        component: Name of the component, or of the macro.
        parameter: Name of the setting; empty for a macro.
        value: What gin read.
        origin: Where it stands.
        is_wiring: Whether it serves whoever needs it, and so may have no effect here. All of
            ccd's own ``gin/`` is wiring.
    """

    scope: str
    component: str
    parameter: str
    value: Any
    origin: Origin
    is_wiring: bool = False

    @property
    def key(self) -> str:
        """The left side, as written in dotted form."""
        scope = f"{self.scope}/" if self.scope else ""
        return f"{scope}{self.component}" + (f".{self.parameter}" if self.parameter else "")


@dataclass(frozen=True)
class Layer:
    """Statements in order; where layers are added, the later binding of a key wins."""

    bindings: tuple[Binding, ...] = ()
    macros: tuple[Binding, ...] = ()
    imports: tuple[str, ...] = ()

    def __add__(self, later: Layer) -> Layer:
        return Layer(
            self.bindings + later.bindings,
            self.macros + later.macros,
            tuple(dict.fromkeys(self.imports + later.imports)),
        )

    @property
    def wiring(self) -> Layer:
        """The part that is wiring."""
        return self._where(lambda binding: binding.is_wiring)

    @property
    def own(self) -> Layer:
        """The part that is not wiring: what a user wrote."""
        return self._where(lambda binding: not binding.is_wiring)

    @property
    def winning(self) -> Layer:
        """The part that wins: the last statement of each key."""
        bindings, macros = (
            tuple({binding.key: binding for binding in part}.values())
            for part in (self.bindings, self.macros)
        )
        return replace(self, bindings=bindings, macros=macros)

    def as_wiring(self) -> Layer:
        """This layer with all its statements marked as wiring, which may have no effect."""
        bindings, macros = (
            tuple(replace(binding, is_wiring=True) for binding in part)
            for part in (self.bindings, self.macros)
        )
        return replace(self, bindings=bindings, macros=macros)

    def _where(self, wanted: Callable[[Binding], bool]) -> Layer:
        bindings, macros = (
            tuple(binding for binding in part if wanted(binding))
            for part in (self.bindings, self.macros)
        )
        return replace(self, bindings=bindings, macros=macros)


NOTHING = Layer()
"""No statements."""


def read_file(
    path: Path, *, allow_imports: tuple[str, ...] = (), skip_imports: bool = False
) -> Layer:
    """All statements of a gin file, its includes in place.

    Args:
        path: An existing file.
        allow_imports: Python modules that ``import`` lines may name.
        skip_imports: Pass over other imports instead of refusing them.

    Raises:
        ConfigError: The text does not parse, an include is missing or circular, a key is bound
            twice in one file, or an import is not allowed.
    """
    return _FileReader(allow_imports, skip_imports).read(path, ())


def read_bindings(items: list[tuple[str, Origin]]) -> Layer:
    """Statements of single binding texts, each with its own origin.

    Raises:
        ConfigError: A text does not parse or is not a binding.
    """
    return _layer([binding for item in items for binding in _read_text(*item)])


def refuse_twice(layer: Layer) -> None:
    """Refuse a key that is bound twice: in one file the first binding would be lost silently.

    Raises:
        ConfigError: With both places.
    """
    problems = Problems()
    first: dict[str, Binding] = {}
    for binding in layer.bindings + layer.macros:
        earlier = first.setdefault(binding.key, binding)
        if earlier is not binding:
            problems.add(
                ConfigError(
                    f"{binding.key} is bound twice",
                    where=(earlier.origin, binding.origin),
                    keys=(binding.key,),
                    hint="keep one of the two",
                )
            )
    problems.raise_if_any()


class _FileReader:
    """Reads one file and what it includes."""

    def __init__(self, allow_imports: tuple[str, ...], skip_imports: bool) -> None:
        self._allow_imports, self._skip_imports = allow_imports, skip_imports
        self._included: dict[Path, Origin] = {}

    def read(self, path: Path, chain: tuple[Path, ...]) -> Layer:
        chain = (*chain, path.resolve())
        source = shown(path)
        text = _decoded(path, source)
        lines = text.splitlines()

        def place(line: int) -> Origin:
            found = lines[line - 1].strip() if line <= len(lines) else ""
            return Origin(source, line, found, path=path)

        wiring = is_wiring(path)
        result = Layer()
        own: list[Binding] = []
        for statement, origin in statements(text, place):
            if isinstance(statement, BindingStatement):
                own.append(replace(_binding(statement, origin), is_wiring=wiring))
                result += _layer(own[-1:])
            elif isinstance(statement, IncludeStatement):
                result += self._include(statement.filename, origin, path.parent, chain)
            elif isinstance(statement, ImportStatement):
                if statement.module in self._allow_imports or not self._skip_imports:
                    import_parts(statement, origin, path.parent, self._allow_imports)
                result += Layer(imports=(statement.module,))
        refuse_twice(_layer(own))
        return result

    def _include(self, name: str, origin: Origin, folder: Path, chain: tuple[Path, ...]) -> Layer:
        try:
            path = find_included(name, folder)
        except ConfigError as error:
            raise error.at(origin) from None
        resolved = path.resolve()
        if resolved in chain:
            loop = " -> ".join(shown(p) for p in (*chain[chain.index(resolved) :], resolved))
            what = f"include cycle: {loop}"
            raise ConfigError(what, where=origin, hint="remove one of these includes")
        # A second include would silently reset what the recipe changed since the first.
        if resolved in self._included:
            raise ConfigError(
                f"'{shown(path)}' is included twice, which would reset its values",
                where=(self._included[resolved], origin),
                hint="keep one of the two",
            )
        if len(chain) > DEEPEST:
            what = f"more than {DEEPEST} files that include one another"
            raise ConfigError(what, where=origin, hint="include them side by side")
        self._included[resolved] = origin
        return self.read(path, chain)


def _read_text(text: str, origin: Origin) -> list[Binding]:
    bindings = []
    for statement, _ in statements(text, lambda _: origin):
        if not isinstance(statement, BindingStatement):
            hint = "write 'Component.parameter = value'; files go into the recipe or --with"
            raise ConfigError("this is not a binding", where=origin, hint=hint)
        bindings.append(_binding(statement, origin))
    return bindings


def _binding(statement: BindingStatement, origin: Origin) -> Binding:
    for leaf in leaves(statement.value):
        if isinstance(leaf, Reference) and leaf.evaluated:
            name = f"{leaf.scope}/{leaf.name}".lstrip("/")
            raise ConfigError(
                f"@{name}() asks gin to build the component",
                where=origin,
                hint=f"write @{name}: ccd builds components itself",
            )
    return Binding(statement.scope, statement.selector, statement.arg_name, statement.value, origin)


def _layer(bindings: list[Binding]) -> Layer:
    return Layer(
        tuple(b for b in bindings if b.parameter), tuple(b for b in bindings if not b.parameter)
    )


def _decoded(path: Path, source: str) -> str:
    with reading(source, ConfigError):
        return path.read_bytes().decode("utf-8-sig")
