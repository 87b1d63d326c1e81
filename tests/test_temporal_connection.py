"""The connection to a Temporal server, as the settings have it."""

from pathlib import Path

import pytest
from temporalio.service import TLSConfig

from nexus.errors import SettingsError
from nexus.settings import TemporalSettings
from nexus.temporal.connection import _tls


def test_nothing_is_encrypted_unless_the_settings_say_so() -> None:
    assert _tls(TemporalSettings()) is False
    assert _tls(TemporalSettings(tls=True)) is True
    assert _tls(TemporalSettings.model_validate({"api_key": "k"})) is True


def test_an_own_authority_and_a_client_certificate_imply_encryption(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_bytes(name.encode())
    ours = TemporalSettings(server_ca=tmp_path / "ca", client_cert=tmp_path / "cert", client_key=tmp_path / "key")
    assert _tls(ours) == TLSConfig(server_root_ca_cert=b"ca", client_cert=b"cert", client_private_key=b"key")
    assert _tls(TemporalSettings(server_ca=tmp_path / "ca")) == TLSConfig(server_root_ca_cert=b"ca")


def test_a_certificate_without_its_key_or_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "cert").write_bytes(b"cert")
    with pytest.raises(SettingsError, match="a client certificate and its key go together"):
        _tls(TemporalSettings(client_cert=tmp_path / "cert"))
    with pytest.raises(SettingsError, match="missing cannot be read"):
        _tls(TemporalSettings(server_ca=tmp_path / "missing"))
