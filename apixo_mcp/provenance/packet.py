"""XMP: the packet of XML that programs look for in pictures and videos (ISO 16684-1), written and read.

It tells the whole once, as JSON in a property of our own, and what other programs have names for once more in these:
Dublin Core's description, XMP's tool and date, and IPTC's properties of what an AI made (Photo Metadata 2025.1).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html import escape

from apixo_mcp.foreign import read_json
from apixo_mcp.provenance.pieces import LeftAlone
from apixo_mcp.provenance.provenance import Provenance

LONGEST_READ = 1 << 20
"""Bytes of a packet that is read: other programs put small pictures into theirs."""

LONGEST_WRITTEN = 256 << 10
"""Bytes of a packet that is written, where the file's kind does not allow for less."""

_OURS = "urn:apixo-mcp:provenance:1/"
_WHOLE = "Provenance"
_SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "apixo": _OURS,
}
_MADE_BY_A_MODEL = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_DECLARED = "".join(f' xmlns:{prefix}="{space}"' for prefix, space in _SPACES.items())
_START = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description rdf:about=""{_DECLARED}>'
)
_END = '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def packet_of(provenance: Provenance, longest: int = LONGEST_WRITTEN) -> bytes:
    """Returns the packet that tells where a file came from.

    Where it would be too long, it does without what is told twice, then without the inputs.

    Raises:
        LeftAlone: it is too long even so.
    """
    without_inputs = replace(provenance, inputs={})
    for told, is_for_all in ((provenance, True), (provenance, False), (without_inputs, False)):
        packet = _packet(told, is_for_all=is_for_all)
        if len(packet) <= longest:
            return packet
    raise LeftAlone("there is no room for as long a prompt")


def _packet(provenance: Provenance, *, is_for_all: bool) -> bytes:
    whole = json.dumps(provenance.structure, ensure_ascii=False, separators=(",", ":"))
    whole = _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", whole)  # all of them stand in strings
    properties = {f"apixo:{_WHOLE}": whole, **(_for_all(provenance) if is_for_all else {})}
    body = "".join(f"<{name}>{escape(text, quote=False)}</{name}>" for name, text in properties.items() if text)
    if is_for_all and provenance.prompt:
        prompt = escape(_plain(provenance.prompt), quote=False)
        body += f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{prompt}</rdf:li></rdf:Alt></dc:description>'
    return f"{_START}{body}{_END}".encode()


def _for_all(provenance: Provenance) -> Mapping[str, str]:
    return {
        "xmp:CreatorTool": _plain(provenance.app),
        "xmp:CreateDate": _plain(provenance.created_at),
        "Iptc4xmpExt:DigitalSourceType": _MADE_BY_A_MODEL,
        "Iptc4xmpExt:AISystemUsed": _plain(provenance.model),
        "Iptc4xmpExt:AIPromptInformation": _plain(provenance.prompt),
    }


def _plain(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def provenance_in(packet: bytes) -> Provenance | None:
    """Returns what a packet tells, however another program has written it anew; None where it tells nothing of ours."""
    return Provenance.read(read_json(whole)) if (whole := _whole_in(packet)) else None


def _whole_in(packet: bytes) -> str:
    """Returns the text of our own property, the first element or attribute; empty where there is none."""
    from xml.parsers import expat

    if len(packet) > LONGEST_READ or _OURS.encode() not in packet:
        return ""
    name, found, is_inside = f"{_OURS} {_WHOLE}", list[str](), False

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal is_inside
        is_inside = tag == name and not found
        if name in attributes and not found:
            found.append(attributes[name])

    def text(data: str) -> None:
        if is_inside:
            found.append(data)

    def end(_: str) -> None:
        nonlocal is_inside
        is_inside = False

    def refuse(*_: object) -> None:
        raise ValueError("a packet declares no types, nor entities, which could grow without end")

    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(packet.strip(b" \t\r\n\0"), True)
    except (expat.ExpatError, ValueError):
        return ""
    return "".join(found)
