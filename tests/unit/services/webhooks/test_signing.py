"""The two signatures, judged by other people's libraries, and our own check of them."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import stripe
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks import signing
from services.webhooks.signing import Reason, SignatureError

OLD = signing.new_secret(b"o" * 32)
NEW = signing.new_secret(b"n" * 32)
BODY = '{"id":"evt_1","data":{"productId":"prod_1","name":"Kɛntɛ ₵45"}}'.encode()
NOW = 1_800_000_000

VECTORS = json.loads((Path(__file__).resolve().parents[3] / "vectors" / "signatures.json").read_text("utf-8"))
CASES = [pytest.param(case, id=case["name"]) for case in VECTORS["cases"]]


def signed(timestamp: int = NOW, secret: str = NEW, body: bytes = BODY) -> dict[str, str]:
    return signing.Signer([secret]).headers("evt_1", timestamp, body)


def refusal(received: dict[str, str], body: bytes = BODY, secret: str = NEW) -> Reason:
    with pytest.raises(SignatureError) as caught:
        signing.verify(received, body, secret, now=NOW)
    return caught.value.reason


@pytest.mark.parametrize("case", CASES)
def test_each_vector_is_accepted_or_refused_for_its_reason(case: dict[str, Any]) -> None:
    reason = None
    try:
        signing.verify(
            case["headers"],
            case["body"].encode(),
            case["secret"],
            now=VECTORS["now"],
            tolerance=VECTORS["toleranceSeconds"],
        )
    except SignatureError as problem:
        reason = problem.reason.name
    assert reason == case.get("reason")
    assert case["valid"] is (reason is None)


def test_what_we_sign_is_what_the_vectors_say() -> None:
    new, old = VECTORS["signedBy"]["new"], VECTORS["signedBy"]["old"]
    for name, secrets in {"plain": [new], "rotation, new secret": [new, old]}.items():
        case = next(each for each in VECTORS["cases"] if each["name"] == name)
        signed_now = signing.Signer(secrets).headers(
            case["headers"]["webhook-id"], VECTORS["now"], case["body"].encode()
        )
        assert signed_now == case["headers"]


def test_secret_is_the_prefix_and_the_base64_of_its_bytes() -> None:
    assert signing.new_secret(b"n" * 32) == "whsec_" + base64.b64encode(b"n" * 32).decode()


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_secret_is_made_of_32_bytes_and_no_other_number(length: int) -> None:
    with pytest.raises(ValueError, match="exactly 32 bytes"):
        signing.new_secret(b"n" * length)


def test_headers_are_the_four_documented_ones() -> None:
    assert set(signed()) == {"X-Sedifex-Signature", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert signed()["webhook-id"] == "evt_1"
    assert signed()["webhook-timestamp"] == str(NOW)


def test_standard_signature_is_the_published_vector() -> None:
    # The example of the Standard Webhooks specification, a public value.
    headers = signing.Signer(["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_stripe_library_accepts_either_secret_during_the_overlap(secret: str) -> None:
    header = signing.Signer([NEW, OLD]).headers("evt_1", NOW, BODY)["X-Sedifex-Signature"]
    assert " " not in header
    assert header.count("v1=") == 2
    stripe.WebhookSignature.verify_header(BODY.decode(), header, secret, tolerance=None)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_standard_webhooks_library_accepts_either_secret_during_the_overlap(secret: str) -> None:
    # The library judges the time by its own clock.
    headers = signing.Signer([NEW, OLD]).headers("evt_1", int(time.time()), BODY)
    assert standardwebhooks.Webhook(secret).verify(BODY, headers) == json.loads(BODY)


def test_other_libraries_refuse_a_changed_body() -> None:
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(BODY.decode() + " ", signed()["X-Sedifex-Signature"], NEW)


def test_no_secret_is_refused_instead_of_sent_unsigned() -> None:
    with pytest.raises(ValueError, match="at least one secret"):
        signing.Signer([])


@given(body=st.binary(max_size=2000), entropy=st.binary(min_size=32, max_size=32), drift=st.integers(-300, 300))
def test_whatever_is_signed_verifies(body: bytes, entropy: bytes, drift: int) -> None:
    secret = signing.new_secret(entropy)
    signing.verify(signing.Signer([OLD, secret]).headers("evt_1", NOW + drift, body), body, secret, now=NOW)


@given(body=st.binary(max_size=200), other=st.binary(max_size=200))
def test_another_body_never_verifies(body: bytes, other: bytes) -> None:
    if body != other:
        assert refusal(signed(body=body), body=other) is Reason.NO_MATCH


def test_header_name_is_found_in_any_case() -> None:
    signing.verify({"x-SEDIFEX-signature": signed()["X-Sedifex-Signature"]}, BODY, NEW, now=NOW)


def test_missing_header_is_named_as_missing() -> None:
    assert refusal({"webhook-id": "evt_1"}) is Reason.MISSING


GOOD_DIGEST = signed()["X-Sedifex-Signature"].partition("v1=")[2]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"t={NOW}",
        f"v1={GOOD_DIGEST}",
        f"t=,v1={GOOD_DIGEST}",
        f"t=-5,v1={GOOD_DIGEST}",
        f"t=1e9,v1={GOOD_DIGEST}",
        f"t=٣,v1={GOOD_DIGEST}",
        f"t={'9' * 5000},v1={GOOD_DIGEST}",
        f"t={NOW},t={NOW},v1={GOOD_DIGEST}",
        f"t={NOW},v1=",
        f"t={NOW},v1={GOOD_DIGEST[:-1]}",
        f"t={NOW},v1={GOOD_DIGEST[:-1]}é",
        f"t={NOW},v0={GOOD_DIGEST}",
    ],
)
def test_malformed_header_is_named_as_malformed(header: str) -> None:
    assert refusal({"X-Sedifex-Signature": header}) is Reason.MALFORMED


def test_unknown_schemes_are_passed_over() -> None:
    header = signed()["X-Sedifex-Signature"] + ",v2=later"
    signing.verify({"X-Sedifex-Signature": header}, BODY, NEW, now=NOW)


def test_time_is_judged_in_both_directions() -> None:
    assert refusal(signed(NOW - 301)) is Reason.TOO_OLD
    assert refusal(signed(NOW + 301)) is Reason.FROM_THE_FUTURE


def test_moved_time_does_not_match() -> None:
    header = signed(NOW - 400)["X-Sedifex-Signature"].replace(str(NOW - 400), str(NOW))
    assert refusal({"X-Sedifex-Signature": header}) is Reason.NO_MATCH


def test_another_secret_does_not_match() -> None:
    assert refusal(signed(secret=OLD)) is Reason.NO_MATCH


def test_the_log_keeps_the_headers_that_signed_in_fewer_bytes() -> None:
    headers = signing.Signer([NEW, OLD]).headers("evt_1", NOW, BODY)
    kept = signing.compact(headers)
    assert signing.expand(kept, "evt_1") == {name.lower(): value for name, value in headers.items()}
    assert len(kept) < sum(map(len, headers.values()))
    assert signing.expand(signing.compact({}), "evt_1") == {}
