"""The templates, and what all of them may use."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.admin import assets, audit, charts, contract, forms, icons, words

TEMPLATES = Path(__file__).with_name("templates")


def environment() -> Environment:
    """The templates, read once: everything that is put into them is escaped, and a name that is not given an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {
        "static": assets.link,
        "icon": icons.icon,
        "chart_bars": charts.bars,
        "chart_line": charts.line,
        "role_word": contract.role_word,
        "scopes": words.SCOPES,
        "audit_look": audit.look_of,
        "audit_changes": audit.changes_of,
    }
    made.filters |= {
        "ago": words.ago,
        "exactly": words.exactly,
        "day": words.day,
        "machine_time": words.machine_time,
        "span": words.span,
        "counted": words.counted,
        "last_part": words.last_part,
        "money": words.money,
        "scope_name": words.scope_name,
        "device": words.device,
        "is_handheld": words.is_handheld,
        "listed": words.listed,
        "said_of": forms.said_of,
    }
    return made
