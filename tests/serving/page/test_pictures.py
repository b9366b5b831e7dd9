"""Where pictures come from."""

import pytest

from serving.page.pictures import Pictures
from serving.settings import SettingsError

ARTICLE = "0108775015"


def test_an_address_is_made_from_the_id():
    pictures = Pictures("https://images.example:8443/{article_id:.3}/{article_id}.jpg")
    assert pictures.address(ARTICLE) == f"https://images.example:8443/010/{ARTICLE}.jpg"
    assert pictures.origin == "https://images.example:8443"
    assert pictures.address("../../etc/passwd") is None


def test_a_folder_is_flat_or_as_that_of_the_competition(tmp_path):
    (tmp_path / "010").mkdir()
    for path in (tmp_path / "010" / f"{ARTICLE}.jpg", tmp_path / "0000000001.jpg"):
        path.write_bytes(b"a picture")
    pictures = Pictures(str(tmp_path))
    assert pictures.address(ARTICLE) == f"/images/{ARTICLE}.jpg"
    assert pictures.file(ARTICLE).parent.name == "010"
    assert pictures.file("0000000001").parent == tmp_path
    assert pictures.address("0000000002") is None


@pytest.mark.parametrize(
    "images_url", ["/no/such/folder", "https://host/a.jpg", "https://host/{0}.jpg", "https://a b;c/{article_id}.jpg"]
)
def test_what_is_no_address_and_no_folder_stops_the_server(images_url):
    with pytest.raises(SettingsError, match="IMAGES_URL: "):
        Pictures(images_url)


def test_without_the_setting_there_are_none():
    assert Pictures("").address(ARTICLE) is None
