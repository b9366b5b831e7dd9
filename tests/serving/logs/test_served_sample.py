"""The sample of what was served, over real HTTP: whose lists, what of them, and that no disk delays a shopper."""

import json
import re
import time

from serving.customer_mask import HASH, customer_mask
from serving.logs.served_sample import is_sampled

CUSTOMERS = [f"customer-{row}" for row in range(100)] + [f"stranger {row}/é" for row in range(100)]


def sampled_lines(folder) -> list[dict]:
    return [
        json.loads(line) for path in sorted(folder.glob("served-*.jsonl")) for line in path.read_text().splitlines()
    ]


def ask(http, customer_ids=CUSTOMERS) -> list[dict]:
    return http.post("/recommendations", json={"customer_ids": customer_ids}).json()["recommendations"]


def test_a_share_has_about_as_many_and_all_of_a_smaller_share():
    shares = [{each for each in range(10_000) if is_sampled(str(each), share)} for share in (0, 0.05, 0.5, 1)]
    assert [len(each) for each in (shares[0], shares[-1])] == [0, 10_000]
    assert 430 < len(shares[1]) < 570  # three standard deviations of sqrt(10,000 * 0.05 * 0.95) = 22
    assert shares[1] < shares[2]


def test_two_servers_sample_the_same_customers_however_they_are_asked_for(published_redis, start_api, tmp_path):
    settings = {"SAMPLE_SHARE": "0.2", "LOG_HASH_KEY": "a-key"}
    with start_api(published_redis, SAMPLE_DIR=str(tmp_path / "a/b"), **settings) as http:
        ask(http)
    with start_api(published_redis, SAMPLE_DIR=str(tmp_path / "c"), **settings) as http:
        for customer_id in CUSTOMERS[80:120]:
            http.get(f"/recommendations/{customer_id}")
        ask(http, CUSTOMERS[:80] + CUSTOMERS[120:])
    first, second = (sampled_lines(tmp_path / name) for name in ("a/b", "c"))
    mask = customer_mask(HASH, "a-key")
    expected = [mask(each) for each in CUSTOMERS if is_sampled(each, 0.2)]
    assert [line["customer"] for line in first] == expected
    assert sorted(line["customer"] for line in second) == sorted(expected)
    assert 20 < len(expected) < 60
    assert not re.search("customer-|stranger", json.dumps([first, second]))


def test_a_line_is_what_was_served(published_redis, start_api, tmp_path):
    settings = {
        "SAMPLE_DIR": str(tmp_path),
        "SAMPLE_SHARE": "1",
        "LOG_CUSTOMER_IDS": "clear",
        "API_KEYS": "shop:a-secret",
    }
    with start_api(published_redis, **settings) as http:
        headers = {"X-API-Key": "a-secret", "X-Request-ID": "cart-7"}
        served = http.get("/recommendations/customer-3", params={"k": 5}, headers=headers).json()
        http.get("/recommendations/customer-3")  # refused, and not served
    (line,) = sampled_lines(tmp_path)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "request_id": "cart-7",
        "caller": "shop",
        "customer": "customer-3",
        "version": served["version"],
        "source": "personal",
        "article_ids": [item["article_id"] for item in served["items"]],
        "scores": [item["score"] for item in served["items"]],
    }


def test_without_a_folder_nothing_is_sampled_and_without_ids_nobody_named(published_redis, start_api, tmp_path):
    with start_api(published_redis, SAMPLE_SHARE="1", RECOMMENDER_DATA_DIR=str(tmp_path)) as http:
        ask(http)
    assert list(tmp_path.iterdir()) == []
    settings = {"SAMPLE_DIR": str(tmp_path), "SAMPLE_SHARE": "1", "LOG_CUSTOMER_IDS": "none"}
    with start_api(published_redis, **settings) as http:
        ask(http)
    assert ["customer" in line for line in sampled_lines(tmp_path)] == [False] * len(CUSTOMERS)


def test_files_are_followed_by_new_ones_and_the_oldest_removed(published_redis, start_api, tmp_path):
    settings = {"SAMPLE_DIR": str(tmp_path), "SAMPLE_SHARE": "1", "SAMPLE_FILE_MIB": "0.001", "SAMPLE_FILES": "3"}
    with start_api(published_redis, LOG_CUSTOMER_IDS="clear", **settings) as http:
        for customer_id in CUSTOMERS[:8]:
            ask(http, [customer_id] * 2)
            time.sleep(0.25)
    found = [line["customer"] for line in sampled_lines(tmp_path)]
    assert len(list(tmp_path.iterdir())) == 3
    assert found == [each for each in CUSTOMERS[5:8] for _ in range(2)]


def test_a_folder_that_vanishes_is_told_once_counted_and_breaks_no_answer(published_redis, start_api, tmp_path):
    folder, log = tmp_path / "sample", tmp_path / "log"

    def lost() -> float:
        found = re.search(r'lines_dropped_total\{kind="sample"\} (\S+)', http.get("/metrics").text)
        return float(found[1])

    with start_api(published_redis, log, SAMPLE_DIR=str(folder), SAMPLE_SHARE="1") as http:
        folder.rmdir()
        folder.write_text("in the way")
        for _ in range(3):
            assert len(ask(http)) == len(CUSTOMERS)
            time.sleep(0.25)
        assert lost() == 3 * len(CUSTOMERS)
        folder.unlink()
        ask(http)
        time.sleep(0.25)
        assert (lost(), len(sampled_lines(folder))) == (3 * len(CUSTOMERS), len(CUSTOMERS))
    assert log.read_text().count("the sample cannot be written") == 1
