"""What models are made of: records that keep what they do not know, open enums, unions and files."""

from __future__ import annotations

import enum
import pathlib
from collections.abc import Callable, Mapping
from typing import IO, Any, ClassVar

import pydantic
import pydantic.fields
from pydantic_core import core_schema


class Model(pydantic.BaseModel):
    """A record. Unknown properties are kept; a property that was not given is not sent.

    An optional property is None when it is absent. Setting a nullable one to None sends null.
    Required ones that have one value only need not be given and are sent: `always_`.
    """

    model_config = pydantic.ConfigDict(
        extra="allow",
        populate_by_name=True,
        protected_namespaces=(),
        arbitrary_types_allowed=True,
        defer_build=True,
    )
    nullable_: ClassVar[frozenset[str]] = frozenset()
    always_: ClassVar[frozenset[str]] = frozenset()

    @pydantic.model_serializer(mode="wrap")
    def _given(self, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        dumped = handler(self)
        for name, field in fields_of(type(self)).items():
            key = field.serialization_alias or name
            unset = name not in self.model_fields_set and name not in self.always_
            for known in (key, name):
                if known in dumped and (unset or (dumped[known] is None and name not in self.nullable_)):
                    del dumped[known]
        return dumped


def fields_of(model: type[pydantic.BaseModel]) -> Mapping[str, pydantic.fields.FieldInfo]:
    """The fields with their names in JSON; a model that names later ones learns of them when it is first used."""
    if not model.__pydantic_fields_complete__:
        model.model_rebuild()
    return model.model_fields


def wire(name: str) -> Any:
    """The name of a field in JSON, where it differs from the one in Python."""
    return pydantic.Field(validation_alias=name, serialization_alias=name)


class OpenStrEnum(enum.StrEnum):
    """Strings with names; a string that the API has not documented is accepted as it is."""

    @classmethod
    def _missing_(cls, value: object) -> OpenStrEnum | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = "UNKNOWN"
        member._value_ = value
        return member


class OpenIntEnum(enum.IntEnum):
    """Integers with names; one that the API has not documented is accepted as it is."""

    @classmethod
    def _missing_(cls, value: object) -> OpenIntEnum | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = "UNKNOWN"
        member._value_ = value
        return member


class by_discriminator:  # noqa: N801 - reads as a word of the annotation
    """Chooses the model of a union by the value of one property; any of them fits an unknown value."""

    def __init__(self, name: str, models: Callable[[], Mapping[str, type[pydantic.BaseModel]]]) -> None:
        self._name = name
        self._models = models

    def __get_pydantic_core_schema__(
        self, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """A validator before the union's own."""
        return core_schema.no_info_wrap_validator_function(self._choose, handler(source))

    def _choose(self, value: Any, handler: Callable[[Any], Any]) -> Any:
        if isinstance(value, dict):
            model = self._models().get(value.get(self._name, ""))
            if model is not None:
                return model.model_validate(value)
        return handler(value)


class File:
    """A file to upload: bytes or an open binary file, its name and its media type."""

    def __init__(
        self, content: bytes | IO[bytes], *, name: str = "file", media_type: str = "application/octet-stream"
    ) -> None:
        self.content = content
        self.name = name
        self.media_type = media_type

    @classmethod
    def of(cls, value: Upload) -> File:
        """A file of what may be given for one."""
        if isinstance(value, File):
            return value
        if isinstance(value, pathlib.Path):
            return cls(value.read_bytes(), name=value.name)
        return cls(value)

    def read(self) -> bytes:
        """The content, from the start each time, so that a request can be sent again."""
        if isinstance(self.content, bytes):
            return self.content
        if self.content.seekable():
            self.content.seek(0)
        else:  # what can be read once only is kept
            self.content = self.content.read()
            return self.content
        return self.content.read()


Upload = File | bytes | pathlib.Path
