"""The page about the API names all of it and loads nothing from elsewhere."""

import re
from html import unescape

from serving.app import create_app
from serving.settings import Settings


def test_the_page_names_every_operation_parameter_and_schema(published_api):
    page, document = unescape(published_api.get("/docs").text), create_app(Settings()).openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in page
            assert all(each["name"] in page for each in operation.get("parameters", []))
    assert all(f'id="schema-{name}"' in page for name in document["components"]["schemas"])


def test_the_page_has_no_script_and_no_address_of_others(published_api):
    response = published_api.get("/docs")
    assert "<script" not in response.text
    assert re.findall(r'(?:src|href|action)="(?!/|#)', response.text) == []
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_links_to_schemas_lead_somewhere(published_api):
    page = published_api.get("/docs").text
    linked, there = (set(re.findall(pattern, page)) for pattern in ('href="#(schema-[^"]*)"', 'id="(schema-[^"]*)"'))
    assert linked and linked <= there
