"""Coming in and going out: sign-in, invitations, lost passwords, sign-out."""

from urllib.parse import quote

import grpc
from sedifex.keys.v1 import members_pb2
from starlette.responses import Response

from gateway.admin.cookies import SESSION
from gateway.admin.family import Family
from gateway.admin.forms import NO_PROBLEMS, Problems, problems_of
from gateway.admin.protection import safe_path
from gateway.admin.visit import Visit
from services.common.status import info_of

family = Family("sign_in", "", in_store=False)

CODE_WANTED = {"TOTP_REQUIRED", "TOTP_NOT_ACCEPTED"}
NOT_ACCEPTED = ("SIGN_IN_NOT_ACCEPTED", *CODE_WANTED)
NO_LONGER = Problems("This took longer than five minutes, so the password was forgotten again. Give it once more.")


@family.get("/sign-in", public=True)
async def show_sign_in(visit: Visit) -> Response:
    """The form; whoever is signed in goes on at once."""
    path = safe_path(visit.query("next"))
    if visit.token and await _is_signed_in(visit):
        return visit.go(path)
    return visit.show("sign_in/sign_in.html", next=path, email="", why=visit.query("why"))


@family.post("/sign-in", public=True)
async def sign_in(visit: Visit) -> Response:
    """Signs in by email and password, and asks for a code where one is used."""
    path, form, seal = safe_path(visit.form["next"]), visit.form, visit.surroundings.seal
    email, password = form["email"], form.raw("password")
    if form["carried"]:
        carried = seal.carried(visit.subject, form["carried"])
        if carried is None:
            return visit.show("sign_in/sign_in.html", 400, next=path, email="", why="", problems=NO_LONGER)
        email, password = carried
    request = members_pb2.SignInRequest(email=email, password=password, code=form["code"])
    try:
        answer = await visit.services.members.SignIn(request)
    except grpc.aio.AioRpcError as error:
        problems = problems_of(error, *NOT_ACCEPTED)
        if problems.reason in CODE_WANTED:
            sealed = seal.carry(visit.subject, [email, password])
            found = problems if form["code"] else NO_PROBLEMS
            return visit.show("sign_in/code.html", 200, next=path, carried=sealed, problems=found)
        return visit.show("sign_in/sign_in.html", 400, next=path, email=email, why="", problems=problems)
    return visit.start(path, answer.token)


@family.post("/sign-out")
async def sign_out(visit: Visit) -> Response:
    """Ends the session everywhere."""
    await visit.services.members.SignOut(members_pb2.SignOutRequest())
    response = visit.go("/admin/sign-in?why=signed-out")
    visit.cookies.delete(response, SESSION)
    return response


@family.get("/invitation", public=True)
async def show_invitation(visit: Visit) -> Response:
    """Asks for the link: what stands behind its "#" has not come here. With a script it is sent on at once."""
    return visit.show("sign_in/token.html", kind="invitation", token="")


@family.post("/invitation", public=True)
async def look_up_invitation(visit: Visit) -> Response:
    """Shows what an invitation invites to, and asks for a name and a password."""
    token = _token_of(visit.form["token"])
    try:
        invitation = await _look_up(visit, token)
    except grpc.aio.AioRpcError as error:
        return _ask_again(visit, error)
    return visit.show("sign_in/invitation.html", token=token, invitation=invitation, display_name="")


@family.post("/invitation/accept", public=True)
async def accept_invitation(visit: Visit) -> Response:
    """Joins the shop and signs in."""
    form = visit.form
    request = members_pb2.AcceptInvitationRequest(
        token=form["token"], display_name=form["display_name"], password=form.raw("password"), code=form["code"]
    )
    try:
        invitation = await _look_up(visit, form["token"])
    except grpc.aio.AioRpcError as error:
        return _ask_again(visit, error)
    try:
        joined = await visit.services.members.AcceptInvitation(request)
    except grpc.aio.AioRpcError as error:
        problems = _token_problems(error, "INVITATION_NOT_FOUND", *NOT_ACCEPTED)
        return visit.show(
            "sign_in/invitation.html",
            400,
            token=form["token"],
            invitation=invitation,
            display_name=form["display_name"],
            problems=problems,
        )
    return visit.start(visit.in_store(invitation.store), joined.token)


@family.get("/reset-password", public=True)
async def show_reset(visit: Visit) -> Response:
    """Asks for the link of somebody who has lost their password."""
    return visit.show("sign_in/token.html", kind="reset-password", token="")


@family.post("/reset-password", public=True)
async def ask_new_password(visit: Visit) -> Response:
    """Asks for the new password."""
    return visit.show("sign_in/reset.html", token=_token_of(visit.form["token"]))


@family.post("/reset-password/set", public=True)
async def reset_password(visit: Visit) -> Response:
    """Sets it; all sessions have ended, so one signs in with it."""
    request = members_pb2.ResetPasswordRequest(token=visit.form["token"], new_password=visit.form.raw("new_password"))
    try:
        await visit.services.members.ResetPassword(request)
    except grpc.aio.AioRpcError as error:
        problems = _token_problems(error, "RESET_NOT_FOUND")
        if not problems.fields:
            return visit.show("sign_in/token.html", 400, kind="reset-password", token="", problems=problems)
        return visit.show("sign_in/reset.html", 400, token=visit.form["token"], problems=problems)
    return visit.go(f"/admin/sign-in?next={quote('/admin')}", "Your new password is set. Sign in with it.")


async def _is_signed_in(visit: Visit) -> bool:
    try:
        await visit.services.members.GetMember(members_pb2.GetMemberRequest(name="members/me"))
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            return False
        raise
    return True


async def _look_up(visit: Visit, token: str) -> members_pb2.LookUpInvitationResponse:
    return await visit.services.members.LookUpInvitation(members_pb2.LookUpInvitationRequest(token=token))


def _ask_again(visit: Visit, error: grpc.aio.AioRpcError) -> Response:
    """Asks for another link than the one that is no invitation."""
    problems = _token_problems(error, "INVITATION_NOT_FOUND")
    return visit.show("sign_in/token.html", 400, kind="invitation", token="", problems=problems)


def _token_of(text: str) -> str:
    """The token in what was pasted: the whole link, or what stands behind its "#"."""
    return text.rpartition("#")[2].strip()[:128]


def _token_problems(error: grpc.aio.AioRpcError, not_found: str, *reasons: str) -> Problems:
    """What is wrong with the form; a token that is none is about the form as well."""
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return Problems(error.details() or "", {}, info_of(error).reason or not_found)
    return problems_of(error, *reasons)
