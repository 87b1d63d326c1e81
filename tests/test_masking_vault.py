"""What stands for a secret: placeholders, stable and unique and undone, over texts that follow one another and whole values."""

from __future__ import annotations

import base64
import json
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_masking import ALNUM, TEXTS

from nexus.masking import Vault, masked_text


def test_the_same_secret_has_the_same_placeholder_and_another_has_another() -> None:
    vault = Vault()
    assert vault.mask("password=hunter2x") == "password=[secret-1:password]"
    assert vault.mask("token=abc12345 password=hunter2x") == "token=[secret-2:token] password=[secret-1:password]"


def test_a_known_secret_is_masked_without_its_name_later_and_earlier_in_the_same_text() -> None:
    vault = Vault()
    assert vault.mask("hunter2x! said password='hunter2x!'") == "[secret-1:password] said password='[secret-1:password]'"
    assert vault.mask("login with hunter2x! failed") == "login with [secret-1:password] failed"


def test_a_short_secret_is_known_as_a_word_of_its_own_only() -> None:
    vault = Vault()
    vault.mask("password=ab12c")
    assert vault.mask("ab12c 9fceb02ab12c598e (ab12c)") == "[secret-1:password] 9fceb02ab12c598e ([secret-1:password])"


def test_a_name_given_as_a_password_is_not_blotted_out_elsewhere() -> None:
    vault = Vault()
    assert vault.mask("password=checkout") == "password=[secret-1:password]"
    assert vault.mask("checkout is slow") == "checkout is slow"
    assert not vault.holds("checkout is slow")


def test_placeholders_are_not_masked_again_whatever_stands_around_them() -> None:
    vault = Vault()
    for text in (
        "password=[secret-7:jwt]",
        '"token": "[secret-7:token]"',
        "[secret-7:password]=abc12345",
        "[secret:password]: abc12345",
    ):
        assert vault.mask(text) == text
    assert vault.mask("password=abc1[secret-7:jwt]def2") == "password=[secret-1:password][secret-7:jwt][secret-2:password]"


def test_what_only_resembles_a_placeholder_hides_nothing() -> None:
    assert "hunter2x" not in Vault().mask("[secret-1:password=hunter2x]")
    assert ALNUM not in Vault().mask(f"[secret-1:gh{'p_' + ALNUM}]")


def test_a_number_that_the_text_already_uses_is_not_given_again() -> None:
    vault = Vault()
    text = "[secret-1:password] password=hunter2x"
    assert vault.mask(text) == "[secret-1:password] password=[secret-2:password]"
    assert vault.revealed(vault.mask(text)) == text


def test_one_vault_does_not_reveal_what_another_masked() -> None:
    masked = Vault().mask("password=hunter2x")
    assert Vault().revealed(masked) == masked


def test_masked_without_a_vault_names_only_the_kind() -> None:
    assert (
        masked_text("password=hunter2x and hunter2x, [secret-4:jwt]")
        == "password=[secret:password] and [secret:password], [secret-4:jwt]"
    )


def test_a_learned_secret_is_masked_verbatim_inside_words_escaped_and_encoded() -> None:
    vault = Vault()
    vault.learn('k/9 "zeta&x\n')
    for form in (
        'k/9 "zeta&x',
        'xxk/9 "zeta&xyy',
        "k%2F9%20%22zeta%26x",
        'k/9 \\"zeta&x',
        'k/\u200b9 "zeta&x',
        "k/9 &quot;zeta&amp;x",
    ):
        masked = vault.mask(f"a {form} b")
        assert ":configured]" in masked
        assert "zeta" not in masked
    inside = base64.b64encode(b'before k/9 "zeta&x after it').decode()
    assert ":encoded]" in vault.mask(inside)


def test_a_learned_secret_keeps_its_kind_if_there_is_such_a_kind() -> None:
    vault = Vault()
    vault.learn("zeta-zeta-1", kind="api-key")
    vault.learn("iota-iota-1", kind="no such kind")
    assert vault.mask("zeta-zeta-1 iota-iota-1") == "[secret-1:api-key] [secret-2:configured]"


def test_what_is_too_short_to_learn_is_ignored() -> None:
    vault = Vault()
    vault.learn("  zeta-1 ")
    assert vault.mask("zeta-1") == "zeta-1"
    assert not vault.holds("zeta-1")


def test_a_vault_holds_what_it_learned_or_masked_and_nothing_else() -> None:
    vault = Vault()
    vault.learn("zeta-zeta-1")
    masked = vault.mask("password=hunter2x")
    assert vault.holds("a zeta-zeta-1 b")
    assert vault.holds("hunter2x")
    assert vault.holds("hun\u200bter2x")
    assert not vault.holds(masked)
    assert not vault.holds("something else")


def test_values_of_any_shape_are_masked_by_their_keys_and_revealed() -> None:
    vault = Vault()
    value = {
        "password": "correct horse",
        "dbPassword": "swordfish",
        "X-Api-Key": "k1l2m3n4",
        "client-secret": "Zz9",
        "Authorization": "Bearer abc12345x",
        "access_keys": ["k5k6k7k8", "k9k0k1k2"],
        "nested": ({"session_id": "8e03978e-40d5-43e8-bc93-6894a57f9324"}, 3, None, True, 2.5),
        "credentials": {"user": "bob", "value": "Xy12345678"},
        "env": [{"name": "DB_PASSWORD", "value": "hunter2x"}, {"name": "REGION", "value": "eu-west-1"}],
        "cookies": {"theme": "dark", "s": "abc123456"},
        "cookie": "session=abc123; theme=dark",
        "log": "token=abc12345 from checkout",
        "пароль": "qwErty1",
    }
    masked = vault.masked(value)
    assert masked["password"] == "[secret-1:password]"
    assert masked["Authorization"] == "Bearer [secret-4:token]"
    assert masked["client-secret"] == "Zz9"
    assert masked["nested"][1:] == (3, None, True, 2.5)
    assert isinstance(masked["nested"], tuple)
    assert masked["cookies"]["theme"] == "dark"
    assert masked["credentials"]["user"] == "bob"
    assert masked["env"][1] == {"name": "REGION", "value": "eu-west-1"}
    text = json.dumps(masked, ensure_ascii=False)
    for secret in ("horse", "swordfish", "k1l2", "abc1", "k5k6", "k9k0", "8e03", "Xy12", "hunter2x", "qwErty1"):
        assert secret not in text
    assert vault.masked(masked) == masked
    assert vault.revealed(masked) == value


SAY_SECRET = """
password passwd DB_PASSWD userPassword clientSecret client-secret token accessToken api_key apikey APIKey authorization credential
secret credentials private_key access_key session_id cookie Set-Cookie contraseña Passwort пароль 密码 パスワード token2
aws_secret_access_key senha SECRET_PROD X-Auth-Token webhookSecret
"""


@pytest.mark.parametrize("key", [*SAY_SECRET.split(), "mot de passe", "api key"])
def test_a_key_that_says_secret_masks_its_value_whole(key: str) -> None:
    assert re.fullmatch(r"\[secret-1:[a-z-]+\]", Vault().masked({key: "x9Zq-777"})[key])


@pytest.mark.parametrize("key", ["password", "secret", "token", "api_key", "credential", "session_id"])
@pytest.mark.parametrize(
    "value", ["", "true", "none", "None", "null", "***", "<secret>", "${SECRET}", "[secret-3:jwt]", "[secret:token]", "42", "1"]
)
def test_a_trivial_value_under_a_secret_key_stays(key: str, value: str) -> None:
    assert Vault().masked({key: value}) == {key: value}


@pytest.mark.parametrize("key", ["secret", "token", "api_key", "credential", "credentials"])
@pytest.mark.parametrize("value", ["reporting", "payments-db", "prod/payments/db", "Reporting"])
def test_a_name_under_a_secret_key_stays(key: str, value: str) -> None:
    assert Vault().masked({key: value}) == {key: value}


@pytest.mark.parametrize(
    "key", ["token_type", "secretName", "password_policy", "tokens_used", "next_page_token", "public_key", "author"]
)
def test_a_key_that_is_about_a_secret_does_not_mask_its_value(key: str) -> None:
    assert Vault().masked({key: "x9Zq-777"}) == {key: "x9Zq-777"}


def test_a_secret_is_masked_in_what_came_before_the_key_that_gave_it_away() -> None:
    value = {"log": "tried hunter2x!", "password": "hunter2x!"}
    assert Vault().masked(value) == {"log": "tried [secret-1:password]", "password": "[secret-1:password]"}


def test_keys_are_masked_too() -> None:
    assert Vault().masked({"token=abc12345": 1}) == {"token=[secret-1:token]": 1}


def test_what_is_not_text_is_returned_as_it_is() -> None:
    vault = Vault()
    odd = object()
    assert vault.masked({"password": odd, "token": b"abc12345", "secret": 12345678})["password"] is odd
    assert vault.masked(odd) is odd
    assert vault.revealed(7) == 7


def test_depth_is_no_way_out() -> None:
    value: object = "password=hunter2x"
    for _ in range(20_000):
        value = [value]
    inner = Vault().masked(value)
    while isinstance(inner, list):
        inner = inner[0]
    assert inner == "password=[secret-1:password]"


def test_a_vault_shows_and_stores_nothing() -> None:
    vault = Vault()
    vault.mask("password=hunter2x")
    assert repr(vault) == "Vault(1 secrets)"
    with pytest.raises(TypeError, match="never stored"):
        pickle.dumps(vault)


@given(st.lists(TEXTS, max_size=4))
def test_texts_that_follow_one_another_hold_no_secret_of_their_vault(texts: list[str]) -> None:
    vault = Vault()
    for text in texts:
        vault.mask(text)
    for text in texts:
        assert not vault.holds(vault.mask(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["password", "token", "log", "value", "name"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_masking_a_value_is_idempotent_and_can_be_undone(value: object) -> None:
    vault = Vault()
    masked = vault.masked(value)
    assert vault.masked(masked) == masked
    assert vault.revealed(masked) == value
