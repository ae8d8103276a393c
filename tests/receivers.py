"""Receivers of webhooks on loopback, over TLS with a CA of the test's own, that answer as a test wants them to."""

import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.builders import MAPPINGS, environ_of

SECRETS = {
    "HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "HOOK_SECRET_NEXT": "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cywgbG9uZyBlbm91Z2g=",
}
Answer = tuple[int, dict[str, str]]


@dataclass(slots=True)
class Receiver:
    """What came, and what is answered to the next ones."""

    port: int = 0
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[int], Answer] = lambda _number: (204, {})

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/dossier"


@contextmanager
def receiving(folder: Path, port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(receiver))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(folder))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def hang(seconds: float) -> Callable[[int], Answer]:
    def answer(_number: int) -> Answer:
        time.sleep(seconds)
        return 204, {}

    return answer


def certificate(folder: Path, name: str = "localhost") -> Path:
    """One file that is key, certificate and its own CA, for the name and for 127.0.0.1; made once."""
    file = folder / f"{name}.pem"
    if not file.exists():
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.9"))])
        made = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, *form) + made.public_bytes(serialization.Encoding.PEM)
        )
    return file


def mappings_with(folder: Path, *tables: str) -> Path:
    """The mappings of the tests, with these `[[webhooks]]` in the data center acme."""
    shutil.copytree(MAPPINGS, folder / "data-centers")
    center = folder / "data-centers" / "acme" / "center.toml"
    center.write_text("\n".join([center.read_text(), *(f"[[webhooks]]\n{table}\n" for table in tables)]))
    return folder / "data-centers"


def table(receiver: Receiver, ca_file: Path | None, name: str = "crm", more: str = 'allow = ["127.0.0.0/8"]') -> str:
    trust = f'ca_file = "{ca_file}"\n' if ca_file else ""
    return f'name = "{name}"\nurl = "{receiver.url}"\nsecrets = ["HOOK_SECRET"]\n{trust}{more}'


def environ_with_secrets(folder: Path) -> dict[str, str]:
    return environ_of(folder) | SECRETS


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers = receiver.answer(len(receiver.came))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_parts: object) -> None: ...

    return Handler
