"""Programs that check the signature of one delivery: what its receiver should do, tried out on what it has got.

They run as they stand, once the secret is put in. Each takes X-Sedifex-Signature, as docs/webhooks.md explains it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

PLACEHOLDER = "whsec_PUT_THE_SECRET_OF_YOUR_ENDPOINT_HERE"
SIGNATURE = "x-sedifex-signature"


@dataclass(frozen=True)
class Snippet:
    """A program in one language."""

    key: str
    language: str
    run: str
    """How to run it."""
    code: str


_PYTHON = Template(
    """\
# Delivery $delivery, event $event, signed at $timestamp.
import hashlib
import hmac

secret = "$secret"
header = "$header"  # X-Sedifex-Signature
body = $body.encode()

parts = [part.partition("=") for part in header.split(",")]
sent_at = next(value for name, _, value in parts if name == "t")
expected = hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
matches = [hmac.compare_digest(expected, value) for name, _, value in parts if name == "v1"]
print("genuine" if any(matches) else "NOT genuine: the secret or the body is another")
"""
)
_NODE = Template(
    """\
// Delivery $delivery, event $event, signed at $timestamp.
const crypto = require("node:crypto");

const secret = "$secret";
const header = "$header"; // X-Sedifex-Signature
const body = $body;

const parts = header.split(",").map((part) => part.split("="));
const sentAt = parts.find(([name]) => name === "t")[1];
const expected = crypto.createHmac("sha256", secret).update(sentAt + "." + body).digest();
const matches = parts.filter(([name]) => name === "v1").map(([, value]) => Buffer.from(value, "hex"));
const genuine = matches.some((value) => value.length === expected.length && crypto.timingSafeEqual(value, expected));
console.log(genuine ? "genuine" : "NOT genuine: the secret or the body is another");
"""
)
_PHP = Template(
    """\
<?php
// Delivery $delivery, event $event, signed at $timestamp.
$$secret = '$secret';
$$header = '$header'; // X-Sedifex-Signature
$$body = $body;

$$matches = [];
foreach (explode(',', $$header) as $$part) {
    [$$name, $$value] = explode('=', $$part, 2);
    $$name === 't' ? $$sentAt = $$value : $$matches[] = $$value;
}
$$expected = hash_hmac('sha256', $$sentAt . '.' . $$body, $$secret);
$$genuine = array_filter($$matches, fn ($$value) => hash_equals($$expected, $$value));
echo $$genuine ? "genuine\\n" : "NOT genuine: the secret or the body is another\\n";
"""
)
_SHELL = Template(
    """\
# Delivery $delivery, event $event, signed at $timestamp.
secret='$secret'
header='$header' # X-Sedifex-Signature
body=$body

sent_at=$${header#t=}
sent_at=$${sent_at%%,*}
expected=$$(printf '%s.%s' "$$sent_at" "$$body" | openssl dgst -sha256 -hmac "$$secret" | sed 's/^.* //')
case ",$$header," in
  *",v1=$$expected,"*) echo genuine ;;
  *) echo 'NOT genuine: the secret or the body is another' ;;
esac
"""
)


def snippets(delivery_id: str, headers: Mapping[str, str], body: str) -> list[Snippet]:
    """Programs that check a delivery; none if it is not known how it was signed, or what was sent.

    `headers` are those that signed an attempt, by lower-case name; `body` is what was sent.
    """
    if not body or SIGNATURE not in headers:
        return []
    shared = {
        "delivery": delivery_id,
        "event": headers.get("webhook-id", ""),
        "timestamp": headers.get("webhook-timestamp", ""),
        "header": headers[SIGNATURE],
        "secret": PLACEHOLDER,
    }
    return [
        Snippet("python", "Python", "python3 verify.py", _PYTHON.substitute(shared, body=_python(body))),
        Snippet("node", "Node", "node verify.js", _NODE.substitute(shared, body=_javascript(body))),
        Snippet("php", "PHP", "php verify.php", _PHP.substitute(shared, body=_php(body))),
        Snippet("shell", "Shell", "sh verify.sh", _SHELL.substitute(shared, body=_shell(body))),
    ]


def _python(text: str) -> str:
    """The text as a literal that leaves its double quotes alone, where that can be."""
    return repr(text)


def _javascript(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _php(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
