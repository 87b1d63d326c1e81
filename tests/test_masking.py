"""Secrets vanish in every surrounding, and what only looks like one stays."""

from __future__ import annotations

import base64
import json
import re
import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.masking import KINDS, Vault, masked_text

ALNUM = "16C7e42F292c6912E7710c838347Ae178B4aQz90"
HEX = "9f86d081884c7d659a2feaa0c55ad015"
HEADER, CLAIMS = "eyJ" + "hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0"

SHAPED = [
    ("AKIA" + "Q3EGWZ7RTUXK5LMN", "aws-key"),
    ("ASIA" + "Q3EGWZ7RTUXK5LMN", "aws-key"),
    ("gh" + "p_" + ALNUM, "token"),
    ("gh" + "o_" + ALNUM, "token"),
    ("gh" + "s_" + ALNUM, "token"),
    ("github" + "_pat_11ABCDE0Y0" + ALNUM, "token"),
    ("gl" + "pat-" + ALNUM[:20], "token"),
    ("xo" + "xb-2401234567-2411234567890-" + ALNUM[:24], "token"),
    ("sk" + "_live_" + ALNUM[:24], "api-key"),
    ("rk" + "_live_" + ALNUM[:24], "api-key"),
    ("sk" + "-" + ALNUM + ALNUM[:8], "api-key"),
    ("sk" + "-proj-" + ALNUM[:20] + "_" + ALNUM[:20] + "-x", "api-key"),
    ("sk" + "-ant-api03-" + ALNUM + "-" + ALNUM + "AA", "api-key"),
    ("AI" + "za" + "SyD" + ALNUM[:32], "api-key"),
    ("SG" + "." + ALNUM[:22] + "." + ALNUM + "abc", "api-key"),
    ("npm" + "_" + ALNUM[:36], "token"),
    ("py" + "pi-AgEIcHlwaS5vcmc" + ALNUM, "token"),
    ("S" + "K" + HEX, "api-key"),
    ("hf" + "_" + "QwErTyUiOpAsDfGhJkLzXcVbNmQwErTyUi", "token"),
    ("dop" + "_v1_" + HEX + HEX, "token"),
    (f"{HEADER}.{CLAIMS}.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "jwt"),
    ("4111" + "1111" + "1111" + "1111", "card"),
    ("5500-0055" + "-5555-5559", "card"),
    ("3782 822463" + " 10005", "card"),
]
"""Secrets that any text gives away by their shape alone, and their kind."""

SURROUNDINGS: dict[str, Callable[[str], str]] = {
    "alone": str,
    "a sentence": lambda secret: f"Deployed with {secret}, then it failed.",
    "a log line": lambda secret: f"2026-01-31T12:00:00.123Z WARN [checkout-7d4f] upstream said 401 for {secret} took=12ms",
    "JSON": lambda secret: json.dumps({"level": "error", "detail": secret, "n": 3}),
    "JSON in JSON": lambda secret: json.dumps({"body": json.dumps({"detail": secret})}),
    "a Python value": lambda secret: repr({"detail": [secret, b"x"]}),
    "a tag": lambda secret: f"<detail>{secret}</detail>",
    "a query": lambda secret: f"GET /v1/items?page=2&q={secret}&n=3 HTTP/1.1",
    "Markdown": lambda secret: f"fix: remove `{secret}` from the config (#42)",
    "after an escaped line end": lambda secret: f"line one\\n{secret}\\nline three",
    "between lines": lambda secret: f"first\r\n{secret}\r\nlast",
    "an environment": lambda secret: f"HOME=/root\nDETAIL={secret}\nPATH=/usr/bin",
    "percent signs": lambda secret: "q=" + "".join(f"%{byte:02X}" for byte in secret.encode()) + "&n=3",
    "code points": lambda secret: "".join(f"\\u{ord(character):04x}" for character in secret),
    "PHP's JSON": lambda secret: json.dumps({"url": f"/x/{secret}/y"}).replace("/", "\\/"),
    "colours": lambda secret: f"\x1b[31m{secret[:6]}\x1b[1m{secret[6:]}\x1b[0m",
    "invisible characters": "\u200b".join,
    "base64": lambda secret: "blob: " + base64.b64encode(f"the value is {secret} ok".encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(f"note: {secret} ???>>>".encode()).decode().rstrip("="),
}


def bare(text: str) -> str:
    """The text as a person or a model would put it together again."""
    return re.sub("[\u200b\u2060\ufeff]|\x1b\\[[0-9;]*m", "", text)


def check_vanishes(text: str, secret: str) -> str:
    vault = Vault()
    masked = vault.mask(text)
    assert secret not in bare(masked), masked
    assert vault.mask(masked) == masked
    assert not vault.holds(masked)
    assert vault.revealed(masked) == text
    assert secret not in bare(masked_text(text))
    return masked


@pytest.mark.parametrize("surrounding", SURROUNDINGS.values(), ids=SURROUNDINGS.keys())
@pytest.mark.parametrize(("secret", "kind"), SHAPED, ids=[f"{secret[:8]}…" for secret, _ in SHAPED])
def test_a_secret_with_a_shape_of_its_own_vanishes_in_every_surrounding(
    secret: str, kind: str, surrounding: Callable[[str], str]
) -> None:
    text = surrounding(secret)
    masked = check_vanishes(text, secret)
    if text.startswith(("blob: ", "bm90ZTog")):
        assert masked.removeprefix("blob: ") == "[secret-1:encoded]"
    else:
        assert f":{kind}]" in masked
        for half in (secret[: len(secret) // 2], secret[len(secret) // 2 :]):
            assert half not in bare(masked)


NAMED = [
    ("hasło: tajne-9931-kot", "tajne-9931-kot", "password"),
    ("password=hunter2x", "hunter2x", "password"),
    ("Password = hunter2x", "hunter2x", "password"),
    ("db_password: hunter2x", "hunter2x", "password"),
    ("dbPassword: swordfish", "swordfish", "password"),
    ("spring.datasource.password=swordfish", "swordfish", "password"),
    ("DB_PASS=swordfish", "swordfish", "password"),
    ("user: bob\npass: hunter2x", "hunter2x", "password"),
    ("DB_PW=hunter2x", "hunter2x", "password"),
    ("docker login -u bob -p hunter2x registry.example.com", "hunter2x", "password"),
    ("p\0a\0s\0s\0w\0o\0r\0d\0=\0h\0u\0n\0t\0e\0r\x002\0x\0", "h\0u\0n\0t\0e\0r\x002", "password"),
    ("Password: Hello(World9!", "Hello(World9!", "password"),
    ("PGPASSWORD=s3cr3tpw psql -h db", "s3cr3tpw", "password"),
    ("password=12345678", "12345678", "password"),
    ("password=correct,horse;battery)staple& end", "correct,horse;battery)staple&", "password"),
    ("{user=bob, password=ab,cd9, x=1}", "ab,cd9", "password"),
    ("password=it's-me9 and more", "it's-me9", "password"),
    ('password="correct horse battery"', "correct horse battery", "password"),
    ("password='it''s-me99'", "s-me99", "password"),
    ('password="a\\"b99c" x=1', 'a\\"b99c', "password"),
    ('password="cut off in the midd', "cut off in the midd", "password"),
    ('pwd: "abc;d,e"', "abc;d,e", "password"),
    ('{"password": "with spaces 1"}', "with spaces 1", "password"),
    ('{"password" :\n   "hunter2x"}', "hunter2x", "password"),
    ('{\\"password\\":\\"hunter2x\\"}', "hunter2x", "password"),
    ('{\\\\\\"password\\\\\\":\\\\\\"hunter2x\\\\\\"}', "hunter2x", "password"),
    ("{'password': b'hunter2x'}", "hunter2x", "password"),
    (':password => "abc12345"', "abc12345", "password"),
    ("--password swordfish --verbose", "swordfish", "password"),
    ("--db-password=swordfish", "swordfish", "password"),
    ('["--password", "hunter2x"]', "hunter2x", "password"),
    ("password: |\n  hunter2x\nnext: 1", "hunter2x", "password"),
    ("- name: DB_PASSWORD\n  value: hunter2x\n", "hunter2x", "password"),
    ('{"name":"DB_PASSWORD","value":"hunter2x"}', "hunter2x", "password"),
    ("<password>hunter2x y</password>", "hunter2x y", "password"),
    ('<add key="Password" value="hunter2x"/>', "hunter2x", "password"),
    ("the password is hunter2x!", "hunter2x!", "password"),
    ("password for user bob: hunter2x", "hunter2x", "password"),
    ("password: password: hunter2x", "hunter2x", "password"),
    ("ALTER USER x WITH PASSWORD 'abcdefgh9'", "abcdefgh9", "password"),
    ("CREATE USER x IDENTIFIED BY 'abc12345'", "abc12345", "password"),
    ("mysql -u root -phunter2x shop", "hunter2x", "password"),
    ("curl -u bob:hunter2x https://example.com", "hunter2x", "password"),
    ("redis-cli -h cache -a hunter2x ping", "hunter2x", "password"),
    ("machine example.com login bob password hunter2x", "hunter2x", "password"),
    ("user=x password=abc12345\\nhost=y", "abc12345", "password"),
    ("password=\x1b[33mhunter2x\x1b[0m done", "hunter2x", "password"),
    ("pass\u200bword=hun\u200bter\u2060-2x", "hunter-2x", "password"),
    ("ｐａｓｓｗｏｒｄ＝abc12345", "abc12345", "password"),
    ("Passwort: geheim123", "geheim123", "password"),
    ("Kennwort=geheim123", "geheim123", "password"),
    ("contraseña: secreta1", "secreta1", "password"),
    ("clave: llave123", "llave123", "password"),
    ("mot de passe : azerty12", "azerty12", "password"),
    ("senha=segredo1", "segredo1", "password"),
    ("Пароль: qwErty1", "qwErty1", "password"),
    ("ПАРОЛЬ = qwErty1", "qwErty1", "password"),
    ("密码：abc12345", "abc12345", "password"),
    ("密码是abc12345", "abc12345", "password"),
    ("口令: abc12345", "abc12345", "password"),
    ("パスワード: abc12345", "abc12345", "password"),
    ("SECRET_KEY=a8f5f167f44f4964e6c998dee827110c", "a8f5f167f44f4964e6c998dee827110c", "secret"),
    ("client_secret: 8Q~x7Lm2", "8Q~x7Lm2", "secret"),
    ('"api_key": "k1l2m3n4"', "k1l2m3n4", "api-key"),
    ("X-Api-Key: k1l2m3n4", "k1l2m3n4", "api-key"),
    ("headers=[('x-api-key', 'abc12345x')]", "abc12345x", "api-key"),
    ("DD_API_KEY=" + HEX, HEX, "api-key"),
    ("DD_APP_KEY=" + HEX, HEX, "api-key"),
    ('"routing_key": "' + HEX + '"', HEX, "api-key"),
    ("Authorization: Token token=y_NbAkKc66ryYTWUXYEu", "y_NbAkKc66ryYTWUXYEu", "token"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY9x7Qz3k2Ab", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY9x7Qz3k2Ab", "aws-key"),
    ('"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCY9x7Qz3k2Ab"', "wJalrXUtnFEMI", "aws-key"),
    ("AKIA" + "Q3EGWZ7RTUXK5LMN,wJalrXUtnFEMI/K7MDENG/bPxRfiCY9x7Qz3k2Ab", "wJalrXUtnFEMI", "aws-key"),
    ("Authorization: Bearer abc.def-123", "abc.def-123", "token"),
    ('curl -H "Authorization: Bearer abcDEF123456" https://example.com', "abcDEF123456", "token"),
    ("[(b'authorization', b'Bearer abc12345x')]", "abc12345x", "token"),
    ("sent bearer abc12345x to it", "abc12345x", "token"),
    ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", "basic-auth"),
    ('"auths":{"example.com":{"auth":"dXNlcjpwYXNz"}}', "dXNlcjpwYXNz", "basic-auth"),
    ('Authorization: Digest username="x", response="6629fae49393a053"', "6629fae49393a053", "token"),
    ("postgres://user:pass@host/db", ":pass@", "url-password"),
    ("postgres://app:p@ss:w0rd@db:5432/x", "p@ss:w0rd", "url-password"),
    ("redis://:abc/def9@cache", "abc/def9", "url-password"),
    ("amqp://u:s3cr3t@mq:5672/v?mail=x@example.com", "s3cr3t", "url-password"),
    ("postgres://a:" + "Q9x" * 400 + "@db", "Q9xQ9x", "url-password"),
    ("kafka://u:one1@a,sasl://v:two2@b", "two2", "url-password"),
    ("app:pw1234@tcp(db:3306)/shop", "pw1234", "url-password"),
    ("https://hooks.slack.com/services/T0AB12CD3/B0AB12CD3/" + ALNUM[:24], ALNUM[:24], "webhook"),
    ("DefaultEndpointsProtocol=https;AccountKey=abc123+/def456==;EndpointSuffix=x", "abc123+/def456==", "connection-string"),
    ("Server=db;Password=abc;Database=x", "=abc;", "password"),
    ("Set-Cookie: session=abc123def; Path=/; HttpOnly", "abc123def", "cookie"),
    ("Cookie: theme=dark; foo; sid=abcdef123456", "abcdef123456", "cookie"),
    ('"set-cookie": ["a=b; Path=/", "sid=abcdef123456; HttpOnly"]', "abcdef123456", "cookie"),
    ("PHPSESSID=abcdef123456", "abcdef123456", "session"),
    ('"sessionId": "abcdef123456"', "abcdef123456", "session"),
    ("https://example.com/y?token=abcDEF123&b=1", "abcDEF123", "token"),
    ("https://example.com/y?a=1&sig=abc%2Fdef123%3D", "abc%2Fdef123%3D", "signature"),
    ("https://example.com/y?X-Amz-Signature=deadbeef01234567", "deadbeef01234567", "signature"),
    ("https://example.com/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=af0", "SplxlOBeZQQYbYS6WxSbIA", "token"),
    ("q=password%3Dhunter2x%26b%3D1", "hunter2x", "password"),
    ("u=https%3A%2F%2Fuser%3Ahunter2x%40host%2F", "hunter2x", "url-password"),
    ("https://example.com?a\\u003d1\\u0026token\\u003dabc12345x", "abc12345x", "token"),
    ("password&quot;:&quot;abc12345&quot;", "abc12345", "password"),
    ("secret_name_password=hunter2x", "hunter2x", "password"),
    ("password_token=abc12345", "abc12345", "password"),
]
"""Text, the secret in it that only its name or its place gives away, and the kind."""


@pytest.mark.parametrize(("text", "secret", "kind"), NAMED, ids=[text for text, _, _ in NAMED])
def test_a_secret_with_a_name_vanishes(text: str, secret: str, kind: str) -> None:
    assert f":{kind}]" in check_vanishes(text, secret)
    for around in (f"2026-01-31 ERROR x {text}", f"{text}\nnext line", f"a\\n{text}", json.dumps({"log": text}), f"({text})"):
        check_vanishes(around, secret)


BODY = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" + f"{line:02d}QzRkLm9w" for line in range(6))


@pytest.mark.parametrize("label", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize(
    "ends", ["\n", "\\n", "\\\\n", "\n    ", " "], ids=["lines", "escaped", "twice escaped", "YAML", "spaces"]
)
def test_a_private_key_vanishes_whole_or_cut_off(label: str, ends: str) -> None:
    head, body, foot = f"-----BEGIN {label}PRIVATE KEY-----", ends.join(BODY.split("\n")), f"-----END {label}PRIVATE KEY-----"
    whole = f"key: {head}{ends}{body}{ends}{foot} loaded"
    assert check_vanishes(whole, "MIIE") == "key: [secret-1:private-key] loaded"
    for piece in (
        f"{head}{ends}{body}",
        f"{head}{ends}{body[:-5]}",
        f"{body}{ends}{foot} loaded",
        f"log: {head}{ends}{body}{ends}",
    ):
        assert "QzRkLm" not in check_vanishes(piece, "MIIE")


def test_a_private_key_with_a_log_prefix_on_each_line_vanishes() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", *BODY.split("\n")]
    text = "\n".join(f"2026-01-31T12:00:00Z app-1 | {line}" for line in lines)
    assert "MIIE" not in Vault().mask(text)


INNOCENT = """\
commit 9fceb02d0ae598e95dc970b74767f19372d61af8
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
image: registry.example.com/shop/checkout@sha256:9b2cf0c1e6a1f0e0a9a7e2c8e7b5e0e6c1d2f3a4b5c6d7e8f9a0b1c2d3e4f5a6
request_id=6f1c2e3a-9b7d-4c1e-8a57-0d4b2f6e9c31
idempotency-key: 8e03978e-40d5-43e8-bc93-6894a57f9324
trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7
X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678
SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8
integrity sha512-MjVn6d2QzKxPj9O3HkU0tYVZb3wSm5Gf0u5w7oJ4v1iB8qXwzC2tN6rL0pD9sKfY3eA7hGmUoT1xQbZcJdRyVw==
etag W/"33a64df551425fcc55e4d42a148795d9f25f89d4"
ts=1700000000000 ns=1700000000000000000 us=1700000000000000
2026-01-31T12:00:00.123Z 10.1.2.3:8080 [2001:db8::1]:443 v1.2.3-rc.4
20260131120000
/usr/lib/python3.11/site-packages/nexus/masking.py
C:\\Users\\bob\\AppData\\Local\\Temp\\x.log
max_tokens: 4096
tokens=512/1024
token_type: bearer
token count 12, 45.2 tokens/s
the token bucket: 50 rps
tokenizer: bpe-v1.2
password_file: /run/secrets/db
password: /run/secrets/db_password
PWD=/srv/app OLDPWD=/home/app
password: ${DB_PASSWORD}
password: {{ .Values.password }}
password=%s password=$PASSWORD password=:password
password=***
password: <redacted>
password=[REDACTED]
password=
password: ""
password: null
password = os.environ["DB_PASSWORD"]
password = getpass.getpass()
connect(password=settings.db_password, token=self.token)
def login(password: str, token: Optional[str] = None) -> None:
["username","password","email"]
invalid token: signature mismatch
error: unexpected token: foo_bar2
secret: not found
authorization: denied for user bob
Authorization required
Wrong password: please try again
password: must be at least 8 characters
password: can't be blank
password authentication failed for user "app"
password changed for user-42 at 10:00
Failed password for invalid user admin from 10.0.0.5 port 22 ssh2
Basic authentication and Bearer authentication
token-service: status=500 p99=2300ms
auth-token-service-7d4f8b-x2x7k: CrashLoopBackOff
secretName: app-tls
kubectl get secret db-creds
MountVolume.SetUp failed for volume "x" : secret "payments-db-primary-creds-5d8f7b9c6d" not found
secrets "db-creds-7f9d" is forbidden
DB_PASSWORD:  <set to the key 'password' in secret 'db'>  Optional: false
--secret payments-db-primary-creds-v2
print("password=" + value)
headers = {"Authorization": f"Bearer {token}"}
secrets: Sequence[str] = (), session_id: Required[str], token = await self.refresh(request)
a user (`username`, `password`) and 'Cookie:' headers
curl -H "X-Token: <token>" -u <user>:<password> https://example.com
docker run -p 8080:80 img
auth_token_errors_total{service="x-12"} 5
arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf
permission denied: secret/data/payments
credential: reporting
RotateSecret: reporting
API key: missing
api_key_id=abc123456
next_page_token: CAUQAA1234
http://host:8080/path/user@example.com
ssh://git@github.com/x/y.git
git@github.com:x/y.git
http://10.0.0.1:9090/api/v1/query?query=rate(http_requests_total[5m])&start=1700000000
GET /v1/items?key=orders&code=404 HTTP/1.1
docker run -u 1000:1000 img
mysql -u root -p shop -P 3306
pods sk-learn-runner-7f9d8c-abcde
disk-abcdefghijklmnopqrstuvwx1
compass=12345 bypass=truthy1
passed: 12 failed: 3 pass: 12/15
float 0.4111111111111111
id 12345678-1234-1234-1234-123456789012
mean 4000 4200 3400 1200 5000
order 4111111111111112
cookie: none
Cookie: theme=dark; lang=en
session: 42 requests
session_count=42
eyJ is a prefix.
-----BEGIN CERTIFICATE-----
MIIDXTCCAkWgAwIBAgIJAKL0UG+mRkSZMA0GCSqGSIb3DQEBCwUAMEUxCzAJBgNV
-----END CERTIFICATE-----
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7vbqajDhA user@host
aGVsbG8gd29ybGQsIHRoaXMgaXMgcGxhaW4gdGV4dA==
feat(auth): rotate secret handling (#123)
Merge pull request #42 from acme/fix-token-refresh
50% of users, 100%25 encoded, caf%C3%A9
"""


@pytest.mark.parametrize("line", INNOCENT.splitlines())
def test_what_only_looks_like_a_secret_stays(line: str) -> None:
    assert Vault().mask(line) == line
    assert masked_text(json.dumps({"message": line})) == json.dumps({"message": line})


def test_a_text_without_secrets_comes_back_identical() -> None:
    assert Vault().mask(INNOCENT) is INNOCENT
    assert masked_text(INNOCENT) == INNOCENT
    assert not Vault().holds(INNOCENT)


def test_every_kind_is_one_of_the_closed_set() -> None:
    kinds = {kind for _, kind in SHAPED} | {kind for _, _, kind in NAMED} | {"private-key", "encoded", "configured"}
    assert kinds == KINDS


FRAGMENTS = st.sampled_from(
    [text for text, _, _ in NAMED]
    + [secret for secret, _ in SHAPED]
    + [
        *INNOCENT.splitlines(),
        "[secret-1:password]",
        "[secret:jwt]",
        "[secret-",
        "password",
        "=",
        ": ",
        '"',
        "\\",
        "\u200b",
        "%3D",
        "-----BEGIN ",
    ]
    + [
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "hunter2x",
        "token",
        "Bearer ",
        "://u:",
        "@",
        "Cookie: ",
        ";",
        "\n",
        "&",
        "<",
        "'",
    ]
)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=8), max_size=12).map("".join) | st.text()


@given(TEXTS)
def test_masking_is_idempotent_leaves_no_known_secret_and_can_be_undone(text: str) -> None:
    vault = Vault()
    masked = vault.mask(text)
    assert vault.mask(masked) == masked
    assert not vault.holds(masked)
    assert vault.revealed(masked) == text
    assert masked_text(masked_text(text)) == masked_text(text)


@given(
    st.text(string.ascii_letters + string.digits + "!#$%*+-/:?@^_~", min_size=8, max_size=40),
    st.sampled_from(['password="{}"', "'secret': '{}'", '{{"api_key": "{}"}}', "token = `{}`"]),
)
def test_any_quoted_value_that_is_not_trivial_vanishes(value: str, form: str) -> None:
    secret = f"Q7{value}z9"
    assert secret not in Vault().mask(form.format(secret))


@given(st.text(string.ascii_lowercase + " .,!?-\n", max_size=300))
def test_prose_comes_back_identical(text: str) -> None:
    assert Vault().mask(text) == text


ADVERSARIAL = {
    "a=": "a=" * 500_000,
    "=": "=" * 10**6,
    "eyJ": "eyJ" * 300_000,
    "BEGIN": "-----BEGIN " * 90_000,
    "BEGIN KEY": "-----BEGIN PRIVATE KEY-----" * 37_000,
    "END KEY": ("A" * 64 + "\n") * 15_000 + "-----END PRIVATE KEY-----",
    "password=": "password=" * 110_000,
    'password="': 'password="' * 100_000,
    "token_a": "token_a" * 140_000,
    "password is": "password is " * 80_000,
    "passwords": " ".join(f"password=x{number:07d}y" for number in range(50_000)),
    "://a:": "://a:" * 200_000 + "@",
    "cookie": "cookie: " + "a=b;" * 250_000,
    "cookie=": "cookie=a=b;" * 90_000,
    "credential=": "credential=" * 90_000,
    "token=x(": "token=x(" * 120_000,
    "digits": "4111111111111111 " * 58_000,
    "percent": "%41x" * 250_000,
    "invisible": "\u200ba" * 500_000,
    "backslashes": "\\" * 10**6,
    "base64": base64.b64encode(b"password=hunter2 ").decode() * 40_000,
    "placeholders": "[secret-1:jwt]" * 70_000,
}


@pytest.mark.parametrize("text", ADVERSARIAL.values(), ids=ADVERSARIAL.keys())
def test_a_megabyte_meant_to_cost_time_is_masked_and_stays_masked(text: str) -> None:
    vault = Vault()
    masked = vault.mask(text)
    assert vault.mask(masked) == masked
