"""Certificates to test with: trustme's, or by the `openssl` command where that cannot be had."""

import importlib.util
import ipaddress
import shutil
import ssl
import subprocess
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING


class Pem:
    """Text of keys and certificates."""

    def __init__(self, text: str) -> None:
        self._text = text

    def bytes(self) -> bytes:
        """It, as bytes."""
        return self._text.encode()

    def write_to_path(self, path: str) -> None:
        """Write it down."""
        Path(path).write_text(self._text, encoding="ascii")


class Issued:
    """A certificate of a name, with its key."""

    def __init__(self, text: str) -> None:
        self.private_key_and_cert_chain_pem = Pem(text)

    def configure_cert(self, context: ssl.SSLContext) -> None:
        """Have a server show it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "chain.pem")
            self.private_key_and_cert_chain_pem.write_to_path(str(path))
            context.load_cert_chain(path)


class ByOpenssl:
    """An authority that the `openssl` command makes, as far as the tests use trustme's."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, self._folder)
        self._make("ca", "-subj", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign")
        self.cert_pem = Pem(self._read("ca.pem"))

    def issue_cert(self, name: str) -> Issued:
        """A certificate of a host, which this authority has signed."""
        try:
            kind = f"IP:{ipaddress.ip_address(name)}"
        except ValueError:
            kind = f"DNS:{name}"
        signed = ("-CA", self._path("ca.pem"), "-CAkey", self._path("ca.key"))
        ends = ("-addext", "basicConstraints=critical,CA:FALSE")
        self._make("it", *signed, *ends, "-subj", "/CN=it", "-addext", f"subjectAltName={kind}")
        return Issued(self._read("it.key") + self._read("it.pem"))

    def configure_trust(self, context: ssl.SSLContext) -> None:
        """Have a client trust it."""
        context.load_verify_locations(cadata=self.cert_pem.bytes().decode())

    def _make(self, name: str, *options: str) -> None:
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        to = ("-keyout", self._path(f"{name}.key"), "-out", self._path(f"{name}.pem"))
        command = ("openssl", "req", "-x509", "-days", "2", *key, *to, *options)
        subprocess.run(command, check=True, capture_output=True)

    def _path(self, name: str) -> str:
        return str(Path(self._folder, name))

    def _read(self, name: str) -> str:
        return Path(self._path(name)).read_text(encoding="ascii")


if TYPE_CHECKING or importlib.util.find_spec("trustme") is not None:
    from trustme import CA as Authority  # noqa: N811  # the same in both cases
else:
    Authority = ByOpenssl

__all__ = ["Authority"]
