"""What `sedifex secrets` says: counts and names, never a secret."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from cli.operators import printable
from cli.secrets.databases import Peppered, Sealing, Stand
from services.common.resealing import Outcome
from services.keys.pepper_queries import Hanging

NAMED = ("secrets of keys", "operators")
"""What is named one by one. Recovery codes are counted one by one, and named by whose they are."""


def lines_of_status(peppered: Peppered | None, sealings: Sequence[Sealing], limit: int) -> Iterator[str]:
    """What hangs on which secret, and who would be refused without it."""
    if peppered is not None:
        stand = peppered.stand()
        yield from _stand(stand)
        for version in stand.outdated:
            if used := _counts(peppered.count_used_lately(version)):
                yield f"  Not moved from version {version} yet, and used within the last minute: {used}"
            yield from _names(stand, version, peppered.name(version, limit), limit)
    for sealing in sealings:
        yield from _stand(sealing.stand())


def status_as_json(peppered: Peppered | None, sealings: Sequence[Sealing], limit: int) -> str:
    """The same for scripts: by setting, the versions, what hangs on each, and who."""
    told = {}
    if peppered is not None:
        stand = peppered.stand()
        told[stand.setting] = _as_json(stand, {each: peppered.name(each, limit) for each in stand.outdated})
    told |= {each.setting: _as_json(each.stand(), {}) for each in sealings}
    return json.dumps(told, ensure_ascii=False, indent=2)


def lines_of_outcome(sealing: Sealing, outcome: Outcome) -> Iterator[str]:
    """What a reseal has done, and what it could not."""
    yield f"{sealing.what}: {outcome.resealed:,} sealed again under version {sealing.version}"
    for version, count in sorted(outcome.unreadable.items()):
        yield (
            f"ERROR: {count:,} under version {version} cannot be opened: {sealing.setting} lacks that version, or has "
            "another secret in its place. Put the entry back."
        )
    if outcome.busy:
        yield f"ERROR: {outcome.busy:,} were locked by somebody else for too long. Run it again."


def _stand(stand: Stand) -> Iterator[str]:
    yield stand.setting
    for version in [*stand.versions, *sorted(set(stand.counts) - set(stand.versions))]:
        hanging = _counts(stand.counts.get(version, {})) or "nothing hangs on it"
        yield f"  version {version}{_role(stand, version)}: {hanging}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what}: {count:,}" for what, count in counts.items() if count)


def _role(stand: Stand, version: int) -> str:
    if version == stand.versions[0]:
        return ", makes what is new"
    return "" if version in stand.versions else ", NOT in the settings"


def _names(stand: Stand, version: int, names: Sequence[Hanging], limit: int) -> Iterator[str]:
    if names:
        verb = "would be" if version in stand.versions else "are"
        yield f"  Without version {version} these {verb} refused:"
    for each in names:
        parts = (each.name, each.hint, _last_use(each), printable(each.display_name))
        yield "    " + "  ".join(part for part in parts if part)
    for what in NAMED:
        if (more := stand.counts[version].get(what, 0) - limit) > 0:
            yield f"    and {more:,} more {what} (--limit shows more)"


def _last_use(each: Hanging) -> str:
    if each.name.startswith("members/"):
        return "the recovery codes of"
    if each.name.startswith("operators/"):
        return ""
    if each.last_use_time is None:
        return "never used"
    return f"last used {each.last_use_time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _as_json(stand: Stand, names: Mapping[int, Sequence[Hanging]]) -> dict[str, object]:
    return {
        "versions": list(stand.versions),
        "hanging": {str(version): dict(counts) for version, counts in sorted(stand.counts.items())},
        "refusedWithout": {str(version): [_named(each) for each in found] for version, found in names.items()},
    }


def _named(each: Hanging) -> dict[str, str | None]:
    used: datetime | None = each.last_use_time
    return {
        "name": each.name,
        "displayName": each.display_name,
        "hint": each.hint,
        "lastUseTime": used.astimezone(UTC).isoformat() if used else None,
    }
