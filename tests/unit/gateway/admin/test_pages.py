"""What pages say and draw: words, charts, icons, what is wrong with a form, when a rotation can be finished."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.keys.v1 import keys_pb2

from gateway.admin import charts, contract, icons, rendering, words
from gateway.admin.audit import Names, changes_of, csv_row, look_of
from gateway.admin.families import FAMILIES
from gateway.admin.forms import Form, said_of
from gateway.admin.rotation import advise

NOW = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)


def _stamp(ago: timedelta) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(NOW - ago)
    return stamp


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=-3), "just now"),
        (timedelta(seconds=45), "45 seconds ago"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=59), "59 days ago"),
        (timedelta(days=65), "2 months ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(days=-6), "in 6 days"),
        (timedelta(minutes=-90), "in 1 hour"),
    ],
)
def test_times_are_said_as_people_say_them(ago: timedelta, said: str) -> None:
    assert words.ago(_stamp(ago), NOW) == said


def test_exact_times_name_their_zone() -> None:
    assert words.exactly(_stamp(timedelta())) == "24 Nov 2026, 14:05 GMT"
    assert words.machine_time(_stamp(timedelta())) == "2026-11-24T14:05:00Z"


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/150.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150 Safari/537.36 Edg/150", "Edge on Windows"),
        ("WordPress/6.8; https://shop.example", "WordPress"),
        ("Sedifex-Till/1.2", "Sedifex-Till/1.2"),
        ("", "an unknown program"),
    ],
)
def test_programs_are_called_what_people_call_them(agent: str, said: str) -> None:
    assert words.device(agent) == said


def test_bars_stand_on_each_other_and_none_is_lost() -> None:
    chart = charts.bars(["Mon", "Tue", "Wed"], {"Delivered": [1000, 0, 500], "Failed": [0, 0, 1]})
    assert (chart.largest, chart.totals) == (1000, {"Delivered": 1500, "Failed": 1})
    delivered, later, failed = chart.bars
    assert delivered.y + delivered.height == charts.HEIGHT
    assert later.height == pytest.approx(delivered.height / 2)
    assert failed.height == charts.LEAST, "one among thousands is seen"
    assert failed.y + failed.height == pytest.approx(later.y)
    assert (failed.series, failed.x) == (1, later.x)


def test_charts_of_nothing_are_empty() -> None:
    assert charts.bars([], {"Delivered": []}).bars == []
    assert charts.bars(["Mon"], {"Delivered": [0]}).bars == []
    assert charts.line([]) == ""
    assert charts.line([0, 0]) == "0.0,30.0 120.0,30.0"


def test_an_icon_that_was_not_drawn_is_noticed_where_it_is_asked_for() -> None:
    with pytest.raises(KeyError):
        icons.icon("unicorn")


def test_every_template_can_be_read() -> None:
    environment = rendering.environment()
    for name in environment.list_templates():
        environment.get_template(name)


def test_everything_in_navigation_has_an_icon_and_a_phone_has_room_for_its_bar() -> None:
    shown = [family.nav for family in FAMILIES if family.nav]
    for each in shown:
        icons.icon(each.icon)
    assert sum(each.on_bar for each in shown) <= 4


def test_a_page_for_a_method_that_the_contract_lacks_stops_the_start() -> None:
    with pytest.raises(LookupError):
        contract.lowest_role("KeysService.GuessKey")
    with pytest.raises(LookupError):
        contract.lowest_role("KeysService.SuspendStore")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("must have 10 characters or more", "New password must have 10 characters or more."),
        ("Choose one or more.", "Choose one or more."),
    ],
)
def test_what_is_wrong_with_a_field_is_a_sentence(text: str, said: str) -> None:
    assert said_of(text, "New password") == said


def test_forms_keep_spaces_of_passwords_and_nothing_else() -> None:
    form = Form([("name", "  Ama "), ("password", " a b "), ("scopes", "x"), ("scopes", "y"), ("lines", "a, b\n\nc")])
    assert (form["name"], form.raw("password"), form["missing"]) == ("Ama", " a b ", "")
    assert form.all("scopes") == ["x", "y"]
    assert form.lines("lines") == ["a", "b", "c"]


NEVER = None


@pytest.mark.parametrize(
    ("new_used", "old_used", "tone", "says"),
    [
        (NEVER, timedelta(minutes=1), "warning", "nobody has used the new secret"),
        (NEVER, NEVER, "warning", "nobody has used the new secret"),
        (timedelta(minutes=1), timedelta(minutes=2), "warning", "still used"),
        (timedelta(minutes=1), timedelta(minutes=59), "warning", "still used"),
        (timedelta(minutes=1), timedelta(minutes=61), "success", "fallen silent"),
        (timedelta(minutes=1), NEVER, "success", "fallen silent"),
    ],
)
def test_a_rotation_can_be_finished_once_the_old_secret_is_silent_and_the_new_one_used(
    new_used: timedelta | None, old_used: timedelta | None, tone: str, says: str
) -> None:
    new = keys_pb2.Key.Secret(create_time=_stamp(timedelta(hours=2)))
    old = keys_pb2.Key.Secret(create_time=_stamp(timedelta(days=90)))
    for secret, used in ((new, new_used), (old, old_used)):
        if used is not None:
            secret.last_use_time.CopyFrom(_stamp(used))
    advice = advise(keys_pb2.Key(secrets=[new, old]), NOW)
    assert (advice.tone, says in advice.title) == (tone, True)


def test_an_old_secret_that_was_used_before_the_rotation_only_may_go() -> None:
    new = keys_pb2.Key.Secret(create_time=_stamp(timedelta(minutes=5)), last_use_time=_stamp(timedelta(minutes=1)))
    old = keys_pb2.Key.Secret(create_time=_stamp(timedelta(days=9)), last_use_time=_stamp(timedelta(minutes=10)))
    advice = advise(keys_pb2.Key(secrets=[new, old]), NOW)
    assert (advice.tone, advice.title) == ("success", "Only the new secret has been used since")


def test_an_entry_of_the_log_says_what_has_changed() -> None:
    entry = keys_pb2.AuditEntry(action="key.updated", resource="stores/st_1/keys/key_1", actor="members/mem_1")
    entry.before.update({"displayName": "Site", "scopes": ["catalog.read"], "stores": ["st_1"]})
    entry.after.update({"displayName": "Shop site", "scopes": ["catalog.read", "keys.read"], "stores": ["st_1"]})
    assert list(changes_of(entry)) == [
        ("Name", "Site", "Shop site"),
        ("May", "Read products", "Read products, Read keys"),
    ]
    names = Names({"members/mem_1": "Ama"})
    assert (names.actor(entry.actor), look_of(entry.action)[2], names.thing(entry)) == (
        "Ama",
        "changed the key",
        "Shop site",
    )
    assert look_of("something.newer") == ("info", "neutral", "something.newer")


@pytest.mark.parametrize("text", ["=1+1", "+233", "-1", "@SUM(A1)", "\tx"])
def test_no_cell_of_the_export_is_a_formula(text: str) -> None:
    assert csv_row((text, "plain")).startswith(f"'{text}")
