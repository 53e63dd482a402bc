"""Puts off the import of modules that others only name, until something of theirs is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


@contextmanager
def deferred(names: Sequence[str]) -> Iterator[None]:
    """Within, whoever imports one of the modules `names` gets a stand-in for it, which stays theirs.

    A stand-in lets itself be named, as annotations do, and its classes be imported. From the end of the block on
    it hands every use on to the module itself, which the first use imports. Within the block a use raises ImportError.
    What is loaded already is not put off.
    """
    stand_ins = {name: _StandIn(name) for name in names if name not in sys.modules}
    for name, one in stand_ins.items():
        package, _, own = name.rpartition(".")
        if package in stand_ins:
            setattr(stand_ins[package], own, one)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]


class _StandIn(ModuleType):
    """A module that imports itself when it is used."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        # With a path its submodules can be put off too.
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            return _Later(name, (), {"_module": self.__name__})
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value


class _Later(type):
    """A class, or whatever else a module holds, that is not there yet."""

    _module: str

    def _resolved(cls) -> Any:
        module = import_module(cls._module)
        if isinstance(module, _StandIn):
            raise ImportError(f"{cls._module}.{cls.__name__}: expected no use while its import is put off")
        return getattr(module, cls.__name__)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(cls._resolved(), name)

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        return cls._resolved()(*arguments, **named)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls._resolved())
