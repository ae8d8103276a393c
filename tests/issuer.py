"""Serves oidc-provider-mock at a port; its key lies beside it, for tokens that it would not make: issuer.py PORT [nameless]."""

import sys
from pathlib import Path
from typing import Any

import uvicorn
from oidc_provider_mock import _app

_config = _app.OpenIDCode.get_jwt_config


def named(self: _app.OpenIDCode, grant: Any, client: Any = None) -> dict[str, Any]:
    Path("key.pem").write_bytes(_app.storage.jwk.as_pem(is_private=True))
    given: dict[str, Any] = _config(self, grant, client)
    return given | ({} if "nameless" in sys.argv else {"kid": _app.storage.jwk.thumbprint()})


if __name__ == "__main__":
    _app.OpenIDCode.get_jwt_config = named
    uvicorn.run(_app.app(), interface="wsgi", port=int(sys.argv[1]), log_level="warning")
