"""Settings come from the environment; a bad value is named."""

import pytest

from serving import __main__ as program
from serving.settings import Settings, SettingsError


def test_an_empty_environment_means_loopback_and_demo():
    settings = Settings.from_environment({"PORT": ""})
    assert (settings.dataset, settings.host, settings.port) == ("demo", "127.0.0.1", 8000)


def test_every_setting_is_read():
    environment = {
        "DATASET": "kaggle-hm",
        "HOST": "0.0.0.0",
        "PORT": "80",
        "REDIS_TIMEOUT_SECONDS": "0.25",
        "STALE_AFTER_HOURS": "2",
        "LOG_LEVEL": "WARNING",
        "API_KEYS": "shop:key:shop, mail:key-mail,",
        "ADMIN_API_KEY": "key-boss",
        "LOG_REQUESTS": "off",
        "LOG_CUSTOMER_IDS": "none",
        "LOG_HASH_KEY": "e",
        "SAMPLE_DIR": "sample",
        "SAMPLE_SHARE": "0.5",
        "SAMPLE_FILE_MIB": "1",
        "SAMPLE_FILE_HOURS": "2",
        "SAMPLE_FILES": "3",
        "RATE_LIMIT": "4.5",
        "KEEP_ALIVE_SECONDS": "100",
        "HEAD_SECONDS": "1",
        "BODY_SECONDS": "2.5",
        "SHUTDOWN_SECONDS": "3",
        "MAX_CONNECTIONS": "50",
        "MAX_BODIES_MIB": "4",
        "ALLOWED_HOSTS": "API.shop.example, 10.0.0.7,[fe80::1]",
        "ROOT_PATH": "/shop/recommendations/",
        "CORS_ORIGINS": "https://shop.example, http://localhost:3000,http://[::1]:80",
    }
    assert Settings.from_environment(environment) == Settings(
        "kaggle-hm",
        "0.0.0.0",
        80,
        0.25,
        2.0,
        "warning",
        {"shop": "key:shop", "mail": "key-mail"},
        "key-boss",
        log_requests=False,
        log_customer_ids="none",
        log_hash_key="e",
        sample_dir="sample",
        sample_share=0.5,
        sample_file_mib=1.0,
        sample_file_hours=2.0,
        sample_files=3,
        rate_limit=4.5,
        keep_alive_seconds=100,
        head_seconds=1.0,
        body_seconds=2.5,
        shutdown_seconds=3,
        max_connections=50,
        max_bodies_mib=4.0,
        allowed_hosts=("api.shop.example", "10.0.0.7", "[fe80::1]"),
        root_path="/shop/recommendations",
        cors_origins=("https://shop.example", "http://localhost:3000", "http://[::1]:80"),
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_keys(host):
    assert Settings.from_environment({"HOST": host}).api_keys == {}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "shop.example.com"])
def test_where_others_can_ask_they_need_keys(host):
    with pytest.raises(SettingsError, match="API_KEYS=shop:a-secret"):
        Settings.from_environment({"HOST": host})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("REDIS_TIMEOUT_SECONDS", "0"),
        ("REDIS_TIMEOUT_SECONDS", "nan"),
        ("LOG_LEVEL", "loud"),
        ("DATASET", "a b"),
        ("STALE_AFTER_HOURS", "-1"),
        ("API_KEYS", "secret"),
        ("API_KEYS", "shop:"),
        ("API_KEYS", ","),
        ("API_KEYS", " "),
        ("API_KEYS", "shop:a-secret,shop:b-secret"),
        ("API_KEYS", "shop: a-secret"),
        ("API_KEYS", "shop :a-secret"),
        ("API_KEYS", "shop:secrét-clé"),
        ("API_KEYS", "shöp:a-secret"),
        ("API_KEYS", "shop:a secret"),
        ("API_KEYS", "shop:a\tsecret"),
        ("API_KEYS", "shop:a-secret\x7f"),
        ("API_KEYS", "shop:a-sec\nret"),
        ("API_KEYS", "'shop:a-secret'"),
        ("API_KEYS", "shop:'a-secret'"),
        ("API_KEYS", 'shop:"a-secret"'),
        ("API_KEYS", "shop:secret"),
        ("API_KEYS", "shop:a-secret,mail:a-secret"),
        ("API_KEYS", "administrator:a-secret"),
        ("API_KEYS", "anonymous:a-secret"),
        ("ADMIN_API_KEY", "secret"),
        ("ADMIN_API_KEY", "a secret"),
        ("ADMIN_API_KEY", "secrét-clé"),
        ("KEEP_ALIVE_SECONDS", "0"),
        ("HEAD_SECONDS", "0"),
        ("BODY_SECONDS", "inf"),
        ("SHUTDOWN_SECONDS", "-1"),
        ("MAX_CONNECTIONS", "0"),
        ("MAX_BODIES_MIB", "0.5"),
        ("ALLOWED_HOSTS", "https://shop.example"),
        ("ALLOWED_HOSTS", "shop.example:8000"),
        ("ALLOWED_HOSTS", "*"),
        ("ROOT_PATH", "recommendations"),
        ("ROOT_PATH", "/a b"),
        ("ROOT_PATH", "/a//b"),
        ("ROOT_PATH", "https://shop.example/a"),
        ("LOG_REQUESTS", "maybe"),
        ("LOG_CUSTOMER_IDS", "hashed"),
        ("LOG_HASH_KEY", "secret" * 11),
        ("SAMPLE_SHARE", "1.1"),
        ("SAMPLE_FILE_MIB", "0"),
        ("SAMPLE_FILE_HOURS", "never"),
        ("SAMPLE_FILES", "0.5"),
        ("RATE_LIMIT", "-1"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "shop.example"),
        ("CORS_ORIGINS", "https://shop.example/"),
        ("CORS_ORIGINS", "https://shop.example https://other.example"),
    ],
)
def test_a_bad_value_names_its_variable(name, value):
    with pytest.raises(SettingsError, match=name) as error:
        Settings.from_environment({name: value})
    assert "secret" not in str(error.value)


def test_the_administrators_key_is_nobody_elses():
    with pytest.raises(SettingsError, match="ADMIN_API_KEY is also a caller's key") as error:
        Settings.from_environment({"API_KEYS": "shop:a-secret", "ADMIN_API_KEY": "a-secret"})
    assert "a-secret" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "exit_code"),
    [
        ("PORT", "http", 2),
        ("SAMPLE_DIR", "/dev/null/sample", 2),
        ("IMAGES_URL", "/no/such/folder", 2),
        ("REDIS_URL", "REDIS_URL", 4),
    ],
)
def test_the_program_ends_with_one_clear_line(monkeypatch, capsys, name, value, exit_code):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv(name, value)
    assert program.main() == exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert value in line
