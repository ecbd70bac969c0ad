"""PMML documents as trees of elements, read without entities: a document type declaration is refused before anything of it has an effect."""

from __future__ import annotations

from typing import Any, Iterator
from xml.parsers import expat

# Elements that are inside of one another; regular models stay far below, and deeper ones would exhaust the stack.
DEEPEST = 400


class Malformed(Exception):
    """The file is no PMML, or only a part of it; the message says why."""


class Unsupported(Exception):
    """The document has something that this evaluator does not cover; the message names it."""


class Element:
    """An element without its namespace."""

    __slots__ = ("tag", "attributes", "children", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""

    def get(self, name: str, otherwise: str | None = None) -> str | None:
        return self.attributes.get(name, otherwise)

    def required(self, name: str) -> str:
        """Raises Malformed."""
        value = self.attributes.get(name)
        if value is None:
            raise Malformed(f"<{self.tag}> has no attribute {name}")
        return value

    def number(self, name: str, otherwise: float | None = None) -> float:
        """Raises Malformed for an attribute that is no number, or is not there."""
        value = self.attributes.get(name)
        if value is None and otherwise is not None:
            return otherwise
        try:
            return float(self.required(name))
        except ValueError:
            raise Malformed(f"<{self.tag} {name}={value!r}> is no number") from None

    def choice(self, name: str, otherwise: str, *covered: str) -> str:
        """The value of an attribute that has few. Raises Unsupported for one that is not covered."""
        value = self.attributes.get(name, otherwise)
        if value not in (otherwise, *covered):
            raise Unsupported(f'{name}="{value}" of <{self.tag}>')
        return value

    def find(self, tag: str) -> Element | None:
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, *tags: str) -> Iterator[Element]:
        return (child for child in self.children if child.tag in tags)

    def only(self, tags: Any, what: str) -> Element:
        """The only child with one of the tags. Raises Malformed when there is none."""
        found = next((child for child in self.children if child.tag in tags), None)
        if found is None:
            raise Malformed(f"<{self.tag}> has no {what}")
        return found


def read_document(file: str) -> Element:
    """The element PMML of a file. Raises Malformed."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    open_elements: list[Element] = []
    roots: list[Element] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        element = Element(name.rpartition(" ")[2], attributes)
        (open_elements[-1].children if open_elements else roots).append(element)
        open_elements.append(element)
        if len(open_elements) > DEEPEST:
            raise Malformed(f"its elements are more than {DEEPEST} inside of one another")

    def end(_name: str) -> None:
        open_elements.pop()

    def characters(text: str) -> None:
        open_elements[-1].text += text

    def refuse_declaration(*_declaration: Any) -> None:
        raise Malformed("it has a document type declaration (DOCTYPE), which PMML does not need and which can name other files")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse_declaration
    try:
        with open(file, "rb") as stream:
            parser.ParseFile(stream)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Malformed(f"it is not well-formed XML: {error}") from error
    if roots[0].tag != "PMML":
        raise Malformed(f"its outermost element is <{roots[0].tag}> and not <PMML>")
    return roots[0]


def local_name(column: str) -> str:
    """The name of a table's column without the prefix of its namespace, as the cells have it."""
    return column.rpartition(":")[2]


def array_of(element: Element) -> list[str]:
    """The values of an Array, which may be quoted."""
    values: list[str] = []
    text = element.text
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] == '"':
            value, position = _quoted(text, position + 1)
            values.append(value)
        else:
            end = position
            while end < len(text) and not text[end].isspace():
                end += 1
            values.append(text[position:end])
            position = end
    return values


def _quoted(text: str, position: int) -> tuple[str, int]:
    letters: list[str] = []
    while position < len(text) and text[position] != '"':
        if text[position] == "\\" and position + 1 < len(text):
            position += 1
        letters.append(text[position])
        position += 1
    return "".join(letters), position + 1
