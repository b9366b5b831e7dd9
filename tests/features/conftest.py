"""One build of the tiny shop for all tests of this folder: a dbt build costs seconds."""

import pytest
from tiny_shop import BuiltShop, build_shop, write_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> BuiltShop:
    """The shop built from a folder whose name needs care in SQL, in a home folder of its own."""
    root = tmp_path_factory.mktemp("shop")
    home = root / "home"
    home.mkdir()
    raw_dir = write_shop(root / "raw o'neil {$shop}")
    warehouse_path = root / "online-retail.duckdb"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HOME", str(home))
        environment.setenv("DBT_TARGET", "a target that does not exist")
        summary = build_shop(raw_dir, warehouse_path, root / "marts")
    return BuiltShop(root, home, raw_dir, warehouse_path, summary.marts, summary)
