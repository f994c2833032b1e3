"""A made-up key in the spellings in which servers, gateways and logs repeat one."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

SECRET = "sk-canary-7Q4zP0xVbN2mLk8Jh+Gf/Ts5Rd3Wc9YqEa1Ui6Op"
PIECES = tuple(SECRET[i : i + 8].lower() for i in range(10, len(SECRET) - 7))


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SPELLINGS: dict[str, str] = {
    "as it is": SECRET,
    "in capitals": SECRET.upper(),
    "in small letters": SECRET.lower(),
    "as a bearer": f"Bearer {SECRET}",
    "with an escaped slash": SECRET.replace("/", "\\/"),
    "with JSON escapes": escaped(SECRET),
    "with JSON escapes in capitals": escaped(SECRET).upper().replace("\\U", "\\u"),
    "half in JSON escapes": SECRET[:20] + escaped(SECRET[20:]),
    "with one JSON escape": SECRET.replace("+", "\\u002b"),
    "JSON inside JSON": json.dumps(json.dumps({"key": SECRET.replace("/", "\\/")})),
    "JSON escapes inside JSON": json.dumps(escaped(SECRET)),
    "with Python escapes": "".join(f"\\x{ord(letter):02x}" for letter in SECRET),
    "with long Python escapes": "".join(f"\\U{ord(letter):08x}" for letter in SECRET),
    "with octal escapes": "".join(f"\\{ord(letter):03o}" for letter in SECRET),
    "with JavaScript escapes": "".join(f"\\u{{{ord(letter):x}}}" for letter in SECRET),
    "with Perl escapes": "".join(f"\\x{{{ord(letter):04X}}}" for letter in SECRET),
    "with old JavaScript escapes": "".join(f"%u{ord(letter):04x}" for letter in SECRET),
    "as bytes": repr(SECRET.encode()),
    "in a URL": quote(SECRET, safe=""),
    "in a URL, every letter": "".join(f"%{ord(letter):02X}" for letter in SECRET),
    "in a URL in a URL": quote(quote(SECRET, safe="")),
    "with HTML entities": "".join(f"&#{ord(letter)};" for letter in SECRET),
    "with hexadecimal HTML entities": "".join(f"&#x{ord(letter):x};" for letter in SECRET),
    "with HTML entities after zeros": "".join(f"&#000{ord(letter)};" for letter in SECRET),
    "with hexadecimal HTML entities after zeros": "".join(f"&#x0000{ord(letter):x};" for letter in SECRET),
    "with named HTML entities": SECRET.replace("+", "&plus;").replace("/", "&sol;"),
    "in base64": coded(SECRET),
    "in base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "in base64 after a name": coded(f"user:{SECRET}"),
    "in base64 after a colon": coded(f":{SECRET}"),
    "in base64 as a bearer": coded(f"Bearer {SECRET}\n"),
    "in hexadecimal": SECRET.encode().hex(),
    "with invisible characters": "\u200b".join(SECRET),
    "with direction marks": "\u202a".join(SECRET),
    "with variation selectors": "\ufe0f".join(SECRET),
    "with tags": "\U000e0061".join(SECRET),
    "with control characters": "\0\x1b\x08".join(SECRET),
    "its beginning": f"{SECRET[:18]}...",
    "its end": f"...{SECRET[-9:]}",
    "all but the first": SECRET[1:],
}


def leaks(text: str) -> list[str]:
    """What a text shows of the key: pieces of eight characters, also if they are encoded."""
    small = text.lower()
    shown = [piece for piece in PIECES if piece in small]
    spelled = [text[24:40] for text in (*map(coded, (SECRET, f"user:{SECRET}", f":{SECRET}")), SECRET.encode().hex())]
    shown += [piece for piece in spelled if piece.lower() in small]
    return shown + [name for name, written in SPELLINGS.items() if name != "its beginning" and written[-30:] in text]
