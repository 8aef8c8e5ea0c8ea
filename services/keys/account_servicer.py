"""The part of MembersService that is about the caller alone: signing in, sessions, the own account."""

import secrets
from dataclasses import dataclass

from sedifex.keys.v1 import members_pb2, members_pb2_grpc

from services.common.access import token as token_format
from services.common.access.caller import current_caller
from services.common.access.origin import current_origin
from services.common.database import Database
from services.common.errors import PermissionDenied
from services.common.ids import ids_of, new_id
from services.common.server import Context
from services.common.stores import StoreDirectory
from services.common.times import now
from services.common.vault import Vault
from services.keys.barrier import Barrier
from services.keys.digest import Digester
from services.keys.members_convert import member_message, session_message, wanted_name
from services.keys.membership import accounts, emails, passwords, second_factor, sessions, totp
from services.keys.membership.hashing import Hashing
from services.keys.membership.proving import Claim, Proving
from services.keys.membership.sessions import NewSession


@dataclass(frozen=True)
class Means:
    """What the service works with."""

    database: Database
    digester: Digester
    vault: Vault
    hashing: Hashing
    barrier: Barrier
    stores: StoreDirectory
    public_url: str


class AccountServicer(members_pb2_grpc.MembersServiceServicer):
    """See proto/sedifex/keys/v1/members.proto for what each method promises."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database, self._barrier = means.database, means.barrier
        self._digester, self._vault, self._hashing = means.digester, means.vault, means.hashing
        self._proving = Proving(means.database, means.hashing, means.digester, means.vault)

    async def SignIn(self, request: members_pb2.SignInRequest, _context: Context) -> members_pb2.SignInResponse:
        """Signs a member in."""
        moment, wanted = now(), new_session()
        claim = Claim(emails.normalise(request.email), request.password, current_origin().address, request.code)
        session = await self._proving.prove(
            claim, moment, lambda member: sessions.begin(member.id, wanted, self._digester, moment)
        )
        profile = await self._database.read(accounts.get_profile, session.member_id, self._digester)
        return members_pb2.SignInResponse(
            member=member_message(profile), session=session_message(session, session.id), token=wanted.token
        )

    async def SignOut(self, _request: members_pb2.SignOutRequest, _context: Context) -> members_pb2.SignOutResponse:
        """Ends the session of this call."""
        await self._database.write(sessions.end_session, caller_id(), _session_id())
        await self._barrier.confirm()
        return members_pb2.SignOutResponse()

    async def Reauthenticate(
        self, request: members_pb2.ReauthenticateRequest, _context: Context
    ) -> members_pb2.ReauthenticateResponse:
        """Notes on the session that the member has proved again who they are."""
        moment, session_id = now(), _session_id()
        claim = await self._claim(request.name, request.password, request.code)
        session = await self._proving.prove(
            claim, moment, lambda member: sessions.authenticate(member.id, session_id, moment)
        )
        return members_pb2.ReauthenticateResponse(session=session_message(session, session_id))

    async def ListSessions(
        self, request: members_pb2.ListSessionsRequest, _context: Context
    ) -> members_pb2.ListSessionsResponse:
        """Lists the caller's sessions."""
        listed = await self._database.read(sessions.list_sessions, _itself(request.parent), now())
        return members_pb2.ListSessionsResponse(sessions=[session_message(each, _session_id()) for each in listed])

    async def EndSession(
        self, request: members_pb2.EndSessionRequest, _context: Context
    ) -> members_pb2.EndSessionResponse:
        """Ends one of the caller's sessions."""
        await self._database.write(sessions.end_session, _itself(request.name), ids_of(request.name)[1])
        await self._barrier.confirm()
        return members_pb2.EndSessionResponse()

    async def EndOtherSessions(
        self, request: members_pb2.EndOtherSessionsRequest, _context: Context
    ) -> members_pb2.EndOtherSessionsResponse:
        """Ends the caller's sessions but this one."""
        ended = await self._database.write(sessions.end_others, _itself(request.parent), _session_id())
        await self._barrier.confirm()
        return members_pb2.EndOtherSessionsResponse(ended=ended)

    async def GetMember(
        self, request: members_pb2.GetMemberRequest, _context: Context
    ) -> members_pb2.GetMemberResponse:
        """Gets the caller."""
        profile = await self._database.read(accounts.get_profile, _itself(request.name), self._digester)
        return members_pb2.GetMemberResponse(member=member_message(profile))

    async def UpdateMember(
        self, request: members_pb2.UpdateMemberRequest, _context: Context
    ) -> members_pb2.UpdateMemberResponse:
        """Changes the caller."""
        member_id = _itself(request.member.name)
        name = wanted_name(request.member, request.update_mask)
        profile = await self._database.write(accounts.rename, member_id, name, self._digester)
        return members_pb2.UpdateMemberResponse(member=member_message(profile))

    async def ChangePassword(
        self, request: members_pb2.ChangePasswordRequest, _context: Context
    ) -> members_pb2.ChangePasswordResponse:
        """Sets the caller's password."""
        claim, session_id = await self._claim(request.name, request.password), _session_id()
        chosen = await self._hashing.hash(passwords.check_new(request.new_password, claim.email, "new_password"))
        await self._proving.prove(claim, now(), lambda member: accounts.change_password(member.id, chosen, session_id))
        await self._barrier.confirm()
        return members_pb2.ChangePasswordResponse()

    async def ResetPassword(
        self, request: members_pb2.ResetPasswordRequest, _context: Context
    ) -> members_pb2.ResetPasswordResponse:
        """Sets a member's password by the token of a reset link."""
        moment = now()
        member = await self._database.read(accounts.member_of_reset, request.token, self._digester, moment)
        chosen = await self._hashing.hash(passwords.check_new(request.new_password, member.email, "new_password"))
        await self._database.write(accounts.reset_password, member, chosen, request.token, self._digester, moment)
        await self._barrier.confirm()
        return members_pb2.ResetPasswordResponse()

    async def StartTotp(
        self, request: members_pb2.StartTotpRequest, _context: Context
    ) -> members_pb2.StartTotpResponse:
        """Makes the secret for one-time codes."""
        claim, secret = await self._claim(request.name, request.password), totp.new_secret()
        uri = await self._proving.prove(claim, now(), lambda member: second_factor.start(member, secret, self._vault))
        return members_pb2.StartTotpResponse(secret=secret, uri=uri)

    async def ConfirmTotp(
        self, request: members_pb2.ConfirmTotpRequest, _context: Context
    ) -> members_pb2.ConfirmTotpResponse:
        """Turns one-time codes on."""
        member_id, codes = _itself(request.name), totp.new_recovery_codes(secrets.choice)
        await self._database.write(
            second_factor.confirm,
            member_id,
            request.code,
            recovery_codes=codes,
            vault=self._vault,
            digester=self._digester,
            now=now(),
        )
        profile = await self._database.read(accounts.get_profile, member_id, self._digester)
        return members_pb2.ConfirmTotpResponse(member=member_message(profile), recovery_codes=codes)

    async def DisableTotp(
        self, request: members_pb2.DisableTotpRequest, _context: Context
    ) -> members_pb2.DisableTotpResponse:
        """Turns one-time codes off."""
        claim = await self._claim(request.name, request.password, request.code)
        await self._proving.prove(claim, now(), lambda member: second_factor.disable(member.id))
        profile = await self._database.read(accounts.get_profile, caller_id(), self._digester)
        return members_pb2.DisableTotpResponse(member=member_message(profile))

    async def _claim(self, name: str, password: str, code: str | None = None) -> Claim:
        """The claim of a caller, who is signed in, to be who they say."""
        member = await self._database.read(accounts.get_member, _itself(name))
        return Claim(member.email, password, current_origin().address, code, refusal=PermissionDenied)


def _itself(name: str) -> str:
    """The id of the caller, if the name is theirs: "members/me…" or "members/{their id}…".

    Raises:
        PermissionDenied: it is somebody else's.
    """
    if ids_of(name)[0] not in {"me", caller_id()}:
        raise PermissionDenied("This is another member's. Use members/me.", reason="MEMBER_NOT_ALLOWED")
    return caller_id()


def caller_id() -> str:
    """The id of the member who calls."""
    return ids_of(current_caller().principal)[0]


def _session_id() -> str:
    return current_caller().credential_id


def new_session() -> NewSession:
    """A session that begins where this call comes from."""
    return NewSession(new_id("ses"), token_format.mint(token_format.Kind.SESSION), current_origin())
