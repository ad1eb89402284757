"""The loopback Hub's sign-in: OpenID Connect as `gr.LoginButton` speaks it. Whoever `hub.login_as` names consents at once."""

from __future__ import annotations

import base64
import json
import secrets
import time
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.hub_store import User

if TYPE_CHECKING:
    from tests.hub_server import HubServer


def openid(hub: HubServer, request: Request, body: bytes) -> Response:
    places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "userinfo_endpoint": "userinfo",
              "jwks_uri": "jwks"}  # fmt: skip
    return JSONResponse(
        {
            "issuer": hub.url,
            **{name: f"{hub.url}/oauth/{place}" for name, place in places.items()},
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
    )


def authorize(hub: HubServer, request: Request, body: bytes) -> Response:
    query = dict(request.query_params)
    if hub.login_as is None:
        return JSONResponse({"error": "access_denied"}, 403)
    code = secrets.token_hex(8)
    hub.codes[code] = {"token": hub.login_as, "nonce": query.get("nonce", ""), "aud": query["client_id"]}
    mark = "&" if "?" in query["redirect_uri"] else "?"
    return RedirectResponse(f"{query['redirect_uri']}{mark}{urlencode({'code': code, 'state': query['state']})}")


def token(hub: HubServer, request: Request, body: bytes) -> Response:
    code = hub.codes.pop(parse_qs(body.decode())["code"][0], None)
    if code is None:
        return JSONResponse({"error": "invalid_grant"}, 400)
    claims = _claims(hub, hub.users[code["token"]]) | {"aud": code["aud"], "nonce": code["nonce"]}
    return JSONResponse(
        {
            "access_token": code["token"],
            "token_type": "bearer",
            "expires_in": 28800,
            "scope": "openid profile contribute-repos",
            "id_token": _signed(claims),
        }
    )


def userinfo(hub: HubServer, request: Request, body: bytes) -> Response:
    user = hub.user(request)
    assert user is not None
    return JSONResponse(_claims(hub, user))


def jwks(hub: HubServer, request: Request, body: bytes) -> Response:
    numbers = _key().public_key().public_numbers()
    n, e = (_b64(i.to_bytes((i.bit_length() + 7) // 8, "big")) for i in (numbers.n, numbers.e))
    return JSONResponse({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k", "n": n, "e": e}]})


def _claims(hub: HubServer, user: User) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": hub.url,
        "sub": user.name,
        "iat": now,
        "exp": now + 3600,
        "name": user.name.title(),
        "preferred_username": user.name,
        "profile": f"{hub.url}/{user.name}",
        "picture": f"{hub.url}/avatars/{user.name}.svg",
    }


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _signed(claims: dict[str, Any]) -> str:
    head = _b64(json.dumps({"alg": "RS256", "typ": "JWT", "kid": "k"}).encode())
    unsigned = f"{head}.{_b64(json.dumps(claims).encode())}"
    return f"{unsigned}.{_b64(_key().sign(unsigned.encode(), PKCS1v15(), SHA256()))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


ROUTES = [
    ("/.well-known/openid-configuration", openid, ["GET"]),
    ("/oauth/authorize", authorize, ["GET"]),
    ("/oauth/token", token, ["POST"]),
    ("/oauth/userinfo", userinfo, ["GET"]),
    ("/oauth/jwks", jwks, ["GET"]),
]
