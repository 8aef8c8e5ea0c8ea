"""What clients do all day, while something else is done to the system that they use; and what of it has failed."""

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import httpx
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.keys.membership import totp
from services.webhooks import signing
from tests.partner import Partner
from tests.system import Client, Person, System

WAIT_S = 60.0
OVER = "This form can no longer be used"
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Coded:
    """Somebody who signs in with one-time codes."""

    person: Person
    secret: str
    last_step: int
    """Of the last code that they used."""


@dataclass
class Shop:
    """A shop and all who use it."""

    system: System
    gateway: str
    store: str
    keys: Sequence[Client]
    """Used again and again."""
    member: Person
    """Signed in all the time."""
    coded: Sequence[Coded]
    product: catalog_pb2.Product
    endpoint: str
    secrets: list[str]
    """Of the endpoint, all that it has had."""


@dataclass
class Traffic:
    """Clients of a shop at work."""

    shop: Shop
    done: Counter[str] = field(default_factory=Counter)
    retried: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _forms: deque[tuple[str, str]] = field(default_factory=deque)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator["Traffic"]:
        """Everybody works while the context lasts; at its end, what they have begun ends."""
        stop = asyncio.Event()
        async with httpx.AsyncClient(timeout=WAIT_S, verify=False) as http:  # noqa: S501 - it speaks http
            acts: list[tuple[Callable[[], Awaitable[None]], float]] = [
                *((lambda client=each: self._use(client), 0.8) for each in (*self.shop.keys, self.shop.member.client)),
                (self._make_and_revoke, 1.0),
                (self._sign_in, 2.0),
                (self._sign_in_with_code, 4.0),
                (self._change, 0.5),
                (self._rotate, 3.0),
                (lambda: self._read(http), 1.0),
                (lambda: self._fill_in(http), 2.0),
            ]
            tasks = [asyncio.create_task(self._repeat(act, pace, stop)) for act, pace in acts]
            try:
                yield self
            finally:
                stop.set()
                await asyncio.gather(*tasks)

    async def go_on(self) -> None:
        """Waits until everything has been done once more.

        Raises:
            TimeoutError: something is not done any more.
        """
        before = self.done.copy()
        wanted = {"use", "make and revoke", "sign in", "sign in with code", "change", "rotate", "read", "fill in"}
        async with asyncio.timeout(WAIT_S):
            while any(self.done[each] <= before[each] for each in wanted):  # noqa: ASYNC110 - eight events, not one
                await asyncio.sleep(0.05)

    async def _repeat(self, act: Callable[[], Awaitable[None]], pace: float, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await act()
            except grpc.aio.AioRpcError as failure:
                # What is restarted says so; everything else is a broken promise.
                if failure.code() is grpc.StatusCode.UNAVAILABLE:
                    self.retried[str(failure.details())] += 1
                else:
                    self.failures.append(f"{failure.code()} {failure.details()}")
            except httpx.TransportError as failure:
                self.retried[type(failure).__name__] += 1
            await asyncio.sleep(pace)

    async def _use(self, client: Client) -> None:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=self.shop.store))
        await client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=self.shop.store))
        self.done["use"] += 1

    async def _make_and_revoke(self) -> None:
        operator = self.shop.system.operator
        request = keys_pb2.CreateKeyRequest(parent=self.shop.store, display_name="Made", scopes=["catalog.read"])
        made = await operator.keys.CreateKey(request)
        await self.shop.system.as_(made.secret).catalog.GetStore(catalog_pb2.GetStoreRequest(name=self.shop.store))
        await operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=made.key.name))
        self.done["make and revoke"] += 1

    async def _sign_in(self) -> None:
        person, members = self.shop.member, self.shop.system.as_(None).members
        request = members_pb2.SignInRequest(email=person.email, password=person.password)
        token = (await members.SignIn(request)).token
        await self.shop.system.as_(token).members.GetMember(members_pb2.GetMemberRequest(name="members/me"))
        await self._sign_out(token)
        self.done["sign in"] += 1

    async def _sign_in_with_code(self) -> None:
        now = int(time.time()) // totp.STEP_S
        each = min(self.shop.coded, key=lambda each: each.last_step)
        step = max(now, each.last_step + 1)
        if step > now + totp.WINDOW:
            return
        each.last_step = step  # whatever comes of it: a code is taken once
        code = totp.code_at(each.secret, step)
        request = members_pb2.SignInRequest(email=each.person.email, password=each.person.password, code=code)
        await self._sign_out((await self.shop.system.as_(None).members.SignIn(request)).token)
        self.done["sign in with code"] += 1

    async def _sign_out(self, token: str) -> None:
        await self.shop.system.as_(token).members.SignOut(members_pb2.SignOutRequest())

    async def _change(self) -> None:
        number = self.done["change"] + 1
        product = catalog_pb2.Product(name=self.shop.product.name, description=f"The {number}th")
        request = catalog_pb2.UpdateProductRequest(product=product, update_mask=FieldMask(paths=["description"]))
        await self.shop.system.operator.catalog.UpdateProduct(request)
        self.done["change"] += 1

    async def _rotate(self) -> None:
        request = webhooks_pb2.RotateWebhookEndpointSecretRequest(name=self.shop.endpoint)
        request.overlap.FromSeconds(0)
        rotated = await self.shop.system.operator.webhooks.RotateWebhookEndpointSecret(request)
        self.shop.secrets.append(rotated.secret)
        self.done["rotate"] += 1

    async def _read(self, http: httpx.AsyncClient) -> None:
        headers = {"X-Api-Key": self.shop.keys[0].token}
        answer = await http.get(f"{self.shop.gateway}/v1/{self.shop.store}", headers=headers)
        self._count("read", answer, is_well=answer.is_success)

    async def _fill_in(self, http: httpx.AsyncClient) -> None:
        """Opens a form, and sends the one that was opened before."""
        http.cookies.clear()
        page = await http.get(f"{self.shop.gateway}/admin/sign-in")
        if (csrf := CSRF.search(page.text)) is None:
            self._count("open a form", page, is_well=False)
            return
        self._forms.append((csrf[1], "; ".join(f"{name}={value}" for name, value in page.cookies.items())))
        http.cookies.clear()
        if len(self._forms) < 2:
            return
        token, cookies = self._forms.popleft()
        person = self.shop.member
        answer = await http.post(
            f"{self.shop.gateway}/admin/sign-in",
            data={"csrf": token, "email": person.email, "password": person.password, "next": "/admin"},
            headers={"Origin": self.shop.gateway, "Cookie": cookies},
        )
        if answer.status_code == 303:
            await self._sign_out(answer.cookies["sedifex_session"])
        self._count("fill in", answer, is_well=answer.status_code == 303)

    def _count(self, what: str, answer: httpx.Response, *, is_well: bool) -> None:
        if is_well:
            self.done[what] += 1
        elif answer.status_code == 503:
            self.retried[what] += 1
        else:
            self.failures.append(f"{what}: {answer.status_code} {answer.text[:300]}")

    def await_deliveries(self, partner: Partner) -> None:
        """Waits until every change has been delivered, and looks at every signature.

        Raises:
            queue.Empty: one does not come.
            SignatureError: one is signed by nobody that the partner knows.
        """
        seen: set[str] = set()
        wanted = f"The {self.done['change']}th"
        while True:
            delivered = partner.next()
            event = delivered.event
            self._verify(delivered.headers, delivered.body)
            seen.add(str(event["id"]))
            if (event["data"].get("after") or {}).get("description") == wanted and len(seen) >= self.done["change"]:
                return

    def _verify(self, headers: dict[str, str], body: bytes) -> None:
        problems = []
        for secret in reversed(self.shop.secrets):
            try:
                signing.verify(headers, body, secret, now=int(time.time()))
            except signing.SignatureError as problem:
                problems.append(problem)
            else:
                return
        raise problems[0]
