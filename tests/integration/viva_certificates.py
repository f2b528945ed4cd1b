# SPDX-License-Identifier: Apache-2.0
"""Certificates that sign themselves, made by the openssl program, and who trusts them."""

import pathlib
import shutil
import ssl
import subprocess

P256 = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
RSA = ("rsa:2048",)


class Certificate:
    """For localhost and 127.0.0.1: `certificate` and `key` are the files."""

    def __init__(self, directory, name, days=90, key_kind=P256):
        self.certificate = pathlib.Path(directory) / f"{name}.pem"
        self.key = pathlib.Path(directory) / f"{name}.key"
        self.arguments = ("--tls-certificate", self.certificate, "--tls-key", self.key)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", *key_kind, "-nodes",
             "-keyout", self.key, "-out", self.certificate, "-days", str(days), "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
            check=True, capture_output=True)  # fmt: skip

    def trusted(self):
        """The context of a client that trusts this certificate only."""
        return ssl.create_default_context(cafile=self.certificate)

    def put_in_place_of(self, other):
        shutil.copy(self.certificate, other.certificate)
        shutil.copy(self.key, other.key)

    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text())
