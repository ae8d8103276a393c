"""Serves oidc-provider-mock at a port: issuer.py PORT [nameless].

Its key lies beside it, for tokens that it would not make. Whoever begins with PKCE must end with it, which the provider
itself does not look at.
"""

import base64
import hashlib
import sys
from pathlib import Path
from typing import Any

import flask
import httpx
import uvicorn
from oidc_provider_mock import _app

_config = _app.OpenIDCode.get_jwt_config


def named(self: _app.OpenIDCode, grant: Any, client: Any = None) -> dict[str, Any]:
    Path("key.pem").write_bytes(_app.storage.jwk.as_pem(is_private=True))
    given: dict[str, Any] = _config(self, grant, client)
    return given | ({} if "nameless" in sys.argv else {"kid": _app.storage.jwk.thumbprint()})


def provider() -> flask.Flask:
    app: flask.Flask = _app.app()
    challenges: dict[str, str] = {}

    @app.after_request
    def remember(answer: flask.Response) -> flask.Response:
        led, challenge = httpx.URL(answer.headers.get("location", "")), flask.request.args.get("code_challenge")
        if challenge and "code" in led.params:
            challenges[led.params["code"]] = challenge
        return answer

    @app.before_request
    def compare() -> tuple[str, int] | None:
        challenge = challenges.get(flask.request.form.get("code", ""))
        hashed = hashlib.sha256(flask.request.form.get("code_verifier", "").encode()).digest()
        is_proof = challenge is None or base64.urlsafe_b64encode(hashed).decode().rstrip("=") == challenge
        return None if is_proof else ('{"error": "invalid_grant"}', 400)

    return app


if __name__ == "__main__":
    _app.OpenIDCode.get_jwt_config = named
    uvicorn.run(provider(), interface="wsgi", port=int(sys.argv[1]), log_level="warning")
