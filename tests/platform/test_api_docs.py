"""What docs/api.md and docs/crm-webhook.md show works: addresses, parameters, and the sample that verifies."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar.serialization import encode_json
from openapi_spec_validator import validate
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from crewline_app.asgi import create_app
from crewline_infra.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
CURL = re.compile(r'^curl (.*?)"\$CREWLINE(/[^"]*)"$', re.MULTILINE)
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict:
    app = create_app(Settings(home=tmp_path_factory.mktemp("home")))
    return json.loads(encode_json(app.openapi_schema.to_schema()))


def test_the_document_is_valid_and_says_how_to_authenticate(described: dict) -> None:
    validate(described)
    assert described["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}


def test_every_example_is_an_operation_with_these_parameters(described: dict) -> None:
    examples = CURL.findall((DOCS / "api.md").read_text(encoding="utf-8"))
    assert len(examples) > 5
    for options, address in examples:
        parts = urlsplit(address.replace("$TENANT", "{tenant_id}"))
        operation = described["paths"][parts.path]["post" if "-X POST" in options else "get"]
        named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        assert set(parse_qs(parts.query)) <= named, address


def test_the_sample_takes_what_is_signed_and_refuses_what_was_changed() -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", (DOCS / "crm-webhook.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    exec(sample, names)  # noqa: S102 - our own documentation
    now = datetime.now(UTC)
    body = '{"type": "test", "data": {}}'
    headers = {
        "webhook-id": "a",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("a", now, body),
    }
    assert names["receive"](SECRET, headers, body.encode())["type"] == "test"
    with pytest.raises(WebhookVerificationError):
        names["receive"](SECRET, headers, body.replace("test", "tesT").encode())
