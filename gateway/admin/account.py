"""The member's own account: name, password, one-time codes, sessions."""

import grpc
import segno
from google.protobuf.field_mask_pb2 import FieldMask
from markupsafe import Markup
from sedifex.keys.v1 import members_pb2
from starlette.responses import Response

from gateway.admin.cookies import SESSION
from gateway.admin.family import Family
from gateway.admin.forms import Problems, problems_of
from gateway.admin.visit import Visit

family = Family("account", "/account", in_store=False)

ME = "members/me"
PROOF = ("PASSWORD_NOT_ACCEPTED", "TOTP_REQUIRED", "TOTP_NOT_ACCEPTED")
"""Refusals that are about the password or the code that was given."""


@family.get()
async def show_account(visit: Visit) -> Response:
    """All of it on one page."""
    return await _show(visit)


@family.post("/name")
async def rename(visit: Visit) -> Response:
    """Changes what the member is called."""
    member = members_pb2.Member(name=ME, display_name=visit.form["display_name"])
    request = members_pb2.UpdateMemberRequest(member=member, update_mask=FieldMask(paths=["display_name"]))
    try:
        await visit.services.members.UpdateMember(request)
    except grpc.aio.AioRpcError as error:
        return await _show(visit, problems_of(error), "name")
    return visit.go("/admin/account", "Your name is changed.")


@family.post("/password")
async def change_password(visit: Visit) -> Response:
    """Sets a new password; all other sessions end."""
    request = members_pb2.ChangePasswordRequest(
        name=ME, password=visit.form.raw("password"), new_password=visit.form.raw("new_password")
    )
    try:
        await visit.services.members.ChangePassword(request)
    except grpc.aio.AioRpcError as error:
        return await _show(visit, problems_of(error, *PROOF), "password")
    return visit.go("/admin/account", "Your password is changed. All your other sessions have ended.")


@family.post("/totp/start")
async def start_totp(visit: Visit) -> Response:
    """Shows the secret for the authenticator app, as a picture and as text."""
    request = members_pb2.StartTotpRequest(name=ME, password=visit.form.raw("password"))
    try:
        started = await visit.services.members.StartTotp(request)
    except grpc.aio.AioRpcError as error:
        return await _show(visit, problems_of(error, *PROOF), "totp")
    return _show_totp(visit, started.secret, started.uri)


@family.post("/totp/confirm")
async def confirm_totp(visit: Visit) -> Response:
    """Turns codes on by a first one, and shows the recovery codes."""
    carried = visit.surroundings.seal.carried(visit.subject, visit.form["carried"])
    if carried is None:
        return visit.go("/admin/account", "This took longer than five minutes. Start once more.", "warning")
    request = members_pb2.ConfirmTotpRequest(name=ME, code=visit.form["code"])
    try:
        confirmed = await visit.services.members.ConfirmTotp(request)
    except grpc.aio.AioRpcError as error:
        secret, uri = carried
        return _show_totp(visit, secret, uri, problems_of(error))
    return visit.show("account/recovery_codes.html", codes=confirmed.recovery_codes)


@family.post("/totp/disable")
async def disable_totp(visit: Visit) -> Response:
    """Turns codes off."""
    request = members_pb2.DisableTotpRequest(name=ME, password=visit.form.raw("password"), code=visit.form["code"])
    try:
        await visit.services.members.DisableTotp(request)
    except grpc.aio.AioRpcError as error:
        return await _show(visit, problems_of(error, *PROOF), "totp")
    return visit.go("/admin/account", "One-time codes are off. Your password alone signs you in.", "warning")


@family.post("/sessions/{id}/end")
async def end_session(visit: Visit) -> Response:
    """Ends one session; if it is this one, one is signed out."""
    request = members_pb2.ListSessionsRequest(parent=ME)
    sessions = (await visit.services.members.ListSessions(request)).sessions
    wanted = f"/sessions/{visit.request.path_params['id']}"
    session = next((each for each in sessions if each.name.endswith(wanted)), None)
    if session is not None:
        await visit.services.members.EndSession(members_pb2.EndSessionRequest(name=session.name))
    if session is not None and session.current:
        response = visit.go("/admin/sign-in?why=signed-out")
        visit.cookies.delete(response, SESSION)
        return response
    return visit.go("/admin/account#sessions", "The session has ended.")


@family.post("/sessions/end-others")
async def end_other_sessions(visit: Visit) -> Response:
    """Ends all sessions but this one."""
    ended = (await visit.services.members.EndOtherSessions(members_pb2.EndOtherSessionsRequest(parent=ME))).ended
    said = f"{ended} other sessions have ended." if ended != 1 else "One other session has ended."
    return visit.go("/admin/account#sessions", said if ended else "There was no other session.")


async def _show(visit: Visit, problems: Problems | None = None, part: str = "") -> Response:
    """The account; `part` is the form that the problems are about."""
    request = members_pb2.ListSessionsRequest(parent=ME)
    sessions = (await visit.services.members.ListSessions(request)).sessions
    status = 400 if problems else 200
    return visit.show("account/account.html", status, sessions=sessions, problems=problems, part=part)


def _show_totp(visit: Visit, secret: str, uri: str, problems: Problems | None = None) -> Response:
    drawn = segno.make(uri, error="m").svg_inline(border=3, dark="#16221c", light="#ffffff", omitsize=True)
    spaced = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return visit.show(
        "account/totp.html",
        400 if problems else 200,
        picture=Markup(drawn),  # noqa: S704 - drawn here, from a secret of our own
        secret=spaced,
        carried=visit.surroundings.seal.carry(visit.subject, [secret, uri]),
        problems=problems,
    )
